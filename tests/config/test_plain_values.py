"""Configurations on their way through JSON."""

import json

import pytest

from gru_bench.config import checks
from gru_bench.config.compose import compose_experiments
from gru_bench.config.plain_values import from_plain, to_plain
from gru_bench.system.errors import UserError

CELL = "class Mine: ...\n"


def there_and_back(config):
    return from_plain(json.loads(json.dumps(to_plain(config))))


@pytest.mark.parametrize(
    "words",
    [
        ["cell=gru", "task=adding"],
        ["cell=lstm", "task=copy", "launcher=joblib", "launcher.workers=2", "seeds=[3,1]"],
        ["cell=rnn", "task=counting", "launcher=submitit", "launcher.options.setup=[a b]"],
        ["task=text", "corpus=reuters8", "tune.learning_rates=[0.1,0.01]", "launcher=ray"],
        ["task=custom", "task.module=own:Mine", "task.options.class=x", "task.options.n={a: [1]}"],
        ["cell=custom", "cell.module=own:Mine", "task=adding"],
    ],
)
def test_what_comes_back_is_equal(words, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(CELL)
    (config,) = compose_experiments(words, multirun=False)
    again = there_and_back(config)
    assert again == config
    assert type(again.task) is type(config.task)
    assert type(again.launcher) is type(config.launcher)
    assert again.identity({}) == config.identity({})


def test_a_class_whose_file_has_changed_meanwhile_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_too.py").write_text(CELL)
    words = ["cell=custom", "cell.module=own_too:Mine", "task=adding"]
    plain = to_plain(compose_experiments(words, multirun=False)[0])
    assert from_plain(plain).cell.module == "own_too:Mine"
    (tmp_path / "own_too.py").write_text(CELL + "# and more\n")
    with pytest.raises(UserError, match="own_too:Mine is another one than when the sweep was"):
        from_plain(plain)
