"""What NNI's versions before 2.5 called their tuners, and the arguments of those, in today's terms."""

from __future__ import annotations

from typing import Any

__all__ = ["OTHER_NAMES", "SEARCHES_ARCHITECTURES", "modern"]

#: The tuners that are another one now, in lower case.
OTHER_NAMES = {"tpe_legacy": "TPE"}

#: Those of NNI's that are for neural architectures, in lower case, without "tuner" at their ends.
SEARCHES_ARCHITECTURES = frozenset({"networkmorphism", "ppo", "regularizedevolution"})

_LIARS = {"min": "best", "mean": "mean", "max": "worst"}
_ARGUMENTS = ("parallel_optimize", "constant_liar_type")


def modern(name: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a tuner's arguments without those of NNI's versions on hyperopt, and notes.

    Args:
        name: of the tuner.
        arguments: as they are written.
    """
    old = {each: arguments[each] for each in _ARGUMENTS if each in arguments}
    parallel, liar = old.get("parallel_optimize", False), old.get("constant_liar_type", "min")
    is_theirs = isinstance(parallel, bool) and isinstance(liar, str) and liar in _LIARS
    if name not in ("TPE", "Anneal") or not old or not is_theirs:
        return arguments, []
    kept = {each: value for each, value in arguments.items() if each not in old}
    if name == "Anneal":
        why = "Anneal proposes several at a time as it is"
        return kept, [f"tuner.classArgs.{each} has no effect: {why}" for each in old]
    given = kept.get("tpe_args", {})
    if isinstance(given, dict):
        kept["tpe_args"] = {"constant_liar_type": _LIARS[liar] if parallel else None, **given}
    return kept, []
