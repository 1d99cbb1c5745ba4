"""Keys of a corpus that its data leave without effect: they are refused in one line."""

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path

from gru_bench.config.corpus import CorpusConfig
from gru_bench.config.keys import default_of
from gru_bench.system.errors import UserError
from gru_bench.tasks.data_files import SEPARATOR_OF, TEXT_SUFFIXES


def refuse_keys(config: CorpusConfig, keys: Collection[str], why: str) -> None:
    """Raises `UserError` if one of these keys is not what it usually is.

    Args:
        config: The corpus.
        keys: Their names, without `corpus.`.
        why: What follows "has no effect".
    """
    for each in fields(config):
        value = getattr(config, each.name)
        if each.name in keys and value != default_of(each):
            raise UserError(f"corpus.{each.name}={value} has no effect{why}")


def refuse_shares(config: CorpusConfig, splits: Collection[str], what: str) -> None:
    """Raises `UserError` if a share is set for a split that is there already.

    Args:
        config: The corpus.
        splits: The splits that are there.
        what: What their examples are called, in the plural.
    """
    for split in splits:
        why = f": {split} {what} are given, and none are split off"
        refuse_keys(config, [f"{split}_fraction"], why)


def refuse_text_formats(config: CorpusConfig) -> None:
    """Raises `UserError` if a key is set that says how to read files of which there are none."""
    files = (config.train, config.validation, config.test) if config.source == "files" else ()
    suffixes = {Path(file).suffix.lower() for file in files if file is not None}
    for keys, endings in ((("separator", "quotes"), SEPARATOR_OF), (("encoding",), TEXT_SUFFIXES)):
        if not suffixes.intersection(endings):
            refuse_keys(config, keys, f": it is for files that end in {', '.join(endings)}")
