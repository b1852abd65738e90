"""The types that the page's modules state in their comments (JSDoc), checked by TypeScript."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TSC = ("npm", "exec", "--yes", "--package=typescript@7.0.2", "--", "tsc")


@pytest.fixture
def tsc() -> tuple[str, ...]:
    """Return TypeScript's compiler, which npm fetches where it is not there yet."""
    if shutil.which("npm") is None:
        if "CI" in os.environ:
            pytest.fail("there is no npm, and CI has to check the page's types: apt-get install npm")
        pytest.skip("there is no npm to check the page's types with: apt-get install npm")
    done = subprocess.run([*TSC, "--version"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0 and "CI" not in os.environ:
        pytest.skip(f"npm cannot fetch TypeScript: {done.stderr.strip()[-200:]}")
    return TSC


def test_the_page_keeps_to_the_types_that_it_states(tsc: tuple[str, ...]) -> None:
    command = [*tsc, "--project", "jsconfig.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_type_is_found(tsc: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "page.js").write_text("/** @param {number} n */\nexport const f = (n) => n;\nf('x');\n")
    config = (ROOT / "jsconfig.json").read_text().replace("hpo/dashboard/static", ".")
    (tmp_path / "jsconfig.json").write_text(config)
    command = [*tsc, "--project", str(tmp_path / "jsconfig.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "is not assignable to parameter of type 'number'" in done.stdout
