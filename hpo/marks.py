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
    "permutation",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "subset",
    "uniform",
]

_NOTHING: Any = object()
_REMEMBERED = 256

#: What the constructors returned last, each with its kind and arguments. A number does not know that it was a
#: domain, so that is how `hpo.tune(..., space={"lr": hpo.loguniform(1e-5, 1e-1)})` knows.
_recent: list[tuple[Any, str, tuple[Any, ...]]] = []


def domains_of(values: Sequence[Any]) -> list[tuple[str, tuple[Any, ...]] | None]:
    """Return for each value the kind and arguments of the constructor that returned this very object.

    Of several that did, the last that is in the order of the values; None where there is none.
    """
    found: list[tuple[str, tuple[Any, ...]] | None] = []
    records = list(_recent)
    for value in reversed(values):
        last = next((i for i in range(len(records) - 1, -1, -1) if records[i][0] is value), None)
        found.append(None if last is None else records[last][1:])
        records = records if last is None else records[:last]
    return found[::-1]


def _noted(value: Any, kind: str, arguments: tuple[Any, ...]) -> Any:
    _recent.append((value, kind, arguments))
    del _recent[:-_REMEMBERED]
    return value


def param(*names_and_domains: Any, **domains: Any) -> Callable[[Decorated], Decorated]:
    """Mark parameters of a function or class: ``@hpo.param(lr=hpo.loguniform(1e-5, 1e-1))``.

    Run by hand, the function comes back as it is; `hpo.tune` finds the domains at it.
    """
    named = {**dict(zip(names_and_domains[::2], names_and_domains[1::2], strict=False)), **domains}
    kinds = dict(zip(named, domains_of(list(named.values())), strict=True))

    def unchanged(decorated: Decorated) -> Decorated:
        if type(decorated).__name__ == "function":
            decorated.__dict__["__hpo_domains__"] = {**kinds, **getattr(decorated, "__hpo_domains__", {})}
        return decorated

    return unchanged


def choice(*options: Any, default: Any = _NOTHING, name: str | None = None) -> Any:
    """Mark one of several options; run by hand, the default or the first."""
    if default is not _NOTHING:
        return _noted(default, "choice", options)
    return _noted(options[0] if options else _domain("choice", options), "choice", options)


def subset(
    items: Sequence[Any],
    *,
    min: int = 0,  # noqa: A002 - as in the mark
    max: int | None = None,  # noqa: A002
    default: Any = _NOTHING,
    name: str | None = None,
) -> Any:
    """Mark some of the items, at least `min` and at most `max`; by hand, the default or the first ones."""
    own = list(items)[:max] if default is _NOTHING else default
    return _noted(own, "subset", (items, min, max))


def permutation(items: Sequence[Any], *, default: Any = _NOTHING, name: str | None = None) -> Any:
    """Mark the order of the items; run by hand, the default or that in which they are written."""
    return _noted(list(items) if default is _NOTHING else default, "permutation", (items,))


def _domain(kind: str, arguments: Sequence[Any]) -> Parameter:
    from hpo.parameters import create  # a median and a mistake are all that need the domain

    return create(kind, arguments)


def _numeric(kind: str) -> Callable[..., Any]:
    def domain(*numbers: float, default: Any = _NOTHING, name: str | None = None) -> Any:
        own = _domain(kind, numbers).from_unit(0.5) if default is _NOTHING else default
        return _noted(own, kind, numbers)

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
