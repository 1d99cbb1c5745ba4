"""Signals, as real ones: put off, answered once, and left as they were found."""

import signal
import threading
from typing import Any

import pytest

from gru_bench.system.interrupts import SIGNALS, Interrupts


@pytest.fixture(autouse=True)
def handlers():
    """Python's own handlers, whatever the tests were started with; puts back what was there."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    own: dict[int, Any] = dict.fromkeys(SIGNALS, signal.SIG_DFL) | {
        signal.SIGINT: signal.default_int_handler
    }
    for number, handler in own.items():
        signal.signal(number, handler)
    yield own
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, None),
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
        (signal.SIGUSR1, 138),
    ],
)
def test_a_signal_is_raised_where_it_is_asked_for(number, status, handlers):
    told = threading.Event()
    lines, after = [], []

    def work():
        with Interrupts(lambda line: lines.append(line) or told.set()) as interrupts:
            interrupts.raise_requested()
            assert not interrupts.requested
            signal.raise_signal(number)
            after.append("goes on")
            assert interrupts.requested
            # So that a second one ends all; but a scheduler may well send the same twice.
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
            twice = signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN
            assert signal.getsignal(number) is twice
            interrupts.raise_requested()
            after.append("not reached")

    with pytest.raises(KeyboardInterrupt if status is None else SystemExit) as raised:
        work()
    assert after == ["goes on"]
    assert told.wait(10)
    assert len(lines) == 1
    assert getattr(raised.value, "code", None) == status
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_what_nobody_answered_is_raised_at_the_end():
    done = []

    def work():
        with Interrupts(lambda line: None):
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


def test_an_error_is_not_hidden_by_a_signal():
    def work():
        with Interrupts(lambda line: None):
            signal.raise_signal(signal.SIGTERM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def test_an_ignored_signal_stays_ignored():
    """As Ctrl-C is for a background job of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts(lambda line: None) as it:
        signal.raise_signal(signal.SIGINT)
        assert not it.requested
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_the_main_thread_nothing_changes(handlers):
    seen = []

    def look():
        with Interrupts(lambda line: None):
            seen.append({number: signal.getsignal(number) for number in handlers})

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handlers]
