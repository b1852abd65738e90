"""SMAC finds minima, and says what to install where its package is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hpo import tuners
from hpo.space import SearchSpace

SPACE = {
    "x": {"_type": "uniform", "_value": [0, 1]},
    "kind": {"_type": "choice", "_value": ["a", "b"]},
    "y": {"_type": "loguniform", "_value": [1e-4, 1], "_when": {"kind": ["b"]}},
}
MISSING = f"""
import sys
sys.modules["smac"] = None  # what an import finds where it is not installed
from hpo import tuners
from hpo.errors import TunerError
from hpo.space import SearchSpace
try:
    tuners.create("SMAC", SearchSpace.from_json({SPACE!r}))
except TunerError as error:
    print(error, error.help, sep="\\n")
"""


def test_it_finds_a_minimum() -> None:
    pytest.importorskip("smac")
    tuner = tuners.create("SMAC", SearchSpace.from_json(SPACE), direction="minimize", seed=3)
    losses = []
    for _ in range(30):
        trial = tuner.ask()
        assert trial is not None
        values = trial.parameters
        losses.append((values["x"] - 0.3) ** 2 + (0.0 if values["kind"] == "b" else 1.0))
        tuner.tell(trial, losses[-1])
    assert tuner.explain()["model"] == "random forest"
    assert min(losses) < 1e-3
    assert sum(loss < 0.5 for loss in losses[10:]) > 14  # it comes to know the kind


def test_without_its_package_it_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, check=True)
    message, help_ = done.stdout.splitlines()
    assert message.startswith("the tuner SMAC needs the package smac, which cannot be imported")
    assert help_ == "install it with: pip install 'hpo-annotate[smac]'"
