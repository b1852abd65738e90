"""What a marked script calls when it is run by hand: every mark steps aside.

Under ``hpo run`` the marks are read from the source and never executed, so nothing here knows of trials.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from hpo.parameters import Parameter

    Decorated = TypeVar("Decorated", bound=Callable[..., Any])

__all__ = [
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "param",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]

_NOTHING: Any = object()


def param(*names_and_domains: Any, **domains: Any) -> Callable[[Decorated], Decorated]:
    """Mark parameters of a function or class: ``@hpo.param(lr=hpo.loguniform(1e-5, 1e-1))``.

    Run by hand, the function comes back as it is.
    """

    def unchanged(decorated: Decorated) -> Decorated:
        return decorated

    return unchanged


def choice(*options: Any, default: Any = _NOTHING, name: str | None = None) -> Any:
    """Mark one of several options; run by hand, the default or the first."""
    if default is not _NOTHING:
        return default
    return options[0] if options else _domain("choice", options)


def _domain(kind: str, arguments: Sequence[Any]) -> Parameter:
    from hpo.parameters import create  # a median and a mistake are all that need the domain

    return create(kind, arguments)


def _numeric(kind: str) -> Callable[..., Any]:
    def domain(*numbers: float, default: Any = _NOTHING, name: str | None = None) -> Any:
        if default is not _NOTHING:
            return default
        return _domain(kind, numbers).from_unit(0.5)

    domain.__name__ = domain.__qualname__ = kind
    domain.__doc__ = f"Mark a number of the domain ``{kind}``; run by hand, the default or the median."
    return domain


randint = _numeric("randint")
uniform = _numeric("uniform")
quniform = _numeric("quniform")
loguniform = _numeric("loguniform")
qloguniform = _numeric("qloguniform")
normal = _numeric("normal")
qnormal = _numeric("qnormal")
lognormal = _numeric("lognormal")
qlognormal = _numeric("qlognormal")
