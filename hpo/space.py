"""The search space: parameters by name, and the tree of conditions between them.

Its JSON is NNI's (`docs/source/hpo/search_space.rst` of NNI 3.0). One thing is added: a parameter may
carry conditions, ``"_when": {"optimizer": ["sgd"]}``, and is *active* only in configurations where all of
them hold. NNI's nested choices are read into the same tree.

A *configuration* is a flat dictionary from names to JSON values, with active parameters only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from hpo.errors import SpaceError
from hpo.parameters import KINDS, Parameter, RandomSource, create, identity, same

__all__ = ["Condition", "Configuration", "SearchSpace"]

Configuration = dict[str, Any]
_Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Condition:
    """Hold where the parent is active and has one of these values."""

    parent: str
    values: tuple[Any, ...]

    def holds(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether this holds in a configuration (of active parameters only)."""
        if self.parent not in configuration:
            return False
        return any(same(configuration[self.parent], value) for value in self.values)


@dataclass(frozen=True)
class Nest:
    """NNI's nested form of a choice: for each option, in order, its sub-names and their flat names."""

    options: Mapping[str, Mapping[str, str]]


class SearchSpace:
    """Parameters by name, their conditions, and the values that stand in the source today.

    Args:
        parameters: the domains, in the order in which they are shown.
        conditions: for each conditional parameter, what must all hold for it to be active.
        defaults: the source's own values, where they are constants.

    Raises:
        SpaceError: a condition speaks of an unknown parent, of values that it cannot have, or of itself.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        *,
        conditions: Mapping[str, Sequence[Condition]] | None = None,
        defaults: Mapping[str, Any] | None = None,
        nests: Mapping[str, Nest] | None = None,
    ) -> None:
        self.parameters: Mapping[str, Parameter] = dict(parameters)
        self.conditions: Mapping[str, tuple[Condition, ...]] = {
            name: tuple(each) for name, each in (conditions or {}).items() if each
        }
        self.defaults: Mapping[str, Any] = dict(defaults or {})
        self._nests: Mapping[str, Nest] = dict(nests or {})
        self._check_conditions()

    def beside(self, parameters: Mapping[str, Parameter]) -> SearchSpace:
        """Return this space with more parameters, always active, after its own."""
        return SearchSpace(
            {**self.parameters, **parameters},
            conditions=self.conditions,
            defaults=self.defaults,
            nests=self._nests,
        )

    # -- looking at it

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and (
            (self.parameters, self.conditions, self.defaults, self._nests)
            == (other.parameters, other.conditions, other.defaults, other._nests)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SearchSpace({', '.join(f'{name}={domain}' for name, domain in self.parameters.items())})"

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The names with parents before their children, otherwise as given."""
        ordered: dict[str, None] = {}
        waiting = list(self.parameters)
        while waiting:
            ready = [n for n in waiting if all(c.parent in ordered for c in self.conditions.get(n, ()))]
            if not ready:
                raise SpaceError(
                    f"the conditions of {', '.join(waiting)} go in a circle",
                    help="let each condition speak of a parameter that does not depend on it",
                    path=(waiting[0], "_when"),
                )
            ordered.update(dict.fromkeys(ready))
            waiting = [n for n in waiting if n not in ordered]
        return tuple(ordered)

    def size(self) -> int | None:
        """Return how many configurations there are, or None if they are not finite.

        Exact for spaces without conditions; with conditions, an upper bound.
        """
        total = 1
        for parameter in self.parameters.values():
            values = parameter.values()
            if values is None:
                return None
            total *= len(values)
        return total

    def is_active(self, name: str, configuration: Mapping[str, Any]) -> bool:
        """Tell whether a parameter is active, given the active parameters before it in `order`."""
        return all(c.holds(configuration) for c in self.conditions.get(name, ()))

    # -- making configurations

    def sample(self, rng: RandomSource) -> Configuration:
        """Draw a configuration: one number from `rng` for every parameter, active or not.

        The inactive ones draw too, so that a condition changes no other parameter's value.
        """
        return self.from_unit({name: rng.random() for name in self.parameters})

    def from_unit(self, units: Mapping[str, float]) -> Configuration:
        """Return the configuration at a point of the unit cube, without what is inactive there."""
        return self._build(lambda name: self.parameters[name].from_unit(units[name]))

    def to_unit(self, configuration: Mapping[str, Any]) -> dict[str, float]:
        """Return the point of the unit cube of a configuration: active parameters only."""
        return {name: self.parameters[name].to_unit(value) for name, value in configuration.items()}

    def active_part(self, values: Mapping[str, Any]) -> Configuration:
        """Return the given values of the parameters that are active among them, parents first."""
        return self._build(lambda name: values[name], given=values)

    def _build(self, value_of: Callable[[str], Any], given: Mapping[str, Any] | None = None) -> Configuration:
        built: Configuration = {}
        for name in self.order:
            if (given is None or name in given) and self.is_active(name, built):
                built[name] = value_of(name)
        return built

    def default_configuration(self) -> Configuration:
        """Return the source's own values of what is active in them; without the non-constant ones."""
        return self.active_part(self.defaults)

    def check(self, configuration: Mapping[str, Any]) -> None:
        """Refuse a configuration that this space cannot have: unknown, missing, inactive or outside.

        Raises:
            SpaceError: it says which parameter, and what was got.
        """
        for name in configuration:
            if name not in self.parameters:
                close = get_close_matches(name, self.parameters, n=1)
                help_ = f"did you mean {close[0]}?" if close else f"the parameters are {', '.join(self)}"
                raise SpaceError(f"there is no parameter {name}", help=help_)
        for name, value in configuration.items():
            if not self.parameters[name].contains(value):
                raise SpaceError(
                    f"{name} is {value!r}, which lies outside {self.parameters[name]}",
                    help="choose a value inside, or widen the domain",
                )
        active = self.active_part(configuration)
        for name in self.order:
            if name in configuration and name not in active:
                raise SpaceError(
                    f"{name} is not active here: it needs {self._condition_text(name)}", help="leave it out"
                )
            if name not in configuration and self.is_active(name, active):
                raise SpaceError(f"{name} has no value", help=f"give one of {self.parameters[name]}")

    def _condition_text(self, name: str) -> str:
        return " and ".join(
            f"{c.parent} in [{', '.join(map(repr, c.values))}]" for c in self.conditions.get(name, ())
        )

    # -- NNI's nested form

    def nested(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration as NNI's API hands it to a trial: nested choices as dictionaries."""
        inner = self._nested_names()
        return {name: self._nest(name, configuration) for name in configuration if name not in inner}

    def _nested_names(self) -> set[str]:
        return {
            flat for nest in self._nests.values() for subs in nest.options.values() for flat in subs.values()
        }

    def _nest(self, name: str, configuration: Mapping[str, Any]) -> Any:
        nest = self._nests.get(name)
        if nest is None:
            return configuration[name]
        option = configuration[name]
        subs = nest.options[option].items()  # one that is inactive for a reason of its own is left out
        inside = {sub: self._nest(flat, configuration) for sub, flat in subs if flat in configuration}
        return {"_name": option, **inside}

    def flatten(self, nested: Mapping[str, Any]) -> Configuration:
        """Return the flat form of a configuration in NNI's nested form; a flat one comes back as it is."""
        flat: Configuration = {}

        def visit(name: str, value: Any) -> None:
            nest = self._nests.get(name)
            if nest is None or not isinstance(value, Mapping):
                flat[name] = value
                return
            option = str(value.get("_name"))
            flat[name] = option
            for sub, sub_value in value.items():
                if sub != "_name":
                    visit(nest.options.get(option, {}).get(sub, f"{name}.{sub}"), sub_value)

        for name, value in nested.items():
            visit(name, value)
        return flat

    # -- JSON

    def to_json(self) -> dict[str, Any]:
        """Return NNI's search-space JSON, nested choices nested, conditions as `_when`."""
        inner = self._nested_names()
        return {name: self._parameter_json(name) for name in self.parameters if name not in inner}

    def _parameter_json(self, name: str) -> dict[str, Any]:
        written = self.parameters[name].to_json()
        nest = self._nests.get(name)
        if nest is not None:
            written["_value"] = [
                {"_name": option, **{sub: self._parameter_json(flat) for sub, flat in subs.items()}}
                for option, subs in nest.options.items()
            ]
        nest_parents = {
            p for p, n in self._nests.items() if any(name in s.values() for s in n.options.values())
        }
        when = {
            c.parent: list(c.values) for c in self.conditions.get(name, ()) if c.parent not in nest_parents
        }
        return {**written, "_when": when} if when else written

    @classmethod
    def from_json(cls, data: Any, *, defaults: Mapping[str, Any] | None = None) -> SearchSpace:
        """Read NNI's search-space JSON, already parsed.

        Raises:
            SpaceError: it names the parameter, what is wrong with it, and what to write.
        """
        reader = _JsonReader()
        reader.read_all(data)
        return cls(
            reader.parameters, conditions=reader.conditions, defaults=defaults, nests=reader.finished_nests()
        )

    def _check_conditions(self) -> None:
        for name, conditions in self.conditions.items():
            if name not in self.parameters:
                raise SpaceError(f"a condition is given for {name}, which is no parameter")
            for condition in conditions:
                parent = self.parameters.get(condition.parent)
                if parent is None:
                    close = get_close_matches(condition.parent, self.parameters, n=1)
                    raise SpaceError(
                        f"{name}: the condition speaks of {condition.parent}, which is no parameter",
                        help=f"did you mean {close[0]}?" if close else "name a parameter of this space",
                        path=(name, "_when", condition.parent),
                    )
                if not condition.values:
                    raise SpaceError(
                        f"{name}: the condition names no value of {condition.parent}, so it never holds",
                        help=f"name some of {parent}",
                        path=(name, "_when", condition.parent),
                    )
                for value in condition.values:
                    if not parent.contains(value):
                        raise SpaceError(
                            f"{name}: the condition waits for {condition.parent} to be {value!r}, "
                            f"which {parent} never is",
                            help="name values that it can have",
                            path=(name, "_when", condition.parent),
                        )
        _ = self.order  # finds circles


class _JsonReader:
    """Read search-space JSON into flat parameters and their conditions.

    A `path` leads from the root of the JSON to what is being read, for errors.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.conditions: dict[str, list[Condition]] = {}
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
            self._read(str(name), written, (str(name),))

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
        unknown = [key for key in written if key not in ("_type", "_value", "_when")]
        if unknown:
            raise SpaceError(
                f"{name}: unknown key {unknown[0]}",
                help="the keys are _type, _value and _when",
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
            self.parameters[name] = self._domain(name, kind, arguments, (*path, "_value"))

    @staticmethod
    def _domain(name: str, kind: str, arguments: Sequence[Any], path: _Path) -> Parameter:
        try:
            return create(kind, arguments)
        except SpaceError as error:
            raise SpaceError(f"{name}: {error.message}", help=error.help, path=(*path, *error.path)) from None

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
