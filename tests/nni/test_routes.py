"""Scripts that call the REST routes of NNI's manager: the same paths, under our server and its token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hpo.dashboard.access import Access
from hpo.dashboard.app import create_app
from hpo.dashboard.changes import Changes
from hpo.dashboard.security import Security, allowed_names

TRIAL = """\
import time
import nni
values = nni.get_next_parameter()
nni.report_intermediate_result({"default": values["lr"] / 2, "loss": 1})
time.sleep(600 if values["lr"] == 1 else 0)
nni.report_final_result({"default": values["lr"], "loss": 2})
"""
CONFIG = """\
experimentName: rest
searchSpace:
  lr: {_type: uniform, _value: [0, 1]}
  layer:
    _type: choice
    _value: [{_name: none}, {_name: conv, size: {_type: randint, _value: [1, 4]}}]
trialCommand: python trial.py
trialConcurrency: 1
maxTrialNumber: 3
tuner: {name: Random, classArgs: {seed: 3, optimize_mode: maximize}}
trainingService: {platform: local}
"""
API = "/api/v1/nni"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    Path("trial.py").write_text(TRIAL)
    Path("config.yml").write_text(CONFIG)


@pytest.fixture
def manager() -> Iterator[TestClient]:
    """Return the server as a script with the token calls it."""
    home = Path(os.environ["HPO_HOME"])
    access = Access(home)
    app = Security(create_app(Changes(home)), access, allowed_names("127.0.0.1"), 8080)
    headers = {"Authorization": f"Bearer {access.token}"}
    with TestClient(app, base_url="http://127.0.0.1:8080", headers=headers) as client:
        yield client


def run(*options: str) -> str:
    """Run the folder's experiment; return its id."""
    command = [sys.executable, "-m", "hpo", "run", "--config", "config.yml", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["experiment"])


def get(manager: TestClient, path: str) -> Any:
    response = manager.get(API + path)
    assert response.status_code == 200, response.text
    return response.json()


def until(holds: Callable[[], bool]) -> None:
    """Wait until a running experiment has come so far."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


CLASSES = """
from nni.tuner import Tuner
from nni.assessor import Assessor

class Mine(Tuner):
    def update_search_space(self, space):
        pass
    def generate_parameters(self, parameter_id, **kwargs):
        return {"lr": 0.5, "layer": {"_name": "none"}}

class Watcher(Assessor):
    def __init__(self, floor):
        pass
    def assess_trial(self, trial_job_id, trial_history):
        return True
"""


class TestReading:
    def test_an_experiment_that_ended_is_told_in_nnis_forms(self, manager: TestClient) -> None:
        name = run()
        assert get(manager, "/check-status") == {"status": "DONE", "errors": []}
        assert get(manager, "/job-statistics") == [{"trialJobStatus": "SUCCEEDED", "trialJobNumber": 3}]
        told = get(manager, "/experiment")
        assert (told["id"], told["nextSequenceId"]) == (name, 3)
        assert told["params"]["maxTrialNumber"] == 3
        assert told["params"]["tuner"] == {"name": "Random", "classArgs": {"optimize_mode": "maximize"}}
        assert "assessor" not in told["params"]
        last = max(job["endTime"] for job in get(manager, "/trial-jobs"))
        assert told["endTime"] == get(manager, "/experiment-metadata")["endTime"] == last
        assert get(manager, "/experiment-metadata")["experimentName"] == "rest"
        assert [each["id"] for each in get(manager, "/experiments-info")] == [name]
        assert get(manager, "/version").startswith("hpo ")

    def test_classes_of_ones_own_are_told_as_the_file_has_them(self, manager: TestClient) -> None:
        Path("mine.py").write_text(CLASSES)
        assessor = "assessor: {className: mine.Watcher, classArgs: {floor: 1}}\n"
        ours = "{name: Random, classArgs: {seed: 3, optimize_mode: maximize}}"
        Path("config.yml").write_text(CONFIG.replace(ours, "{className: mine.Mine}") + assessor)
        run()
        told = get(manager, "/experiment")["params"]
        here = str(Path.cwd())
        assert told["tuner"]["className"] == "mine.Mine"
        assert told["assessor"] == {
            "className": "mine.Watcher", "codeDirectory": here, "classArgs": {"floor": 1},
        }  # fmt: skip

    def test_trials_come_with_values_and_results_as_json_in_strings(self, manager: TestClient) -> None:
        name = run()
        jobs = get(manager, "/trial-jobs")
        assert [job["trialJobId"] for job in jobs] == [f"{name}-{n}" for n in range(3)]
        values = json.loads(jobs[1]["hyperParameters"][0])["parameters"]
        assert values["layer"]["_name"] in ("none", "conv")
        (final,) = jobs[1]["finalMetricData"]
        assert json.loads(json.loads(final["data"])) == {"default": values["lr"], "loss": 2}
        assert jobs[1]["endTime"] >= jobs[1]["startTime"] > 1e12
        assert get(manager, f"/trial-jobs/{name}-1") == jobs[1]
        assert get(manager, "/trial-jobs?status=FAILED") == []
        exported = get(manager, "/export-data")
        assert json.loads(exported[1]["value"])["default"] == exported[1]["parameter"]["lr"] == values["lr"]

    def test_results_come_of_all_trials_of_one_and_of_some(self, manager: TestClient) -> None:
        name = run()
        every = get(manager, "/metric-data")
        assert [(each["type"], each["sequence"]) for each in every] == [("PERIODICAL", 0), ("FINAL", 0)] * 3
        assert get(manager, f"/metric-data/{name}-2") == every[4:]
        assert get(manager, "/metric-data?type=FINAL") == every[1::2]
        assert get(manager, "/metric-data-range/1/2") == every[2:]
        assert sorted(map(str, get(manager, "/metric-data-latest"))) == sorted(map(str, every))

    def test_a_trials_files_are_those_that_nni_names(self, manager: TestClient) -> None:
        name = run()
        said = manager.get(f"{API}/trial-file/{name}-0/trial.log")
        assert (said.status_code, said.text) == (200, "trial.log is empty.")
        assert manager.get(f"{API}/trial-file/{name}-0/metrics.jsonl").status_code == 404
        assert manager.get(f"{API}/trial-file/{name}-0/..%2F..%2Fexperiment.db").status_code == 404

    def test_each_experiment_has_its_id_for_a_prefix(self, manager: TestClient) -> None:
        first, second = run(), run("--max-trials", "1")
        assert get(manager, "/experiment")["id"] == second
        for name in (first, second):
            assert manager.get(f"/{name}{API}/experiment").json()["id"] == name
        assert manager.get(f"/other{API}/experiment").status_code == 404

    def test_without_the_token_nothing_is_told(self, manager: TestClient) -> None:
        assert manager.get(f"{API}/trial-jobs", headers={"Authorization": ""}).status_code == 401

    @pytest.mark.parametrize("path", ["/experiment", "/trial-jobs/x-1", "/check-status"])
    def test_what_is_not_there_is_said(self, manager: TestClient, path: str) -> None:
        answer = manager.get(API + path)
        assert answer.status_code == 404
        assert answer.json()["error"] == "there is no experiment"


class TestSteering:
    def test_a_running_experiment_is_changed_added_to_and_stopped(self, manager: TestClient) -> None:
        Path("trial.py").write_text(TRIAL.replace("== 1", "< 2"))  # they take long
        name = run("--detach")
        until(lambda: bool(get(manager, "/trial-jobs?status=RUNNING")))
        body = {"params": {"trialConcurrency": 2}}
        assert manager.put(f"{API}/experiment?update_type=TRIAL_CONCURRENCY", json=body).status_code == 200
        until(lambda: len(get(manager, "/trial-jobs?status=RUNNING")) == 2)

        assert manager.delete(f"{API}/trial-jobs/{name}-0").status_code == 200
        until(lambda: [j["sequenceId"] for j in get(manager, "/trial-jobs?status=USER_CANCELED")] == [0])
        assert manager.delete(f"{API}/trial-jobs/{name}-0").status_code == 409

        values = {"lr": 0.25, "layer": {"_name": "conv", "size": 2}}
        number = manager.post(f"{API}/trial-jobs", json=values).json()["sequenceId"]
        (given,) = get(manager, f"/trial-jobs/{name}-{number}")["hyperParameters"]
        assert json.loads(given)["parameters"] == values

        assert manager.delete(f"{API}/experiment").status_code == 200
        until(lambda: get(manager, "/check-status")["status"] == "STOPPED")
        assert manager.post(f"{API}/trial-jobs", json=values).status_code == 409

    def test_limits_space_and_results_of_others_wait_for_who_resumes(self, manager: TestClient) -> None:
        run()
        for kind, params in [
            ("MAX_TRIAL_NUM", {"maxTrialNumber": 4}),
            ("MAX_EXEC_DURATION", {"maxExperimentDuration": "2h"}),
            ("SEARCH_SPACE", {"searchSpace": {"lr": {"_type": "uniform", "_value": [0, 0.5]}}}),
        ]:
            answer = manager.put(f"{API}/experiment?update_type={kind}", json={"params": params})
            assert answer.status_code == 200, answer.text
        results = [{"parameter": {"lr": 0.3}, "value": 0.9}]
        answer = manager.post(f"{API}/experiment/import-data", json=results)
        assert answer.status_code == 400  # it lacks the layer, which the space still has
        results[0]["parameter"]["layer"] = {"_name": "none"}
        assert manager.post(f"{API}/experiment/import-data", json=results).status_code == 200
        subprocess.run([sys.executable, "-m", "hpo", "resume"], check=True, capture_output=True)
        assert get(manager, "/experiment")["params"]["maxTrialNumber"] == 4
        assert get(manager, "/experiment")["params"]["searchSpace"]["lr"]["_value"] == [0, 0.5]

    @pytest.mark.parametrize(
        ("kind", "params"),
        [
            ("MAX_TRIAL_NUM", {}),
            ("MAX_TRIAL_NUM", {"maxTrialNumber": -1}),
            ("MAX_TRIAL_NUM", {"maxTrialNumber": 10**30}),
            ("TRIAL_CONCURRENCY", {"trialConcurrency": 10**30}),
            ("TRIAL_CONCURRENCY", {"trialConcurrency": 2_000_000}),
            ("TRIAL_CONCURRENCY", {"trialConcurrency": True}),
            ("SEARCH_SPACE", {"searchSpace": {}}),
            ("MAX_EXEC_DURATION", {"maxExperimentDuration": "soon"}),
            ("SEARCH_SPACE", {"searchSpace": {"lr": {"_type": "unifrom", "_value": [0, 1]}}}),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, manager: TestClient, kind: str, params: dict[str, Any]
    ) -> None:
        run("--max-trials", "1")
        answer = manager.put(f"{API}/experiment?update_type={kind}", json={"params": params})
        assert answer.status_code == 400
        assert answer.json()["error"]
