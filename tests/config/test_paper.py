"""Presets of published tables: ours are sound, and a wrong one is named in a line."""

from pathlib import Path

import pytest

from gru_bench.config.paper import TrainedPart, paper_names, read_paper
from gru_bench.experiments.reproduce import choose
from gru_bench.system.errors import UserError

SOUND = """
source: Somebody 2020
url: https://example.org
parts:
  sums:
    kind: trained
    title: sums
    runs: {task: adding, cell: gru}
    score: mse
    rows:
      - {label: GRU, cell: gru, published: 0.1, known: read, agrees: [0.0, 0.2]}
"""


@pytest.mark.parametrize("name", sorted(paper_names()))
def test_each_preset_has_a_run_for_every_row(name):
    paper = read_paper(name)
    for part_name, part in paper.parts.items():
        chosen = choose(name, paper, part_name, part, [], None)
        assert bool(chosen.configs) == isinstance(part, TrainedPart)
        assert part.minutes < 25 or part.minutes_from == "estimated"


def test_a_preset_of_the_working_directory_stands_beside_ours(tmp_path, monkeypatch):
    folder = tmp_path / "conf" / "paper"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(SOUND)
    monkeypatch.chdir(tmp_path)
    assert {"mine", "weiss2018"} <= paper_names().keys()
    assert read_paper("mine") == read_paper("conf/paper/mine.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("source:", "sours:"), "there is no key `sours`"),
        (("{label: GRU, ", "{labl: GRU, "), "there is no key `labl` - at `parts[...].rows[0]`"),
        (("kind: trained", "kind: drained"), "Invalid value 'drained'"),
        (("published: 0.1, ", ""), "`published`, `known` and `agrees` go together"),
        (("agrees: [0.0, 0.2]", "agrees: [0.2, 0.0]"), "`agrees` must rise"),
        (("cell: gru, published", "cell: gru, reaches: 1, published"), "`statistic: rate`"),
        (
            ("agrees: [0.0, 0.2]}", "agrees: [0.0, 0.2]}\n      - {label: GRU, cell: gru}"),
            "the label",
        ),
        (("source:", "source: ["), "is no YAML"),
        (("known: read", "known: guessed"), "Invalid enum value 'guessed'"),
    ],
)
def test_a_wrong_preset_is_named_in_a_line(tmp_path, change, said):
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND.replace(*change))
    with pytest.raises(UserError) as error:
        read_paper(str(file))
    assert said in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(UserError, match=r"it must be one of .*weiss2018"):
        read_paper("weis2018")
    with pytest.raises(UserError, match="cannot be read"):
        read_paper("nowhere.yaml")


def test_a_row_that_no_run_answers_is_named(tmp_path: Path):
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND.replace("cell: gru, published", "cell: lstm, published"))
    paper = read_paper(str(file))
    with pytest.raises(UserError, match="row GRU is of 0 runs"):
        choose("mine", paper, "sums", paper.parts["sums"], [], None)
