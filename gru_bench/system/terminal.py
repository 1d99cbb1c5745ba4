"""Standard output and standard error that never end the program that writes to them."""

import codecs
import contextlib
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, TextIO

# What tables and lines are drawn with, for terminals and files that are not UTF-8.
ASCII = str.maketrans(
    {
        "·": "-", "–": "-", "−": "-", "—": "-", "×": "x", "±": "+-", "…": "...", "→": "->",  # noqa: RUF001
        "≤": "<=", "≥": ">=", "≈": "~", "µ": "u", "μ": "u", "²": "^2", "’": "'", "│": "|",  # noqa: RUF001
        "─": "-", "━": "-", "╸": "-", "╺": "-",
    }
)  # fmt: skip
WIDTH = 80  # columns, where there is no terminal to tell its own
COMMAND = "gru-bench "  # begins a line that is to be copied
CLOSEST = "gru_bench.closest_ascii"  # names the function below among Python's handlers of errors


def closest_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replaces what an encoding lacks by what looks most like it, or by question marks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(ASCII)
    return "".join(c if c.isascii() else "?" for c in text), error.end


codecs.register_error(CLOSEST, closest_ascii)


class Display:
    """A stream that drops what it cannot write, and never raises.

    A terminal may be closed, a pipe broken and a disk full while runs are trained, and none of this
    must end them.

    Args:
        stream: Where to; None, as Python has it for a standard stream that is closed, drops all.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Writes the text, or drops it. Returns its length."""
        if self._stream is not None and self.error is None:
            encoding = getattr(self._stream, "encoding", None) or "utf-8"
            shown = text.encode(encoding, CLOSEST).decode(encoding)
            with self._watched():
                self._stream.write(shown)
        return len(text)

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        if self._stream is not None and self.error is None:
            with self._watched():
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether this is a terminal that still shows something."""
        try:
            return self._stream is not None and self.error is None and self._stream.isatty()
        except ValueError:  # It is closed.
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # The latter if the stream is closed.
            self.error = error if isinstance(error, OSError) else OSError(str(error))
            # Python writes what is left in its buffer once more at its end.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                assert self._stream is not None
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, self._stream.fileno())
                os.close(nothing)


@contextlib.contextmanager
def displayed() -> Iterator[tuple[Display, Display]]:
    """Makes a `Display` each of standard output and standard error while the context is open."""
    before = sys.stdout, sys.stderr
    out, err = Display(sys.stdout), Display(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def wrapped(text: str, width: int) -> str:
    """Returns a text in lines of a width at most. Words are not broken, and commands stay whole."""
    return "\n".join(
        line
        if len(line) <= width or line.startswith(COMMAND)
        else textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def say(text: str) -> None:
    """Prints a text for people on standard error, within the width of the terminal."""
    width = shutil.get_terminal_size((WIDTH, 0)).columns
    print(wrapped(text, width), file=sys.stderr, flush=True)


def say_unless(quiet: bool) -> Callable[[str], None]:
    """Returns what is to take notes on progress: `say`, or nothing where that is not wanted."""
    return (lambda _: None) if quiet else say
