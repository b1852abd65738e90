"""What ends an experiment, what ends a trial, and what runs again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.config.model import Algorithm, Config
from hpo.errors import SpaceError, UsageError
from hpo.experiment import wishes
from hpo.experiment.create import create, open_existing
from hpo.experiment.documents import open_store
from hpo.experiment.limits import Limits
from hpo.experiment.loop import Experiment
from hpo.runtime import home
from hpo.space import SearchSpace
from hpo.target import Target
from hpo.trial import Trial, TrialState

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
        command = f"if [ $HPO_TRIAL_SEQUENCE = 3 ]; then sleep 600; fi; {NUMBER}"
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


class TestNoDuplicates:
    @pytest.mark.parametrize("tuner", ["TPE", "Random", "Evolution"])
    def test_a_configuration_that_ran_is_not_run_again(self, tuner: str) -> None:
        space = SearchSpace.from_json({"k": {"_type": "choice", "_value": ["a", "b", "c"]}})
        experiment = run(NUMBER, space=space, tuner={"name": tuner}, max_trials=20, trial_concurrency=2)
        assert sorted(row.parameters["k"] for row in experiment.store.trials()) == ["a", "b", "c"]
        assert ended_because(experiment) == "every configuration of the space was tried"

    def test_one_that_is_asked_for_is(self) -> None:
        space = SearchSpace.from_json({"k": {"_type": "choice", "_value": ["a", "b"]}})
        hpo = f"{sys.executable} -m hpo"
        ask = f"{hpo} enqueue $HPO_EXPERIMENT_ID k=$({hpo} param k)"  # the values of this very trial
        once = f"if [ ! -e asked ]; then touch asked; {ask}; fi; {NUMBER}"
        experiment = run(once, space=space, tuner={"name": "Random"}, max_trials=20)
        first, *others = [row.parameters["k"] for row in experiment.store.trials()]
        assert sorted(others) == ["a", "b"]
        assert first in others


class TestMemory:
    GREEDY = f"""{sys.executable} -c 'import time; x = bytearray(300 << 20); time.sleep(600)'"""

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


class TestSilence:
    REPORT = f"""echo '{{"type": "intermediate", "step": 0, "value": 1, "time": 0}}' >> {SPOOL}"""

    def test_a_trial_that_hangs_is_ended_and_one_that_goes_on_reporting_is_not(self) -> None:
        hangs = "if [ $HPO_TRIAL_SEQUENCE = 1 ]; then kill -STOP $$; fi"
        passes = f"for i in 1 2 3 4 5 6; do {self.REPORT}; sleep 0.7; {hangs}; done; {NUMBER}"
        experiment = run(passes, max_trial_silence="3s", max_trials=3, trial_concurrency=3)
        assert states(experiment) == ["succeeded", "failed", "succeeded"]
        row = experiment.store.trial(1)
        assert row is not None
        assert (row.failure, row.detail) == ("timeout", "it reported nothing for 3 s")
        assert [len(experiment.store.metrics(number)) for number in range(3)] == [6, 1, 6]

    def test_it_holds_for_trials_that_run_once_it_is_given(self) -> None:
        update = f"{sys.executable} -m hpo update --max-trial-silence 2s --max-trial-duration 1h"
        command = f"if [ $HPO_TRIAL_SEQUENCE = 1 ]; then {update}; sleep 600; fi; {NUMBER}"
        assert states(run(command, max_trials=3)) == ["succeeded", "failed", "succeeded"]

    def test_it_is_taken_away_from_trials_that_run(self) -> None:
        update = f"{sys.executable} -m hpo update --no-limit max-trial-silence --no-limit max-trial-duration"
        command = f"{update}; sleep 6; {NUMBER}"
        assert states(run(command, max_trial_silence=5, max_trial_duration=5, max_trials=1)) == ["succeeded"]

    @pytest.mark.parametrize(("line", "failure"), [("loss: 1", None), ("", "timeout")])
    def test_where_results_are_read_from_the_output_what_is_printed_counts(
        self, line: str, failure: str | None
    ) -> None:
        prints = f"""if [ -n "{line}" ]; then echo "{line}"; fi"""
        command = f"for i in 1 2 3 4 5 6 7; do {prints}; sleep 0.5; done; echo loss: 2"
        experiment = run(
            f"test $HPO_TRIAL_SEQUENCE = 0 && echo loss: 3 && exit; {command}",
            max_trial_silence=2,
            metric_pattern="loss: (.)",
            max_trials=2,
        )
        row = experiment.store.trial(1)
        assert row is not None
        assert row.failure == failure

    def test_a_trial_that_hangs_after_its_final_result_says_who_ended_it(self) -> None:
        experiment = run(f"{NUMBER}; sleep 600", max_trial_silence=1, max_trials=1)
        row = experiment.store.trial(0)
        assert row is not None
        assert (row.failure, row.detail) == (
            None,
            "it reported nothing for 1 s, and was ended; its final result counts",
        )


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


class TestRepetition:
    NOISY = (
        """case $HPO_TRIAL_REPEAT in 0) value=1;; 1) value=2;; *) value=6;; esac; """
        f"""printf '{{"type": "final", "value": %s, "time": 0}}\\n' $value >> {SPOOL}"""
    )

    def test_a_trial_runs_several_times_and_its_result_is_the_mean(self) -> None:
        experiment = run(f"echo $HPO_TRIAL_DIR; {self.NOISY}", repeat=3, max_trials=2, trial_concurrency=2)
        rows = experiment.store.trials()
        assert [(row.value, round(row.deviation or 0, 3)) for row in rows] == [(3.0, 2.646)] * 2
        assert [value for value, *_ in experiment.store.repetitions(1)] == [1.0, 2.0, 6.0]
        assert experiment.tuner.results == {0: 3.0, 1: 3.0}
        folders = [experiment.directory / "trials" / name for name in ("1", "1.1", "1.2")]
        assert [Path((folder / "stdout.log").read_text().strip()) for folder in folders] == folders
        assert not experiment.store.events(), "the runs differ, and nothing is odd"

    def test_numbers_that_come_with_the_result_are_means_as_well(self) -> None:
        data = '{"default": 0, "acc": \'$HPO_TRIAL_REPEAT\', "kind": "a"}'
        report = f"""echo '{{"type": "final", "value": 0, "data": {data}, "time": 0}}' >> {SPOOL}"""
        experiment = run(report, repeat=3, max_trials=1)
        row = experiment.store.trial(0)
        assert row is not None
        assert row.data == {"default": 0.0, "acc": 1.0, "kind": "a"}

    def test_runs_that_are_all_the_same_are_pointed_out(self) -> None:
        (event,) = run(NUMBER, repeat=2, max_trials=3).store.events()
        assert event["message"].startswith("all 2 runs of trial 0 had the same result")

    def test_a_run_that_fails_fails_its_trial_unless_it_is_retried(self) -> None:
        flaky = f"""if [ $HPO_TRIAL_SEQUENCE$HPO_TRIAL_REPEAT = 11 ]; then exit 4; fi; {self.NOISY}"""
        row = run(flaky, repeat=2, max_trials=2).store.trial(1)
        assert row is not None
        assert (row.failure, row.value) == ("exit", None)
        assert row.detail == "run 2 of 2: it ended with status 4"
        once = f"if [ ! -e $HPO_TRIAL_DIR/tried ]; then touch $HPO_TRIAL_DIR/tried; exit 3; fi; {self.NOISY}"
        row = run(once, repeat=2, retries=2, max_trials=1).store.trial(0)
        assert row is not None
        assert (row.value, row.retries, row.attempt) == (1.5, 2, 3)

    def test_its_curve_is_that_of_the_first_run(self) -> None:
        Path("train.py").write_text(
            "import os, hpo\nx = 0.5  # hpo: uniform(0, 1)\nrun = int(os.environ['HPO_TRIAL_REPEAT'])\n"
            "for epoch in range(3):\n    hpo.report_intermediate_result(10 * run + epoch)\n"
            "hpo.report_final_result(run)\n"
        )
        assessor = Algorithm(name="Medianstop")
        experiment = create(Config(max_trials=2, repeat=3, assessor=assessor), script="train.py")
        experiment.run()
        assert [metric.value for metric in experiment.store.metrics(1)] == [0, 1, 2]
        assert experiment.tuner.trials[1].intermediate == experiment.store.metrics(1)
        assert [row.value for row in experiment.store.trials()] == [1.0, 1.0]

    def test_a_runner_that_was_killed_repeats_no_run_that_ended(self) -> None:
        stop = f"{sys.executable} -m hpo stop"
        note = "echo $HPO_TRIAL_SEQUENCE.$HPO_TRIAL_REPEAT >> done"
        once = "if [ $HPO_TRIAL_REPEAT = 1 ] && [ ! -e stopped ]; then touch stopped; " + stop
        first = run(f"{once}; sleep 600; fi; {self.NOISY}; {note}", repeat=3, max_trials=1)
        assert [row.state.value for row in first.store.trials()] == ["waiting"]
        first.store.close()
        again = open_existing(first.directory)
        again.run()
        row = again.store.trial(0)
        assert row is not None
        assert row.value == 3.0
        assert Path("done").read_text().split() == ["0.0", "0.1", "0.2"]


@pytest.mark.parametrize("assessor", [None, "Medianstop"])
def test_curves_are_kept_in_memory_for_assessors_alone(assessor: str | None) -> None:
    Path("train.py").write_text(
        "import hpo\nx = 0.5  # hpo: uniform(0, 1)\nhpo.report_intermediate_result(x)\n"
        "hpo.report_final_result(x)\n"
    )
    chosen = None if assessor is None else Algorithm(name=assessor)
    experiment = create(Config(max_trials=3, assessor=chosen), script="train.py")
    experiment.run()
    experiment.store.close()
    resumed = open_existing(experiment.directory)
    for each in (experiment, resumed):
        kept = [len(trial.intermediate) for trial in each.tuner.trials.values()]
        assert kept == [0 if assessor is None else 1] * 3
    resumed.run()
    assert [len(resumed.store.metrics(number)) for number in range(3)] == [1, 1, 1]
    resumed.store.close()


class TestCounting:
    """What the limits make of results and of ends, without an experiment around them."""

    @staticmethod
    def limits(**settings: Any) -> Limits:
        return Limits(Config.model_validate({"command": "true", "space": SPACE, **settings}))

    def test_without_limits_nothing_is_enough(self) -> None:
        limits = self.limits(max_duration=None)
        for number in range(50):
            limits.result(number, 1.0, None)
            limits.ended(Trial(number, {}, state=TrialState.FAILED), is_best=False)
        assert limits.reached(1e9) is None
        assert limits.winner is None

    def test_the_time_is_up_at_its_last_second(self) -> None:
        limits = self.limits(max_duration=90)
        assert limits.reached(89.9) is None
        assert limits.reached(90.0) == "the time limit of 90 s is reached"

    def test_failures_are_enough_when_there_are_as_many_as_allowed(self) -> None:
        limits = self.limits(max_failures=2)
        for number, state in enumerate([TrialState.FAILED, TrialState.EARLY_STOPPED, TrialState.FAILED]):
            assert limits.reached(0) is None
            limits.ended(Trial(number, {}, state=state), is_best=False)
        assert limits.reached(0) == "2 trials failed, and the limit is 2"

    def test_patience_counts_what_was_judged_since_the_best(self) -> None:
        limits = self.limits(patience=2)
        states = [TrialState.SUCCEEDED, TrialState.USER_CANCELED, TrialState.SYSTEM_CANCELED]
        for number, state in enumerate(states):
            limits.ended(Trial(number, {}, state=state), is_best=False)
        assert limits.reached(0) is None
        limits.ended(Trial(3, {}, state=TrialState.EARLY_STOPPED), is_best=False)
        assert limits.reached(0) == "the last 2 trials brought nothing better"
        limits.ended(Trial(4, {}, state=TrialState.SUCCEEDED), is_best=True)
        limits.ended(Trial(5, {}, state=TrialState.SUCCEEDED), is_best=False)
        assert limits.reached(0) is None
        limits.ended(Trial(6, {}, state=TrialState.FAILED), is_best=False)
        assert limits.reached(0) == "the last 2 trials brought nothing better"

    def test_the_first_result_that_is_good_enough_wins(self) -> None:
        limits = self.limits(stop_when=">= 0.5")
        for number, value in enumerate([0.4, 0.6, 0.9]):
            assert limits.result(number, value, None) is None
        assert limits.winner == 1
        assert limits.reached(0) == "trial 1 reached >= 0.5"

    def test_one_that_misses_a_constraint_is_not_good_enough(self) -> None:
        limits = self.limits(stop_when=">= 0.5", result_constraints=["latency<=50"])
        limits.result(0, 0.9, {"default": 0.9, "latency": 60})
        assert limits.winner is None
        limits.result(1, 0.9, {"default": 0.9, "latency": 40})
        assert limits.winner == 1

    def test_another_target_is_looked_for_anew_and_the_same_is_not(self) -> None:
        limits = self.limits(stop_when=">= 0.5")
        limits.result(0, 0.6, None)
        limits.change(Config.model_validate({"command": "true", "space": SPACE, "stop_when": ">= 0.5"}))
        assert limits.winner == 0
        limits.change(Config.model_validate({"command": "true", "space": SPACE, "stop_when": ">= 0.9"}))
        assert limits.reached(0) is None
        limits.change(Config.model_validate({"command": "true", "space": SPACE}))
        assert limits.result(1, 1.0, None) is None
        assert limits.winner is None


class TestWishes:
    def test_those_that_make_no_sense_are_said_and_change_nothing(self) -> None:
        directory = run(f"sleep 0.02; {NUMBER}", max_trials=1).directory
        for wish in (
            {"do": "update", "settings": {"max_trials": 2}},
            {"do": "update", "settings": {"trial_concurrency": -1}},
            {"do": "search", "space": {"x": {"_type": "guess", "_value": []}}},
            {"do": "import", "trials": [[{"x": 7}, 1.0]]},
            {"do": "dance"},
        ):
            home.send_command(directory, wish)
        again = open_existing(directory)
        again.run()
        said = [event["message"] for event in again.store.events() if event["kind"] == "warning"]
        assert [message.split(": ")[0] for message in said] == [
            "the settings stay as they are",
            "the search space stays as it is",
            "a trial was not imported",
            "this could not be done",
        ]
        assert states(again) == ["succeeded", "succeeded"]

    def test_memory_that_no_trial_could_do_with_is_asked_back(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        with pytest.raises(UsageError, match="4 bytes of memory") as raised:
            wishes.update(directory, {"max_trial_memory": 4})
        assert raised.value.help == "give the unit: 512M, 4G"
        assert list(home.commands(directory)) == []

    def test_what_is_over_cannot_be_stopped(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        with pytest.raises(UsageError, match="is not running") as raised:
            wishes.stop(directory)
        assert raised.value.help == f"hpo show {directory.name} tells where it stands"

    def test_a_trial_that_does_not_run_cannot_be_ended(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        with pytest.raises(UsageError, match=f"experiment {directory.name} is not running"):
            wishes.kill_trial(directory, 0)
        with home.take_lock(directory):
            with pytest.raises(UsageError, match=r"trial 0 of .* is not running: it has succeeded"):
                wishes.kill_trial(directory, 0)
            with pytest.raises(UsageError, match=r"trial 1 of .* is not running: there is none"):
                wishes.kill_trial(directory, 1)
        assert list(home.commands(directory)) == []

    def test_what_was_wished_of_the_moment_is_nothing_to_the_next_runner(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        others = {"do": "update", "settings": {"max_trials": 2}}
        for wish in ({"do": "stop"}, {"do": "kill", "trial": 1}, others):
            home.send_command(directory, wish)
        assert len(wishes.of_a_moment(directory)) == 2
        again = open_existing(directory)
        assert [wish for _, wish in home.commands(directory)] == [others]
        again.run()
        assert (states(again), again.exit_code) == (["succeeded", "succeeded"], 0)

    def test_what_waits_is_wanted_already(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        wider = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 9]}})
        wishes.update(directory, {"max_trials": 5}, wider)
        with open_store(directory) as store:
            settings, space = wishes.wanted(store)
            assert store.experiment()["config"]["settings"] == {**settings, "max_trials": 1}
        assert settings["max_trials"] == 5
        assert space == wider.to_json()

    def test_there_must_be_something_to_change_and_to_search(self) -> None:
        directory = run(NUMBER, max_trials=1).directory
        with pytest.raises(UsageError, match="nothing to change"):
            wishes.update(directory, {})
        with pytest.raises(SpaceError, match="the search space is empty"):
            wishes.update(directory, {}, SearchSpace.from_json({}))
        assert list(home.commands(directory)) == []
