"""A program written for NNI's Python API, with ours in the place of NNI's import."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpo.errors import UsageError
from hpo.nni import AlgorithmConfig, Experiment, ExperimentConfig, RemoteMachineConfig, RunMode, TrialJob

TRIAL = """\
import time
import nni
values = {"lr": 0.5, "layer": {"_name": "none"}}
values.update(nni.get_next_parameter())
nni.report_intermediate_result({"default": values["lr"] / 2, "loss": 1})
time.sleep(600 if values["lr"] > 50 else 0.02)
nni.report_final_result({"default": values["lr"], "loss": 2})
"""
SPACE = {
    "lr": {"_type": "uniform", "_value": [0, 1]},
    "layer": {
        "_type": "choice",
        "_value": [{"_name": "none"}, {"_name": "conv", "size": {"_type": "randint", "_value": [1, 4]}}],
    },
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("trial.py").write_text(TRIAL)


@pytest.fixture
def experiment() -> Iterator[Experiment]:
    made = Experiment("local")
    made.config.experiment_name = "api"
    made.config.trial_command = "python trial.py"
    made.config.trial_code_directory = "."
    made.config.search_space = SPACE
    made.config.tuner.name = "Random"
    made.config.tuner.class_args["optimize_mode"] = "maximize"
    made.config.tuner.class_args["seed"] = 3
    made.config.max_trial_number = 6
    made.config.trial_concurrency = 2
    yield made
    made.stop()


class TestRun:
    def test_it_runs_to_its_end_and_says_what_came_of_it(self, experiment: Experiment) -> None:
        assert experiment.run(8080) is True
        assert experiment.get_status() == "DONE"
        assert experiment.get_job_statistics() == [{"trialJobStatus": "SUCCEEDED", "trialJobNumber": 6}]
        exported = experiment.export_data()
        assert len(exported) == 6
        for result in exported:
            assert result.value == {"default": result.parameter["lr"], "loss": 2}
            assert set(result.parameter["layer"]) in ({"_name"}, {"_name", "size"})
        jobs = experiment.list_trial_jobs()
        assert [job.sequenceId for job in jobs] == list(range(6))
        one = experiment.get_trial_job(jobs[2].trialJobId)
        assert one == jobs[2]
        assert one.status == "SUCCEEDED"
        assert one.finalMetricData[0].data == exported[2].value
        assert one.hyperParameters[0].parameters == exported[2].parameter
        assert 0 <= one.endTime - one.startTime < 30_000
        assert Path(one.logPath, "stdout.log").is_file()
        metrics = experiment.get_job_metrics(one.trialJobId)[one.trialJobId]
        assert [(m.type, m.data["default"]) for m in metrics] == [
            ("PERIODICAL", exported[2].parameter["lr"] / 2),
            ("FINAL", exported[2].parameter["lr"]),
        ]
        assert experiment.get_job_metrics().keys() == {job.trialJobId for job in jobs}

    def test_its_profile_and_the_list_of_experiments_name_it(self, experiment: Experiment) -> None:
        experiment.run()
        assert experiment.id is not None
        params = experiment.get_experiment_profile()["params"]
        assert (params["experimentName"], params["trialConcurrency"]) == ("api", 2)
        assert params["trialCommand"] == "python trial.py"
        assert experiment.get_experiment_metadata(experiment.id)["status"] == "DONE"
        assert experiment.get_experiment_metadata("nowhere") == {}

    def test_a_failing_command_makes_run_return_false(self, experiment: Experiment) -> None:
        Path("trial.py").write_text("1 / 0\n")
        assert experiment.run() is False
        assert experiment.get_status() == "ERROR"


class TestSteering:
    def test_limits_and_space_change_while_it_runs_and_stop_ends_it(self, experiment: Experiment) -> None:
        experiment.config.max_trial_number = 10_000
        experiment.start()
        assert experiment.get_status() == "RUNNING"
        with pytest.raises(TimeoutError):
            experiment.wait(0.3)
        experiment.update_trial_concurrency(1)
        experiment.update_max_experiment_duration("1h")
        narrow = {**SPACE, "lr": {"_type": "uniform", "_value": [100, 101]}}
        experiment.update_search_space(narrow)  # such trials take ten minutes
        running = _running(experiment)
        experiment.kill_trial_job(running)
        _until(lambda: experiment.get_trial_job(running).status == "USER_CANCELED")
        params = experiment.get_experiment_profile()["params"]
        assert (params["trialConcurrency"], params["maxExperimentDuration"]) == (1, 3600)
        assert params["searchSpace"]["lr"]["_value"] == [100, 101]
        experiment.stop()
        assert experiment.get_status() == "STOPPED"
        assert len(experiment.export_data()) > 0

    def test_a_stopped_one_is_resumed_and_viewed_by_its_id(self, experiment: Experiment) -> None:
        experiment.config.max_trial_number = 200
        experiment.run(wait_completion=False)
        _until(lambda: len(experiment.export_data()) > 3)
        experiment.stop()
        assert experiment.id is not None
        before = len(experiment.export_data())
        Experiment.connect(experiment.id).update_max_trial_number(before + 3)
        again = Experiment.resume(experiment.id)
        assert again.get_status() == "DONE"
        assert len(Experiment.view(experiment.id).export_data()) == before + 3

    def test_one_with_a_name_is_started_and_then_resumed_by_it(self, experiment: Experiment) -> None:
        named = Experiment(experiment.config, id="mine")
        assert not named.has_checkpoint()
        with pytest.raises(UsageError, match="has not started"):
            named.view()
        assert named.run_or_resume()
        again = Experiment(experiment.config, id="mine")
        assert again.has_checkpoint()
        assert again.view().id == again.id == named.id
        again.update_max_trial_number(len(named.export_data()) + 1)
        assert again.run_or_resume()
        assert len(again.export_data()) == len(named.export_data())
        assert again.get_experiment_profile()["params"]["experimentName"] == "mine"

    def test_a_port_is_refused_in_words(self) -> None:
        with pytest.raises(UsageError, match="no experiment listens on port 8080"):
            Experiment.connect(8080)  # type: ignore[arg-type]

    def test_it_ends_with_the_program_that_began_it_unless_it_is_detached(self) -> None:
        program = f"""
from hpo.nni import Experiment, RunMode
experiment = Experiment("local")
experiment.config.trial_command = "python trial.py"
experiment.config.search_space = {SPACE!r}
experiment.config.max_trial_number = 100000
experiment.config.tuner.name = "Random"
import sys
experiment.start(run_mode=RunMode[sys.argv[1]])
print(experiment.id)
"""
        for mode, expected in (("Background", "STOPPED"), ("Detach", "RUNNING")):
            done = subprocess.run(
                [sys.executable, "-c", program, mode], capture_output=True, text=True, timeout=300, check=True
            )
            left = Experiment.connect(done.stdout.strip())
            assert left.get_status() == expected
            left.stop()


class TestConfiguration:
    def test_a_field_that_there_is_not_is_refused_where_it_is_set(self) -> None:
        config = Experiment("local").config
        with pytest.raises(AttributeError, match="did you mean trial_command"):
            config.trial_comand = "python trial.py"
        with pytest.raises(AttributeError, match="did you mean class_args"):
            config.tuner.class_arg = {}
        assert config.max_trial_number is None

    def test_what_is_wrong_is_said_when_it_starts(self, experiment: Experiment) -> None:
        experiment.config.trial_concurrency = 0
        with pytest.raises(UsageError, match="trialConcurrency takes 1 or more, not 0"):
            experiment.start()
        with pytest.raises(UsageError, match="has not started"):
            experiment.get_status()

    def test_other_forms_of_it_say_the_same(self) -> None:
        config = ExperimentConfig(
            "local",
            trial_command="python trial.py",
            search_space=SPACE,
            max_trial_number=2,
            tuner=AlgorithmConfig(name="Random", class_args={"optimize_mode": "minimize"}),
        )
        config.training_service.use_active_gpu = True
        config.trial_gpu_number = 0
        experiment = Experiment(config)
        assert experiment.run()
        assert len(experiment.export_data()) == 2

    def test_marked_code_is_searched_by_its_marks(self) -> None:
        Path("trial.py").write_text('''x = 0.5  # nni: uniform(0, 1)
"""@nni.report_final_result(x)"""
''')
        experiment = Experiment("local")
        experiment.config.trial_command = "python trial.py"
        experiment.config.use_annotation = True
        experiment.config.max_trial_number = 3
        assert experiment.run()
        assert experiment.export_data()[0].value == 0.5

    def test_machines_elsewhere_are_read_and_the_trials_run_here(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        experiment = Experiment("remote")
        experiment.config.trial_command = "python trial.py"
        experiment.config.search_space = SPACE
        experiment.config.max_trial_number = 1
        experiment.config.training_service.machine_list = [RemoteMachineConfig(host="10.0.0.1", user="me")]
        experiment.start(run_mode=RunMode.Detach)
        assert experiment.wait()
        assert "platform has no effect here: the trials run on this machine" in capsys.readouterr().err


def test_a_trial_run_by_hand_may_import_it_as_nni() -> None:
    script = "import hpo.nni as nni\nassert nni.get_next_parameter() == {}\nprint(nni.get_trial_id())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "STANDALONE\n"


def _running(experiment: Experiment) -> str:
    """Wait for a trial of the new space, and return its id."""
    _until(lambda: any(_is_slow(job) for job in experiment.list_trial_jobs()))
    return next(job.trialJobId for job in experiment.list_trial_jobs() if _is_slow(job))


def _is_slow(job: TrialJob) -> bool:
    return bool(job.status == "RUNNING" and job.hyperParameters[0].parameters["lr"] >= 100)


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


class TestWhatIsNotThere:
    def test_a_field_that_is_none_is_named_with_the_nearest(self) -> None:
        with pytest.raises(AttributeError, match=r"no field tunr: did you mean tuner\?"):
            _ = ExperimentConfig().tunr
        with pytest.raises(AttributeError, match="no field trial_comand: did you mean trial_command"):
            ExperimentConfig(trial_comand="true")

    def test_several_training_services_are_named_in_a_list(self) -> None:
        written = ExperimentConfig(["local", "remote"]).to_json()
        assert written["trainingService"] == [{"platform": "local"}, {"platform": "remote"}]

    def test_what_is_said_of_machines_elsewhere_is_kept_whatever_it_is(self) -> None:
        machine = RemoteMachineConfig(host="10.0.0.1", gpus=[1])
        assert machine.port is None
        assert copy.deepcopy(machine).to_json() == {"host": "10.0.0.1", "gpus": [1]}
