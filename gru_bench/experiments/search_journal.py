"""The journal of a search: the file of Optuna's records, opened and mended after a crash."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from gru_bench.system.errors import UserError
from gru_bench.system.files import refuse_link

JOURNAL = "search.journal"


class AlreadyLocked(JournalFileOpenLock):
    """A lock of the journal that holds nothing: the search is locked as a whole."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return


def open_journal(path: Path, note: Callable[[str], None]) -> JournalStorage:
    """Opens Optuna's journal, which is made if it is missing. The search must be locked.

    Args:
        path: The file.
        note: Takes a line for the user, if a crash has cut the last record.

    Raises:
        UserError: Something in the file is not a record of Optuna's.
    """
    refuse_link(path)
    if path.exists():
        mend(path, note)
    try:
        return JournalStorage(JournalFileBackend(str(path), AlreadyLocked(str(path))))
    except Exception as error:  # whatever a record that does not fit those before it leads to
        raise UserError(
            f"{path} cannot be used ({type(error).__name__}: {error}): move it away, and the search"
            " starts anew"
        ) from error


def mend(path: Path, note: Callable[[str], None]) -> None:
    """Cuts off a last record that was not written to its end; Optuna would append to it.

    A machine that loses power may also leave zero bytes in its place.

    Raises:
        UserError: A line is none of Optuna's.
    """
    content = path.read_bytes()
    whole = content.rstrip(b"\0")
    whole = whole[: whole.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            sound = "op_code" in json.loads(line)
        except (ValueError, TypeError):
            sound = False
        if not sound:
            raise UserError(
                f"{path}, line {number} is not a record of Optuna's: remove the line, or move the"
                " file away, and the search starts anew"
            )
    if len(whole) < len(content):
        os.truncate(path, len(whole))
        note(f"{path}: the last record was not written to its end, and is left out")
