"""The gru-bench command as `python -m gru_bench`."""

import sys

from gru_bench.cli.main import main

sys.exit(main())
