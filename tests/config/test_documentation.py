"""docs/configuration.md knows every field and every code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hpo.config
from hpo.config.generations import dotted, places
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2
from hpo.tuners import BUILT_IN_ASSESSORS, BUILT_IN_TUNERS

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [V1, V2])
def test_every_field_is_listed(model: type[V1] | type[V2]) -> None:
    prose = re.sub("```.*?```", "", TEXT, flags=re.DOTALL)
    listed = set(re.findall(r"[\w.]+", " ".join(re.findall("`([^`]+)`", prose))))
    for place in places(model):
        inside = {p for p in places(model) if p[: len(place)] == place and p != place}
        assert inside or {dotted(place), place[-1], f".{place[-1]}"} & listed, dotted(place)


def test_every_tuner_and_assessor_is_listed() -> None:
    for name in (*BUILT_IN_TUNERS, *BUILT_IN_ASSESSORS):
        assert f"`{name}`" in TEXT


def test_every_code_is_explained() -> None:
    (folder,) = hpo.config.__path__
    used = {code for file in Path(folder).glob("*.py") for code in re.findall(r"HPO\d{3}", file.read_text())}
    assert used == set(re.findall(r"^\| (HPO\d{3}) \|", TEXT, re.MULTILINE))
