"""Files of rows that people bring: CSV, TSV, JSON, JSON Lines and Parquet.

A file is hashed while it is read: the hash is that of the very bytes that the rows are from.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.system.errors import UserError
from gru_bench.system.files import content_hash
from gru_bench.tasks.columns import Columns, column_places, columns_of_table
from gru_bench.tasks.delimited import Form, read_delimited
from gru_bench.tasks.json_rows import read_json, read_json_lines

SEPARATOR_OF = {".csv": ",", ".tsv": "\t"}
TEXT_SUFFIXES = (*SEPARATOR_OF, ".jsonl", ".json")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet")
BUFFER_BYTES = 2**20


@dataclass(frozen=True)
class TextFormat:
    """How the bytes of a text file make up rows.

    Attributes:
        separator: The character between the fields of CSV and TSV; by the file's ending if None.
        encoding: The name by which Python knows how characters are written as bytes.
        quotes: Whether a field of CSV and TSV may be quoted.
    """

    separator: str | None = None
    encoding: str = "utf-8"
    quotes: bool = True


def read_columns(
    path: Path,
    wanted: Mapping[str, str],
    where: str,
    text_format: TextFormat = TextFormat(),
    categories: str | None = None,
) -> Columns:
    """Reads columns of a file, whose ending says of which kind it is.

    Args:
        path: The file.
        wanted: The name of each column by the configuration key that asks for it.
        where: The file in words.
        text_format: How a text file is to be read; Parquet takes none.
        categories: The column, one of those wanted, that has few different values: by these, rows
            are recognised that a stray quote has swallowed.

    Raises:
        UserError: The file cannot be read, lacks a column, or may not mean what it seems to.
    """
    suffix = path.suffix.lower()
    try:
        _require_readable(path, where)
        if suffix == ".parquet":
            return _read_parquet(path, wanted, where)
        with _HashedFile(path) as file:
            text = io.TextIOWrapper(
                io.BufferedReader(file, BUFFER_BYTES), _codec(text_format.encoding), newline=""
            )
            if suffix in SEPARATOR_OF:
                form = Form(text_format.separator or SEPARATOR_OF[suffix], text_format.quotes)
                read = read_delimited(text, wanted, where, form, categories)
                return Columns(read.values, file.content, read.lines, read.doubts)
            if suffix == ".jsonl":
                values, lines = read_json_lines(text, wanted, where)
                return Columns(values, file.content, lines)
            return Columns(read_json(text.read(), wanted, where), file.content)
    except UnicodeError as error:
        raise UserError(_undecodable(path, where, text_format.encoding)) from error
    except OSError as error:
        raise UserError(f"{where} cannot be read: {error.strerror or error}") from error


def _require_readable(path: Path, where: str) -> None:
    """Raises `UserError` unless the path is that of a file of a known kind that is not empty.

    Raises:
        OSError: A folder on the way to the file may not be looked into.
    """
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise UserError(f"{where} is of no known kind: its name must end in one of {known}")
    if not path.is_file():
        raise UserError(f"{where} is not a file: give the path of a file of rows")
    if path.stat().st_size == 0:
        raise UserError(f"{where} is empty: it must hold rows")


class _HashedFile(io.RawIOBase):
    """The bytes of a file, hashed as they are read."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._sha256 = hashlib.sha256()

    @property
    def content(self) -> str:
        """SHA-256 of what has been read."""
        return self._sha256.hexdigest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer)
        self._sha256.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _codec(encoding: str) -> str:
    """Returns the name of the codec; a byte order mark before UTF-8 is not a part of the text."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding


def _undecodable(path: Path, where: str, encoding: str) -> str:
    """Says at which line a file is not in the encoding, and in which it may be."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                return f"{where} is not {encoding}: write corpus.encoding=utf-16"
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                byte = line[error.start : error.start + 1]
                guess = byte.decode("cp1252", errors="replace")
                return (
                    f"{where} is not {encoding}: line {number} has the byte {byte.hex()}; if that"
                    f" should be {guess}, write corpus.encoding=cp1252, otherwise its encoding"
                )
    return f"{where} is not {encoding}: write its encoding as corpus.encoding"


def _read_parquet(path: Path, wanted: Mapping[str, str], where: str) -> Columns:
    """Reads the wanted columns, and makes sure that the file has not changed meanwhile."""
    import pyarrow as pa
    from pyarrow import parquet

    before = content_hash(str(path))
    try:
        file = parquet.ParquetFile(path)
        column_places(wanted, file.schema_arrow.names, where)
        table = file.read(columns=list(wanted.values()))
    except pa.ArrowException as error:
        cause = " ".join(str(error).split())[:300]
        raise UserError(f"{where} cannot be read as parquet: {cause}") from error
    values = columns_of_table(table, wanted, where)
    if before is None or content_hash(str(path)) != before:
        raise UserError(f"{where} has changed while it was read: run again")
    return Columns(values, before)
