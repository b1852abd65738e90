"""docs/annotation.md: every script in it is marked without a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hpo.annotate.project import annotate

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


def test_the_hook_that_it_names_is_there() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    ((hook,),) = (repo["hooks"] for repo in yaml.safe_load(block)["repos"])
    assert hook["id"] in {
        each["id"] for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    }
