"""Trackers, each with the real library: without it, its test is skipped."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import data

SCRIPT = """import hpo
x = 0.5  # hpo: uniform(0, 1)
opt = "adam"  # hpo: choice("adam", "sgd")
if x < 0.5 and opt == "sgd":
    raise SystemExit(1)
for step in range(3):
    hpo.report_intermediate_result({"default": x + step, "loss": -x}, step=step)
hpo.report_final_result({"default": x, "loss": 7})
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(SCRIPT)


def hpo(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run(tracker: str) -> list[dict[str, Any]]:
    """Run an experiment in two parts, and return its trials."""
    done = hpo("run", "train.py", "--max-trials", "3", "--seed", "1", "--track", tracker)
    assert "was not told everything" not in done.stderr
    hpo("update", "--max-trials", "6")
    assert "was not told everything" not in hpo("resume").stderr
    found: list[dict[str, Any]] = data("trial", "list")
    assert {t["state"] for t in found} == {"succeeded", "failed"}
    return found


def test_mlflow_has_a_run_for_each_trial(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="requirements/ecosystem.txt")
    trials = run("mlflow")
    client = mlflow.tracking.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("train")
    runs = {int(r.data.tags["hpo.trial"]): r for r in client.search_runs([experiment.experiment_id])}
    assert sorted(runs) == [t["number"] for t in trials]
    for trial in trials:
        seen = runs[trial["number"]]
        assert seen.data.params == {name: str(value) for name, value in trial["parameters"].items()}
        assert seen.info.status == ("FINISHED" if trial["value"] is not None else "FAILED")
        assert seen.data.metrics.get("final_result") == trial["value"]
        curve = client.get_metric_history(seen.info.run_id, "result")
        assert [[m.step, m.value] for m in curve] == trial["intermediate"]


def test_tensorboard_has_a_folder_for_each_trial() -> None:
    pytest.importorskip("tensorboard", reason="requirements/ecosystem.txt")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trials = run("tensorboard")
    folder = Path(data("show")["directory"]) / "tensorboard"
    for trial in trials:
        seen = EventAccumulator(str(folder / f"trial-{trial['number']}"))
        seen.Reload()
        assert "_hparams_/session_start_info" in seen.PluginTagToContent("hparams")
        if trial["value"] is None:
            continue
        curve = [[event.step, pytest.approx(event.value)] for event in seen.Scalars("result")]
        assert trial["intermediate"] == curve
        assert seen.Scalars("final/result")[0].value == pytest.approx(trial["value"])
        assert seen.Scalars("final/loss")[0].value == 7


def records(path: Path) -> Iterator[bytes]:
    """Yield the records of a file of W&B's, which is a log as LevelDB writes it, behind a header."""
    written, at, record = path.read_bytes(), 7, b""
    while at < len(written):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, size, kind = struct.unpack("<IHB", written[at : at + 7])
        record = (b"" if kind in (1, 2) else record) + written[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield record


def test_wandb_has_an_offline_run_for_each_trial() -> None:
    pytest.importorskip("wandb", reason="requirements/ecosystem.txt")
    from wandb.proto.wandb_internal_pb2 import Record

    trials = run("wandb")
    seen: dict[str, dict[str, str]] = {}
    for path in Path(data("show")["directory"]).glob("wandb/offline-run-*/run-*.wandb"):
        name = ""
        for written in records(path):
            record = Record()
            record.ParseFromString(written)
            name = record.run.display_name or name
            for item in (*record.run.config.update, *record.summary.update):
                seen.setdefault(name, {})[item.key or "/".join(item.nested_key)] = item.value_json
    for trial in trials:
        told = seen[f"{data('show')['id']}-{trial['number']}"]
        assert json.loads(told["x"]) == trial["parameters"]["x"]
        if trial["value"] is not None:
            assert json.loads(told["final_result"]) == trial["value"]


def test_one_that_there_is_not_is_a_mistake() -> None:
    assert (
        "there are mlflow, tensorboard, wandb" in hpo("run", "train.py", "--track", "neptune", code=2).stderr
    )
    assert data("list") == []


def test_a_tracker_that_fails_does_not_end_the_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="requirements/ecosystem.txt")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    done = hpo("run", "train.py", "--max-trials", "2", "--seed", "1", "--track", "mlflow")
    assert "warning: MLflow was not told everything" in done.stderr
    assert data("show")["status"] == "done"
