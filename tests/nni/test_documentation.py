"""docs/from-nni.md: what it says is tested, and what it shows runs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hpo.nni
from hpo.runtime.shims import nni as trial_api

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "from-nni.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT))))
def test_each_test_that_it_names_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert not name or name in {getattr(node, "name", None) for node in tree.body}


def test_it_lists_every_function_of_a_trial_and_of_a_program() -> None:
    methods = {name for name in vars(hpo.nni.Experiment) if not name.startswith("_")}
    functions = {name for name in trial_api.__all__ if name.startswith(("get_", "report_"))}
    written = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    assert methods | functions <= written


def test_its_program_runs(tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    trial = 'import nni\nnni.report_final_result(nni.get_next_parameter()["lr"])\n'
    (tmp_path / "train.py").write_text(trial)
    environment = {**os.environ, "HPO_HOME": str(tmp_path / "home")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("TrialResult(parameter={'lr': 0.")
