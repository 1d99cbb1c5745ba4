"""What a sweep says of its seeds before it starts."""

import pytest

from gru_bench.config.compose import compose_experiments
from gru_bench.evidence.planning import detectable_difference, fewest_pairs
from gru_bench.experiments.dry_run import plan
from gru_bench.experiments.resolve import resolve
from gru_bench.experiments.seed_budget import describe_ledger_budget, describe_seed_budget

WORDS = ["task=adding", "task.length=4", "hidden_size=3"]


def budget(*words, tmp_path):
    configs = compose_experiments([*WORDS, *words, f"out_dir={tmp_path}"], multirun=True)
    return describe_seed_budget(resolve(configs, print))


@pytest.mark.parametrize(("cells", "seeds", "needed"), [("gru,lstm", 5, 6), ("gru,lstm,rnn", 7, 8)])
def test_too_few_seeds_are_told_before_they_are_trained(cells, seeds, needed, tmp_path):
    number = len(cells.split(","))
    assert budget(f"cell={cells}", f"seeds={seeds}", tmp_path=tmp_path) == (
        f"{seeds} seeds and {number} cells: too few for a verdict, which takes seeds={needed}"
        " at least"
    )


def test_cells_of_several_sizes_are_judged_together(tmp_path):
    text = budget("cell=gru,lstm,rnn", "hidden_size=3,4", "seeds=8", tmp_path=tmp_path)
    assert fewest_pairs(6) == 9
    assert text == (
        "8 seeds, 3 cells and 2 sizes: too few for a verdict, which takes seeds=9 at least"
    )


def test_enough_seeds_come_with_the_difference_that_they_show(tmp_path):
    text = budget("cell=gru,lstm", "seeds=10", tmp_path=tmp_path)
    assert text.startswith("10 seeds and 2 cells: a verdict is likely where")
    assert f" {detectable_difference(10, 1):.1f} standard deviations" in text


def test_one_cell_has_nothing_to_be_compared_with(tmp_path):
    assert budget("cell=gru", "task.length=4,5", "seeds=10", tmp_path=tmp_path) == ""


def test_a_dry_run_says_it(tmp_path, capsys):
    plan(compose_experiments([*WORDS, "cell=gru,lstm", f"out_dir={tmp_path}"], multirun=True))
    assert "too few for a verdict" in capsys.readouterr().err


@pytest.mark.parametrize(("preset", "comparisons"), [("claims", 4), ("claims_full", 6)])
def test_the_presets_of_claims_have_seeds_enough_for_their_ledger(preset, comparisons):
    configs = compose_experiments([f"experiment={preset}"], multirun=False)
    text = describe_ledger_budget(configs)
    assert text.startswith(f"the ledger corrects over {comparisons} comparisons of gru and lstm")
    assert "give seeds" not in text
    assert min(len(config.seeds) for config in configs) >= fewest_pairs(comparisons)
    fewer = compose_experiments([f"experiment={preset}", "seeds=6"], multirun=False)
    assert f"give seeds={fewest_pairs(comparisons)}" in describe_ledger_budget(fewer)
