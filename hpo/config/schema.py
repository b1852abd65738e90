"""The JSON Schema of experiment files, for editors; `python -m hpo.config.schema` writes it.

It knows NNI's own spelling of the fields only: an editor completes what should be written, while the loader
takes every spelling that NNI took.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from hpo.config.file_model import FileModel, Ignored
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2
from hpo.parameters import KINDS
from hpo.space_json import CONSTRAINTS

__all__ = ["FILE", "schema"]

#: Where the package has it.
FILE = Path(__file__).parent.parent / "config.schema.json"

_SPACE = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        CONSTRAINTS: {
            "type": "array",
            "items": {"type": "string"},
            "description": "Tests that every configuration passes, such as batch_size * steps <= 512.",
        },
    },
    "additionalProperties": {
        "type": "object",
        "required": ["_type", "_value"],
        "properties": {
            "_type": {"enum": list(KINDS)},
            "_value": {"type": "array"},
            "_min": {"type": "integer", "minimum": 0, "description": "Of a subset, the least items."},
            "_max": {"type": "integer", "minimum": 0, "description": "Of a subset, the most items."},
            "_when": {"type": "object", "description": "Active only where all of these hold."},
        },
        "additionalProperties": False,
    },
}


def schema() -> dict[str, Any]:
    """Return the schema of both generations, as draft 2020-12."""
    written: dict[str, Any] = TypeAdapter(V1 | V2).json_schema(by_alias=True)
    for model in (V1, V2):
        _explain_ignored(model, written["$defs"])
    written["$defs"]["V2"]["properties"]["searchSpace"] |= _SPACE
    del written["$defs"]["V2"]["properties"]["searchSpace"]["anyOf"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment of hpo, in NNI's v1 or v2 schema",
        **written,
    }


def _explain_ignored(model: type[FileModel], definitions: dict[str, Any]) -> None:
    properties = definitions[model.__name__]["properties"]
    for _, alias, mark, sub in model.aliases():
        if sub is not None:
            _explain_ignored(sub, definitions)
        elif isinstance(mark, Ignored):
            properties[alias]["description"] = (
                f"No effect here: {mark.note}." if mark.note else "No effect here."
            )


if __name__ == "__main__":
    FILE.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
