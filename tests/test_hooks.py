"""The hook for pre-commit: what it runs, on the files that pre-commit names."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

(HOOK,) = yaml.safe_load((Path(__file__).parents[1] / ".pre-commit-hooks.yaml").read_text())


def run(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as pre-commit does: its entry, then the names of the changed files."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [*shlex.split(HOOK["entry"]), *files], cwd=folder, env={"PATH": path}, capture_output=True, text=True
    )


def test_it_is_a_python_hook_for_python_files() -> None:
    assert HOOK["id"] == "hpo-annotate"
    assert (HOOK["language"], HOOK["types"]) == ("python", ["python"])


def test_marks_without_a_mistake_pass_in_silence(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("lr = 0.1  # hpo: uniform(0, 1)\n")
    (tmp_path / "plain.py").write_text("print(1)\n")
    done = run(tmp_path, "good.py", "plain.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_mistake_in_any_file_fails_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("lr = 0.1  # hpo: uniform(0, 1)\n")
    (tmp_path / "bad.py").write_text("lr = 0.1  # hpo: uniform(1, 0)\n")
    done = run(tmp_path, "good.py", "bad.py")
    assert done.returncode == 2
    assert done.stderr.startswith("bad.py:1:26: error:")
