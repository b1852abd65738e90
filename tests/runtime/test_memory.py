"""What trials use of the memory, and that the kernel ran out of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.runtime import memory
from hpo.runtime.memory import KernelKills

Count = Callable[[int], None]


@pytest.fixture(params=["version 2", "version 1", "both"])
def kills(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Count:
    """Give what sets how many processes the kernel killed in this process's control group."""
    lines, file = {
        "version 2": (["0::/user/me"], "user/me/memory.events"),
        "version 1": (["9:cpu:/cpu", "4:memory:/me"], "memory/me/memory.oom_control"),
        "both": (["9:name=systemd:/", "4:memory:/me", "0::/"], "memory/me/memory.oom_control"),
    }[request.param]
    own = tmp_path / "cgroup"
    own.write_text("\n".join(lines))
    counts = tmp_path / "fs" / file
    counts.parent.mkdir(parents=True)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "fs")
    monkeypatch.setattr(memory, "_OWN_GROUPS", own)

    def count(number: int) -> None:
        counts.write_text(f"low 7\noom 9\noom_kill {number}\noom_group_kill 0\n")

    count(3)
    return count


def test_that_the_kernel_killed_a_process_is_told_for_a_moment(
    kills: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = KernelKills()
    assert not watch.are_recent(), "those before count for nobody"
    kills(4)
    assert watch.are_recent()
    now[0] += 0.9
    assert watch.are_recent(), "another that was killed with it"
    now[0] += 0.2
    assert not watch.are_recent()
    kills(6)
    assert watch.are_recent()


def test_where_nobody_counts_nothing_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "none")
    assert not KernelKills().are_recent()
