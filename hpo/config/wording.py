"""Say what is wrong with a field's value: what it takes, what was got, and how to mend it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

__all__ = ["wording"]

_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "string_type": "a text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_too_short": "a text that is not empty",
    "duration": "a duration",
    "size": "a size of memory",
    "stop_when": "a comparison of a result with a number",
    "gpu_count": "a part of one GPU, or whole ones",
    "gpu_indices": "the indices of GPUs, each once",
    "literal_error": "{expected}",
}


def wording(name: str, error: Mapping[str, Any]) -> tuple[str, str]:
    """Return the message and the help for one error of pydantic's.

    Args:
        name: the field, as the file writes it.
        error: one of `ValidationError.errors()`.
    """
    got, context = error["input"], error.get("ctx", {})
    wanted = _WANTED.get(error["type"])
    if wanted is None:  # one of our own, which says it all
        return f"{name}: {error['msg']}", context.get("help", "")
    wanted = wanted.format(**context).replace("'", "").replace("False", "false")
    return f"{name} takes {wanted}, not {_shown(got)}", context.get("help") or _help(wanted, got)


def _help(wanted: str, got: Any) -> str:
    if wanted == "a text" and not isinstance(got, dict | list):
        return f'put it in quotes: "{json.dumps(got)}"'
    if wanted == "a whole number" and isinstance(got, str) and got.strip().isdecimal():
        return f"remove the quotes: {got.strip()}"
    if wanted == "a whole number" and isinstance(got, float) and got.is_integer():
        return f"write {got:.0f}"
    if isinstance(got, str):
        close = get_close_matches(got.lower(), wanted.replace(" or ", ", ").split(", "), n=1)
        if close:
            return f"did you mean {close[0]}?"
    return f"write {wanted}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value == "":
        return "an empty one"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
