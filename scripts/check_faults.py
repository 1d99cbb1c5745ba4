"""Tries to make gru-bench lose a result, by faults that befall real sweeps, and says if any did.

    python scripts/check_faults.py --kills 20

runs the real command on a sweep of four tiny runs, undisturbed and then once more under each fault:
killed at random moments, started twice at once, on a disk that fills up, with damaged files, with
results of other versions, with a clock that jumps, and so on: docs/failures.md has a table of
them. Whatever happened, the sweep must end with the undisturbed results, bit for bit but for
timings; no finished result may be rewritten, lost or half-written; and the report must name what it
passes over. The exit status is 1 if one of these fails. It takes half an hour or more on two cores.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from faults import ends, folders, surroundings
from faults.lab import Lab
from rich.console import Console
from rich.table import Table

FAULTS = (
    ends.killed_at_random,
    ends.asked_to_end,
    ends.two_at_once,
    ends.two_that_end_together,
    ends.no_flock,
    ends.jumping_clock,
    ends.damaged_checkpoint,
    folders.damaged_results,
    folders.foreign_files,
    folders.changed_data,
    folders.another_run,
    folders.cut_journal,
    surroundings.full_disk,
    surroundings.settings_of_jax,
    surroundings.unwilling_output,
    surroundings.few_open_files,
    surroundings.too_large,
    surroundings.long_history,
)


def main() -> int:
    """Tries all faults and prints a table."""
    names = [fault.__name__ for fault in FAULTS]
    parser = argparse.ArgumentParser(description="Try to make gru-bench lose a result.")
    parser.add_argument("--kills", type=int, default=20, help="random kills (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of their moments (default: 0)")
    parser.add_argument("--only", choices=names, action="append", help="only this fault")
    options = parser.parse_args()

    table = Table("fault", "", "seconds", "what was seen", title="Was anything lost?")
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), options.seed, options.kills)
        print(f"undisturbed: {len(lab.expected)} runs in {lab.usual_s:.0f} s", flush=True)
        for fault in FAULTS:
            if options.only and fault.__name__ not in options.only:
                continue
            began = time.monotonic()
            try:
                seen, verdict = fault(lab), "nothing lost"
            except Exception as error:
                seen, verdict = f"{type(error).__name__}: {error}", "LOST"
                lost += 1
            took = f"{time.monotonic() - began:.0f}"
            table.add_row(fault.__name__.replace("_", " "), verdict, took, seen)
            print(f"{fault.__name__}: {verdict} after {took} s: {seen}", flush=True)
    Console().print(table)
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
