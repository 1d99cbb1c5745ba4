"""Errors as causes."""

import pytest

from gru_bench.system.errors import UserError, cause


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyboardInterrupt(), "stopped by Ctrl-C"),
        (SystemExit(143), "stopped by SIGTERM"),
        (SystemExit(129), "stopped by SIGHUP"),
        (SystemExit(138), "stopped by SIGUSR1"),
        (SystemExit(1), "SystemExit: 1"),
        (MemoryError(), "the memory of this machine does not suffice"),
        (OSError(28, "No space left"), "the disk is full ([Errno 28] No space left)"),
        (UserError("seeds=0 is not possible"), "seeds=0 is not possible"),
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (RuntimeError("RESOURCE_EXHAUSTED: x"), "the memory of the device does not suffice"),
        (OSError(24, "Too many open files"), "too many open files: raise the limit"),
    ],
)
def test_a_cause_is_one_line(error, text):
    assert cause(error).startswith(text)
    assert "\n" not in cause(error)


def test_a_cause_is_not_too_long():
    assert len(cause(ValueError("x" * 1000))) == 300
