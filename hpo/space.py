"""The search space: parameters by name, and the tree of conditions between them.

Its JSON is NNI's (`docs/source/hpo/search_space.rst` of NNI 3.0). Two things are added: a parameter may
carry conditions, ``"_when": {"optimizer": ["sgd"]}``, and is *active* only in configurations where all of
them hold; and beside the parameters ``"_constraints": ["batch_size * steps <= 512"]`` lists tests that every
proposed configuration passes. NNI's nested choices are read into the same tree.

A *configuration* is a flat dictionary from names to JSON values, with active parameters only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from hpo.conditions import Condition, Nest
from hpo.constraints import Constraint
from hpo.errors import SpaceError
from hpo.parameters import Arrangement, Choice, Parameter, RandInt, RandomSource, is_number
from hpo.space_json import CONSTRAINTS, JsonReader

__all__ = ["Configuration", "SearchSpace"]

Configuration = dict[str, Any]
#: A point of the unit cube, by name: a quantile, or the coordinates of one that has several.
Units = Mapping[str, "float | Sequence[float]"]

# Where constraints leave little of the space: how often it is drawn before other means are taken, how many
# configurations are listed, how many are looked at before none is said to pass, how finely a way is walked.
_DRAWS = 200
_LISTED = 10_000
_LOOKS = 10_000
_STEPS = 32

_OF_OPTIONS = {"choice", "subset", "permutation"}  # what has no numbers beside its own values


class SearchSpace:
    """Parameters by name, their conditions, and the values that stand in the source today.

    Args:
        parameters: the domains, in the order in which they are shown.
        conditions: for each conditional parameter, what must all hold for it to be active.
        defaults: the source's own values, where they are constants.
        constraints: what every configuration that is proposed must pass, all of it.

    Raises:
        SpaceError: a condition speaks of an unknown parent, of values that it cannot have, or of itself; a
            constraint speaks of an unknown parameter; nothing passes all constraints.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        *,
        conditions: Mapping[str, Sequence[Condition]] | None = None,
        defaults: Mapping[str, Any] | None = None,
        nests: Mapping[str, Nest] | None = None,
        constraints: Sequence[Constraint | str] = (),
    ) -> None:
        self.parameters: Mapping[str, Parameter] = dict(parameters)
        self.conditions: Mapping[str, tuple[Condition, ...]] = {
            name: tuple(each) for name, each in (conditions or {}).items() if each
        }
        self.defaults: Mapping[str, Any] = dict(defaults or {})
        self.constraints = tuple(c if isinstance(c, Constraint) else Constraint(c) for c in constraints)
        self._nests: Mapping[str, Nest] = dict(nests or {})
        self._check_conditions()
        self._check_constraints()

    def beside(
        self, parameters: Mapping[str, Parameter], defaults: Mapping[str, Any] | None = None
    ) -> SearchSpace:
        """Return this space with more parameters, always active, after its own."""
        return SearchSpace(
            {**self.parameters, **parameters},
            conditions=self.conditions,
            defaults={**self.defaults, **(defaults or {})},
            nests=self._nests,
            constraints=self.constraints,
        )

    def constrained(self, constraint: Constraint | str) -> SearchSpace:
        """Return this space with one more constraint."""
        return SearchSpace(
            self.parameters,
            conditions=self.conditions,
            defaults=self.defaults,
            nests=self._nests,
            constraints=(*self.constraints, constraint),
        )

    def fixed(self, values: Mapping[str, Any]) -> SearchSpace:
        """Return this space with some parameters at one value each, which nothing searches then.

        A number may lie outside its domain; of a choice it is an option. What can be active no more is left
        out, and so are the constraints that speak of it.

        Raises:
            SpaceError: there is no such parameter, or it cannot have the value.
        """
        for name in values:
            self._check_known(name)
        parameters = {name: _only(name, self[name], values) for name in self}
        conditions: dict[str, list[Condition]] = {}
        for name in self.order:
            for condition in self.conditions.get(name, ()):
                parent = parameters.get(condition.parent)
                left = [value for value in condition.values if parent is not None and parent.contains(value)]
                if not left:
                    del parameters[name]
                    conditions.pop(name, None)
                    break
                conditions.setdefault(name, []).append(Condition(condition.parent, tuple(left)))
        gone = next((name for name in values if name not in parameters), None)
        if gone is not None:
            needs = self._condition_text(gone)
            raise SpaceError(f"{gone} is never active: it needs {needs}", help="leave it out")
        return SearchSpace(
            parameters,
            conditions=conditions,
            defaults={n: v for n, v in {**self.defaults, **values}.items() if n in parameters},
            nests={
                name: nest.within(name, parameters)
                for name, nest in self._nests.items()
                if name in parameters
            },
            constraints=[c for c in self.constraints if all(name in parameters for name in c.names)],
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
            (self.parameters, self.conditions, self.defaults, self._nests, self.constraints)
            == (other.parameters, other.conditions, other.defaults, other._nests, other.constraints)
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

        Exact for spaces without conditions and constraints; with them, an upper bound.
        """
        total = 1
        for parameter in self.parameters.values():
            values = parameter.values()
            if values is None:
                return None
            total *= len(values)
        return total

    @cached_property
    def width(self) -> int:
        """How many coordinates a point of the unit cube has: one for each parameter, more for a list."""
        return sum(parameter.width for parameter in self.parameters.values())

    def is_active(self, name: str, configuration: Mapping[str, Any]) -> bool:
        """Tell whether a parameter is active, given the active parameters before it in `order`."""
        return all(c.holds(configuration) for c in self.conditions.get(name, ()))

    def is_feasible(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether a configuration passes all constraints."""
        return all(constraint.holds(configuration) for constraint in self.constraints)

    # -- making configurations

    def sample(self, rng: RandomSource) -> Configuration:
        """Draw a configuration: one number from `rng` for every coordinate, active or not.

        The inactive ones draw too, so that a condition changes no other parameter's value. With constraints,
        the first of many draws that passes; where none does, one of all that pass, or one near the last draw.
        """
        for _ in range(_DRAWS if self.constraints else 1):
            units = self._drawn(rng)
            drawn = self._at(units)
            if self.is_feasible(drawn):
                return drawn
        few = self._feasible_ones
        return self.from_unit(units) if few is None else dict(few[int(rng.random() * len(few))])

    def from_unit(self, units: Units) -> Configuration:
        """Return the configuration at a point of the unit cube, without what is inactive there.

        Where it does not pass the constraints, one that does, on the way from there to one that is known.

        Args:
            units: the quantile of each parameter, or its coordinates.
        """
        built = self._at(units)
        return built if self.is_feasible(built) else self._repaired(units)

    def from_point(self, point: Sequence[float]) -> Configuration:
        """Return the configuration at a point that is one list of coordinates, in `order`."""
        return self.from_unit(self._units(point))

    def is_feasible_at(self, point: Sequence[float]) -> bool:
        """Tell whether the configuration at a point passes all constraints, before it is mended."""
        return not self.constraints or self.is_feasible(self._at(self._units(point)))

    def _units(self, point: Sequence[float]) -> Units:
        units, start = {}, 0
        for name in self.order:
            end = start + self.parameters[name].width
            units[name], start = point[start:end], end
        return units

    def feasible(self, configuration: Configuration) -> Configuration:
        """Return a configuration, or one near it where it does not pass the constraints."""
        if self.is_feasible(configuration):
            return configuration
        known = {n: v for n, v in configuration.items() if n in self and self[n].contains(v)}
        middle = {name: [0.5] * parameter.width for name, parameter in self.parameters.items()}
        return self._repaired({**middle, **self.to_unit(known)})

    def configurations(self, values: Callable[[str], Sequence[Any]] | None = None) -> Iterator[Configuration]:
        """Yield the configurations that pass the constraints, the last parameter changing fastest.

        The tree of conditions is walked, so an inactive parameter multiplies nothing; what fails a constraint
        is cut off as soon as its parameters are known, and after many failures in a row the walk ends.

        Args:
            values: the values to take of a parameter; all of them where this is left out, of a finite one.
        """
        taken = {name: (values(name) if values else self[name].values()) or () for name in self}
        order = self.order
        tests: dict[str, list[Constraint]] = {}
        for constraint in self.constraints:
            tests.setdefault(max(constraint.names, key=order.index), []).append(constraint)

        failures = 0

        def walk(depth: int, built: Configuration) -> Iterator[Configuration]:
            nonlocal failures
            if depth == len(order):
                failures = 0
                yield dict(built)
                return
            name = order[depth]
            if not self.is_active(name, built):
                yield from walk(depth + 1, built)
                return
            for value in taken[name]:
                longer = {**built, name: value}
                if failures > _LOOKS:
                    return
                if all(test.holds(longer) for test in tests.get(name, ())):
                    yield from walk(depth + 1, longer)
                else:
                    failures += 1

        yield from walk(0, {})

    @cached_property
    def _feasible_ones(self) -> tuple[Configuration, ...] | None:
        """All configurations that pass, where the space is small."""
        size = self.size()
        return None if size is None or size > _LISTED else tuple(self.configurations())

    @cached_property
    def _known(self) -> Configuration | None:
        """A configuration that passes: the source's own, the first of a small space, or a drawn one."""
        own = self.default_configuration()
        if all(name in own or not self.is_active(name, own) for name in self) and self.is_feasible(own):
            return own
        if self._feasible_ones is not None:
            return next(iter(self._feasible_ones), None)
        # Only what the constraints speak of is drawn, and what decides whether it is active.
        wanted = {name for constraint in self.constraints for name in constraint.names}
        for name in reversed(self.order):
            if name in wanted:
                wanted.update(condition.parent for condition in self.conditions.get(name, ()))
        rng = random.Random(0)  # noqa: S311 - no secret depends on it
        for _ in range(_LOOKS):
            units = self._drawn(rng, wanted)
            if self.is_feasible(self._at(units, wanted)):
                return self._at({**self._drawn(rng), **units})
        return None

    def _drawn(self, rng: RandomSource, names: Container[str] | None = None) -> dict[str, Sequence[float]]:
        return {
            name: [rng.random() for _ in range(parameter.width)]
            for name, parameter in self.parameters.items()
            if names is None or name in names
        }

    def _repaired(self, units: Units) -> Configuration:
        """Return the first configuration that passes on the way to a known one, of what is constrained."""
        assert self._known is not None
        constrained = {name for constraint in self.constraints for name in constraint.names}
        starts = {n: [u] if isinstance(u, int | float) else u for n, u in units.items()}
        ends = {n: u for n, u in self.to_unit(self._known).items() if n in constrained}

        def on_the_way(part: float) -> Configuration:
            moved = {
                n: [u + (v - u) * part for u, v in zip(starts[n], end, strict=True)]
                for n, end in ends.items()
            }
            return self._at({**starts, **moved})

        parts = (k / _STEPS for k in range(1, _STEPS + 1))
        high = next((part for part in parts if self.is_feasible(on_the_way(part))), None)
        if high is None:  # what is not constrained decides which of the constrained are active
            return dict(self._known)
        low = high - 1 / _STEPS
        for _ in range(6):
            middle = (low + high) / 2
            low, high = (low, middle) if self.is_feasible(on_the_way(middle)) else (middle, high)
        return on_the_way(high)

    def _at(self, units: Units, names: Container[str] | None = None) -> Configuration:
        def value(name: str) -> Any:
            at = units[name]
            parameter = self.parameters[name]
            return parameter.from_unit(at) if isinstance(at, int | float) else parameter.from_units(at)

        return self._build(value, given=names)

    def to_unit(self, configuration: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
        """Return the coordinates of a configuration in the unit cube: of active parameters only."""
        return {name: self.parameters[name].to_units(value) for name, value in configuration.items()}

    def active_part(self, values: Mapping[str, Any]) -> Configuration:
        """Return the given values of the parameters that are active among them, parents first."""
        return self._build(lambda name: values[name], given=values)

    def _build(self, value_of: Callable[[str], Any], given: Container[str] | None = None) -> Configuration:
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
            self._check_known(name)
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
                    f"{name} is not active here: it needs {self._condition_text(name)}",
                    help="give what it needs as well, or leave it out",
                )
            if name not in configuration and self.is_active(name, active):
                raise SpaceError(f"{name} has no value", help=f"give one of {self.parameters[name]}")
        for constraint in self.constraints:
            if not constraint.holds(active):
                values = ", ".join(f"{name} = {active[name]!r}" for name in constraint.names)
                raise SpaceError(
                    f"{values} violates the constraint {constraint}", help="choose values that satisfy it"
                )

    def _check_known(self, name: str) -> None:
        if name not in self.parameters:
            close = get_close_matches(name, self.parameters, n=1)
            help_ = f"did you mean {close[0]}?" if close else f"the parameters are {', '.join(self)}"
            raise SpaceError(f"there is no parameter {name}", help=help_)

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
        if not isinstance(option, str) or option not in nest.options:
            return option  # a trial may lie outside the space
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
        written = {name: self._parameter_json(name) for name in self.parameters if name not in inner}
        return written | ({CONSTRAINTS: [c.text for c in self.constraints]} if self.constraints else {})

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
        reader = JsonReader()
        reader.read_all(data)
        return cls(
            reader.parameters,
            conditions=reader.conditions,
            defaults=defaults,
            nests=reader.finished_nests(),
            constraints=reader.constraints,
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
                if isinstance(parent, Arrangement):
                    raise SpaceError(
                        f"{name}: the condition waits for {condition.parent}, which is a {parent.type}",
                        help="let it wait for a choice or an integer, or let it be active always",
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

    def _check_constraints(self) -> None:
        for i, constraint in enumerate(self.constraints):
            for name in constraint.names:
                if name not in self:
                    close = get_close_matches(name, self.parameters, n=1)
                    raise SpaceError(
                        f"the constraint {constraint} speaks of {name}, which is no parameter",
                        help=f"did you mean {close[0]}?" if close else "name parameters of this space",
                        path=(CONSTRAINTS, i),
                    )
        if self.constraints and self._known is None:
            tried = (
                "no configuration" if self._feasible_ones is not None else f"none of {_LOOKS} configurations"
            )
            raise SpaceError(
                f"{tried} satisfies {' and '.join(map(str, self.constraints))}",
                help="loosen a constraint, or widen a domain that it speaks of",
                path=(CONSTRAINTS,),
            )


def _only(name: str, domain: Parameter, values: Mapping[str, Any]) -> Parameter:
    """Return a domain, or the one that has nothing but the given value."""
    if name not in values:
        return domain
    value = values[name]
    if isinstance(domain, Choice) and domain.contains(value):
        return Choice((domain.options[domain.index(value)],))
    is_whole = isinstance(value, int) or not isinstance(domain, RandInt)
    is_other_number = domain.type not in _OF_OPTIONS and is_number(value) and is_whole
    if not domain.contains(value) and not is_other_number:
        message = f"{name} is {value!r}, which lies outside {domain}"
        raise SpaceError(message, help="give one of its values")
    return Choice((value,))
