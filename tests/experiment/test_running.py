"""What a trial is given to run with, and what is taken of what it reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.config.model import Config
from hpo.experiment.listener import Listener
from hpo.experiment.repetition import Outcome
from hpo.experiment.running import RunningTrial, shared_variables
from hpo.runtime.spool import Bad, Final
from hpo.runtime.store import Store
from hpo.space import SearchSpace
from hpo.trial import Metric, Trial

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


def test_the_baseline_has_the_sources_own_values_and_nothing_is_nested(tmp_path: Path) -> None:
    run = RunningTrial(Trial(0, {"layer": "conv"}), tmp_path / "0", "baseline")
    run.make_folder()
    assert run.write_parameters(SPACE) == {"layer": "conv"}
    assert not (tmp_path / "0" / "nested.json").exists()


def test_what_a_tuner_of_nnis_handed_it_is_what_its_script_gets(tmp_path: Path) -> None:
    handed = {"layer": {"_name": "none", "more": 1}}
    run = RunningTrial(Trial(0, {"layer": "none"}, memo={"handed": handed}), tmp_path / "0", "tuner")
    run.make_folder()
    run.write_parameters(SPACE)
    assert json.loads((tmp_path / "0" / "nested.json").read_text()) == handed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.create(tmp_path, id="e", name="e", direction="maximize", config={}, space={}, defaults={})
    (tmp_path / "trials").mkdir()
    yield made
    made.close()


class Heard(Listener):
    def __init__(self) -> None:
        self.metrics: list[tuple[int, Metric]] = []

    def reported(self, trial: Trial, metric: Metric) -> None:
        self.metrics.append((trial.number, metric))


def running(store: Store, origin: str = "tuner", **others: Any) -> RunningTrial:
    """Return a trial that is in the store and has its folder."""
    trial = Trial(len(store.trials()), {"x": 0.5})
    store.add_trial(trial, origin)
    run = RunningTrial(trial, store.directory / "trials" / str(trial.number), origin, **others)
    run.make_folder()
    return run


def report(run: RunningTrial, *records: dict[str, Any]) -> None:
    with (run.directory / "metrics.jsonl").open("a") as spool:
        for record in records:
            spool.write(json.dumps({"time": 7, **record}) + "\n")


def step(number: int, value: float, **others: Any) -> dict[str, Any]:
    return {"type": "intermediate", "step": number, "value": value, **others}


def final(value: Any, **others: Any) -> dict[str, Any]:
    return {"type": "final", "value": value, **others}


def fold(value: float) -> dict[str, Any]:
    return {"type": "fold", "value": value}


def said(store: Store) -> list[tuple[str, int, str]]:
    return [(event["kind"], event["trial"], event["message"]) for event in store.events()]


class TestReports:
    def test_each_is_stored_once_however_often_one_looks(self, store: Store) -> None:
        run, heard = running(store), Heard()
        report(run, step(3, 0.25), step(5, 0.5))
        assert run.read_reports(store, heard)
        assert not run.read_reports(store, heard)
        report(run, step(9, 0.75), final(0.8, data={"default": 0.8, "loss": 2}))
        assert run.read_reports(store, heard)
        curve = [Metric(3, 0.25), Metric(5, 0.5), Metric(9, 0.75)]
        assert heard.metrics == [(0, metric) for metric in curve]
        assert run.trial.intermediate == store.metrics(0) == curve
        (row,) = store.trials()
        assert (row.value, row.data) == (0.8, {"default": 0.8, "loss": 2})
        assert row.spool == run.offset == (run.directory / "metrics.jsonl").stat().st_size
        assert store.last_sequence(0) == run.sequence == 3

    def test_an_attempt_that_goes_on_from_a_checkpoint_keeps_what_was_reported_before_it(
        self, store: Store
    ) -> None:
        run, heard = running(store), Heard()
        report(run, step(0, 0.1), step(1, 0.2), step(2, 0.3))
        run.set_aside()
        run = run.again()
        report(run, step(2, 0.35, attempt=2), step(3, 0.4), step(4, 0.45))
        run.set_aside()
        run = run.again()
        run.trial.intermediate = []
        report(run, step(4, 0.5, attempt=3))
        assert run.read_reports(store, heard)
        curve = [Metric(i, value) for i, value in enumerate((0.1, 0.2, 0.35, 0.4, 0.5))]
        assert run.trial.intermediate == store.metrics(0) == curve
        assert heard.metrics == [(0, Metric(4, 0.5))]  # the others were heard before
        report(run, step(5, 0.6))
        assert run.read_reports(store, heard)
        assert store.metrics(0) == [*curve, Metric(5, 0.6)]

    def test_an_attempt_that_had_no_pass_left_to_make_keeps_all_that_was_reported_before_it(
        self, store: Store
    ) -> None:
        run = running(store)
        report(run, step(0, 0.1), step(1, 0.2))
        run.set_aside()
        run = run.again()
        report(run, final(0.2))
        assert run.read_reports(store, Listener())
        assert store.metrics(0) == run.trial.intermediate == [Metric(0, 0.1), Metric(1, 0.2)]

    @pytest.mark.parametrize("second", [10, 1])
    def test_an_attempt_that_begins_from_scratch_has_a_curve_of_its_own(
        self, store: Store, second: int
    ) -> None:
        run = running(store)
        report(run, step(5, 0.1), step(second, 0.2))
        run.set_aside()
        run = run.again()
        run.trial.intermediate = []
        report(run, step(5, 0.3))
        assert run.read_reports(store, Listener())
        assert store.metrics(0) == run.trial.intermediate == [Metric(5, 0.3)]

    def test_a_result_on_the_way_that_is_no_number_is_said_and_no_part_of_the_curve(
        self, store: Store
    ) -> None:
        run, heard = running(store), Heard()
        report(run, {"type": "intermediate", "step": 4, "value": None, "bad": "nan"})
        assert run.read_reports(store, heard)
        assert (run.trial.intermediate, heard.metrics) == ([], [])
        assert said(store) == [("warning", 0, "step 4: nan")]

    def test_the_first_final_result_counts_and_another_is_said(self, store: Store) -> None:
        run = running(store)
        report(run, final(0.5), final(0.5))
        assert not run.read_reports(store, Listener())
        assert said(store) == []
        report(run, final(0.9))
        run.read_reports(store, Listener())
        assert run.final == Final(0.5, None, 7)
        assert store.trials()[0].value == 0.5
        assert said(store) == [
            ("warning", 0, "a second final result, 0.9, was not taken: the first counts"),
        ]

    def test_of_final_results_that_are_no_numbers_the_first_is_named(self, store: Store) -> None:
        run = running(store)
        report(run, final(None, bad="inf"), final(None, bad="nan"))
        run.read_reports(store, Listener())
        assert (run.final, run.bad) == (None, Bad("inf", 7))

    @pytest.mark.parametrize(("origin", "x"), [("baseline", 0.125), ("tuner", 0.5)])
    def test_the_sources_own_values_are_those_of_the_baseline(
        self, store: Store, origin: str, x: float
    ) -> None:
        run = running(store, origin)
        report(run, {"type": "own", "name": "x", "value": 0.125})
        run.read_reports(store, Listener())
        assert run.trial.parameters == store.trials()[0].parameters == {"x": x}

    def test_what_it_says_often_is_kept_once_and_of_very_much_the_first_hundred(self, store: Store) -> None:
        run = running(store)
        for number in (0, 0, *range(1, 150)):
            report(run, {"type": "warning", "message": f"message {number}"})
        run.read_reports(store, Listener())
        messages = [message for _, _, message in said(store)]
        assert messages[:-1] == [f"message {number}" for number in range(100)]
        assert messages[-1] == "there are more than 100 warnings of this trial: no more are kept"

    def test_of_a_second_run_the_result_is_taken_and_no_curve(self, store: Store) -> None:
        run = running(store, repeat=1)
        report(run, step(0, 0.25), final(0.5))
        assert not run.read_reports(store, Listener())
        assert (run.trial.intermediate, store.metrics(0)) == ([], [])
        assert run.final == Final(0.5, None, 7)

    def test_lines_of_an_earlier_attempt_are_said_and_not_taken(self, store: Store) -> None:
        run = running(store, attempt=2)
        report(run, final(0.5, attempt=1), final(0.75, attempt=2))
        run.read_reports(store, Listener())
        assert run.final == Final(0.75, None, 7)
        ((kind, trial, message),) = said(store)
        assert (kind, trial) == ("warning", 0)
        assert "it comes late, of another attempt" in message


class TestFolds:
    def test_on_the_way_it_has_the_mean_so_far_and_at_the_end_that_of_all(self, store: Store) -> None:
        run = running(store)
        report(run, fold(1), fold(2))
        run.read_reports(store, Listener())
        report(run, fold(6))
        assert run.read_reports(store, Listener())
        assert [metric.value for metric in store.metrics(0)] == [1, 1.5, 3]
        run.take_folds(store)
        assert run.final is not None
        assert (run.final.value, store.trials()[0].value) == (3, 3)
        assert (run.final.data or {})["folds"] == [1, 2, 6]

    def test_only_what_was_read_counts(self, store: Store) -> None:
        run = running(store)
        report(run, fold(1), step(9, 0.5), fold(2))
        run.read_reports(store, Listener())
        report(run, fold(6))
        run.take_folds(store)
        assert run.final is not None
        assert run.final.value == 1.5

    @pytest.mark.parametrize("reported", [final(7), final(None, bad="nan")])
    def test_a_result_beside_them_counts_though_it_be_none(
        self, store: Store, reported: dict[str, Any]
    ) -> None:
        run = running(store)
        report(run, fold(1), fold(2), reported)
        run.read_reports(store, Listener())
        before = run.final, run.bad
        run.take_folds(store)
        assert (run.final, run.bad) == before
        assert said(store) == []

    def test_without_folds_there_is_no_result(self, store: Store) -> None:
        run = running(store)
        report(run, step(0, 0.5))
        run.read_reports(store, Listener())
        run.take_folds(store)
        assert (run.final, run.bad) == (None, None)


class TestParts:
    @pytest.mark.parametrize(
        ("reported", "taken"),
        [
            (final(1, data={"a": 3, "b": 4}), Final(3.0, {"a": 3, "b": 4}, 7)),
            (final(1), Bad("1.0 is no dict of a, b", 7)),
            (final(1, data={"a": 3, "c": 4}), Bad("it has no number b, and has a, c", 7)),
            (final(1, data={"a": "no", "b": 4}), Bad("it has 'no' as a", 7)),
        ],
    )
    def test_a_result_has_the_numbers_that_are_wanted_or_it_is_said_which_it_lacks(
        self, store: Store, reported: dict[str, Any], taken: Final | Bad
    ) -> None:
        run = running(store, parts=("a", "b"))
        report(run, reported)
        run.read_reports(store, Listener())
        assert (run.final or run.bad) == taken


class TestOutput:
    OUTPUT = "loss 9\nacc 0.25, acc 0.5\nacc nan\nacc ?\nacc 0.75\n"

    @pytest.mark.parametrize("log", ["stdout", "stderr"])
    def test_what_a_pattern_finds_is_the_curve_and_the_last_of_it_the_result(
        self, store: Store, log: str
    ) -> None:
        run, heard = running(store), Heard()
        (run.directory / f"{log}.log").write_text(self.OUTPUT)
        run.read_output(r"acc (\S+?),?\s", store, heard)
        curve = [Metric(0, 0.25), Metric(1, 0.5), Metric(2, 0.75)]
        assert run.trial.intermediate == store.metrics(0) == curve
        assert [metric for _, metric in heard.metrics] == curve
        assert run.final is not None
        assert (run.final.value, store.trials()[0].value) == (0.75, 0.75)

    def test_a_pattern_without_a_group_is_the_number_itself(self, store: Store) -> None:
        run = running(store)
        (run.directory / "stdout.log").write_bytes(b"\xff 0.5 and\n0.25\n")
        (run.directory / "stderr.log").write_text("0.75\n")  # looked at where the other has nothing
        run.read_output(r"[0-9.]+", store, Listener())
        assert store.metrics(0) == [Metric(0, 0.5), Metric(1, 0.25)]

    @pytest.mark.parametrize("reported", [final(0.5), step(0, 0.5)])
    def test_what_reports_by_itself_needs_no_pattern(self, store: Store, reported: dict[str, Any]) -> None:
        run = running(store)
        (run.directory / "stdout.log").write_text(self.OUTPUT)
        report(run, reported)
        run.read_reports(store, Listener())
        before = run.final
        run.read_output(r"acc (\S+)", store, Listener())
        assert run.final is before
        assert len(store.metrics(0)) == run.sequence

    def test_of_a_second_run_the_last_number_is_the_result_and_the_curve_stays(self, store: Store) -> None:
        run = running(store, repeat=1, sequence=3)
        (run.directory / "stdout.log").write_text(self.OUTPUT)
        run.read_output(r"acc (\S+)", store, Listener())
        assert run.final is not None
        assert run.final.value == 0.75
        assert (run.trial.intermediate, store.metrics(0)) == ([], [])

    def test_where_nothing_is_found_there_is_no_result(self, store: Store) -> None:
        run = running(store)
        run.read_output(r"acc (\S+)", store, Listener())
        assert run.final is None


class TestFolders:
    def test_a_folder_is_the_users_own(self, store: Store) -> None:
        assert running(store).directory.stat().st_mode & 0o777 == 0o700

    def test_that_of_an_earlier_attempt_stays_as_it_is(self, store: Store) -> None:
        run = running(store)
        (run.directory / "checkpoint").write_text("3")
        assert run.again().make_folder()
        assert (run.directory / "checkpoint").read_text() == "3"

    def test_of_a_first_attempt_what_is_there_is_not_its_own_and_is_kept_beside_it(
        self, store: Store
    ) -> None:
        run = running(store)
        for _ in range(3):
            assert run.make_folder()
            assert not list(run.directory.iterdir())
            (run.directory / "metrics.jsonl").write_text("of another trial")
        folders = sorted(path.name for path in run.directory.parent.iterdir())
        assert folders == [run.directory.name, *(f"{run.directory.name}.before{n}" for n in ("", 1, 2))]

    def test_where_a_trial_removed_them_all_it_is_made_again(self, store: Store) -> None:
        folders = store.directory / "trials"
        folders.rmdir()
        run = running(store)
        assert run.directory.is_dir()
        assert folders.stat().st_mode & 0o777 == run.directory.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize(("suffix", "copied"), [("", "first"), (".1", "second"), (".2", "first")])
    def test_it_begins_with_the_files_of_the_same_run_of_an_earlier_trial(
        self, store: Store, suffix: str, copied: str
    ) -> None:
        folders = store.directory / "trials"
        for name, text in ("0", "first"), ("0.1", "second"):
            (folders / name).mkdir()
            (folders / name / "checkpoint").write_text(text)
        run = RunningTrial(Trial(4, {}, memo={"continues": 0}), folders / f"4{suffix}", "tuner")
        assert run.make_folder()
        assert (run.directory / "checkpoint").read_text() == copied

    def test_where_these_are_gone_it_begins_from_scratch_and_tells_so(self, store: Store) -> None:
        run = RunningTrial(Trial(4, {}, memo={"continues": 0}), store.directory / "trials" / "4", "tuner")
        assert not run.make_folder()
        assert run.directory.is_dir()


class TestAttempts:
    def test_the_next_begins_with_empty_files_and_knows_what_came_before(self, store: Store) -> None:
        earlier = [Outcome(0.5, None, 2.0)]
        run = running(store, attempt=2, retries=1, repeat=1, earlier=earlier, parts=("a",))
        for name in ("metrics.jsonl", "stdout.log"):
            (run.directory / name).write_text("second")
        run.offset = 6
        run.set_aside()
        left = {path.name for path in run.directory.iterdir()}
        assert left == {"metrics.2.jsonl", "stdout.2.log"}
        following = run.again()
        assert (following.attempt, following.retries, following.repeat) == (3, 1, 1)
        assert (following.offset, following.earlier, following.parts) == (0, earlier, ("a",))
        assert (following.trial, following.directory) == (run.trial, run.directory)
        assert run.again(failed=True).retries == 2
        assert (running(store).retries, running(store).again().retries) == (0, 0)

    def test_the_next_run_has_a_folder_of_its_own_and_the_results_so_far(self, store: Store) -> None:
        first, second = Outcome(0.5, None, 2.0), Outcome(0.75, None, 3.0)
        run = running(store, "user", attempt=2, retries=1, repeat=1, earlier=[first], parts=("a",))
        following = run.next_run(store.directory / "trials" / "0.2", second)
        assert following.directory.name == "0.2"
        assert (following.attempt, following.retries, following.repeat) == (2, 1, 2)
        assert (following.earlier, following.parts) == ([first, second], ("a",))
        assert (following.origin, following.trial) == ("user", run.trial)
        assert run.earlier == [first]


def test_a_process_knows_which_trial_it_is_under_our_names_and_nnis(tmp_path: Path) -> None:
    folder = tmp_path / "7.1"
    run = RunningTrial(Trial(7, {}), folder, "tuner", attempt=3, repeat=1)
    assert run.variables("abc") == {
        "HPO_TRIAL_ID": "abc-7",
        "HPO_TRIAL_SEQUENCE": "7",
        "HPO_TRIAL_ATTEMPT": "3",
        "HPO_TRIAL_REPEAT": "1",
        "HPO_TRIAL_DIR": str(folder),
        "HPO_PARAMETERS": str(folder / "parameters.json"),
        "NNI_TRIAL_JOB_ID": "abc-7",
        "NNI_TRIAL_SEQ_ID": "7",
        "NNI_SYS_DIR": str(folder),
        "NNI_OUTPUT_DIR": str(folder),
    }
    baseline = RunningTrial(Trial(0, {}), tmp_path / "0", "baseline").variables("abc")
    assert (baseline["HPO_BASELINE"], baseline["HPO_TRIAL_ATTEMPT"], baseline["HPO_TRIAL_REPEAT"]) == (
        "1", "1", "0",
    )  # fmt: skip


def test_it_knows_the_experiment_its_objective_and_what_is_fixed(tmp_path: Path) -> None:
    space = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
    given = {"command": "true", "space": space, "code_directory": tmp_path}
    every = {
        "HPO_EXPERIMENT_ID": "abc",
        "NNI_PLATFORM": "local",
        "NNI_EXP_ID": "abc",
        "NNI_CODE_DIR": str(tmp_path),
    }
    assert shared_variables("abc", Config.model_validate(given)) == every
    more = {"fixed": {"x": 0.5}, "objectives": {"acc": "maximize", "loss": "minimize"}}
    assert shared_variables("abc", Config.model_validate({**given, **more})) == {
        **every,
        "HPO_OBJECTIVE": "acc",
        "HPO_FIXED": '["x"]',
    }


def test_checkpoint_folders_of_nnis_are_whole_paths_in_its_own_folder(tmp_path: Path) -> None:
    trial = Trial(3, {"layer": "none"}, memo={"checkpoints": ["/elsewhere/2", "save"]})
    run = RunningTrial(trial, tmp_path / "3", "tuner")
    run.make_folder()
    assert run.write_parameters(SPACE) == {
        "layer": "none",
        "load_checkpoint_dir": "/elsewhere/2",
        "save_checkpoint_dir": str(tmp_path / "3" / "save"),
    }
