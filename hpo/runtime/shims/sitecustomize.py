"""What a Python that a trial starts does first: see to it that it, too, runs the experiment's frozen code.

So the processes of a pool, a launcher of distributed training and a shell's ``python train.py`` have the
trial's values. Python imports this by its name, since its folder is on the trials' PYTHONPATH; a
`sitecustomize` further down the path is run as well. `hpo` is loaded from its own folder: this Python may be
one of another environment.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
_HPO = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120


def _run_next() -> None:
    """Run the `sitecustomize` that this one hides."""
    rest = [path for path in sys.path if os.path.abspath(path) != _HERE]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


def _install(code: str) -> None:
    """Load `hpo`, and let it give the frozen code."""
    if "hpo" not in sys.modules:
        path = os.path.join(_HPO, "__init__.py")  # noqa: PTH118
        spec = spec_from_file_location("hpo", path, submodule_search_locations=[_HPO])
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules["hpo"] = module_from_spec(spec)
        spec.loader.exec_module(module)
    from hpo.runtime.snapshot import Snapshot

    Snapshot(code).install()


if "HPO_CODE" in os.environ:
    _install(os.environ["HPO_CODE"])
_run_next()
