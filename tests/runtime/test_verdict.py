"""Each way in which a trial can end has its name, and a detail that a person understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.runtime.spool import Bad, Final
from hpo.runtime.verdict import Verdict, judge, last_lines

DONE = Final(1.0, None, 0.0)
TRACE = 'Traceback (most recent call last):\n  File "train.py", line 1, in <module>\n    train()\n'
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "train.py", line 1, in <module>
  |     raise ExceptionGroup("some", [ValueError(1)])
  | ExceptionGroup: some (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("status", "final", "bad", "timed_out", "stderr", "failure", "detail"),
    [
        (0, DONE, None, None, "", None, None),
        (1, DONE, None, None, "", None, "after its final result"),
        (-9, DONE, None, None, "", None, "after its final result"),
        (-15, DONE, None, "it took long", "", None, "it took long, and was ended; its final result counts"),
        (0, None, None, None, "", "no_result", "report_final_result"),
        (0, None, Bad("nan is no finite number", 0), None, "", "bad_value", "nan is no finite number"),
        (3, None, None, None, "oh\nno\n", "exit", "status 3: no"),
        (1, None, None, None, "Traceback\n  File\nValueError: no\n", "exception", "ValueError: no"),
        (1, None, None, None, f"{TRACE}ValueError: two\n\nlines\n", "exception", "ValueError: two"),
        (1, None, None, None, f"{TRACE}zlib.error: no\n", "exception", "zlib.error: no"),
        (1, None, None, None, f"{TRACE}queue.Empty\n", "exception", "queue.Empty"),
        (1, None, None, None, GROUP, "exception", "ExceptionGroup: some (1 sub-exception)"),
        (1, None, None, None, f"{TRACE}  no end", "exit", "status 1:   no end"),
        (1, None, None, None, "torch.cuda.OutOfMemoryError: CUDA", "oom", "OutOfMemoryError"),
        (1, None, None, None, "Traceback\n  File\nMemoryError\n", "oom", "MemoryError"),
        (-6, None, None, None, "terminate called\n  what():  std::bad_alloc\n", "oom", "bad_alloc"),
        (-11, None, None, None, "", "signal", "SIGSEGV"),
        (-15, None, None, "it took long", "", "timeout", "it took long"),
        (None, None, None, None, "", "lost", "lost"),
        (None, None, Bad("nan is no finite number", 0), None, "", "bad_value", "nan is no finite number"),
        (
            -15,
            None,
            Bad("nan is no finite number", 0),
            "it took long",
            "",
            "bad_value",
            "nan is no finite number",
        ),
        (None, None, None, "it took long", "", "lost", "it took long; its process was lost"),
    ],
)
def test_the_verdict_names_the_cause(
    tmp_path: Path,
    status: int | None,
    final: Final | None,
    bad: Bad | None,
    timed_out: str | None,
    stderr: str,
    failure: str | None,
    detail: str | None,
) -> None:
    log = tmp_path / "stderr.log"
    log.write_text(stderr)
    verdict = judge(status, final, bad, timed_out=timed_out, stderr=log)
    assert verdict.failure == failure
    assert (detail or "") in (verdict.detail or "")


def test_the_last_lines_of_a_huge_binary_log_are_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_bytes(b"\xff\x00\x1b[31m" * 1_000_000 + b"\nlast \x1b words\n\n")
    assert last_lines(log, 1) == ["last  words"]


@pytest.mark.parametrize(("status", "failure"), [(-9, "oom"), (137, "oom"), (-15, "signal"), (1, "exit")])
def test_what_dies_when_the_kernel_kills_for_memory_was_killed_for_it(
    tmp_path: Path, status: int, failure: str
) -> None:
    log = tmp_path / "stderr.log"
    assert judge(status, None, None, kernel_killed=True, stderr=log).failure == failure


def test_what_was_stopped_for_its_memory_is_said_as_it_was_found(tmp_path: Path) -> None:
    words = "it used 300 M of memory, and 200 M is the limit"
    verdict = judge(-9, None, None, overused=words, stderr=tmp_path / "stderr.log")
    assert verdict == Verdict("oom", words)


@pytest.mark.parametrize(
    ("status", "stderr", "ending"),
    [
        (1, "", "it ended with status 1"),
        (1, "Traceback (most recent ca", "it ended with status 1: Traceback (most recent ca"),
        (
            3,
            f"{TRACE}OSError: [Errno 28] No space left on device: 'x'\n",
            "it ended with status 3: OSError: [Err",
        ),
        (120, "", "it ended with status 120"),
        (-7, "", "it ended with status -7"),
    ],
)
def test_what_ends_by_itself_where_the_disk_is_full_is_lost(
    tmp_path: Path, status: int, stderr: str, ending: str
) -> None:
    log = tmp_path / "stderr.log"
    log.write_text(stderr)
    verdict = judge(status, None, None, full="the disk is full", stderr=log)
    assert verdict.failure == "lost"
    assert (verdict.detail or "").startswith(f"the disk is full; {ending}")


def test_also_where_the_disk_is_full_what_is_known_of_an_end_counts(tmp_path: Path) -> None:
    log, words = tmp_path / "stderr.log", "it took long"
    log.write_text("MemoryError\n")
    assert judge(1, DONE, None, full="full", stderr=log).failure is None
    assert judge(1, None, Bad("nan", 0), full="full", stderr=log).failure == "bad_value"
    assert judge(-15, None, None, timed_out=words, full="full", stderr=log) == Verdict("timeout", words)
    assert judge(-9, None, None, overused=words, full="full", stderr=log) == Verdict("oom", words)
    assert judge(1, None, None, full="full", stderr=log) == Verdict("oom", "MemoryError")
    log.write_text(f"{TRACE}ValueError: no\n")
    assert judge(1, None, None, full="full", stderr=log) == Verdict("exception", "ValueError: no")
    log.write_text("")
    assert [judge(status, None, None, full="full", stderr=log).failure for status in (0, 3, -9)] == [
        "no_result", "exit", "signal",
    ]  # fmt: skip


def test_a_pattern_that_found_nothing_is_named(tmp_path: Path) -> None:
    verdict = judge(0, None, None, stderr=tmp_path / "none", pattern="acc: (.*)")
    assert verdict.failure == "no_result"
    assert "matches --metric-pattern 'acc: (.*)' with a number" in (verdict.detail or "")


def test_where_there_is_no_log_the_status_is_all_that_is_known(tmp_path: Path) -> None:
    assert judge(3, None, None, stderr=tmp_path / "none").detail == "it ended with status 3"
    assert judge(-32, None, None, stderr=tmp_path / "none").detail == "it was killed by signal 32"


def test_of_several_exceptions_the_last_is_named(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    during = "\nDuring handling of the above exception, another exception occurred:\n\n"
    log.write_text(f"{TRACE}KeyError: 1\n{during}{TRACE}queue.Empty\n  its message\n")
    assert judge(1, None, None, stderr=log).detail == "queue.Empty"


def test_last_lines_are_so_many_in_their_order_and_keep_their_tabs(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_text("one\n\ttwo\n   \nthree\n")
    assert last_lines(log, 2) == ["\ttwo", "three"]
    assert last_lines(log, 9) == ["one", "\ttwo", "three"]
    assert last_lines(tmp_path / "none", 2) == []
