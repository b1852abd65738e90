"""Find what of ours a trial needs, also where hpo is not installed: `hpo.trial`, and NNI's base classes."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_HPO = os.path.normpath(os.path.join(os.path.abspath(__file__), "..", "..", "..", ".."))  # noqa: PTH100, PTH118


def _is_importable() -> bool:
    """Tell whether `hpo` means ours: it may be missing, or be a script of the user's that has its name."""
    loaded = sys.modules.get("hpo")
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec("hpo")
        origin = None if spec is None else spec.origin
    own = os.path.join(_HPO, "__init__.py")  # noqa: PTH118
    return origin is not None and os.path.realpath(origin) == os.path.realpath(own)


def _load(name: str, *path: str) -> ModuleType:
    """Load a module from its file."""
    import importlib.util

    file = os.path.join(_HPO, *path)  # noqa: PTH118
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _trial() -> ModuleType:
    if _is_importable():
        from hpo import trial

        return trial
    return _load("_hpo_trial", "trial.py")


def bases() -> ModuleType:
    """Return NNI's base classes; few trials ask for them."""
    return sys.modules.get("_hpo_nni_bases") or _load("_hpo_nni_bases", "tuners", "nni_bases.py")


if TYPE_CHECKING:
    from hpo import trial as trial
else:
    trial = _trial()
