"""What a store says of how its experiment is run: read as it was written, and believed no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from records import CONFIG

from hpo.config.model import Config
from hpo.errors import StoreError
from hpo.experiment.plan import Plan, config_of, plan_of
from hpo.runtime.launcher import Command, FunctionCommand, ScriptCommand, ShellCommand


def row(**settings: Any) -> dict[str, Any]:
    return {"config": {**CONFIG, "settings": {**CONFIG["settings"], **settings}}}


@pytest.mark.parametrize(
    "command",
    [ScriptCommand("train.py", ("--fast", "a b")), FunctionCommand("train"), ShellCommand("echo 1")],
    ids=lambda command: type(command).__name__,
)
def test_a_plan_is_read_as_it_was_written(command: Command) -> None:
    plan = Plan(command, Path("/somewhere"), ("json", "numpy"), ("train.py",))
    written = json.loads(json.dumps(plan.to_json()))
    assert plan_of({"config": {"plan": written}}) == plan


@pytest.mark.parametrize(
    "changed",
    [
        {"command": {"script": "train.py"}}, {"command": {"script": "train.py", "args": [1]}},
        {"command": {"function": 1}}, {"command": {"text": ["ls"]}}, {"command": "ls"},
        {"cwd": 1}, {"modules": [1]}, {"sources": [["a"]]}, {"modules": "json"},
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(changed: dict[str, Any]) -> None:
    plan = {"command": {"text": "true"}, "cwd": "/", "modules": [], "sources": [], **changed}
    with pytest.raises(StoreError, match="does not say what its trials run") as raised:
        plan_of({"config": {"plan": plan}})
    assert raised.value.help == "it is damaged, or was not written by hpo"


def test_settings_are_read_as_they_were_written() -> None:
    config = Config(max_trials=7, max_duration=90.0, **CONFIG["settings"])
    assert config_of({"config": {"settings": config.model_dump(mode="json", exclude={"space"})}}) == config


@pytest.mark.parametrize("name", ["seed", "tuner", "trial_concurrency"])
def test_settings_without_what_every_hpo_wrote_are_none(name: str) -> None:
    with pytest.raises(StoreError, match="settings cannot be read") as raised:
        config_of(row(**{name: None}))
    assert raised.value.help == "it is damaged, or was not written by hpo"


def test_a_setting_that_is_none_is_named_with_its_value() -> None:
    with pytest.raises(StoreError, match=r"cannot be read: tuner\.name is 5\n"):
        config_of(row(tuner={"name": 5}))


def test_settings_of_a_newer_hpo_are_passed_over_by_those_who_only_look() -> None:
    newer = row(max_trial_energy=1, max_moons=2, max_trials=7)
    assert config_of(newer).max_trials == 7
    with pytest.raises(StoreError, match=r"does not know: max_moons, max_trial_energy\n") as raised:
        config_of(newer, is_to_run=True)
    assert "pip install -U hpo" in (raised.value.help or "")
