"""Whole scripts, their spaces and their trials, byte for byte.

``HPO_WRITE_GOLDEN=1 pytest tests/annotate/test_golden.py`` writes what comes out today; read the diff.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.annotate.project import AnnotatedProject, annotate
from hpo.annotate.reading.source import SourceFile
from hpo.annotate.writing.apply import Application, apply, code

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Path:
    folder = GOLDEN / request.param
    if os.environ.get("HPO_WRITE_GOLDEN"):
        found = annotate([folder / "script.py"])
        (folder / "space.json").write_text(json.dumps(found.space.to_json(), indent=2) + "\n")
        (folder / "trial.py").write_bytes(found.files[0].rewritten)
    return folder


@pytest.fixture
def found(case: Path) -> AnnotatedProject:
    return annotate([case / "script.py"])


def output(script: Path, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, script], env=variables, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_trial(case: Path, folder: Path, values: dict[str, object] | None) -> str:
    (folder / "parameters.json").write_text(json.dumps(values or {}))
    variables = {"HPO_TRIAL_DIR": str(folder), "HPO_PARAMETERS": str(folder / "parameters.json")}
    return output(case / "trial.py", folder, **variables, **({"HPO_BASELINE": "1"} if values is None else {}))


def test_the_space_and_the_trial_are_as_written(case: Path, found: AnnotatedProject) -> None:
    assert not found.errors, "\n".join(map(str, found.errors))
    assert found.space.to_json() == json.loads((case / "space.json").read_text())
    assert list(found.space.to_json()) == list(json.loads((case / "space.json").read_text()))
    assert found.files[0].rewritten == (case / "trial.py").read_bytes()


def test_line_n_of_the_trial_is_line_n_of_the_script(case: Path, found: AnnotatedProject) -> None:
    before, after = (
        SourceFile("", case, data) for data in (found.files[0].original, found.files[0].rewritten)
    )
    assert len(before.lines) == len(after.lines)
    ends = [re.findall("\r\n|\r|\n", file.text) for file in (before, after)]
    assert ends[0] == ends[1]


def test_the_baseline_does_what_the_script_does(case: Path, tmp_path: Path) -> None:
    if case.name in ("mutable_layers",):
        pytest.skip("the layers exist in the trial alone")
    assert as_trial(case, tmp_path, None) == output(case / "script.py", tmp_path)


def test_every_value_of_a_finite_domain_runs(case: Path, tmp_path: Path, found: AnnotatedProject) -> None:
    space = found.space
    most = max((len(p.values() or ()) for p in space.parameters.values()), default=0)
    for i in range(min(most, 3)):
        units = {
            name: (i + 0.5) / max(len(domain.values() or ()), 2) % 1
            for name, domain in space.parameters.items()
        }
        as_trial(case, tmp_path, space.from_unit(units))


def test_a_rewritten_script_has_no_marks(case: Path, tmp_path: Path) -> None:
    shutil.copy(case / "trial.py", tmp_path / "script.py")
    again = annotate([tmp_path / "script.py"])
    assert not again.parameters
    assert not again.diagnostics
    assert again.files[0].rewritten == again.files[0].original


def test_the_sources_own_values_written_back_change_nothing(found: AnnotatedProject) -> None:
    written = apply(found, found.space.default_configuration())
    assert not written.diff()


def test_values_written_back_are_the_new_defaults(case: Path, tmp_path: Path) -> None:
    copy = shutil.copy(case / "script.py", tmp_path / "script.py")
    found = annotate([copy])
    values = found.space.from_unit(dict.fromkeys(found.space, 0.75))
    result = apply(found, values)
    result.write()
    again = annotate([copy])
    assert not again.errors
    assert again.space.to_json() == found.space.to_json()
    written = {name: value for name, value in values.items() if not is_left(name, result)}
    for name, value in written.items():
        now = again.space.defaults[name]
        assert now == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value), name


def is_left(name: str, result: Application) -> bool:
    return any(name in re.split(r"[ ,]", d.message) or d.message.startswith("with ") for d in result.skipped)


def test_the_code_of_a_trial_runs_without_hpo_as_the_trial_does(
    case: Path, tmp_path: Path, found: AnnotatedProject
) -> None:
    values = found.space.default_configuration()
    script = tmp_path / "standalone.py"
    script.write_bytes(code(found, values)[case / "script.py"])
    done = subprocess.run(
        [sys.executable, "-I", "-S", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert [line for line in as_trial(case, tmp_path, values).splitlines() if line not in lines] == []


def test_a_project_survives_the_way_between_processes(found: AnnotatedProject) -> None:
    restored = AnnotatedProject.from_json(json.loads(json.dumps(found.to_document())))
    assert restored == found
