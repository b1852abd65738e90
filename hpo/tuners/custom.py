"""Tuners and assessors of the user's own, written against our API or against NNI's."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.tuners.arguments import checked_arguments
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Direction, Tuner
from hpo.tuners.loading import failures_of, load_class
from hpo.tuners.nni import NNIAssessor, NNITuner
from hpo.tuners.nni_advisor import ADVISOR_METHODS, NNIAdvisor
from hpo.tuners.nni_messages import MsgDispatcherBase

__all__ = [
    "check_arguments",
    "create_custom",
    "create_custom_assessor",
    "default_direction",
    "default_seed",
    "load_assessor",
    "load_tuner",
    "missing_arguments",
]

#: Arguments that say what an experiment knows: it gives them, where a class of NNI's kind has them.
_COMMON = ("optimize_mode", "seed")

_TUNER_METHODS = ("generate_parameters", "generate_multiple_parameters", "update_search_space")
_ASSESSOR_METHODS = ("assess_trial", "trial_end")


def create_custom(
    file: Path,
    class_name: str,
    space: SearchSpace,
    class_args: Mapping[str, Any] | None = None,
    *,
    direction: Direction | None = None,
    seed: int = 0,
) -> Tuner:
    """Return a tuner of a class in a file.

    Args:
        file: the file; its folder is on the import path while it is loaded.
        class_name: a subclass of `hpo.tuners.Tuner`, or one with the methods of `nni.tuner.Tuner`.
        space: what to search.
        class_args: the arguments of the class.
        direction: whether larger results are better; None for the class's own default.
        seed: what the proposals depend on; a class of NNI's kind gets it where it has such an argument.

    Raises:
        TunerError: the file, the class or the arguments are wrong, or the class itself.
    """
    cls = load_tuner(file, class_name)
    given = dict(class_args or {})
    direction = direction or default_direction(cls, given)
    arguments = _arguments(cls, given, direction, seed)
    with failures_of(f"the tuner {class_name}", file):
        if issubclass(cls, Tuner):
            cls.check_space(space)
            return cls(space, direction=direction, **arguments)
        kind = NNIAdvisor if _is_advisor(cls) else NNITuner
        adapter: type[NNITuner] = type(class_name, (kind,), {"name": class_name, "wrapped": cls})
        adapter.check_space(space)
        return adapter(space, direction=direction, seed=seed, class_args=arguments)


def create_custom_assessor(
    file: Path,
    class_name: str,
    class_args: Mapping[str, Any] | None = None,
    *,
    direction: Direction | None = None,
) -> Assessor:
    """Return an assessor of a class in a file.

    Args:
        file: as for `create_custom`.
        class_name: a subclass of `hpo.tuners.Assessor`, or one of NNI's kind.
        class_args: the arguments of the class.
        direction: as for `create_custom`.

    Raises:
        TunerError: the file, the class or the arguments are wrong, or the class itself.
    """
    cls = load_assessor(file, class_name)
    given = dict(class_args or {})
    direction = direction or default_direction(cls, given)
    arguments = _arguments(cls, given, direction, None)
    with failures_of(f"the assessor {class_name}", file):
        if issubclass(cls, Assessor):
            return cls(direction=direction, **arguments)
        adapter: type[NNIAssessor] = type(class_name, (NNIAssessor,), {"name": class_name, "wrapped": cls})
        return adapter(direction=direction, class_args=arguments)


def load_tuner(file: Path, class_name: str) -> type:
    """Return a class in a file that can serve as a tuner, of either kind, or an advisor of NNI's.

    Raises:
        TunerError: the file cannot be imported, or has no such class.
    """
    cls = load_class(file, class_name)
    if not _is_advisor(cls):
        return _checked(cls, file, "tuner", Tuner, _TUNER_METHODS)
    if not issubclass(cls, MsgDispatcherBase):
        raise TunerError(
            f"{class_name} in {file} derives from the NNI that is installed, and waits for NNI's manager",
            help="run it where NNI is not installed",
        )
    return cls


def _is_advisor(cls: type) -> bool:
    return all(callable(getattr(cls, method, None)) for method in ADVISOR_METHODS)


def load_assessor(file: Path, class_name: str) -> type:
    """Return a class in a file that can serve as an assessor, of either kind.

    Raises:
        TunerError: the file cannot be imported, or has no such class.
    """
    return _checked(load_class(file, class_name), file, "assessor", Assessor, _ASSESSOR_METHODS)


def _checked(cls: type, file: Path, kind: str, base: type, methods: tuple[str, ...]) -> type:
    class_name = cls.__name__
    missing = [] if issubclass(cls, base) else [m for m in methods if not callable(getattr(cls, m, None))]
    if missing:
        raise TunerError(
            f"{class_name} in {file} is no {kind}: it has no {', '.join(missing)}",
            help=f"derive it from hpo.tuners.{kind.capitalize()} or nni.{kind}.{kind.capitalize()}",
        )
    return cls


# -- arguments


def default_direction(cls: type, class_args: Mapping[str, Any]) -> Direction:
    """Return the direction that a class takes by its arguments, or by itself."""
    if issubclass(cls, Tuner | Assessor):
        mode = class_args.get("optimize_mode", cls.default_direction)
    else:
        mode = class_args.get("optimize_mode", _own_default(cls, "optimize_mode"))
    return cast(Direction, mode) if mode in ("maximize", "minimize") else "maximize"


def default_seed(cls: type) -> int | None:
    """Return the seed that a class of NNI's kind has by itself."""
    seed = None if issubclass(cls, Tuner) else _own_default(cls, "seed")
    return seed if isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 else None


def check_arguments(cls: type, given: Mapping[str, Any]) -> None:
    """Refuse arguments that a class does not have, or that it says it cannot take.

    Raises:
        TunerError: it names the argument and what the class takes.
    """
    if issubclass(cls, Tuner | Assessor):
        checked_arguments(cls.__name__, cls, _without_common(given))
        return
    parameters = _parameters(cls)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for name in given:
        if name not in parameters:
            close = get_close_matches(name, parameters, n=1)
            names = ", ".join(parameters) or "none"
            raise TunerError(
                f"{cls.__name__} has no argument {name!r}",
                help=f"did you mean {close[0]}?" if close else f"its arguments are {names}",
            )


def missing_arguments(cls: type, given: Mapping[str, Any]) -> list[str]:
    """Return the arguments that a class needs and nobody gives."""
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    known = (
        {*given, *_COMMON, "space", "direction"} if issubclass(cls, Tuner | Assessor) else {*given, *_COMMON}
    )
    return [
        name
        for name, p in _parameters(cls).items()
        if p.kind in kinds and p.default is p.empty and name not in known
    ]


def _arguments(cls: type, given: Mapping[str, Any], direction: Direction, seed: int | None) -> dict[str, Any]:
    """Return the arguments with which an object of a class is made."""
    check_arguments(cls, given)
    missing = missing_arguments(cls, given)
    if missing:
        raise TunerError(
            f"{cls.__name__} needs the argument {missing[0]!r}", help=f"give {missing[0]} in classArgs"
        )
    seeds = {} if seed is None else {"seed": seed}
    if issubclass(cls, Tuner | Assessor):
        return checked_arguments(cls.__name__, cls, {**_without_common(given), **seeds})
    # What the experiment goes by wins, so that a tuner never minimises what the experiment maximises.
    common = {"optimize_mode": direction, **seeds}
    parameters = _parameters(cls)
    told = {
        name: value
        for name, value in common.items()
        if (name in given and _is_common(name, given[name]))
        or (name in parameters and name not in given and _own_default(cls, name) != value)
    }
    return {**given, **told}


def _is_common(name: str, value: Any) -> bool:
    """Tell whether an argument of this name means what it means in NNI's own classes."""
    return value in ("maximize", "minimize") if name == "optimize_mode" else isinstance(value, int)


def _own_default(cls: type, name: str) -> Any:
    """Return the default of a class's argument; of an enumeration's member, its value."""
    parameter = _parameters(cls).get(name)
    default = None if parameter is None or parameter.default is parameter.empty else parameter.default
    return getattr(default, "value", default)


def _parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


def _without_common(class_args: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in class_args.items() if k not in _COMMON}
