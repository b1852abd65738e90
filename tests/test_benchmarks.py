"""The benchmarks run, in small; what they measure is for an idle machine to say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("benchmark", "options", "expected"),
    [
        ("startup", "--rounds 1", r"`hpo --help` +\|"),
        ("throughput", "--trials 4 --sklearn-trials 2 --rounds 1", r"no-op, 4 trials +\|"),
        (
            "runner_costs",
            "--trials 4 --rounds 1 --idle 0.2 --reports 320 --output 5 --metrics 500",
            r"of 320 reports lost +\| +0 \|\n(.*\n)*.* writes 500 reports, MB +\| +\d",
        ),
        ("store_scale", "--trials 100 --results 3 --rounds 1", r"`hpo list` +\| +\d+\.\d \|"),
        ("scale", "--tuner TPE --in-flight 40 --trials 60 --reports 2", r"TPE +\| +40 \| +60 \|"),
        ("digits", "--seeds 1 --trials 2", r"mean +\| +0\.95"),
        ("importance", "--trials 60 --rounds 1", r"Ishigami's, 3 parameters +\| +hpo \| +0\.\d+ \|"),
        ("annotation_fidelity", "--part 1/900 --places 2 --runs 3", r"failures +\| +0 \|"),
        (
            "annotation_speed",
            "--files 60 --marked 5 --lines 200 --marks 5 --rounds 1",
            r"60 files, 5 marked, .*\n.*\n\| `hpo annotate`, cold +\|",
        ),
        (
            "mutants",
            "hpo/conditions.py --tests tests/test_space.py --sample 2 --results /dev/null",
            r"tried +\| +2 \|",
        ),
        ("nni_experiment", "--trials 3 --rounds 1 --idle 0.5", r"hpo run +\| +\d+\.\d\d \| +0\.\d\d \|"),
        ("leaks", "--times 1", r"SIGKILL +\| +1 \| +10 \| +0 \|"),
        ("soak", "--minutes 0.1", r"processes left: 0\n(.*\n)*\| fork server +\| +\d+ to \d+ \|"),
        (
            "kill_runner",
            "--kills 4 --trials 12",
            r"of all finished: lost +(\| +0 ){4}\|\n.*repeated +(\| +0 ){4}\|",
        ),
    ],
)
def test_it_prints_its_table(benchmark: str, options: str, expected: str) -> None:
    command = [sys.executable, ROOT / "benchmarks" / f"{benchmark}.py", *options.split()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(expected, done.stdout), done.stdout


def test_the_documentation_names_each_command() -> None:
    documented = (ROOT / "docs" / "benchmarks.md").read_text()
    commands = {p.name for p in (ROOT / "benchmarks").glob("*.py") if "ArgumentParser(" in p.read_text()}
    assert commands == set(re.findall(r"`python benchmarks/(\w+\.py)`", documented))
