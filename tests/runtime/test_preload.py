"""What does not survive a fork is found out before trials are forked."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hpo.runtime.preload import NOT_FORKED, Elsewhere, preload


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that modules are imported from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    others = {name: module for name, module in sys.modules.items() if name not in NOT_FORKED}
    monkeypatch.setattr(sys, "modules", others)
    return tmp_path


def test_what_opens_a_gpu_is_left_to_the_trial(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("plain_one", "opening", "after_it"):
        (modules / f"{name}.py").write_text("")
    (modules / "opening.py").write_text(
        f"import os\nopened = os.open({str(modules / 'device')!r}, os.O_CREAT)\n"
    )
    shown = {str(modules / "device"): "/dev/nvidia0"}
    plain = os.readlink
    monkeypatch.setattr(os, "readlink", lambda path: shown.get(found := plain(path), found))
    monkeypatch.setattr("_thread._count", lambda: 0)
    assert preload(["plain_one", "opening", "after_it"], ()) == "opening"
    assert "after_it" not in sys.modules
    os.close(sys.modules["opening"].opened)


def test_a_module_that_fails_is_left_to_the_trial_and_the_next_is_imported(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (modules / "failing.py").write_text("raise SystemExit\n")
    (modules / "after_it.py").write_text("")
    monkeypatch.setattr("_thread._count", lambda: 0)
    assert preload(["failing", "not_there", "after_it"], ()) is None
    assert "after_it" in sys.modules


def test_what_is_edited_or_removed_is_told_and_what_is_installed_is_not_watched(modules: Path) -> None:
    (modules / "site-packages").mkdir()
    for name in ("edited_one", "removed_one", "site-packages/installed_one"):
        (modules / f"{name}.py").write_text("x = 1\n")
    sys.path.append(str(modules / "site-packages"))
    __import__("edited_one"), __import__("removed_one"), __import__("installed_one")
    sys.path.pop()
    elsewhere = Elsewhere()
    assert elsewhere.changed() == []
    (modules / "site-packages" / "installed_one.py").write_text("x = 22\n")
    (modules / "edited_one.py").write_text("x = 22\n")
    (modules / "removed_one.py").unlink()
    assert sorted(elsewhere.changed()) == [str(modules / "edited_one.py"), str(modules / "removed_one.py")]
