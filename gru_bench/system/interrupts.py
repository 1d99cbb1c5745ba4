"""Signals that ask a process to end, such as Ctrl-C, are put off until training can answer."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

# Ctrl-C; what schedulers send before they kill; a terminal that is closed; Slurm's warning of a
# time limit, as by --signal=USR1@60.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
SIGNALS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


class Interrupts:
    """Turns the first signal that asks for an end into a request while its context is open.

    The request is answered after the current chunk of training, which may take long; a second
    signal ends the process at once, in the midst of a compiled program, too. But the same signal
    again is ignored, Ctrl-C apart: schedulers send several, and SIGKILL when the time is over. A
    signal that is ignored stays so, as SIGHUP under nohup, and outside the main thread, where
    Python handles none, nothing changes.

    Args:
        note: Takes a line for the user; called from a thread of its own.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._signal: int | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has asked for an end."""
        return self._signal is not None

    def raise_requested(self) -> None:
        """Raises `KeyboardInterrupt` after Ctrl-C, and `SystemExit` of 128 + its number else."""
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal is not None:
            raise SystemExit(128 + self._signal)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raises what was asked for and not yet answered."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if error is None:
            self.raise_requested()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        for each in self._handlers:
            again = each == number != signal.SIGINT
            signal.signal(each, signal.SIG_IGN if again else signal.SIG_DFL)
        key = "once more" if number == signal.SIGINT else "Ctrl-C"
        line = f"stopping after this evaluation, with a checkpoint; {key} to stop at once"
        # The handler may have broken into the middle of a line that this thread prints.
        threading.Thread(target=self._note, args=(line,)).start()
