"""A search space in the form of another tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from hpo.errors import UsageError
from hpo.interop.outline import Outline

__all__ = ["TARGETS", "write_space"]

#: The tools, each with the module here that knows it.
TARGETS: Mapping[str, str] = {
    "optuna": "optuna_space",
    "hydra": "hydra_space",
    "wandb": "wandb_space",
    "ray": "ray_space",
    "argparse": "argparse_space",
}


def write_space(outline: Outline, to: str) -> str:
    """Return a space as code or configuration of another tool; none of them need be installed.

    Raises:
        UsageError: there is no such tool, or it cannot have the space.
    """
    if to not in TARGETS:
        raise UsageError(f"there is no export to {to}", help=f"there are {', '.join(TARGETS)}")
    write: Callable[[Outline], str] = import_module(f"hpo.interop.{TARGETS[to]}").write
    return write(outline)
