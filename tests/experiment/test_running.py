"""What a trial is given to run with."""

from __future__ import annotations

import json
from pathlib import Path

from hpo.experiment.running import RunningTrial
from hpo.space import SearchSpace
from hpo.trial import Trial

SPACE = SearchSpace.from_json(
    {
        "layer": {
            "_type": "choice",
            "_value": [{"_name": "conv", "size": {"_type": "choice", "_value": [3, 5]}}, {"_name": "none"}],
        }
    }
)


def test_the_budget_that_its_tuner_remembers_is_among_its_values(tmp_path: Path) -> None:
    trial = Trial(0, {"layer": "conv", "layer.size": 3}, memo={"budget": 9, "rung": 2})
    run = RunningTrial(trial, tmp_path / "0", "tuner")
    run.make_folder()
    run.write_parameters(SPACE)
    written = {
        name: json.loads((tmp_path / "0" / f"{name}.json").read_text()) for name in ("parameters", "nested")
    }
    assert written["parameters"] == {"layer": "conv", "layer.size": 3, "TRIAL_BUDGET": 9}
    assert written["nested"] == {"layer": {"_name": "conv", "size": 3}, "TRIAL_BUDGET": 9}
    assert trial.parameters == {"layer": "conv", "layer.size": 3}


def test_a_trial_without_a_budget_has_its_values_alone(tmp_path: Path) -> None:
    run = RunningTrial(Trial(0, {"layer": "none"}), tmp_path / "0", "tuner")
    run.make_folder()
    run.write_parameters(SPACE)
    assert json.loads((tmp_path / "0" / "parameters.json").read_text()) == {"layer": "none"}
