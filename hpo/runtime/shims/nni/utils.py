"""What scripts written for NNI import from `nni.utils`."""

from __future__ import annotations

from ._hpo import bases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["merge_parameter"]


def __getattr__(name: str) -> Any:
    """Give what tuners import from here."""
    if name in ("OptimizeMode", "extract_scalar_history", "extract_scalar_reward"):
        return getattr(bases(), name)
    raise AttributeError(f"module 'nni.utils' has no attribute {name!r}")


def merge_parameter(base_params: Any, override_params: dict[str, Any] | None) -> Any:
    """Write a trial's values over parsed arguments, in place, and return them.

    Args:
        base_params: a namespace or a dict.
        override_params: what `get_next_parameter` returned; None changes nothing.

    Raises:
        ValueError: a key is none of the arguments, or its value is of another type.
    """
    for key, value in (override_params or {}).items():
        if isinstance(base_params, dict):
            if key not in base_params:
                raise ValueError(f"Key '{key}' not found in base parameters.")
            base_params[key] = _as_type_of(base_params[key], key, value)
        else:
            if not hasattr(base_params, key):
                raise ValueError(f"Key '{key}' not found in base parameters.")
            setattr(base_params, key, _as_type_of(getattr(base_params, key), key, value))
    return base_params


def _as_type_of(base: Any, key: str, value: Any) -> Any:
    if isinstance(base, float) and isinstance(value, int):
        return float(value)
    if base is not None and not isinstance(value, type(base)):
        wanted, got = type(base).__name__, type(value).__name__
        raise ValueError(f'Expected "{key}" in override parameters to have type {wanted}, but found {got}')
    return value
