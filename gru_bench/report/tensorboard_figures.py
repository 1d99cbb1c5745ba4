"""The figures of a report as TensorBoard shows them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from gru_bench.runs.result import Result

FOLDER = "figures"
DRAWN = "drawn.txt"  # says of which results the figures beside it are
MOST_GROUPS = 24
OVERVIEW = "whole sweep/Every cell against the LSTM"  # the tag of the picture of all runs


def update_figures(out_dir: Path, results: Sequence[Result]) -> int:
    """Draws the figures of a report for TensorBoard, where its results have changed.

    Each group of comparable runs has a TensorBoard run `figures/<group>` in the folder, which takes
    the place of an earlier one. Drawing takes a third of a second a figure.

    Args:
        out_dir: Folder of the runs.
        results: Finished runs in it.

    Returns:
        How many groups were left out, beyond the first `MOST_GROUPS`.
    """
    # SciPy and Matplotlib take a while to import; TensorBoard itself takes the file's writer.
    from gru_bench.report.figures import overview, scores
    from gru_bench.report.groups import make_groups
    from gru_bench.runs.events import EventFile

    groups = make_groups(results)
    whole = _fingerprint(results)
    if _read(out_dir / FOLDER / DRAWN) != whole:
        file = EventFile(out_dir / FOLDER)
        for picture in overview.draw(groups):
            file.write_image(OVERVIEW, picture.png)
        file.flush()
        (out_dir / FOLDER / DRAWN).write_text(whole, encoding="utf-8")
    for group in groups[:MOST_GROUPS]:
        folder = out_dir / FOLDER / group.slug
        made_of = _fingerprint([run.result for run in group.runs])
        if _read(folder / DRAWN) == made_of:
            continue
        file = EventFile(folder)
        for picture in scores.draw(group):
            # Time Series sorts sections by name: these come behind the curves.
            file.write_image(f"whole sweep, {group.label}/{picture.title}", picture.png)
        file.flush()
        (folder / DRAWN).write_text(made_of, encoding="utf-8")
    return max(0, len(groups) - MOST_GROUPS)


def _fingerprint(results: Sequence[Result]) -> str:
    made = sorted(f"{result.identity} {result.created} {len(result.seeds)}" for result in results)
    return hashlib.sha256("\n".join(made).encode()).hexdigest()


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
