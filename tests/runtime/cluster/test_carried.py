"""A function on its way to the nodes of a cluster, and what travels with it."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import hpo
from hpo.runtime.cluster.carried import load, pack_function
from hpo.runtime.cluster.host import Host

pytest.importorskip("ray") if "CI" not in os.environ else None


@pytest.fixture
def helping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return a module of the user's folder."""
    (tmp_path / "helping.py").write_text("offset = 1\n\n\ndef doubled(x=2):\n    return 2 * x + offset\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("helping")
    sys.modules.pop("helping", None)


@pytest.mark.parametrize("environment", ["", "env/lib/site-packages"])
def test_a_module_of_the_users_folder_travels_and_one_of_an_environment_in_it_does_not(
    tmp_path: Path, helping: ModuleType, environment: str
) -> None:
    folder = tmp_path / environment
    folder.mkdir(parents=True, exist_ok=True)
    helping.__file__ = str(folder / "helping.py")
    function = helping.doubled
    (tmp_path / "function.pickle").write_bytes(pack_function(function, tmp_path))
    del sys.modules["helping"]
    (tmp_path / "helping.py").unlink()
    importlib.invalidate_caches()
    if environment:
        with pytest.raises(ModuleNotFoundError, match="helping"):
            load(str(tmp_path / "function.pickle"))
    else:
        assert load(str(tmp_path / "function.pickle"))() == 5


def test_of_hpo_itself_nothing_travels_though_it_lies_in_the_users_folder() -> None:
    assert pickle.loads(pack_function(hpo.trial_dir, Path(hpo.__file__).parent)) is hpo.trial_dir


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_installed_cloudpickle_packs_it_or_else_rays_copy_without_ray_being_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_installed: bool
) -> None:
    copy = tmp_path / "ray" / "cloudpickle"
    copy.mkdir(parents=True)
    (copy / "__init__.py").write_text("def dumps(function):\n    return b'by the copy'\n")
    (copy.parent / "__init__.py").write_text("raise AssertionError('it is loaded')")
    installed = ModuleType("cloudpickle")
    installed.dumps = lambda _: b"by the installed one"  # type: ignore[attr-defined]
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setitem(sys.modules, "cloudpickle", installed if is_installed else None)
    packed = pack_function(len, tmp_path / "project")
    assert packed == (b"by the installed one" if is_installed else b"by the copy")


def test_a_host_calls_it_with_what_it_uses(tmp_path: Path, helping: ModuleType) -> None:
    packed = pack_function(helping.doubled, tmp_path)
    (tmp_path / "helping.py").unlink()
    directory = f"{tmp_path}/experiment/trials/3"
    setup = {
        "experiment": "abc",
        "directory": f"{tmp_path}/experiment",
        "cwd": str(tmp_path),
        "path": str(tmp_path),
        "modules": [],
        "spawns": False,
        "threads": {},
        "variables": {"HPO_EXPERIMENT_ID": "abc"},
        "memory": None,
        "environment": {},
    }
    request = {
        "start": 3,
        "dir": directory,
        "values": {},
        "env": {
            "HPO_TRIAL_DIR": directory,
            "HPO_TRIAL_ATTEMPT": "1",
            "HPO_TRIAL_SEQUENCE": "3",
            "HPO_PARAMETERS": f"{directory}/parameters.json",
        },
    }
    host = Host(setup, None, packed)
    try:
        host.start(request, [(directory, {"file": "parameters.json", "at": 0, "data": b"{}", "last": True})])
        *parts, end = host.watch()
    finally:
        host.close()
    reported = b"".join(part["data"] for part in parts if part.get("log") == "metrics.jsonl")
    assert b'"value": 5' in reported
    assert end["status"] == 0
