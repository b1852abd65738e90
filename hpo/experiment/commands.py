"""What other processes wish of a running experiment: `hpo stop`, `update`, `enqueue`, the page.

Each is a small JSON document. What cannot be done is noted in the store, and nothing else happens: nobody
is there to hear of an error.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from hpo.errors import HpoError
from hpo.experiment.algorithms import make_tuner
from hpo.experiment.replay import replay
from hpo.experiment.wording import options
from hpo.space import SearchSpace
from hpo.trial import TrialState

if TYPE_CHECKING:
    from hpo.experiment.loop import Experiment

__all__ = ["obey"]


def obey(experiment: Experiment, command: dict[str, Any], wish: str) -> None:
    """Do what another process wishes, if that is not done: a trial says which wish it comes from.

    Whatever else can be wished for is the same when it is done twice.

    Args:
        experiment: that is running.
        command: what is to be done.
        wish: its name.
    """
    if wish in experiment.obeyed:
        return
    match command:
        case {"do": "stop"}:
            experiment.close("stopped by `hpo stop`")
            experiment.stopped_by = signal.SIGTERM
            experiment.terminate(TrialState.WAITING)
        case {"do": "kill", "trial": int(number)} if number in experiment.running:
            experiment.stop_trial(experiment.running[number], TrialState.USER_CANCELED)
        case {"do": "update", "settings": dict(settings)}:
            _update(experiment, settings)
        case {"do": "enqueue", "parameters": dict(parameters)}:
            if _fits(experiment, parameters, "enqueued"):
                experiment.enqueue(parameters, wish)
        case {"do": "search", "space": dict(space)}:
            _search(experiment, space)
        case {"do": "import"} if not experiment.config.wanted.are_plain:
            wanted = experiment.config.wanted
            experiment.store.add_event(
                "warning", f"nothing was imported: one number says nothing of {wanted}"
            )
        case {"do": "import", "trials": list(trials)}:
            for parameters, value in trials:
                if _fits(experiment, parameters, "imported"):
                    experiment.learn(parameters, value, wish)
        case _:
            experiment.store.add_event("warning", f"this could not be done: {command}")


def _fits(experiment: Experiment, parameters: dict[str, Any], wish: str) -> bool:
    try:
        experiment.space.check(parameters)
    except HpoError as error:
        experiment.store.add_event("warning", f"a trial was not {wish}: {error}")
        return False
    return True


def _update(experiment: Experiment, settings: dict[str, Any]) -> None:
    try:
        experiment.change(experiment.config.override(**settings))
    except HpoError as error:
        experiment.store.add_event("warning", f"the settings stay as they are: {error}")
        return
    experiment.store.update_settings(settings)
    experiment.note(f"It has {options(settings)}, from now on")


def _search(experiment: Experiment, written: dict[str, Any]) -> None:
    """Make a tuner for another space, which learns again from all that ended."""
    try:
        space = SearchSpace.from_json(written)
        space = space.fixed({n: v for n, v in experiment.config.fixed.items() if n in space})
        asked = experiment.advisers
        with asked.blamed("tuner"):
            tuner = make_tuner(experiment.config, space)
            for _ in replay(experiment.store, tuner, curves=asked.keeps_curves, data=asked.keeps_data):
                pass
    except HpoError as error:
        experiment.store.add_event("warning", f"the search space stays as it is: {error}")
        return
    experiment.search(space, tuner)
    experiment.store.update_space(space.to_json())
