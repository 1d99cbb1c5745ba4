"""Results of others: one odd value costs that result a line, never the report."""

import copy
import json
import os
import random
import re

import pytest
from helpers.made_up import make_result

from gru_bench.report import render
from gru_bench.runs.folder import load_results, read_result, write_result
from gru_bench.system.errors import UserError
from gru_bench.system.printable import printable

ODD = [
    None, 0, -1, 1e308, -1e308, 1e-320, 10**18, 2**63, "", "\x1b[2J", "9" * 999, [], {}, [None],
    True, [[1]], {"a": {"b": [1]}},
]  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    """Two runs, of which the first is to be changed."""
    for cell in ("gru", "lstm"):
        folder = tmp_path / cell
        folder.mkdir()
        write_result(folder, make_result("copy", cell, [0.9 + 0.01 * i for i in range(6)]))
    return tmp_path


def places(value, above=()):
    """Every place within what JSON holds, as keys from the top; of lists the first entry alone."""
    yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, each in inner:
        if isinstance(each, dict | list):
            yield from places(each, (*above, key))
        else:
            yield (*above, key)


def changed(value, place, odd):
    """A copy with the odd value at the place."""
    if not place:
        return odd
    made = copy.deepcopy(value)
    inner = made
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return made


@pytest.mark.parametrize("seed", range(3))
def test_an_odd_value_costs_its_result_a_line(runs, seed, capsys):
    rng = random.Random(seed)
    file = runs / "gru" / "result.json"
    sound = json.loads(file.read_text(encoding="utf-8"))
    everywhere = list(places(sound))
    for _ in range(15):
        place, odd = rng.choice(everywhere), rng.choice(ODD)
        file.write_text(json.dumps(changed(sound, place, odd)), encoding="utf-8")
        results, warnings = load_results(runs)
        format = rng.choice(["table", "csv", "markdown", "latex", "long"])
        render.render(results, warnings, format)
        printed = capsys.readouterr()
        assert "lstm" in printed.out, (place, odd)
        assert "\x1b" not in printed.out + printed.err, (place, odd)
        assert len(printed.err.splitlines()) == len(printed.err.split("warning: ")) - 1


def test_what_no_check_foresaw_is_passed_over_with_its_reason(capsys):
    gru, lstm = make_result("copy"), make_result("copy", "lstm")

    def make(results, lines):
        if gru in results:
            raise ZeroDivisionError("a value of 0\x1b[2J")
        return [result.cell for result in results], list(lines)

    cells, lines = render.of_sound_results([gru, lstm], make)
    assert cells == ["lstm"]
    (line,) = lines
    assert line == (
        f"passed over run {gru.identity} (copy, gru): ZeroDivisionError: a value of 0\\x1b[2J"
    )
    assert capsys.readouterr().err == f"warning: {line}\n"
    with pytest.raises(UserError, match="no report can be made of these runs: ZeroDivisionError"):
        render.of_sound_results([gru], make)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_passed_over(runs, kind):
    file = runs / "gru" / "result.json"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()
    results, warnings = load_results(runs)
    assert [result.cell for result in results] == ["lstm"]
    assert kind == "folder" or re.search(r"gru/result.json: .*not a regular file", warnings[0])


@pytest.mark.parametrize("sign", ["\x1b", "\x9b", "\x07", "\x7f", "\u202e", "\r"])
@pytest.mark.parametrize("escaped", [True, False])
def test_a_result_that_would_steer_a_terminal_is_passed_over(runs, sign, escaped):
    file = runs / "gru" / "result.json"
    data = json.loads(file.read_text(encoding="utf-8")) | {"command": f"gru-bench{sign}[2J"}
    file.write_text(json.dumps(data, ensure_ascii=escaped), encoding="utf-8")
    results, warnings = load_results(runs)
    assert [result.cell for result in results] == ["lstm"]
    assert "a text in it holds control characters" in warnings[0]


def test_other_texts_are_read_as_they_are(runs):
    file = runs / "gru" / "result.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    command = "gru-bench run corpus.name='Reuters 文 “a” \\u001b' \\\n\ttask=text"
    file.write_text(json.dumps(data | {"command": command}), encoding="utf-8")
    assert read_result(runs / "gru").command == command


def test_control_characters_are_written_out():
    assert printable("a\x1b[2J\x9b\u202eb\tc\n") == "a\\x1b[2J\\x9b\\u202eb\tc\n"
