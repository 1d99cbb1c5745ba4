"""The gru-bench command as `python -m gru_bench`."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working directory, whose `random.py` would replace Python's own

from gru_bench.cli.main import main

sys.exit(main())
