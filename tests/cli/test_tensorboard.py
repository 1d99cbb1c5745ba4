"""The board as a process of its own, asked over HTTP and stopped as by Ctrl-C."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.made_up import make_result
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gru_bench.cli.tensorboard import VIEW, _pins, answer_own_names_alone, open_board, start_with
from gru_bench.report.tensorboard_figures import OVERVIEW, update_figures
from gru_bench.runs.events import EventLog
from gru_bench.system.errors import UserError

# A shell that starts tests in the background has SIGINT ignored, which children inherit.
SERVE = """
import signal, sys
from pathlib import Path
from gru_bench.cli.tensorboard import open_board
signal.signal(signal.SIGINT, signal.default_int_handler)
open_board(Path(sys.argv[1]), int(sys.argv[2]))
"""


def fetch(address: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(address, timeout=10) as reply:
        return reply.status, reply.read()


def wait_for_tags(address: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        tags: dict[str, Any] = json.loads(fetch(f"{address}data/plugin/scalars/tags")[1])
        if tags:
            return tags
        time.sleep(0.2)
    raise AssertionError("TensorBoard found no runs in 30 s")


@pytest.mark.process
@pytest.mark.timeout(90)
def test_board_serves_the_runs_on_a_free_port_until_interrupted(tmp_path: Path) -> None:
    folder = tmp_path / "copy" / "gru" / "h8-01234567"
    seeds = range(41)
    with EventLog(folder, seeds, {}, "01234567", {"cell": "gru"}) as log:
        for seed in seeds:
            log.log(seed, 1, {"train/loss": 1.0})
            log.finish(seed, 1, {"accuracy": 1.0})

    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        board = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(tmp_path), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert board.stdout is not None
            assert board.stdout.readline() == f"port {port} is taken, looking for a free one\n"
            line = board.stdout.readline()
            found = re.search(r"http://localhost:(\d+)/", line)
            assert found is not None, line
            assert int(found[1]) != port
            assert re.match(
                r"41 runs are too many .* seed_\d+ of each: http://\S+#custom_scalars&regexInput=seed_\d+$",
                board.stdout.readline(),
            )
            assert fetch(found[0])[0] == 200
            tags = wait_for_tags(found[0])
            board.send_signal(signal.SIGINT)
            _, errors = board.communicate(timeout=20)
        finally:
            board.kill()
    assert tags.keys() == {f"copy/gru/h8-01234567/seed_{seed}" for seed in seeds}
    assert tags["copy/gru/h8-01234567/seed_0"].keys() == {"train/loss", "test/accuracy"}
    assert board.returncode == 0
    assert errors == ""


def test_folder_without_runs_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*missing: start with gru-bench run"):
        open_board(tmp_path / "missing")
    with pytest.raises(UserError, match=r"there are no runs below .*: start with gru-bench run"):
        open_board(tmp_path)


@pytest.mark.parametrize("port", [0, 65536])
def test_port_outside_the_range_is_the_users_error(tmp_path: Path, port: int) -> None:
    (tmp_path / "events.out.tfevents.0.host").touch()
    with pytest.raises(UserError, match=f"port={port} .*between 1 and 65535"):
        open_board(tmp_path, port)


@pytest.mark.parametrize(
    "run", ["hard-copy/gru_h1/h128-01ab/seed_0", "gru_h1/h16-01ab/seed_3", "a/b/gru_h1/h8-0/seed_1"]
)
def test_runs_of_a_cell_have_its_colour_wherever_the_board_is_opened(run: str) -> None:
    kind, _, regex = VIEW["runColorGroup"].partition(":")
    found = re.search(regex, run)
    assert kind == "regex"
    assert found is not None
    assert found[1] == "gru_h1"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [("/", "", "302 Found"), ("/", "smoothing=0.5", "200 OK"), ("/data/runs", "", "200 OK")],
)
def test_the_first_page_starts_with_a_view(path: str, query: str, status: str) -> None:
    said = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"runs"]

    environ = {"PATH_INFO": path, "QUERY_STRING": query}
    start_with(app, {"smoothing": "0"})(environ, lambda s, headers: said.append((s, headers)))
    assert said[0][0] == status
    assert (("Location", "/?smoothing=0") in said[0][1]) == (status == "302 Found")


def test_the_picture_of_the_whole_and_each_tasks_score_are_the_first_cards() -> None:
    results = [make_result(task, cell) for task in ("adding", "copy") for cell in ("gru", "lstm")]
    picture, *curves = json.loads(_pins(results)["pinnedCards"])
    assert (picture["plugin"], picture["tag"]) == ("images", OVERVIEW)
    assert curves == [
        {"plugin": "scalars", "tag": "validation/adding/mse"},
        {"plugin": "scalars", "tag": "validation/copy/recall_accuracy"},
    ]
    assert _pins([]) == {"pinnedCards": "[]"}


def test_figures_are_drawn_of_what_changed_alone(tmp_path: Path) -> None:
    adding = [make_result("adding", cell) for cell in ("gru", "lstm")]
    copy = make_result("copy", scores=(0.5, 0.25))
    earlier = tmp_path / "figures" / "adding" / "events.out.tfevents.1.earlier"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    assert update_figures(tmp_path, [*adding, copy]) == 0
    assert not earlier.exists()
    drawn = {path.name: _events(path) for path in (tmp_path / "figures").glob("*/")}
    whole = EventAccumulator(str(_events(tmp_path / "figures"))).Reload()
    assert whole.Tags()["images"] == [OVERVIEW]
    tags = {
        tag
        for file in drawn.values()
        for tag in EventAccumulator(str(file)).Reload().Tags()["images"]
    }
    assert {
        "whole sweep, adding/Validation MSE during training",
        "whole sweep, adding/Test MSE against time of a training step",
        "whole sweep, copy/Validation recall accuracy (%) during training",
    } <= tags
    times = {name: file.stat().st_mtime_ns for name, file in drawn.items()}
    update_figures(tmp_path, [*adding, replace(copy, created="2026-02-01T12:00:00Z")])
    assert _events(tmp_path / "figures" / "adding").stat().st_mtime_ns == times["adding"]
    assert _events(tmp_path / "figures" / "copy").stat().st_mtime_ns > times["copy"]
    pictures = EventAccumulator(str(drawn["adding"])).Reload()
    for tag in pictures.Tags()["images"]:
        (picture,) = pictures.Images(tag)
        assert picture.encoded_image_string.startswith(b"\x89PNG")
        assert picture.width > 300
        assert picture.height > 200


def _events(folder: Path) -> Path:
    (file,) = folder.glob("events.out.tfevents.*")
    return file


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:6006", "200 OK"),
        ("127.0.0.1:6006", "200 OK"),
        ("[::1]:6006", "200 OK"),
        ("localhost.evil.example:6006", "403 Forbidden"),
        ("evil.example", "403 Forbidden"),
        ("[", "403 Forbidden"),
        ("", "403 Forbidden"),
    ],
)
def test_the_board_answers_to_this_machines_own_names_alone(host: str, status: str) -> None:
    said = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"runs"]

    answer = answer_own_names_alone(app)({"HTTP_HOST": host}, lambda s, _: said.append(s))
    assert said == [status]
    assert (answer == [b"runs"]) == (status == "200 OK")
