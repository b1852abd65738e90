"""What an experiment would do, as a document: its space, its plan, its first configurations, one command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from hpo.experiment.documents import limits_json
from hpo.experiment.draft import Draft
from hpo.runtime.launcher import FunctionCommand, ScriptCommand
from hpo.space import Configuration
from hpo.trial import Trial

__all__ = ["preview"]


def preview(drafted: Draft, count: int = 5) -> dict[str, Any]:
    """Return what an experiment would do; nothing is started, and nothing stored.

    Args:
        drafted: the experiment. Its tuner is asked, so it is of no use afterwards.
        count: of how many trials the values are returned. They are what the tuner proposes before it has
            learnt a result: the same as in the experiment, if the seed is.
    """
    config, space = drafted.config, drafted.space
    assert config.tuner is not None
    first = list(_configurations(drafted, min(count, config.max_trials or count)))
    settings = config.model_dump(mode="json", exclude={"space"})
    return {
        "name": drafted.name,
        "space": space.to_json(),
        "defaults": dict(space.defaults),
        "fixed": config.fixed,
        "warmth": [] if drafted.warmth is None else list(drafted.warmth.lines()),
        "plan": {
            "tuner": settings["tuner"],
            "assessor": settings["assessor"],
            "direction": config.direction,
            "objectives": None if config.wanted.are_plain else str(config.wanted),
            "seed": config.seed,
            "limits": limits_json(settings),
            "concurrency": config.trial_concurrency,
            "engine": config.engine,
            "gpus_per_trial": config.gpus_per_trial,
            "cpus_per_trial": config.cpus_per_trial,
        },
        "configurations": first,
        "has_baseline": drafted.has_baseline,
        "command": _command(drafted, first[-1] if first else {}),
        "folder": str(drafted.cwd),
    }


def _configurations(drafted: Draft, count: int) -> Iterator[Configuration]:
    tuner = drafted.tuner
    warmth = drafted.warmth.trials if drafted.warmth is not None else ()
    for place, (parameters, value) in enumerate(warmth, 1):
        tuner.tell(Trial(-place, parameters), value)
    if drafted.has_baseline and count:
        trial = Trial(0, drafted.space.default_configuration())
        tuner.add(trial)
        yield trial.parameters
        count -= 1
    for _ in range(count):
        proposed = tuner.ask()
        if proposed is None:
            return
        yield proposed.parameters


def _command(drafted: Draft, values: Configuration) -> str:
    """Return the command of a trial with these values, as one would type it."""
    sent = {name: values[name] for name in drafted.config.options if name in values}
    command = drafted.command.with_options(sent)
    if isinstance(command, ScriptCommand):
        return shlex.join(["python", command.script, *command.args])
    return command.name if isinstance(command, FunctionCommand) else command.text
