"""docs/annotation.md: every script in it is marked without a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hpo.annotate.project import annotate
from hpo.experiment.settings_files import read_settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "annotation.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("script", SCRIPTS, ids=range(len(SCRIPTS)))
def test_a_script_is_marked_without_a_mistake(script: str, tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(script, encoding="utf-8")
    found = annotate([path])
    assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
    assert found.parameters or found.fidelity is not None


def _yaml_blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def test_the_marks_of_its_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(_yaml_blocks()[0])
    read = read_settings(tmp_path / "config.yaml")
    assert read is not None
    assert {value.name: value.default for value in read.values} == {
        "optimizer.name": "adam",
        "optimizer.lr": 0.01,
        "depth": 3,
    }


def test_the_hook_that_it_names_is_there() -> None:
    _, block = _yaml_blocks()
    ((hook,),) = (repo["hooks"] for repo in yaml.safe_load(block)["repos"])
    assert hook["id"] in {
        each["id"] for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }
