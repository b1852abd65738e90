"""The JSON Schema that editors read is the one of the loader's models."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hpo.config.generations import places
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2
from hpo.config.schema import FILE, schema
from hpo.tuners import BUILT_IN_ASSESSORS, BUILT_IN_TUNERS


def test_the_packaged_one_is_not_stale() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == schema(), "run: python -m hpo.config.schema"


@pytest.mark.parametrize("model", [V1, V2])
def test_every_field_has_a_type_and_a_word_on_what_it_means(model: Any) -> None:
    definitions = schema()["$defs"]
    for place in places(model):
        here = definitions[model.__name__]
        for part in place[:-1]:
            here = definitions[_reference(here["properties"][part])]
        field = here["properties"][place[-1]]
        explained = field if "description" in field else definitions[_reference(field)]
        assert explained["description"], place
        assert {"type", "anyOf", "const", "$ref"} & field.keys(), place


def _reference(field: Any) -> str:
    options = [field, *field.get("anyOf", [])]
    return next(o["$ref"].removeprefix("#/$defs/") for o in options if "$ref" in o)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("V1Tuner.builtinTunerName", BUILT_IN_TUNERS),
        ("V1Assessor.builtinAssessorName", BUILT_IN_ASSESSORS),
        ("V2Tuner.name", BUILT_IN_TUNERS),
        ("V2Assessor.name", BUILT_IN_ASSESSORS),
    ],
)
def test_names_are_completed_and_others_allowed(model: str, names: Any) -> None:
    definition, field = model.split(".")
    written = schema()["$defs"][definition]["properties"][field]["anyOf"]
    assert written == [{"enum": list(names)}, {"type": "string", "minLength": 1}, {"type": "null"}]
