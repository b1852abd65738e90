"""The tuner and the assessor that the settings name, ours or the user's own."""

from __future__ import annotations

import hpo.tuners
from hpo.config.model import Algorithm, Config
from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Direction, Tuner
from hpo.tuners.custom import (
    create_custom,
    create_custom_assessor,
    default_direction,
    default_seed,
    load_tuner,
)

__all__ = ["load_tuner_class", "make_assessor", "make_tuner", "own_direction", "own_seed"]

_EXPERIMENTS = {"name", "space", "direction", "seed", "objectives"}


def make_tuner(config: Config, space: SearchSpace) -> Tuner:
    """Return the tuner of settings in which nothing is left open.

    Raises:
        TunerError: it cannot be made, or cannot search this space.
    """
    chosen, direction, seed = config.tuner, config.direction, config.seed or 0
    assert chosen is not None
    if chosen.file is None:
        wanted = {} if config.wanted.are_plain else {"objectives": config.wanted}
        _check_own(chosen)
        return hpo.tuners.create(
            chosen.name, space, direction=direction, seed=seed, **wanted, **chosen.class_args
        )
    if not config.wanted.are_plain:
        message = f"{chosen.name}, a class of your own, takes one objective and no constraints on results"
        raise TunerError(message, help=f"these take more: {', '.join(hpo.tuners.SEVERAL)}")
    return create_custom(chosen.file, chosen.name, space, chosen.class_args, direction=direction, seed=seed)


def make_assessor(config: Config) -> Assessor | None:
    """Return the assessor of settings, where they name one.

    Raises:
        TunerError: it cannot be made.
    """
    chosen = config.assessor
    if chosen is None:
        return None
    if config.wanted.are_several:
        raise TunerError(
            f"the assessor {chosen.name} takes one objective: what is behind in one may be ahead in another",
            help="leave it out, or give one --objective",
        )
    if chosen.file is None:
        _check_own(chosen)
        return hpo.tuners.create_assessor(chosen.name, direction=config.direction, **chosen.class_args)
    return create_custom_assessor(chosen.file, chosen.name, chosen.class_args, direction=config.direction)


def _check_own(chosen: Algorithm) -> None:
    """Refuse arguments that are the experiment's: of a file they are, of a program or a store not."""
    for name in _EXPERIMENTS & chosen.class_args.keys():
        message = f"{chosen.name} takes no argument {name} of its own: it is the experiment's"
        raise TunerError(message, help=f"give {name} to the experiment, and not among the classArgs")


def load_tuner_class(chosen: Algorithm) -> type:
    """Return a tuner's class.

    Raises:
        TunerError: there is none of this name, or it cannot be loaded.
    """
    if chosen.file is None:
        return hpo.tuners.find(chosen.name)
    return load_tuner(chosen.file, chosen.name)


def own_direction(chosen: Algorithm) -> Direction:
    """Return the direction that a tuner takes where nobody says one.

    Ours maximise; where a file leaves it to them, NNI's defaults hold. A class of the user's has its own.
    """
    if chosen.file is None:
        return "minimize" if chosen.class_args.get("optimize_mode") == "minimize" else "maximize"
    return default_direction(load_tuner_class(chosen), chosen.class_args)


def own_seed(chosen: Algorithm) -> int | None:
    """Return the seed that a tuner has by itself: one of NNI's kind may."""
    return default_seed(load_tuner_class(chosen))
