"""The runner's end of a cluster: the local launcher, with the bridge to Ray in the place of a fork server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.errors import ClusterError
from hpo.runtime.cluster.carried import pack_function
from hpo.runtime.function import Function
from hpo.runtime.launcher import Began, Command, Ended, Launcher, Noted, ScriptCommand, ShellCommand, Waits
from hpo.runtime.placement import Place, Places
from hpo.runtime.polling import ready
from hpo.runtime.strays import Stray

__all__ = ["ClusterLauncher", "ClusterPlaces"]

# Of the user's environment, what says something of this machine alone.
_OF_THIS_MACHINE = (
    "RAY_",
    "HPO_",
    "CUDA_VISIBLE_DEVICES",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "SSH_",
    "DISPLAY",
)

_RETRY = 1.0  # seconds; the bridge wakes the runner as soon as it knows more


class ClusterLauncher(Launcher):
    """Start and stop trials on the nodes of a Ray cluster.

    Args:
        directory: the experiment's folder.
        address: the cluster's; None for the one that RAY_ADDRESS names, or else one on this machine.
        needs: what a trial takes, under Ray's names: ``CPU``, ``GPU``, ``memory``, or custom ones.
        runtime_env: what Ray sets up on the nodes, such as ``{"pip": ["scikit-learn"]}``.
        adopt: the trials that a runner which died has left running, each with its attempt.
        fits: whether only so many trials are started as the cluster has room for. Otherwise Ray keeps those
            in a queue for which there is none, which lets clusters grow that can.
        hides_gpus: whether trials see no GPU at all.
        function: what trials call, where they are neither scripts nor commands.
        launched: the other arguments of `Launcher`.

    Raises:
        ClusterError: by `events`, where there is no cluster to be had.
        UsageError: the function cannot travel.
    """

    server = "hpo.runtime.cluster.bridge"
    begins_at_once = False

    def __init__(
        self,
        directory: Path,
        address: str | None,
        needs: Mapping[str, float],
        runtime_env: Mapping[str, Any],
        *,
        adopt: Mapping[int, int],
        fits: bool,
        hides_gpus: bool,
        function: Function | None = None,
        **launched: Any,
    ) -> None:
        carried = directory / "function.pickle"
        if function is not None:
            carried.write_bytes(pack_function(function, launched["cwd"]))
        self._fits, self._hides_gpus = fits, hides_gpus
        host = {
            "experiment": launched["experiment"],
            "directory": str(directory),
            "cwd": str(launched["cwd"]),
            "path": str(launched["path"]),
            "modules": list(launched["modules"]),
            "spawns": launched["spawns"],
            "threads": dict(launched["threads"] or {}),
            "variables": dict(launched["variables"] or {}),
            "memory": int(needs["memory"]) if "memory" in needs else None,
            "environment": {
                name: value for name, value in os.environ.items() if not name.startswith(_OF_THIS_MACHINE)
            },
        }
        self._cluster = {
            "directory": str(directory),
            "address": address,
            "needs": dict(needs),
            "runtime_env": dict(runtime_env),
            "function": None if function is None else str(carried),
            "code": None if launched["snapshot"] is None else str(launched["snapshot"]),
            "host": host,
        }
        self._memory: dict[int, int] = {}
        self._adopt = dict(adopt)
        self._found: dict[int, float] | None = None
        self._early: list[Ended | Began | Waits | Noted] = []
        super().__init__(**launched)

    def _first_words(self) -> Mapping[str, Any]:
        words = {**self._cluster, "adopt": self._adopt}
        self._adopt = {}  # a bridge that dies takes with it what is known of its trials
        return words

    @property
    def survivors(self) -> Mapping[int, float]:
        """The trials of a runner that died which still run, and since how many seconds.

        It waits until the cluster has said so.
        """
        while self._found is None:
            ready([self.fileno()])
            self._early += super().events()
        return self._found

    def events(self) -> Iterator[Ended | Began | Waits | Noted]:
        """Yield what happened since the last call (see `Launcher`)."""
        early, self._early = self._early, []
        yield from early
        yield from super().events()

    def close(self) -> None:
        """End every trial that is left."""
        if self._connection.fileno() >= 0:  # else its bridge died too often, and there is none
            self._send({"over": True})
        super().close()

    def _what_runs(self, command: Command) -> dict[str, Any]:
        if isinstance(command, ScriptCommand):
            return {"script": command.script, "args": command.args}
        return {"command": command.text} if isinstance(command, ShellCommand) else {}

    def places(self) -> Places:
        """Return what lets a trial start where the cluster has room for it."""
        return ClusterPlaces(self, fits=self._fits, hides_gpus=self._hides_gpus)

    def memory(self, *, enough: int) -> dict[int, int]:
        """Return how many bytes each trial uses, as its host said last."""
        return {number: used for number, used in self._memory.items() if number in self.running}

    def _event(self, message: Mapping[str, Any]) -> Ended | Began | Waits | Noted | None:
        if "fatal" in message:
            raise ClusterError(message["fatal"], help=message["help"])
        if "began" in message:
            return Began(message["began"], message["node"])
        if "memory" in message:
            self._memory[message["memory"]] = message["bytes"]
        elif "found" in message:
            self._found = {int(number): seconds for number, seconds in message["found"].items()}
            self.running |= self._found.keys()
        elif "capacity" in message:
            self.capacity = message["capacity"]
        elif "waits" in message:
            self.waits = message["waits"]
        else:
            return super()._event(message)
        return None


class ClusterPlaces(Places):
    """Let as many trials start as a cluster has room for; which has which place is Ray's to say.

    Args:
        launcher: it knows the cluster.
        fits: whether its room is the limit.
        hides_gpus: whether trials see no GPU at all.
    """

    def __init__(self, launcher: ClusterLauncher, *, fits: bool, hides_gpus: bool) -> None:
        super().__init__(hides_gpus=hides_gpus)
        self._launcher, self._fits = launcher, fits
        self._taken: set[int] = set()

    def acquire(self, trial_number: int) -> Place | None:
        """Give a trial its place, or None where the cluster is full or has not answered yet."""
        capacity = self._launcher.capacity
        if self._fits and (capacity is None or len(self._taken) >= capacity):
            self.retry_after = _RETRY
            self._wait("the Ray cluster to answer" if capacity is None else "room in the Ray cluster")
            return None
        self._taken.add(trial_number)
        return super().acquire(trial_number)

    def keep(self, trial_number: int) -> None:
        """Count a trial that an earlier runner gave its place."""
        self._taken.add(trial_number)

    def release(self, trial_number: int, left: Sequence[Stray] = ()) -> None:
        """Take a trial's place back."""
        self._taken.discard(trial_number)
        super().release(trial_number, left)
