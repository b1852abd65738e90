"""The JSON of a search space, read into parameters, their conditions and constraints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from hpo.conditions import Condition, Nest
from hpo.constraints import Constraint
from hpo.errors import SpaceError
from hpo.parameters import KINDS, Parameter, create, identity

__all__ = ["CONSTRAINTS", "JsonReader"]

CONSTRAINTS = "_constraints"  # beside the parameters: a list of tests, as text
_LIMITS = ("_min", "_max")  # beside the items of a subset: the least and the most of them
_Path = tuple[str | int, ...]


class JsonReader:
    """Read search-space JSON into flat parameters and their conditions.

    A `path` leads from the root of the JSON to what is being read, for errors.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.conditions: dict[str, list[Condition]] = {}
        self.constraints: list[Constraint] = []
        self._nests: dict[str, dict[str, dict[str, str]]] = {}

    def finished_nests(self) -> dict[str, Nest]:
        return {name: Nest(options) for name, options in self._nests.items()}

    def read_all(self, data: Any) -> None:
        if not isinstance(data, Mapping):
            raise SpaceError(
                f"a search space is an object of parameters, not {_shown(data)}",
                help='write {"lr": {"_type": "loguniform", "_value": [1e-5, 0.1]}}',
            )
        for name, written in data.items():
            if name == CONSTRAINTS and not isinstance(written, Mapping):
                self._read_constraints(written)
            else:
                self._read(str(name), written, (str(name),))

    def _read_constraints(self, written: Any) -> None:
        if not isinstance(written, list):
            raise SpaceError(
                f"{CONSTRAINTS} is a list of tests, not {_shown(written)}",
                help=f'write "{CONSTRAINTS}": ["batch_size * steps <= 512"]',
                path=(CONSTRAINTS,),
            )
        for i, text in enumerate(written):
            if not isinstance(text, str):
                message = f"a constraint is a test, as text, not {_shown(text)}"
                raise SpaceError(message, help='write "a < b"', path=(CONSTRAINTS, i))
            try:
                self.constraints.append(Constraint(text))
            except SpaceError as error:
                raise SpaceError(error.message, help=error.help, path=(CONSTRAINTS, i)) from None

    def _read(self, name: str, written: Any, path: _Path) -> None:
        if name in self.parameters:
            raise SpaceError(
                f"{name}: two parameters come to have this name", help="rename one of the two", path=path
            )
        if not isinstance(written, Mapping) or not {"_type", "_value"} <= written.keys():
            raise SpaceError(
                f"{name}: a parameter is an object with _type and _value, not {_shown(written)}",
                help='write {"_type": "uniform", "_value": [0, 1]}',
                path=path,
            )
        keys = ["_type", "_value", *(_LIMITS if written["_type"] == "subset" else ()), "_when"]
        unknown = [key for key in written if key not in keys]
        if unknown:
            raise SpaceError(
                f"{name}: unknown key {unknown[0]}",
                help=f"the keys are {', '.join(keys[:-1])} and {keys[-1]}",
                path=(*path, unknown[0]),
            )
        kind, arguments = written["_type"], written["_value"]
        if not isinstance(kind, str) or kind not in KINDS:
            close = get_close_matches(str(kind), KINDS, n=1)
            raise SpaceError(
                f"{name}: unknown _type {kind!r}",
                help=f"did you mean {close[0]}?" if close else f"the types are {', '.join(KINDS)}",
                path=(*path, "_type"),
            )
        if not isinstance(arguments, list | tuple):
            raise SpaceError(
                f"{name}: _value is a list, not {_shown(arguments)}",
                help='write "_value": [...]',
                path=(*path, "_value"),
            )
        for parent, values in self._when(name, written, path).items():
            values = values if isinstance(values, list) else [values]
            self.conditions.setdefault(name, []).append(Condition(parent, tuple(values)))
        if kind == "choice" and any(isinstance(o, Mapping) and "_name" in o for o in arguments):
            self._read_nested(name, arguments, (*path, "_value"))
        else:
            given = [arguments] if kind in ("subset", "permutation") else arguments
            limits = [written.get(key) for key in _LIMITS] if kind == "subset" else []
            self.parameters[name] = self._domain(name, kind, [*given, *limits], (*path, "_value"))

    @staticmethod
    def _domain(name: str, kind: str, arguments: Sequence[Any], path: _Path) -> Parameter:
        try:
            return create(kind, arguments)
        except SpaceError as error:
            at = (*path, *error.path)
            if error.path and error.path[0] in ("min", "max"):  # they stand beside the items
                at = (*path[:-1], f"_{error.path[0]}")
            raise SpaceError(f"{name}: {error.message}", help=error.help, path=at) from None

    @staticmethod
    def _when(name: str, written: Mapping[str, Any], path: _Path) -> Mapping[str, Any]:
        when = written.get("_when", {})
        if not isinstance(when, Mapping):
            raise SpaceError(
                f"{name}: _when is an object of parents and their values, not {_shown(when)}",
                help='write "_when": {"optimizer": ["sgd", "adam"]}',
                path=(*path, "_when"),
            )
        return when

    def _read_nested(self, name: str, options: Sequence[Any], path: _Path) -> None:
        for i, option in enumerate(options):
            if not (isinstance(option, Mapping) and isinstance(option.get("_name"), str)):
                raise SpaceError(
                    f"{name}: a nested choice needs a _name in every option, and {_shown(option)} has none",
                    help='write {"_name": "option", "sub": {"_type": ..., "_value": ...}}',
                    path=(*path, i),
                )
        names = [option["_name"] for option in options]
        self.parameters[name] = self._domain(name, "choice", names, path)
        nest = self._nests[name] = {option["_name"]: {} for option in options}
        for i, option in enumerate(options):
            for sub in option:
                if sub != "_name":
                    nest[option["_name"]][sub] = self._read_sub(name, options, i, sub, (*path, i, sub))

    def _read_sub(self, name: str, options: Sequence[Any], i: int, sub: str, path: _Path) -> str:
        """Read a sub-parameter; one that several options share, domain and all, is one parameter."""
        option, written = options[i]["_name"], options[i][sub]
        rivals = [o["_name"] for o in options if sub in o and identity(o[sub]) != identity(written)]
        flat = f"{name}.{option}.{sub}" if rivals else f"{name}.{sub}"
        if any(subs.get(sub) == flat for subs in self._nests[name].values()):
            known = self.conditions[flat]
            known[:] = [Condition(c.parent, (*c.values, option)) if c.parent == name else c for c in known]
        else:
            self.conditions.setdefault(flat, []).append(Condition(name, (option,)))
            self._read(flat, written, path)
        return flat


def _shown(value: Any) -> str:
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
