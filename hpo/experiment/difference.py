"""How two experiments differ: in their settings, their spaces, their code and their results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.annotate.result import unified_diff
from hpo.experiment.documents import best_json, experiment_json, open_store
from hpo.experiment.settings_files import frozen_settings
from hpo.experiment.wording import what_runs
from hpo.runtime.store import Store
from hpo.space import SearchSpace

__all__ = ["difference", "domain_changes"]


def difference(one: Path, other: Path) -> dict[str, Any]:
    """Return how a second experiment differs from a first.

    Settings and parameters are pairs, the first experiment's and the second's, of what is not the same; None
    stands for what one of them has not. The code is a unified diff of what the two froze.
    """
    with open_store(one) as first, open_store(other) as second:
        return {
            "experiments": [one.name, other.name],
            "configuration": _unequal(_settings(first), _settings(second)),
            "space": domain_changes(_space(first), _space(second)),
            "code": "".join(_code(one, other)).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "results": [_results(first), _results(second)],
        }


def domain_changes(
    one: SearchSpace, other: SearchSpace, *, own_values: bool = True
) -> dict[str, list[str | None]]:
    """Return the parameters that are not the same in two spaces, each with what it is there.

    Args:
        one: a space.
        other: another.
        own_values: whether the source's own value counts, beside domain and condition.
    """
    changed = _unequal(*(_domains(space, own_values=own_values) for space in (one, other)))
    constraints = [[c.text for c in space.constraints] for space in (one, other)]
    if constraints[0] != constraints[1]:
        changed["constraints"] = [" and ".join(texts) or None for texts in constraints]
    return changed


def _unequal(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, list[Any]]:
    names = dict.fromkeys([*one, *other])
    return {n: [one.get(n), other.get(n)] for n in names if one.get(n) != other.get(n)}


def _settings(store: Store) -> dict[str, Any]:
    row = store.experiment()
    plan, settings = row["config"]["plan"], row["config"]["settings"]
    what = {"command": what_runs(plan["command"]), "folder": plan["cwd"]}
    given = {n: v for n, v in settings.items() if n not in ("command", "code_directory", "notes", "name")}
    return {"name": row["name"], **what, **given, "direction": row["direction"]}


def _space(store: Store) -> SearchSpace:
    row = store.experiment()
    return SearchSpace.from_json(row["space"], defaults=row["defaults"])


def _domains(space: SearchSpace, *, own_values: bool) -> dict[str, str]:
    return {name: _described(space, name, own_values=own_values) for name in space}


def _described(space: SearchSpace, name: str, *, own_values: bool) -> str:
    where = [f"where {c.parent} is {' or '.join(map(str, c.values))}" for c in space.conditions.get(name, ())]
    own = [f"= {space.defaults[name]}"] if own_values and name in space.defaults else []
    return ", ".join([" ".join([str(space[name]), *own]), *where])


def _results(store: Store) -> dict[str, Any]:
    told = experiment_json(store)
    return {
        **{key: told[key] for key in ("status", "trials", "elapsed", "direction")},
        "best": best_json(store),
    }


def _code(one: Path, other: Path) -> Iterator[str]:
    """Yield the diffs of the frozen files, by their places in the code directory."""
    first, second = _frozen(one), _frozen(other)
    for name in sorted({*first, *second}):
        yield unified_diff(name, first.get(name, b""), second.get(name, b""))


def _frozen(directory: Path) -> dict[str, bytes]:
    """Return the frozen files; links, which hpo never makes, are passed over."""
    folder = directory / "code" / "original"
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    settings = {path.name: text.encode() for path, text in frozen_settings(directory).items()}
    return {**settings, **{str(path.relative_to(folder)): path.read_bytes() for path in files}}
