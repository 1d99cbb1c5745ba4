"""TensorBoard on the runs, on this machine only."""

import contextlib
import io
import socket
import threading
import webbrowser
from pathlib import Path

from gru_bench.errors import UserError


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
    if next(directory.rglob("events.out.tfevents.*"), None) is None:
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
            address = board.launch()
    except program.TensorBoardServerException as error:
        raise UserError(f"port={port} is not possible: {error.msg}") from error
    print(f"TensorBoard shows {directory} at {address} (Ctrl-C stops it)", flush=True)
    if open_browser:
        webbrowser.open(address)
    # The server runs in a daemon thread, so it ends with the process.
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0
