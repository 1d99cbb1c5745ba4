"""What runs of a sweep are called."""

from gru_bench.config.compose import compose_experiments
from gru_bench.config.labels import common_label, labels


def test_a_label_names_what_varies_and_nothing_else():
    words = ["cell=gru,rnn", "task=adding", "hidden_size=8", "optim.learning_rate=0.1,0.2"]
    assert labels(compose_experiments(words, multirun=True)) == [
        "adding · gru · h8 · optim.learning_rate=0.1",
        "adding · gru · h8 · optim.learning_rate=0.2",
        "adding · rnn · h8 · optim.learning_rate=0.1",
        "adding · rnn · h8 · optim.learning_rate=0.2",
    ]
    configs = compose_experiments(["cell=gru", "task=copy,adding", "hidden_size=8"], multirun=True)
    assert labels(configs) == ["copy · gru · h8", "adding · gru · h8"]


def test_no_two_runs_of_a_sweep_are_called_the_same():
    words = ["cell=lstm", "task=copy", "task.lag=2,3", "cell.forget_bias=0,1", "batch_size=5,6"]
    configs = compose_experiments([*words], multirun=True)
    found = labels(configs)
    assert len(set(found)) == len(configs) == 8
    assert "copy · lstm · h128 · cell.forget_bias=0.0, task.lag=2, batch_size=5" in found


def test_runs_are_called_by_what_they_have_in_common():
    words = ["cell=gru", "task=copy", "hidden_size=8", "batch_size=5,6", "steps=2,3"]
    found = labels(compose_experiments(words, multirun=True))
    assert common_label(found[:1]) == found[0] == "copy · gru · h8 · steps=2, batch_size=5"
    assert common_label([found[0], found[2]]) == "copy · gru · h8 · steps=2 · 2 runs"
    assert common_label(found) == "copy · gru · h8 · 4 runs"
