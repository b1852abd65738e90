"""What `mistakes.txt` shows: scripts with a mistake in a mark, and what is said of it, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.annotate.project import annotate

BLOCKS = Path(__file__).with_name("mistakes.txt").read_text().split("\n----\n")
CASES = [block.strip("\n").split("\n====\n") for block in BLOCKS]


@pytest.mark.parametrize(("script", "said"), CASES, ids=[said.splitlines()[0] for _, said in CASES])
def test_a_mistake_is_said_at_its_place_with_its_cure(tmp_path: Path, script: str, said: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(script + "\n")
    found = annotate([path])
    assert "\n".join(map(str, found.diagnostics)).replace(f"{tmp_path}/", "") == said
    assert not found.errors or all(file.rewritten == file.original for file in found.files)
