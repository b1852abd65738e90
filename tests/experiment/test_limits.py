"""What ends an experiment, what ends a trial, and what runs again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.config.model import Config
from hpo.config.target import Target
from hpo.errors import UsageError
from hpo.experiment.create import create, open_existing
from hpo.experiment.loop import Experiment
from hpo.space import SearchSpace
from hpo.trial import TrialState

SPACE = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
SPOOL = "$HPO_TRIAL_DIR/metrics.jsonl"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


NUMBER = f"""printf '{{"type": "final", "value": %s, "time": 0}}\\n' $HPO_TRIAL_SEQUENCE >> {SPOOL}"""


def run(command: str, **settings: Any) -> Experiment:
    given = {"command": command, "space": SPACE, "seed": 1, "tuner": {"name": "Random"}, "max_trials": 8}
    experiment = create(Config.model_validate({**given, **settings}))
    experiment.run()
    return experiment


def states(experiment: Experiment) -> list[str]:
    return [row.state.value for row in experiment.store.trials()]


def ended_because(experiment: Experiment) -> str:
    return str(experiment.store.experiment()["message"])


class TestAResultThatIsGoodEnough:
    def test_it_ends_the_experiment_and_the_trials_that_are_under_way(self) -> None:
        command = f"if [ $HPO_TRIAL_SEQUENCE = 3 ]; then sleep 60; fi; {NUMBER}"
        experiment = run(command, trial_concurrency=2, stop_when=">= 4")
        assert ended_because(experiment) == "trial 4 reached >= 4"
        assert states(experiment) == ["succeeded"] * 3 + ["system_canceled", "succeeded"]

    def test_it_may_be_any_number_that_came_with_the_result(self) -> None:
        data = '{"default": 0, "val/acc": %s}'
        command = (
            f"""printf '{{"type": "final", "value": 0, "data": {data}, "time": 0}}\\n' """
            f"""$HPO_TRIAL_SEQUENCE >> {SPOOL}"""
        )
        experiment = run(command, stop_when="val/acc>=2")
        assert ended_because(experiment) == "trial 2 reached val/acc>=2"

    def test_a_name_that_no_result_has_is_said_once(self) -> None:
        command = f"""echo '{{"type": "final", "value": 1, "data": {{"default": 1, "acc": 1}}}}' >> {SPOOL}"""
        experiment = run(command, stop_when="val_acc>=0.5", max_trials=3)
        (event,) = experiment.store.events()
        assert event["message"].endswith("no result is called val_acc; there is default, acc")
        assert states(experiment) == ["succeeded"] * 3

    def test_one_that_was_reached_before_is_known_when_it_is_resumed(self) -> None:
        first = run(NUMBER, stop_when=">=2")
        first.store.close()
        again = open_existing(first.directory)
        again.run()
        assert states(again) == ["succeeded"] * 3
        assert ended_because(again) == "trial 2 reached >=2"

    @pytest.mark.parametrize("text", ["", "val_acc", "val_acc=>1", "val_acc>=high", "a>=1>=2", ">=nan"])
    def test_what_compares_nothing_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="compares no result with a number"):
            Target(text)

    def test_a_plain_result_goes_by_any_name(self) -> None:
        assert Target("val_acc >= 0.99").is_met(0.995, None)
        assert not Target("val_acc >= 0.99").is_met(0.985, None)
        assert Target("loss<0.1").is_met(5.0, {"default": 5.0, "loss": 0.05})
        assert not Target("loss<0.1").is_met(0.0, {"default": 0.0, "loss": True})


class TestEnough:
    def test_after_so_many_failures_no_trial_starts(self) -> None:
        command = f"if [ $HPO_TRIAL_SEQUENCE != 2 ]; then exit 1; fi; {NUMBER}"
        experiment = run(command, max_failures=4)
        assert states(experiment) == ["failed", "failed", "succeeded", "failed", "failed"]
        assert ended_because(experiment) == "4 trials failed, and the limit is 4"

    def test_it_ends_when_nothing_better_comes(self) -> None:
        better = """value=$((HPO_TRIAL_SEQUENCE < 2 ? HPO_TRIAL_SEQUENCE : 0))"""
        command = f"""{better}; printf '{{"type": "final", "value": %s, "time": 0}}\\n' $value >> {SPOOL}"""
        experiment = run(command, patience=3)
        assert states(experiment) == ["succeeded"] * 5
        assert ended_because(experiment) == "the last 3 trials brought nothing better"

    def test_a_limit_that_is_raised_while_a_trial_runs_lets_others_start(self) -> None:
        wait = "while [ ! -e go ]; do sleep 0.05; done"
        update = f"{sys.executable} -m hpo update --patience 4 && touch go"
        command = f"if [ $HPO_TRIAL_SEQUENCE = 2 ]; then {update}; {wait}; fi; echo x"
        command += f"""; echo '{{"type": "final", "value": 1, "time": 0}}' >> {SPOOL}"""
        assert states(run(command, patience=2)) == ["succeeded"] * 5


class TestMemory:
    GREEDY = f"""{sys.executable} -c 'import time; x = bytearray(300 << 20); time.sleep(60)'"""

    def test_a_trial_that_uses_too_much_is_ended_with_its_children(self) -> None:
        command = f"if [ $HPO_TRIAL_SEQUENCE = 1 ]; then {self.GREEDY} & wait; fi; {NUMBER}"
        experiment = run(command, max_trial_memory="200M", max_trials=3)
        assert states(experiment) == ["succeeded", "failed", "succeeded"]
        row = experiment.store.trial(1)
        assert row is not None
        assert row.failure == "oom"
        assert row.detail is not None
        assert row.detail.endswith("of memory, and 200 M is the limit")

    def test_what_trials_share_is_no_trials_alone(self) -> None:
        Path("train.py").write_text(
            "import numpy\nimport hpo\nx = 0.5  # hpo: uniform(0, 1)\nheld = bytearray(30 << 20)\n"
            "import time; time.sleep(1)\nhpo.report_final_result(x)\n"
        )
        experiment = create(Config(max_trials=2, max_trial_memory=60 << 20), script="train.py")
        experiment.run()
        assert states(experiment) == ["succeeded"] * 2


class TestRetries:
    def test_a_trial_that_fails_runs_again_with_its_number_and_its_files(self) -> None:
        flaky = f"if [ ! -e $HPO_TRIAL_DIR/tried ]; then touch $HPO_TRIAL_DIR/tried; exit 3; fi; {NUMBER}"
        experiment = run(flaky, retries=1, max_trials=3)
        assert [(r.state.value, r.attempt, r.retries) for r in experiment.store.trials()] == [
            ("succeeded", 2, 1)
        ] * 3
        messages = [event["message"] for event in experiment.store.events(1)]
        assert messages == ["attempt 1 failed: it ended with status 3; it runs again"]

    def test_it_fails_when_its_retries_are_used_up(self) -> None:
        experiment = run(
            f"if [ $HPO_TRIAL_SEQUENCE = 1 ]; then exit 3; fi; {NUMBER}", retries=2, max_trials=2
        )
        row = experiment.store.trial(1)
        assert row is not None
        assert (row.state, row.attempt, row.failure) == (TrialState.FAILED, 3, "exit")
        assert experiment.tuner.trials[1].failure == "exit"
        assert experiment.tuner.results == {0: 0.0, 1: None}
