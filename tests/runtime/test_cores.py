"""Cores are handed to trials, and a trial and its threads keep to its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpo.config.model import Config
from hpo.errors import DeviceError
from hpo.experiment.create import create
from hpo.runtime.cores import CorePool, thread_limits
from hpo.runtime.placement import Places

CORES = len(os.sched_getaffinity(0))
SCRIPT = """
import os, pathlib, time
import hpo
x = 0.5  # hpo: uniform(0, 1)
pathlib.Path(f"begun-{hpo.get_sequence_id()}").touch()
while len(list(pathlib.Path().glob("begun-*"))) < AT_ONCE:
    time.sleep(0.01)
print(sorted(os.sched_getaffinity(0)), os.environ["OMP_NUM_THREADS"])
hpo.report_final_result(x)
"""


def test_no_core_is_two_trials() -> None:
    pool = CorePool(1)
    held = [pool.acquire(number) for number in range(CORES)]
    assert {core for cores in held for core in cores or ()} == os.sched_getaffinity(0)
    assert pool.acquire(CORES) is None
    pool.release(0)
    assert pool.acquire(CORES) == held[0]


def test_the_cores_of_one_chip_are_handed_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = {0: 0, 1: 1, 2: 0, 3: 1}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(chip))
    monkeypatch.setattr("hpo.runtime.cores._place", lambda core: (chip[core], 0, core))
    pool = CorePool(2)
    assert [pool.acquire(trial) for trial in (0, 1, 2)] == [(0, 2), (1, 3), None]
    assert pool.waiting_reason() == "2 cores: of 4, the trials that run have 4"
    pool.release(1)
    pool.release(0)
    assert pool.acquire(2) == (0, 2)
    alone = CorePool(1)
    assert alone.waiting_reason() == "1 core: of 4, the trials that run have 0"


def test_a_trial_that_waits_for_cores_says_so() -> None:
    places = Places(cores=CorePool(CORES))
    assert places.acquire(0) is not None
    assert places.acquire(1) is None
    assert places.waiting_reason is not None
    assert places.waiting_reason.endswith(f"of {CORES}, the trials that run have {CORES}")
    places.release(0)
    assert places.acquire(1) is not None
    assert places.waiting_reason is None


def test_more_cores_than_there_are_are_refused() -> None:
    message = f"asks for {CORES + 1} cores per trial, and this process may use {CORES}"
    with pytest.raises(DeviceError, match=message):
        CorePool(CORES + 1)


def test_trials_keep_to_their_cores_and_start_as_many_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT.replace("AT_ONCE", str(min(CORES, 4))))
    experiment = create(Config(max_trials=4, trial_concurrency=CORES, cpus_per_trial=1), script="train.py")
    experiment.run()
    said = [(experiment.directory / "trials" / str(n) / "stdout.log").read_text() for n in range(4)]
    bound = [text.split("]")[0].removeprefix("[") for text in said]
    assert all(core.isdigit() for core in bound)
    assert len(set(bound)) == min(CORES, 4)
    assert {text.split("] ")[1].strip() for text in said} == {"1"}


def test_trials_that_run_at_once_share_the_cores() -> None:
    assert thread_limits(1, None) == {}
    names = {"OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"}
    assert thread_limits(1, 3) == dict.fromkeys(names, "3")
    assert thread_limits(CORES, None)["OMP_NUM_THREADS"] == "1"
    assert thread_limits(10 * CORES, None)["RAYON_NUM_THREADS"] == "1"
