"""What the page says, in both of its languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from records import UNIFORM, record, trial

from hpo import figures
from hpo.dashboard import app
from hpo.trial import Metric, TrialState

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


def test_the_figures_say_everything_in_chinese_too() -> None:
    known = chinese().keys() | {"", "digits"}  # the experiment's name
    count = 60
    trials = [
        trial(
            i,
            {"x": i / count, "k": "ab"[i % 2]},
            None if i % 7 == 6 else i / 9 % 1,
            memo={"budget": 1 + i % 3, "generation": i // 9} | ({"continues": i - 9} if i > 8 else {}),
            origin="tuner" if i else "baseline",
        )
        for i in range(count)
    ]
    space = {"x": UNIFORM, "k": {"_type": "choice", "_value": ["a", "b"]}}
    of = record(trials, space, intermediate={i: [Metric(0, 0.1), Metric(1, 0.2)] for i in range(count)})
    told: set[str] = set()
    for kind, draw in figures.KINDS.items():
        figure = draw(of).to_dict()
        layout = figure["layout"]
        titles = [layout["title"], layout["title"].get("subtitle", {})]
        if kind not in ("contour", "parallel"):  # their titles are the names of parameters
            titles += [axis.get("title", {}) for name, axis in layout.items() if name[1:5] == "axis"]
            told |= {title.get("text", "") for title in titles}
            told |= {trace.get("name", "") for trace in figure["data"]}
        if kind == "history":
            told |= {note["text"] for note in layout["annotations"]}
    words = {re.sub(r" (\(\d+\)|after \d+ pass(es)?|since the first trial)$", "", each) for each in told}
    assert len(words) > 20
    assert words - known == set()


def test_every_state_of_a_trial_has_its_words() -> None:
    text = (STATIC / "text.js").read_text(encoding="utf-8")
    for state in TrialState:
        assert f"{state.value}: {{ glyph" in text


def test_every_module_is_loaded_at_once() -> None:
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    for path in SCRIPTS:
        if path.name != "changes.js":  # the shared worker's
            assert f"/static/{path.name}" in index, path.name
