"""The figures of a report as TensorBoard shows them."""

from collections.abc import Sequence
from pathlib import Path

from gru_bench.runs.result import Result


def write_figures(out_dir: Path, results: Sequence[Result]) -> None:
    """Draws the figures of a report for TensorBoard, as the run `figures` of a folder.

    They take the place of those that were there. Drawing takes a third of a second a figure.

    Args:
        out_dir: Folder of the runs.
        results: Finished runs in it.
    """
    # SciPy and Matplotlib take a while to import; TensorBoard itself takes the file's writer.
    from gru_bench.report.document import make_document
    from gru_bench.runs.events import EventFile

    document = make_document(results, [])
    document.draw()
    file = EventFile(out_dir / "figures")
    for section, pictures in document.pictures.items():
        for picture in pictures:
            # Time Series sorts sections by name: these come behind the curves.
            file.write_image(f"whole sweep, {section}/{picture.title}", picture.png)
    file.flush()
