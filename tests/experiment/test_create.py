"""What an experiment asks a cluster for, by its settings; that one runs there is in `test_ray.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from hpo.config.model import AS_MANY_AS_FIT, Config
from hpo.experiment.create import _on_cluster


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Give what stands in for the launcher on a cluster, which needs Ray."""
    made = Mock()
    module = SimpleNamespace(ClusterLauncher=made)
    monkeypatch.setitem(sys.modules, "hpo.runtime.cluster.launcher", module)
    return made


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({}, {"CPU": 1}),
        ({"gpus_per_trial": 0}, {"CPU": 1}),
        ({"cpus_per_trial": 4, "gpus_per_trial": 0.5}, {"CPU": 4, "GPU": 0.5}),
        ({"max_trial_memory": 1 << 30}, {"CPU": 1, "memory": 1 << 30}),
        ({"ray_resources": {"fast": 2, "CPU": 3}}, {"CPU": 3, "fast": 2}),
    ],
)
def test_a_trial_needs_a_core_and_what_it_is_to_have(
    launcher: Mock, settings: dict[str, Any], needs: dict[str, float]
) -> None:
    _on_cluster(Path("/there"), Config(**settings), {}, {})
    assert launcher.call_args.args[2] == needs


def test_the_cluster_is_told_who_runs_already_and_whether_it_may_start_as_many_as_fit(launcher: Mock) -> None:
    environment = {"pip": ["numpy"]}
    config = Config(ray_address="there:1", ray_runtime_env=environment, gpus_per_trial=0)
    _on_cluster(Path("/there"), config, {"spawns": True}, {7: 2})
    assert launcher.call_args.args == (Path("/there"), "there:1", {"CPU": 1}, environment)
    told = launcher.call_args.kwargs
    assert (told["adopt"], told["fits"], told["hides_gpus"], told["spawns"]) == ({7: 2}, False, True, True)
    _on_cluster(Path("/there"), Config(trial_concurrency=AS_MANY_AS_FIT), {}, {})
    told = launcher.call_args.kwargs
    assert (told["adopt"], told["fits"], told["hides_gpus"]) == ({}, True, False)
