"""The page on trained models: its commands do what it says."""

import pytest
from helpers import guides

PAGE = "ship.md"
pytestmark = pytest.mark.guide


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return guides.runner(PAGE, tmp_path_factory.mktemp("page") / "examples")


@pytest.mark.parametrize("number", range(len(guides.commands(PAGE))))
def test_a_command_of_the_page_does_what_it_says(page, number):
    _, done = page(number)
    assert done.returncode == 0, done.stderr


def test_what_the_page_names_is_there(page):
    folder, done = page(1)
    for name in ("predictions.csv", "tokens.npz", "model.onnx", "model_step.onnx"):
        assert (folder / name).exists()
    assert [line.split()[0] for line in done.stdout.splitlines()[-3:]] == [
        "weights",
        "float32",
        "int8",
    ]
