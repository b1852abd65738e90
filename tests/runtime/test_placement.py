"""A trial has a place of its own, and what does not end keeps the one it had."""

from __future__ import annotations

from typing import cast

from hpo.runtime.cores import CorePool
from hpo.runtime.placement import Place, Places
from hpo.runtime.strays import Stray


class Hanging:
    """A process that a trial left behind, and that ends when it is told to."""

    def __init__(self) -> None:
        self.ended = False

    def __str__(self) -> str:
        return "PID 4711"

    def lives(self) -> bool:
        return not self.ended


def test_a_trial_is_told_its_place() -> None:
    assert Place((1, 3), (0, 2)).variables() == {
        "CUDA_VISIBLE_DEVICES": "1,3",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "HPO_TRIAL_CORES": "0,2",
    }


def test_where_nothing_is_assigned_a_trial_sees_what_its_runner_sees() -> None:
    place = Places().acquire(0)
    assert place is not None
    assert place.variables() == {}


def test_gpus_can_be_hidden() -> None:
    place = Places(hides_gpus=True).acquire(0)
    assert place is not None
    assert place.variables()["CUDA_VISIBLE_DEVICES"] == ""


def test_what_does_not_end_keeps_its_place_until_it_does() -> None:
    places, hanging = Places(cores=CorePool(1)), Hanging()
    trials = 0
    while places.acquire(trials) is not None:
        trials += 1
    assert places.retry_after is None
    places.release(0, [cast(Stray, hanging)])
    assert places.acquire(trials) is None
    assert places.retry_after is not None
    assert places.waiting_reason is not None
    assert places.waiting_reason.endswith("; PID 4711, was killed and does not end")
    assert list(map(str, places.left)) == ["PID 4711"]
    hanging.ended = True
    assert places.left == []
    assert places.acquire(trials) is not None
