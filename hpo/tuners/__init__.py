"""Algorithms that propose configurations and learn from results, by name.

::

    tuner = hpo.tuners.create("TPE", space, direction="minimize", seed=0)
    while (trial := tuner.ask()) is not None:
        tuner.tell(trial, evaluate(trial.parameters))

The names and arguments are NNI's. Other packages add theirs under the entry-point group ``hpo.tuners``.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.tuners.arguments import checked_arguments
from hpo.tuners.base import Direction, Tuner

__all__ = ["Direction", "Tuner", "create", "find", "names"]

#: The built-in tuners and where they are; each is imported on use.
_BUILT_IN: Mapping[str, str] = {
    "Auto": "hpo.tuners.auto",
    "TPE": "hpo.tuners.tpe",
    "Random": "hpo.tuners.random_search",
    "GridSearch": "hpo.tuners.grid_search",
    "Batch": "hpo.tuners.batch",
    "Anneal": "hpo.tuners.anneal",
    "Evolution": "hpo.tuners.evolution",
    "CMAES": "hpo.tuners.cma_es",
    "QMC": "hpo.tuners.qmc",
}

_GROUP = "hpo.tuners"


def create(
    name: str,
    space: SearchSpace,
    *,
    direction: Direction | None = None,
    seed: int = 0,
    **class_args: Any,
) -> Tuner:
    """Return a tuner by its name.

    Args:
        name: one of `names()`.
        space: what to search.
        direction: whether larger results are better. Left out, NNI's `optimize_mode` among the
            arguments says it, and without that the default that NNI gives this tuner.
        seed: what the proposals depend on, besides the space and the results.
        **class_args: the tuner's own arguments, under NNI's names.

    Raises:
        TunerError: the tuner is unknown, or cannot take these arguments or this space.
    """
    cls = find(name)
    mode = class_args.pop("optimize_mode", None)
    if mode not in (None, "maximize", "minimize"):
        raise TunerError(f"{name}: optimize_mode is {mode!r}", help="it takes maximize or minimize")
    arguments = checked_arguments(name, cls, {**class_args, "seed": seed})
    cls.check_space(space)
    return cls(space, direction=direction or mode or cls.default_direction, **arguments)


def find(name: str) -> type[Tuner]:
    """Return the class of a tuner by its name.

    Raises:
        TunerError: there is none of this name; it lists those there are.
    """
    if name in _BUILT_IN:
        return getattr(import_module(_BUILT_IN[name]), name)  # type: ignore[no-any-return]
    plugins = _plugins()
    if name not in plugins:
        known = names()
        close = get_close_matches(name, known, n=1) or [k for k in known if k.lower() == name.lower()]
        hint = f"did you mean {close[0]}? " if close else ""
        raise TunerError(f"there is no tuner {name!r}", help=f"{hint}the tuners are {', '.join(known)}")
    try:
        found = plugins[name].load()
    except Exception as error:
        raise TunerError(
            f"the tuner {name!r} of {plugins[name].value} cannot be imported: {error}",
            help="repair or remove the package that provides it",
        ) from error
    if not (isinstance(found, type) and issubclass(found, Tuner)):
        raise TunerError(
            f"the tuner {name!r} is {found!r}, which is no subclass of hpo.tuners.Tuner",
            help=f"let the entry point {plugins[name].value} name such a class",
        )
    return found


def names() -> tuple[str, ...]:
    """Return the names of all tuners: the built-in ones, then those of other packages."""
    return (*_BUILT_IN, *(name for name in _plugins() if name not in _BUILT_IN))


def _plugins() -> dict[str, Any]:
    # Imported here: looking through the installed packages is for those who name an unknown tuner.
    from importlib.metadata import entry_points

    return {point.name: point for point in sorted(entry_points(group=_GROUP), key=lambda p: p.name)}
