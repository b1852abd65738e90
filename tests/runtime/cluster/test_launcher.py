"""The runner's end of a cluster, whose bridge is a socket that the test holds."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpo.errors import ClusterError
from hpo.runtime.cluster.launcher import ClusterLauncher, ClusterPlaces
from hpo.runtime.launcher import Began, Command, Ended, FunctionCommand, ScriptCommand, ShellCommand

Launched = Callable[..., tuple[ClusterLauncher, socket.socket]]


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launched]:
    """Return a launcher, and the other end of its socket, from which its first line was read."""
    made: list[ClusterLauncher] = []
    ends: list[socket.socket] = []

    def server_at(_: ClusterLauncher, theirs: socket.socket) -> Any:
        ends.append(theirs.dup())
        return SimpleNamespace(send_signal=lambda _: None, wait=lambda *_: 0)

    def launch(*, adopt: dict[int, int] | None = None, fits: bool = True) -> Any:
        with (tmp_path / "lock").open("w") as lock, (tmp_path / "runner.log").open("ab") as log:
            launcher = ClusterLauncher(
                tmp_path, None, {}, {}, adopt=adopt or {}, fits=fits, hides_gpus=True, cwd=tmp_path,
                snapshot=None, path=tmp_path, modules=(), lock=lock, log=log, experiment="abc",
                spawns=False, threads={}, variables={},
            )  # fmt: skip
        made.append(launcher)
        assert words(ends[-1])[0]["adopt"] == {
            str(number): attempt for number, attempt in (adopt or {}).items()
        }
        return launcher, ends[-1]

    monkeypatch.setattr(ClusterLauncher, "_server_at", server_at)
    yield launch
    for launcher in made:
        launcher.close()
    for end in ends:
        end.close()


def words(end: socket.socket) -> list[dict[str, Any]]:
    return [json.loads(line) for line in end.recv(1 << 16).splitlines()]


def say(end: socket.socket, *messages: dict[str, Any]) -> None:
    end.sendall(b"".join(json.dumps(message).encode() + b"\n" for message in messages))


@pytest.mark.parametrize(
    ("command", "what_runs"),
    [
        (ScriptCommand("train.py", ("--fast",)), {"script": "train.py", "args": ["--fast"]}),
        (ShellCommand("./train --fast"), {"command": "./train --fast"}),
        (FunctionCommand("train"), {}),
    ],
)
def test_a_host_is_told_what_to_run_and_finds_its_own_shell(
    launched: Launched, tmp_path: Path, command: Command, what_runs: dict[str, Any]
) -> None:
    launcher, end = launched()
    launcher.start(3, command, tmp_path, {"HPO_TRIAL_ATTEMPT": "1"}, {"lr": 0.1})
    assert words(end) == [
        {
            "start": 3,
            "dir": str(tmp_path),
            "env": {"HPO_TRIAL_ATTEMPT": "1"},
            "values": {"lr": 0.1},
            **what_runs,
        }
    ]


def test_a_cluster_that_is_not_to_be_had_is_an_error_with_what_helps(launched: Launched) -> None:
    launcher, end = launched()
    say(end, {"fatal": "no Ray cluster a:1", "help": "see docs/clusters.md"})
    with pytest.raises(ClusterError, match="no Ray cluster a:1") as caught:
        list(launcher.events())
    assert caught.value.help == "see docs/clusters.md"


def test_what_the_bridge_says_of_the_cluster_and_of_trials_is_known(launched: Launched) -> None:
    launcher, end = launched(adopt={7: 2})
    say(end, {"found": {"7": 3.5}})
    assert launcher.survivors == {7: 3.5}
    launcher.start(8, ShellCommand("true"), Path(), {})
    say(
        end,
        {"capacity": 12},
        {"waits": "trial 8 waits"},
        {"memory": 7, "bytes": 900},
        {"began": 8, "node": "a"},
        {"memory": 8, "bytes": 500},
        {"memory": 9, "bytes": 100},
    )
    assert list(launcher.events()) == [Began(8, "a")]
    assert (launcher.capacity, launcher.waits) == (12, "trial 8 waits")
    assert launcher.memory(enough=1) == {7: 900, 8: 500}
    say(end, {"ended": 7, "status": 0}, {"refused": 8, "reason": "its node died"}, {"waits": None})
    assert list(launcher.events()) == [Ended(7, 0, left=[]), Ended(8, None, "its node died")]
    assert (launcher.waits, launcher.memory(enough=1)) == (None, {})


def test_trials_get_places_once_the_cluster_has_answered_and_as_many_as_it_has_room_for(
    launched: Launched,
) -> None:
    launcher, end = launched()
    places = launcher.places()
    assert places.acquire(0) is None
    assert "for the Ray cluster to answer" in str(places.waiting_reason)
    say(end, {"capacity": 2})
    assert not list(launcher.events())
    places.keep(7)
    place = places.acquire(0)
    assert place is not None
    assert place.gpus == ()
    assert places.waiting_reason is None
    assert places.acquire(1) is None
    assert "for room in the Ray cluster" in str(places.waiting_reason)
    assert places.retry_after is not None
    places.release(7)
    assert places.acquire(1) is not None


def test_where_ray_queues_them_trials_get_their_places_at_once(launched: Launched) -> None:
    launcher, _ = launched(fits=False)
    places = launcher.places()
    assert isinstance(places, ClusterPlaces)
    assert all(places.acquire(number) for number in range(3))
