"""Read YAML into nodes: mappings, lists and the scalars of JSON, and nothing else.

It is YAML 1.1 as PyYAML reads it, which NNI's files were written for, with two repairs: ``1e-3`` is a number
(1.1 wants ``1.0e-3``, and gives a string), and a date is the text that it is.
"""

from __future__ import annotations

import math
import re
from typing import Any, cast

import yaml

from hpo.config.document import DocumentProblem, Key, Node, Span

__all__ = ["read"]

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + name for name in ("null", "bool", "int", "float", "str")}
_SKIPPED = {_TAG + "timestamp", _TAG + "value"}

#: Aliases let a short text stand for a huge value.
MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with the two repairs."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the shape that PyYAML gives it
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _SKIPPED]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    _TAG + "float",
    re.compile(r"^[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read(text: str) -> tuple[Node, list[DocumentProblem]]:
    """Return the tree of a YAML document, and what is wrong but can be read past.

    Raises:
        DocumentProblem: the text is no YAML, or holds what JSON cannot.
    """
    try:
        return _read(text)
    except RecursionError:
        raise DocumentProblem("the values are nested too deeply", (0, 0)) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_problem(error) from None
    except yaml.reader.ReaderError as error:
        at = error.position
        shown = f"character U+{error.character:04X} is not allowed in YAML"
        raise DocumentProblem(shown, (at, at + 1), help="remove it") from None


def _read(text: str) -> tuple[Node, list[DocumentProblem]]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise DocumentProblem("the file is empty", (0, 0), help="write NAME: VALUE, one a line")
        builder = _Builder(loader)
        return builder.build(root), builder.problems
    finally:
        loader.dispose()


def _syntax_problem(error: yaml.MarkedYAMLError) -> DocumentProblem:
    mark = error.problem_mark or error.context_mark
    at = mark.index if mark else 0
    message = str(error.problem or error.context)
    help_ = None
    if "'\\t'" in message:
        message, help_ = "a tab stands where YAML wants spaces", "indent with spaces"
    elif "single document" in str(error.context):
        message, help_ = "a second document begins here", "keep one document in a file"
    elif error.context and error.problem:
        message = f"{error.problem} {error.context}"
    return DocumentProblem(message, (at, at + 1), help=help_)


class _Builder:
    """Turn PyYAML's nodes into ours; an alias becomes the very node that it names."""

    def __init__(self, loader: _Loader) -> None:
        self.problems: list[DocumentProblem] = []
        self._loader = loader
        self._built: dict[int, tuple[Node, int]] = {}
        self._open: set[int] = set()
        self._size = 0

    def build(self, node: yaml.Node) -> Node:
        if id(node) in self._open:
            raise DocumentProblem("a value contains itself", _span(node), help="remove the alias inside it")
        known = self._built.get(id(node))
        if known is not None:
            self._count(known[1], node)
            return known[0]
        before = self._size
        self._count(1, node)
        self._open.add(id(node))
        built = self._build(node)
        self._open.remove(id(node))
        self._built[id(node)] = (built, self._size - before)
        return built

    def _count(self, values: int, node: yaml.Node) -> None:
        self._size += values
        if self._size > MOST_VALUES:
            message = f"the file stands for more than {MOST_VALUES:,} values"
            raise DocumentProblem(message, _span(node), help="put large data into a file of its own")

    def _build(self, node: yaml.Node) -> Node:
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            items = dict(enumerate(map(self.build, node.value)))
            return Node([item.value for item in items.values()], _span(node), cast(dict[Key, Node], items))
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return Node(self._scalar(node), _span(node))
        raise DocumentProblem(f"the tag {node.tag} has no meaning here", _span(node), help="remove the tag")

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, OverflowError):
            raise DocumentProblem(
                f"{node.value[:60]!r} is no {node.tag.removeprefix(_TAG)}",
                _span(node),
                help="put it in quotes",
            ) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise DocumentProblem(
                f"{node.value} is no finite number", _span(node), help="write a number that JSON can hold"
            )
        return value

    def _mapping(self, node: yaml.MappingNode) -> Node:
        children: dict[Key, Node] = {}
        keys: dict[Key, Span] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged.append(value_node)
                continue
            key = self._key(key_node)
            if key in children:
                message = f"{key} is given twice"
                self.problems.append(
                    DocumentProblem(message, _span(key_node), help="remove one of the two", code="HPO502")
                )
                continue
            keys[key] = _span(key_node)
            children[key] = self.build(value_node)
        for source in merged:
            for parent in self._parents(source):
                children = {**parent.children, **children}
                keys = {**parent.keys, **keys}
        return Node({str(k): c.value for k, c in children.items()}, _span(node), children, keys)

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise DocumentProblem("a key is no plain text", _span(node), help="write NAME: VALUE")
        return str(node.value)

    def _parents(self, node: yaml.Node) -> list[Node]:
        """Return the mappings that ``<<`` merges, the strongest first."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(each, yaml.MappingNode) for each in nodes):
            raise DocumentProblem("<< merges a mapping", _span(node), help="write <<: *ANCHOR")
        return [self.build(each) for each in nodes]


def _span(node: yaml.Node) -> Span:
    return node.start_mark.index, node.end_mark.index
