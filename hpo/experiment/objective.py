"""A function to tune: the space of its arguments, and how a trial calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo.errors import SpaceError, UsageError
from hpo.marks import domains_of
from hpo.parameters import Choice, Parameter, create
from hpo.space import SearchSpace
from hpo.trial import get_next_parameter, inside

__all__ = ["Objective"]

_CURE = "write 'loguniform(1e-5, 1e-1)', a list of options, or hpo.loguniform(1e-5, 1e-1)"
_Constructed = tuple[str, tuple[Any, ...]] | None  # a kind of domain and its arguments

_SCALARS = (str, int, float, bool, type(None))


class Objective:
    """A function of hyperparameters, which returns its result or reports it.

    It is called with the hyperparameters by name, where it takes all of them, or with one dictionary.

    Args:
        function: to be tuned.
        space: its search space: for each name a domain, as a text (``"loguniform(1e-5, 1e-1)"``), a call
            (``hpo.loguniform(1e-5, 1e-1)``), or a list of options, which may be any objects; or a
            `SearchSpace`, or NNI's JSON. None: the one of its ``@hpo.param`` decorators.

    Attributes:
        name: of the function.
        space: the search space; its defaults are those of the function's signature.

    Raises:
        UsageError: there is no space, or the function cannot be called with it.
    """

    def __init__(self, function: Callable[..., Any], space: SearchSpace | Mapping[str, Any] | None) -> None:
        self._function = function
        self._objects: dict[str, dict[str, Any]] = {}
        self.name = str(getattr(function, "__qualname__", type(function).__qualname__))
        read = self._read(space)
        self._by_name = self._takes_names(read)
        own = self._own_values(read) if self._by_name else {}
        self.space = SearchSpace.from_json(read.to_json(), defaults={**own, **read.defaults})

    @property
    def has_defaults(self) -> bool:
        """Whether it can be called without any of its hyperparameters."""
        return self._by_name and set(self.space) <= self.space.defaults.keys()

    def __call__(self) -> Any:
        """Call the function with the values of the trial that this process is."""
        given = get_next_parameter()
        if inside().baseline:
            given = {name: given[name] for name in inside().fixed if name in given}
            return self._function(**{name: self._object(name, value) for name, value in given.items()})
        values = {name: self._object(name, value) for name, value in given.items()}
        return self._function(**values) if self._by_name else self._function(values)

    def _object(self, name: str, value: Any) -> Any:
        objects = self._objects.get(name)
        if objects is None:
            return value
        return [objects[each] for each in value] if isinstance(value, list) else objects[value]

    # -- the space

    def _read(self, space: SearchSpace | Mapping[str, Any] | None) -> SearchSpace:
        constructed: Mapping[str, _Constructed]
        if isinstance(space, SearchSpace):
            return space
        if space is None:
            constructed = getattr(self._function, "__hpo_domains__", {})
            space = dict.fromkeys(constructed)
        else:
            constructed = dict(zip(space, domains_of(list(space.values())), strict=True))
        if not space:
            help_ = f"hpo.tune({self.name}, space={{'lr': 'loguniform(1e-5, 1e-1)'}})"
            raise UsageError(f"there is no search space for {self.name}", help=help_)
        if all(_is_nni(name, each) for name, each in space.items()):
            return SearchSpace.from_json(space)
        return SearchSpace(
            {name: self._domain(name, each, constructed[name]) for name, each in space.items()}
        )

    def _domain(self, name: str, written: Any, constructed: _Constructed) -> Parameter:
        if isinstance(written, Parameter):
            return written
        if isinstance(written, str) and constructed is None:
            from hpo.annotate.marks.options import read_options

            return read_options([f"{name}={written}"], origin=f"space[{name!r}]")[name]
        try:
            return self._created(name, written, constructed)
        except SpaceError as error:
            raise SpaceError(f"space[{name!r}]: {error}", help=error.help) from None

    def _created(self, name: str, written: Any, constructed: _Constructed) -> Parameter:
        if constructed is not None and constructed[0] in ("subset", "permutation"):
            kind, (items, *limits) = constructed
            return create(kind, (self._labelled(name, items), *limits))
        if isinstance(written, list | tuple | range):
            return self._choice(name, written)
        if constructed is None:
            raise UsageError(f"space[{name!r}] is {written!r}, which is no domain", help=_CURE)
        kind, arguments = constructed
        return self._choice(name, arguments) if kind == "choice" else create(kind, arguments)

    def _choice(self, name: str, options: Sequence[Any]) -> Parameter:
        created = create("choice", tuple(self._labelled(name, options)))
        assert isinstance(created, Choice)
        return created

    def _labelled(self, name: str, options: Sequence[Any]) -> Sequence[Any]:
        """Return options or items; where no store can hold them, their names."""
        if not all(isinstance(option, _SCALARS) for option in options):
            labels = [str(getattr(each, "__name__", each)) for each in options]
            twice = next((label for label in labels if labels.count(label) > 1), None)
            if twice is not None:
                raise UsageError(f"two options of {name} are both called {twice}", help="name them apart")
            self._objects[name] = dict(zip(labels, options, strict=True))
            return labels
        return options

    # -- the call

    def _takes_names(self, space: SearchSpace) -> bool:
        try:
            signature = inspect.signature(self._function)
        except (TypeError, ValueError):  # of a few built-in functions nothing is known
            return True
        names = dict.fromkeys(space.parameters)
        optional = {name for name in names if name in space.conditions}
        try:
            signature.bind(**names)
            signature.bind(**{name: None for name in names if name not in optional})
        except TypeError:
            pass
        else:
            return True
        try:
            signature.bind({})
            if all(each.default is not each.empty for each in signature.parameters.values()):
                raise TypeError("what may be left out is no dictionary of all values")
        except TypeError:
            wanted = ", ".join(f"{name}=..." for name in names)
            raise UsageError(
                f"{self.name}{signature} cannot be called as {self.name}({wanted})",
                help=f"let it take these arguments, or one dictionary: def {self.name}(parameters)",
            ) from None
        return False

    def _own_values(self, space: SearchSpace) -> dict[str, Any]:
        """Return the defaults of its signature that a store can hold."""
        try:
            parameters = inspect.signature(self._function).parameters
        except (TypeError, ValueError):
            return {}
        found: dict[str, Any] = {}
        for name in space:
            default = parameters[name].default if name in parameters else inspect.Parameter.empty
            labels = {id(each): label for label, each in self._objects.get(name, {}).items()}
            if isinstance(default, list | tuple):
                named = [labels.get(id(each), each) for each in default]
                found |= {name: named} if space[name].contains(named) else {}
            elif id(default) in labels:
                found[name] = labels[id(default)]
            elif isinstance(default, _SCALARS):
                found[name] = default
        return found


def _is_nni(name: str, written: Any) -> bool:
    return name.startswith("_") or (isinstance(written, Mapping) and "_type" in written)
