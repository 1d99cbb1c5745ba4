"""TensorBoard on the runs, on this machine only, and the figures that it shows beside them."""

import contextlib
import io
import json
import resource
import socket
import threading
import webbrowser
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from gru_bench.report.tensorboard_figures import FOLDER, OVERVIEW, update_figures
from gru_bench.runs.events import make_tag
from gru_bench.runs.folder import load_results
from gru_bench.runs.result import Result
from gru_bench.system.errors import UserError

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# How the pages start: curves as they are, and in one colour a cell, the folder above a run's own.
VIEW = {"smoothing": "0", "runColorGroup": "regex:([^/]+)/h[0-9]"}
# Names of this machine by which its own browser asks.
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
OPEN_BESIDE = 200  # files that TensorBoard has open besides one a run
SELECTED = 40  # TensorBoard's pages but Time Series and HParams start empty if there are more runs
MOST_PINNED = 6  # cards above all others


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

    results: list[Result] = []
    with contextlib.suppress(UserError):  # No run may be finished yet.
        results, _ = load_results(directory)
    # Half a second to import, which only this function should cost.
    from tensorboard import program

    def serve(app: WsgiApp, flags: Any) -> Any:
        app = answer_own_names_alone(start_with(app, VIEW | _pins(results)))
        return program.create_port_scanning_werkzeug_server(app, flags)

    _allow_open_files(len(shown) + OPEN_BESIDE)
    board = program.TensorBoard(server_class=serve)
    board.configure(logdir=str(directory), host="localhost", port=port)
    try:
        # TensorBoard announces its data loader on standard error.
        with contextlib.redirect_stderr(io.StringIO()):
            address = board.launch()
    except program.TensorBoardServerException as error:
        raise UserError(f"port={port} is not possible: {error.msg}") from error
    print(f"TensorBoard shows {directory} at {address} (Ctrl-C stops it)", flush=True)
    if len(shown) > SELECTED:
        names = Counter(folder.name for folder in shown)
        seed = max(sorted(names), key=lambda name: names[name])
        print(
            f"{len(shown)} runs are too many for some pages, which start with none of them; here is"
            f" {seed} of each: {address}#custom_scalars&regexInput={seed}",
            flush=True,
        )
    if open_browser:
        webbrowser.open(address)
    # The server runs in a daemon thread, so it ends with the process.
    with contextlib.suppress(KeyboardInterrupt):
        _draw(directory, results)
        threading.Event().wait()


def answer_own_names_alone(app: WsgiApp) -> WsgiApp:
    """Returns the application behind a check of the Host header.

    A page from elsewhere whose name is made to point to this machine (DNS rebinding) could
    otherwise read the runs through the reader's browser.
    """

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname
        except ValueError:
            name = None
        if name in OWN_NAMES:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"Open the board as http://localhost and its port.\n"]

    return checked


def start_with(app: WsgiApp, view: Mapping[str, str]) -> WsgiApp:
    """Returns the application, whose first page starts with a view unless it is asked for one."""

    def shown(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/" or environ.get("QUERY_STRING"):
            return app(environ, start_response)
        location = ("Location", f"/?{urlencode(view)}")
        start_response("302 Found", [location, ("Cache-Control", "no-store")])
        return [b""]

    return shown


def _allow_open_files(count: int) -> None:
    """Raises this process's limit of open files, for TensorBoard keeps one open a run."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < count:
        print(
            f"some of the runs will be missing: this system lets a process open {hard} files, and"
            f" it takes {count}; open the board on a folder with fewer runs",
            flush=True,
        )


def _pins(results: Sequence[Result]) -> dict[str, str]:
    """Returns the cards that the first page shows above all others.

    They are the picture of the whole, and the validation score of each task during training.
    """
    tags = dict.fromkeys(make_tag("validation", r.task_label, r.score.name) for r in results)
    cards: list[dict[str, str | int]] = [{"plugin": "scalars", "tag": tag} for tag in tags]
    if cards:
        run = f"defaultExperimentId/{FOLDER}"
        cards.insert(0, {"plugin": "images", "tag": OVERVIEW, "runId": run, "sample": 0})
    return {"pinnedCards": json.dumps(cards[:MOST_PINNED], separators=(",", ":"))}


def _draw(directory: Path, results: Sequence[Result]) -> None:
    """Draws the figures of the finished runs; what goes wrong costs a line, not the board."""
    if not results:
        return
    try:
        left_out = update_figures(directory, results)
    except Exception as error:
        print(f"no figures: {type(error).__name__}: {error}", flush=True)
    else:
        if left_out:
            print(f"figures of {left_out} more settings: see gru-bench report", flush=True)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0
