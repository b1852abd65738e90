"""NNI's `mutable_layers`: which layer, and which inputs it takes, as ordinary choices (its classic mode)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from hpo.annotate.marks.grammar import Domain, Option, Reader, shape
from hpo.annotate.reading.source import Span
from hpo.parameters import Choice

__all__ = ["INPUTS", "Layer", "read_layers"]

_FIELDS = ("layer_choice", "fixed_inputs", "optional_inputs", "optional_input_size", "layer_output")
_HELP = "write {layer_choice: [conv(size=3), pool()], optional_inputs: [x], layer_output: y}"
INPUTS = "\0"  # no source has it
_MOST = 1024  # choices of inputs beyond which nobody could search


@dataclass(frozen=True)
class Layer:
    """One layer of a `mutable_layers`: ``OUTPUT = FUNCTION([FIXED, CHOSEN], **ARGUMENTS)``.

    Attributes:
        output: the target.
        layer: the choice of the function; an option's code is its call, with `INPUTS` where they go.
        inputs: the choice of inputs; None where there is nothing to choose.
        only: the list of inputs, where there is one.
        span: of the layer's dictionary.
    """

    output: str
    layer: Domain
    inputs: Domain | None
    only: str
    span: Span


def read_layers(reader: Reader, node: ast.expr) -> tuple[Layer, ...]:
    """Return the layers of a `mutable_layers` call.

    Raises:
        Mistake: a field is missing, unknown, given twice, or of the wrong form.
    """
    assert isinstance(node, ast.Call)
    if not node.args or node.keywords:
        raise reader.mistake("HPO203", "mutable_layers takes dictionaries, one a layer", _HELP, node)
    return tuple(_read_layer(reader, argument) for argument in node.args)


def _read_layer(reader: Reader, node: ast.expr) -> Layer:
    fields = _fields(reader, node)
    for needed in ("layer_choice", "layer_output"):
        if needed not in fields:
            raise reader.mistake("HPO203", f"a layer needs {needed}", _HELP, node)
    output = fields["layer_output"]
    span = reader.file.span(node)
    optional = [reader.line(e) for e in _elements(reader, fields.get("optional_inputs"))]
    inputs = _inputs(reader, optional, fields.get("optional_input_size"), span)
    fixed = ", ".join(reader.line(e) for e in _elements(reader, fields.get("fixed_inputs")))
    chosen = inputs if inputs is not None and len(inputs.options) > 1 else None
    return Layer(
        reader.line(output),
        _layer_choice(reader, fields["layer_choice"], f"[{fixed}]"),
        chosen,
        inputs.options[0].code if inputs is not None else "[]",
        span,
    )


def _fields(reader: Reader, node: ast.expr) -> Mapping[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        raise reader.mistake("HPO203", "a layer is a dictionary", _HELP, node)
    fields: dict[str, ast.expr] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        name = key.id if isinstance(key, ast.Name) else getattr(key, "value", None)
        if name not in _FIELDS or name in fields:
            what = "is given twice" if name in fields else "is no field of a layer"
            written = reader.source(key) if key is not None else "**"
            help_ = f"the fields are {', '.join(_FIELDS)}"
            raise reader.mistake("HPO203", f"{written} {what}", help_, key or value)
        fields[name] = value
    return fields


def _elements(reader: Reader, node: ast.expr | None) -> list[ast.expr]:
    if node is None:
        return []
    if not isinstance(node, ast.List):
        raise reader.mistake("HPO203", "this field is a list", _HELP, node)
    return node.elts


def _layer_choice(reader: Reader, node: ast.expr, fixed: str) -> Domain:
    options = []
    for element in _elements(reader, node):
        if not isinstance(element, ast.Call) or element.args:
            raise reader.mistake(
                "HPO203", "a layer is a call whose arguments are named", "write conv(size=3)", element
            )
        arguments = "".join(
            f", {k.arg}={reader.line(k.value)}" if k.arg else f", **{reader.line(k.value)}"
            for k in element.keywords
        )
        code = f"{reader.line(element.func)}([{fixed}, {INPUTS}]{arguments})"
        options.append(Option(reader.source(element), code, True, shape(element)))
    return _choice(reader, options, node)


def _choice(reader: Reader, options: list[Option], node: ast.expr) -> Domain:
    values = [option.value for option in options]
    if not values or len(set(values)) != len(values):
        what = "has no options" if not values else "lists an option twice"
        raise reader.mistake("HPO206" if not values else "HPO207", f"layer_choice {what}", _HELP, node)
    return Domain("choice", Choice(tuple(values)), reader.file.span(node), None, tuple(options))


def _inputs(reader: Reader, optional: list[str], size: ast.expr | None, span: Span) -> Domain | None:
    if not optional:
        return None
    low, high = 1, 1
    if size is not None:
        ends = size.elts if isinstance(size, ast.List) else [size, size]
        bounds = [e.value for e in ends if isinstance(e, ast.Constant) and isinstance(e.value, int)]
        if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= len(optional):
            message = f"optional_input_size is a number up to {len(optional)}, or a list of two"
            raise reader.mistake("HPO203", message, "write optional_input_size: 1, or [0, 2]", size)
        low, high = bounds
    groups = [group for n in range(low, high + 1) for group in combinations(optional, n)]
    if len(groups) > _MOST:
        assert size is not None
        message = f"there are {len(groups)} choices of inputs, and at most {_MOST} can be searched"
        raise reader.mistake("HPO203", message, "choose fewer inputs", size)
    options = tuple(Option(t, t, True, t) for t in (f"[{', '.join(group)}]" for group in groups))
    return Domain("choice", Choice(tuple(o.value for o in options)), span, None, options)
