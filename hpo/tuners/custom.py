"""Tuners and assessors in files of the user's, written against our API or against NNI's."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hpo.errors import TunerError
from hpo.space import SearchSpace
from hpo.tuners.arguments import checked_arguments
from hpo.tuners.assessor import Assessor
from hpo.tuners.base import Direction, Tuner
from hpo.tuners.nni import NNIAssessor, NNITuner, standing_in_for_nni

__all__ = ["create_custom", "create_custom_assessor", "load_class"]


def create_custom(
    file: Path, class_name: str, space: SearchSpace, *, direction: Direction, seed: int = 0, **class_args: Any
) -> Tuner:
    """Return a tuner of a class in a file.

    Args:
        file: the file; its folder is on the import path while it is loaded.
        class_name: a subclass of `hpo.tuners.Tuner`, or one with the methods of `nni.tuner.Tuner`.
        space: what to search.
        direction: whether larger results are better.
        seed: what the proposals of one of our kind depend on; NNI's get one where it is among the arguments.
        **class_args: the arguments of the class.

    Raises:
        TunerError: the file, the class or the arguments are wrong.
    """
    cls = load_class(file, class_name)
    if issubclass(cls, Tuner):
        arguments = checked_arguments(class_name, cls, {**_without_mode(class_args), "seed": seed})
        cls.check_space(space)
        return cls(space, direction=direction, **arguments)
    _require(
        cls, file, "tuner", ("generate_parameters", "generate_multiple_parameters", "update_search_space")
    )
    adapter: type[NNITuner] = type(class_name, (NNITuner,), {"name": class_name, "wrapped": cls})
    adapter.check_space(space)
    return _made(adapter, cls, class_args, space, direction=direction, seed=seed)  # type: ignore[no-any-return]


def create_custom_assessor(
    file: Path, class_name: str, *, direction: Direction, **class_args: Any
) -> Assessor:
    """Return an assessor of a class in a file.

    Args:
        file: the file.
        class_name: a subclass of `hpo.tuners.Assessor`, or one of NNI's kind.
        direction: whether larger results are better.
        **class_args: the arguments of the class.

    Raises:
        TunerError: the file, the class or the arguments are wrong.
    """
    cls = load_class(file, class_name)
    if issubclass(cls, Assessor):
        arguments = checked_arguments(class_name, cls, _without_mode(class_args))
        return cls(direction=direction, **arguments)
    _require(cls, file, "assessor", ("assess_trial", "trial_end"))
    adapter = type(class_name, (NNIAssessor,), {"name": class_name, "wrapped": cls})
    return _made(adapter, cls, class_args, direction=direction)  # type: ignore[no-any-return]


def load_class(file: Path, name: str) -> type:
    """Return a class of a Python file.

    Raises:
        TunerError: the file cannot be imported, or has no class of this name.
    """
    if not file.is_file():
        raise TunerError(f"there is no file {file}", help="codeDir and classFileName lead to it")
    spec = spec_from_file_location(f"hpo_custom_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)  # it may import its neighbours
    try:
        with standing_in_for_nni():
            sys.modules[spec.name] = module  # dataclasses and pickling look there
            spec.loader.exec_module(module)
    except Exception as error:
        raise TunerError(
            f"{file} cannot be imported: {type(error).__name__}: {error}",
            help="run it with python to see where",
        ) from error
    finally:
        sys.path.remove(folder)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        there = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == spec.name]
        raise TunerError(
            f"{file} has no class {name!r}", help=f"its classes are {', '.join(there) or 'none'}"
        )
    return found


def _require(cls: type, file: Path, kind: str, methods: tuple[str, ...]) -> None:
    missing = [m for m in methods if not callable(getattr(cls, m, None))]
    if missing:
        raise TunerError(
            f"{cls.__name__} in {file} is no {kind}: it has no {', '.join(missing)}",
            help=f"derive it from hpo.tuners.{kind.capitalize()} or nni.{kind}.{kind.capitalize()}",
        )


def _made(adapter: type, cls: type, class_args: Mapping[str, Any], *args: Any, **common: Any) -> Any:
    try:
        inspect.signature(cls).bind(**class_args)
    except TypeError as error:
        raise TunerError(
            f"{cls.__name__}: {error}", help=f"its arguments are {inspect.signature(cls)}"
        ) from error
    return adapter(*args, **common, class_args=class_args)


def _without_mode(class_args: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in class_args.items() if k != "optimize_mode"}
