"""Algorithms that propose configurations and learn from results, by name.

::

    tuner = hpo.tuners.create("TPE", space, direction="minimize", seed=0)
    while (trial := tuner.ask()) is not None:
        tuner.tell(trial, evaluate(trial.parameters))

The names and arguments are NNI's. Other packages add theirs under the entry-point groups ``hpo.tuners``
and ``hpo.assessors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from hpo.errors import TunerError
from hpo.objectives import Objectives
from hpo.space import SearchSpace
from hpo.tuners.arguments import checked_arguments
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Direction, Tuner

__all__ = [
    "BUILT_IN_ASSESSORS",
    "BUILT_IN_TUNERS",
    "SEVERAL",
    "Assessor",
    "Direction",
    "Tuner",
    "assessor_names",
    "create",
    "create_assessor",
    "find",
    "find_assessor",
    "names",
]

#: The built-in tuners and where they are; each is imported on use.
BUILT_IN_TUNERS: Mapping[str, str] = {
    "Auto": "hpo.tuners.auto",
    "TPE": "hpo.tuners.tpe",
    "Random": "hpo.tuners.random_search",
    "GridSearch": "hpo.tuners.grid_search",
    "Batch": "hpo.tuners.batch",
    "Anneal": "hpo.tuners.anneal",
    "Evolution": "hpo.tuners.evolution",
    "GP": "hpo.tuners.gp",
    "CMAES": "hpo.tuners.cma_es",
    "QMC": "hpo.tuners.qmc",
    "SMAC": "hpo.tuners.smac",
    "Metis": "hpo.tuners.metis",
    "DNGO": "hpo.tuners.dngo",
    "Hyperband": "hpo.tuners.hyperband",
    "BOHB": "hpo.tuners.bohb",
    "PBT": "hpo.tuners.pbt",
    "NSGA2": "hpo.tuners.nsga2",
}

#: The built-in tuners that take several objectives, and constraints on results.
SEVERAL = ("Auto", "NSGA2", "TPE", "GP", "Random", "QMC", "GridSearch", "Batch")

#: The built-in assessors.
BUILT_IN_ASSESSORS: Mapping[str, str] = {
    "Medianstop": "hpo.tuners.median_stop",
    "Curvefitting": "hpo.tuners.curve_fitting",
    "ASHA": "hpo.tuners.asha",
}


def create(
    name: str | type[Tuner],
    space: SearchSpace,
    *,
    direction: Direction | None = None,
    seed: int = 0,
    objectives: Objectives | None = None,
    **class_args: Any,
) -> Tuner:
    """Return a tuner by its name.

    Args:
        name: one of `names()`, or a class that is registered under none.
        space: what to search.
        direction: whether larger results are better. Left out, NNI's `optimize_mode` among the
            arguments says it, and without that the default that NNI gives this tuner.
        seed: what the proposals depend on, besides the space and the results.
        objectives: what is wanted, where that is not one result as good as can be: then trials are told with
            the whole of their results in `Trial.data`.
        **class_args: the tuner's own arguments, under NNI's names.

    Raises:
        TunerError: the tuner is unknown, or cannot take these arguments, this space or several objectives.
    """
    cls, name = (find(name), name) if isinstance(name, str) else (name, name.__name__)
    mode = _optimize_mode(name, class_args)
    arguments = checked_arguments(name, cls, {**class_args, "seed": seed})
    cls.check_space(space)
    if objectives is None or objectives.are_plain:
        return cls(space, direction=direction or mode or cls.default_direction, **arguments)
    if not cls.takes_several:
        raise _takes_one(name, objectives)
    if cls.takes_several == "itself":
        return cls(space, **{**arguments, "objectives": objectives})
    if cls.takes_several == "any":
        return cls(space, direction=objectives.direction, **arguments)
    from hpo.tuners.scalarised import Scalarised

    return Scalarised(space, lambda: cls(space, direction="minimize", **arguments), objectives, seed=seed)


def create_assessor(name: str, *, direction: Direction | None = None, **class_args: Any) -> Assessor:
    """Return an assessor by its name.

    Args:
        name: one of `assessor_names()`.
        direction: as for `create`.
        **class_args: the assessor's own arguments, under NNI's names.

    Raises:
        TunerError: the assessor is unknown, or cannot take these arguments.
    """
    cls = find_assessor(name)
    mode = _optimize_mode(name, class_args)
    arguments = checked_arguments(name, cls, class_args)
    return cls(direction=direction or mode or cls.default_direction, **arguments)


def _takes_one(name: str, objectives: Objectives) -> TunerError:
    """Return what is said of a tuner that takes one objective alone."""
    what = "one objective alone" if objectives.are_several else "no constraints on results"
    return TunerError(f"{name} takes {what}", help=f"these take more: {', '.join(SEVERAL)}")


def find(name: str) -> type[Tuner]:
    """Return the class of a tuner by its name.

    Raises:
        TunerError: there is none of this name; it lists those there are.
    """
    found: type[Tuner] = _find("tuner", name, BUILT_IN_TUNERS, Tuner)
    return found


def find_assessor(name: str) -> type[Assessor]:
    """Return the class of an assessor by its name.

    Raises:
        TunerError: there is none of this name; it lists those there are.
    """
    found: type[Assessor] = _find("assessor", name, BUILT_IN_ASSESSORS, Assessor)
    return found


def names() -> tuple[str, ...]:
    """Return the names of all tuners: the built-in ones, then those of other packages."""
    return (*BUILT_IN_TUNERS, *(name for name in _plugins("tuner") if name not in BUILT_IN_TUNERS))


def assessor_names() -> tuple[str, ...]:
    """Return the names of all assessors: the built-in ones, then those of other packages."""
    return (*BUILT_IN_ASSESSORS, *(name for name in _plugins("assessor") if name not in BUILT_IN_ASSESSORS))


def _find(kind: str, name: str, built_in: Mapping[str, str], base: type) -> Any:
    if name in built_in:
        return getattr(import_module(built_in[name]), name)
    plugins = _plugins(kind)
    if name not in plugins:
        known = [*built_in, *plugins]
        by_lower = {each.lower(): each for each in known}
        close = get_close_matches(name.lower(), by_lower, n=1)
        hint = f"did you mean {by_lower[close[0]]}? " if close else ""
        if kind == "tuner" and name in BUILT_IN_ASSESSORS:
            hint = f"it is an assessor, which stops trials of any tuner: --assessor {name}; "
        raise TunerError(f"there is no {kind} {name!r}", help=f"{hint}the {kind}s are {', '.join(known)}")
    try:
        found = plugins[name].load()
    except Exception as error:
        raise TunerError(
            f"the {kind} {name!r} of {plugins[name].value} cannot be imported: {error}",
            help="repair or remove the package that provides it",
        ) from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise TunerError(
            f"the {kind} {name!r} is {found!r}, which is no subclass of hpo.tuners.{base.__name__}",
            help=f"let the entry point {plugins[name].value} name such a class",
        )
    return found


def _plugins(kind: str) -> dict[str, Any]:
    # Imported here: looking through the installed packages is for those who name an unknown one.
    from importlib.metadata import entry_points

    return {p.name: p for p in sorted(entry_points(group=f"hpo.{kind}s"), key=lambda p: p.name)}


def _optimize_mode(name: str, class_args: dict[str, Any]) -> Direction | None:
    mode: Direction | None = class_args.pop("optimize_mode", None)
    if mode not in (None, "maximize", "minimize"):
        raise TunerError(f"{name}: optimize_mode is {mode!r}", help="it takes maximize or minimize")
    return mode
