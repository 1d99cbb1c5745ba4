"""The exception for what the user can put right, and others in one line that needs no Python."""

import errno
import signal


class UserError(Exception):
    """Bad input. The message is one line: what is wrong, and what would be right.

    The command line prints it after `error:` and exits with status 2.
    """


LONGEST = 300  # characters of a cause
SIGNALS = {128 + each.value: each.name for each in signal.Signals}  # by a shell's exit status


def cause(error: BaseException) -> str:
    """Returns why something ended, in one line that needs no knowledge of Python."""
    message = " ".join(str(error).split())
    match error:
        case UserError():
            text = message
        case KeyboardInterrupt():
            text = "stopped by Ctrl-C"
        case SystemExit(code=int(code)) if code in SIGNALS:
            text = f"stopped by {SIGNALS[code]}"
        case MemoryError():
            text = "the memory of this machine does not suffice"
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            text = f"the disk is full ({message})"
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            text = f"too many open files: raise the limit, such as by ulimit -n 4096 ({message})"
        case _ if "RESOURCE_EXHAUSTED" in message:
            text = f"the memory of the device does not suffice ({message})"
        case _:
            text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return text[:LONGEST]


def first_line(error: Exception) -> str:
    """Returns the kind of an error and the first line of its message."""
    first, *_ = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {first}"
