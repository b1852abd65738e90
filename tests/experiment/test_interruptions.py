"""Signals are kept until the loop takes them; those of a terminal's jobs are in `test_signals.py`."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from hpo.experiment.signals import Interrupted, Interruptions


def test_they_are_taken_once_in_their_order() -> None:
    signals = Interruptions()
    assert not signals.came
    with signals.kept():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGHUP)
        assert signals.came
        assert signals.take() == [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
        assert not signals.came
        assert signals.take() == []


def test_that_it_was_suspended_is_told_once_and_is_no_reason_to_stop() -> None:
    signals = Interruptions()
    assert not signals.take_continued()
    with signals.kept():
        signal.raise_signal(signal.SIGCONT)
        assert not signals.came
        assert signals.take_continued()
        assert not signals.take_continued()


def test_afterwards_they_do_what_they_did_before() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCONT)
    before = [signal.getsignal(number) for number in numbers]
    with Interruptions().kept():
        assert all(signal.getsignal(number) not in before for number in numbers)
    assert [signal.getsignal(number) for number in numbers] == before


def test_in_a_thread_of_a_program_they_are_left_to_the_program() -> None:
    before, within = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with Interruptions().kept():
            within.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert within == [before]


def test_each_wakes_the_loop_while_there_is_one_and_a_full_pipe_is_awake() -> None:
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signals = Interruptions()
    with signals.kept():
        with signals.waking(writes):
            signal.raise_signal(signal.SIGTERM)
            assert os.read(reads, 10) == b"\n"
            os.write(writes, b"." * (1 << 16))
            signal.raise_signal(signal.SIGTERM)
            os.read(reads, 1 << 16)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(BlockingIOError):
            os.read(reads, 10)
    assert len(signals.take()) == 3
    os.close(reads)
    os.close(writes)


def test_the_second_ends_what_may_never_end_by_itself_and_nothing_else() -> None:
    signals = Interruptions()
    with signals.kept():
        with signals.breaking_in():
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(Interrupted, match="when the second signal came"):
                signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert signals.take() == [signal.SIGINT] * 3
