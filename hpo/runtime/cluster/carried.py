"""A function of the program that runs the experiment, on its way to the nodes that call it.

The modules of the program's own folder travel in it, as they are when the experiment begins or goes on; those
that are installed are imported where it arrives.
"""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hpo.errors import UsageError
from hpo.runtime.snapshot import freeze

__all__ = ["MODULE", "load", "pack_function", "unpack_function"]

MODULE = "hpo_carried"  # what the fork server of a node imports, and with it all that the function needs

_LOADED = """\
from hpo.runtime.cluster.carried import load

function = load(__file__.removesuffix(".py") + ".pickle")
"""
_CALLED = f"""\
from {MODULE} import function

from hpo.runtime.function import run_function

run_function(function)
"""


def pack_function(function: Callable[[], Any], folder: Path) -> bytes:
    """Return a function as bytes.

    Args:
        function: what a trial calls.
        folder: whose modules travel with it.

    Raises:
        UsageError: it holds something that cannot travel.
    """
    cloudpickle = _cloudpickle()
    own = [module for module in list(sys.modules.values()) if _is_own(module, folder)]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(function))
    except (TypeError, ValueError, AttributeError, RecursionError, pickle.PicklingError) as error:
        raise UsageError(
            f"the function cannot travel to the nodes of a cluster: {error}",
            help="open files, locks and connections inside it, or put it into a script: hpo run --engine ray",
        ) from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def load(path: str) -> Callable[[], Any]:
    """Return the function that a file holds."""
    _cloudpickle()
    function: Callable[[], Any] = pickle.loads(Path(path).read_bytes())  # noqa: S301 - the runner's own
    return function


def _cloudpickle() -> Any:
    """Return the library; where it is not installed, Ray's copy of it, without loading Ray."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.import_module("cloudpickle")
    ray = importlib.util.find_spec("ray")
    assert ray is not None
    for folder in ray.submodule_search_locations or ():
        copy = Path(folder, "cloudpickle", "__init__.py")
        spec = importlib.util.spec_from_file_location("cloudpickle", copy)
        assert spec is not None
        assert spec.loader is not None
        sys.modules["cloudpickle"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["cloudpickle"])
    return sys.modules["cloudpickle"]


def _is_own(module: ModuleType, folder: Path) -> bool:
    """Tell whether a module belongs to a folder, and neither to hpo nor to an environment that lies in it."""
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    if not isinstance(file, str) or name.partition(".")[0] in ("hpo", "__main__"):
        return False
    path = Path(file)
    return path.is_relative_to(folder) and "site-packages" not in path.parts


def unpack_function(packed: bytes, folder: Path) -> Path:
    """Write a script that calls a function, beside the module that loads it; return the script's path.

    It is its own snapshot, in ``code`` of the folder, since scripts are forked from one.
    """
    folder.mkdir()
    (folder / f"{MODULE}.pickle").write_bytes(packed)
    (folder / f"{MODULE}.py").write_text(_LOADED, encoding="utf-8")
    script = folder / "call.py"
    script.write_text(_CALLED, encoding="utf-8")
    freeze(folder / "code", {script: (_CALLED.encode(), _CALLED.encode())}, folder)
    return script
