"""Classes in Python files of the user's: loading them, and saying where they fail."""

from __future__ import annotations

import contextlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hpo.errors import HpoError, TunerError
from hpo.tuners.nni_modules import standing_in_for_nni

__all__ = ["failure", "failures_of", "load_class"]


def load_class(file: Path, name: str) -> type:
    """Return a class of a Python file.

    A file is run once, however many of its classes are used, as long as it is not changed.

    Raises:
        TunerError: the file cannot be imported, or has no class of this name.
    """
    file = file.resolve()
    if not file.is_file():
        raise TunerError(f"there is no file {file}", help="put it there, or name the file that has the class")
    with failures_of(f"the import of {file.name}", file):
        module = _module(file, file.stat().st_mtime_ns)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        there = [
            n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__
        ]
        close = get_close_matches(name, there, n=1)
        help_ = f"did you mean {close[0]}?" if close else f"its classes are {', '.join(there) or 'none'}"
        raise TunerError(f"{file} has no class {name!r}", help=help_)
    return found


@contextlib.contextmanager
def failures_of(what: str, file: Path | None, *, help: str | None = None) -> Iterator[None]:  # noqa: A002
    """Turn what goes wrong in a user's code into an error that says where; what it prints goes to stderr.

    Args:
        what: what may fail, such as "the tuner Mine".
        file: the file that the code is in, where it is not our own.
        help: how to mend it.

    Raises:
        TunerError: something went wrong.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            yield
    except (HpoError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() in there is a mistake like any other
        cure = help or _cure(error) or "mend it, and start again"
        raise TunerError(failure(what, file, error), help=cure) from error


def _cure(error: BaseException) -> str | None:
    """Return how to mend an import of what the stand-ins for NNI's modules do not have."""
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "nni":
        return "this part of NNI is not in hpo: install NNI beside it (pip install nni), or do without"
    return None


def failure(what: str, file: Path | None, error: BaseException) -> str:
    """Return ``WHAT failed at FILE:LINE: EXCEPTION: its message``."""
    place = _place(error, file.resolve().parent) if file is not None else None
    at = f" at {place}" if place else f" ({file})" if file is not None else ""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{what} failed{at}: {type(error).__name__}" + (f": {message}" if message else "")


def _place(error: BaseException, folder: Path) -> str | None:
    """Return the innermost line of the code in a folder that an exception passed through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if Path(f.filename).is_relative_to(folder)]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else None


@cache
def _module(file: Path, modified: int) -> ModuleType:
    """Import a file, by its own name where it belongs to a package, so that it may import relatively."""
    root, parts = file.parent, [] if file.stem == "__init__" else [file.stem]
    while (root / "__init__.py").is_file():
        root, parts = root.parent, [root.name, *parts]
    sys.path.insert(0, str(root))  # it may import its neighbours
    importlib.invalidate_caches()
    try:
        with standing_in_for_nni():
            if root != file.parent:
                return importlib.import_module(".".join(parts))
            return _executed(file)
    finally:
        sys.path.remove(str(root))


def _executed(file: Path) -> ModuleType:
    spec = spec_from_file_location(f"hpo_custom_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickling look there
    spec.loader.exec_module(module)
    return module
