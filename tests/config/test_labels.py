"""What runs of a sweep are called."""

from gru_bench.config.compose import compose_experiments
from gru_bench.config.labels import labels


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
