"""What the page says, in both of its languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hpo.dashboard import app
from hpo.trial import TrialState

STATIC = Path(app.__file__).parent / "static"
SCRIPTS = [path for path in STATIC.glob("*.js") if path.name != "zh.js"]
STRING = r'"((?:[^"\\]|\\.)*)"'


def chinese() -> dict[str, str]:
    pairs = re.findall(rf"{STRING}: {STRING}", (STATIC / "zh.js").read_text(encoding="utf-8"))
    return {json.loads(f'"{key}"'): json.loads(f'"{value}"') for key, value in pairs}


def said() -> set[str]:
    found: set[str] = set()
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        found |= {json.loads(f'"{words}"') for words in re.findall(rf"\bt\({STRING}", text)}
        found |= {json.loads(f'"{words}"') for words in re.findall(rf"words: {STRING}", text)}
    return found


def test_everything_is_said_in_chinese_too() -> None:
    assert len(said()) > 150
    assert said() - chinese().keys() == set()


def test_what_is_filled_in_is_filled_in_in_both() -> None:
    for english, translated in chinese().items():
        assert english.count("{}") == translated.count("{}"), english


def test_every_state_of_a_trial_has_its_words() -> None:
    text = (STATIC / "text.js").read_text(encoding="utf-8")
    for state in TrialState:
        assert f"{state.value}: {{ glyph" in text


def test_every_module_is_loaded_at_once() -> None:
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    for path in SCRIPTS:
        if path.name != "changes.js":  # the shared worker's
            assert f"/static/{path.name}" in index, path.name
