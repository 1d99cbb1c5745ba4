"""The page on choices: its command ends in a card."""

import pytest
from helpers import guides

PAGE = "choose.md"
pytestmark = pytest.mark.guide


def test_the_command_of_the_page_writes_a_card(tmp_path):
    folder, done = guides.runner(PAGE, tmp_path / "examples")(0)
    assert done.returncode == 0, done.stderr
    assert "The weights: results/choice/adding/" in done.stdout
    assert "<h1>" in (folder / "card.html").read_text()
