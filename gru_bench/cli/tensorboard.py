"""TensorBoard on the runs, on this machine only, and the figures that it shows beside them."""

import contextlib
import io
import socket
import threading
import webbrowser
from pathlib import Path
from urllib.parse import urlencode

from gru_bench.system.errors import UserError

# How the pages start: curves as they are, and in one colour a cell, the folder above a run's own.
VIEW = urlencode({"smoothing": 0, "runColorGroup": "regex:([^/]+)/h[0-9]"})
SELECTED = 40  # TensorBoard's pages but Time Series and HParams start empty if there are more runs


def open_board(directory: Path, port: int | None = None, open_browser: bool = False) -> None:
    """Serves TensorBoard to this machine's browsers until Ctrl-C.

    Args:
        directory: Folder with event files in it or anywhere below it.
        port: Where to listen; if it is taken, or none is given, the first free one from 6006 on.
        open_browser: Also open the page in the default browser.

    Raises:
        UserError: There are no event files, or the port cannot be used.
    """
    if not directory.is_dir():
        raise UserError(f"there is no folder {directory}: start with gru-bench run")
    shown = {events.parent for events in directory.rglob("events.out.tfevents.*")}
    if not shown:
        raise UserError(f"there are no runs below {directory}: start with gru-bench run")
    if port is not None and not 1 <= port <= 65535:
        raise UserError(f"port={port} is not possible: it must be between 1 and 65535")
    if port is not None and _is_taken(port):
        print(f"port {port} is taken, looking for a free one")
        port = None

    # Half a second to import, which only this function should cost.
    from tensorboard import program

    board = program.TensorBoard()
    board.configure(logdir=str(directory), host="localhost", port=port)
    try:
        # TensorBoard announces its data loader on standard error.
        with contextlib.redirect_stderr(io.StringIO()):
            address = f"{board.launch()}?{VIEW}"
    except program.TensorBoardServerException as error:
        raise UserError(f"port={port} is not possible: {error.msg}") from error
    print(f"TensorBoard shows {directory} at {address} (Ctrl-C stops it)", flush=True)
    if len(shown) > SELECTED:
        print(
            f"{len(shown)} runs are too many for some pages, which start with none of them: type a"
            " filter there, such as seed_0 or figures",
            flush=True,
        )
    if open_browser:
        webbrowser.open(address)
    # The server runs in a daemon thread, so it ends with the process.
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0
