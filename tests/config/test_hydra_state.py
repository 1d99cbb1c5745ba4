"""Experiments composed within a program that uses Hydra itself."""

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from gru_bench.config.compose import compose_experiments

WORDS = ["cell=gru", "task=adding"]


def test_a_program_that_has_initialised_hydra_keeps_its_own(tmp_path):
    (tmp_path / "mine.yaml").write_text("answer: 42\n")
    with initialize_config_dir(str(tmp_path), version_base="1.2"):
        before = ConfigStore.instance().repo
        (config,) = compose_experiments(WORDS, multirun=False)
        assert config.cell.name == "gru"
        assert ConfigStore.instance().repo is before
        assert compose("mine").answer == 42
    assert not GlobalHydra.instance().is_initialized()


def names(repo):
    """All groups and configurations of a store, in slashes."""
    below = [
        f"{name}/{each}"
        for name, node in repo.items()
        if isinstance(node, dict)
        for each in names(node)
    ]
    return sorted([*repo, *below])


def test_nothing_is_left_in_the_store_of_groups():
    compose_experiments(WORDS, multirun=False)
    found = names(ConfigStore.instance().repo)
    assert "hydra/launcher/basic.yaml" in found
    assert not [name for name in found if name.startswith(("schema", "cell"))]
