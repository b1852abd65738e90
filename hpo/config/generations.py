"""NNI's two generations of experiment files: which one a file is, and what a field is called in the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from hpo.config.document import Document, Node, fold
from hpo.config.file_model import FileModel, Sets
from hpo.config.nni_v1 import V1
from hpo.config.nni_v2 import V2

__all__ = ["Place", "dotted", "generation_of", "places", "report_mixture"]

Place = tuple[str, ...]

_NAMES: Mapping[type[FileModel], str] = {V1: "v1", V2: "v2"}

#: Fields of the two that mean the same, beside those that set the same field of `Config`.
_SAME = (
    (("trainingServicePlatform",), ("trainingService", "platform")),
    (("tuner", "builtinTunerName"), ("tuner", "name")),
    (("tuner", "codeDir"), ("tuner", "codeDirectory")),
    (("tuner", "classFileName"), ("tuner", "className")),
    (("assessor", "builtinAssessorName"), ("assessor", "name")),
    (("assessor", "codeDir"), ("assessor", "codeDirectory")),
    (("assessor", "classFileName"), ("assessor", "className")),
    (("advisor", "builtinAdvisorName"), ("tuner", "name")),
)


def dotted(place: Place) -> str:
    """Return a field's name with those of the mappings around it: ``trial.command``."""
    return ".".join(place)


def generation_of(document: Document) -> type[FileModel]:
    """Return the generation that most of a file's telling fields belong to; v2 where none tells."""
    first, second = _foreign_fields(document, V2), _foreign_fields(document, V1)
    return V1 if first and len(first) >= len(second) else V2


def _foreign_fields(document: Document, model: type[FileModel]) -> list[Place]:
    """Return the fields of a file that belong to the generation that `model` is not."""
    other = V2 if model is V1 else V1
    return list(_foreign(document.root, model, other, ()))


def _foreign(node: Node, model: type[FileModel], other: type[FileModel], place: Place) -> Iterator[Place]:
    own = {fold(alias): sub for _, alias, _, sub in model.aliases()}
    theirs = {fold(alias): sub for _, alias, _, sub in other.aliases()}
    for key, child in node.children.items():
        here = (*place, str(key))
        if fold(key) in theirs and fold(key) not in own:
            yield here
        inner, other_inner = own.get(fold(key)), theirs.get(fold(key))
        if inner is not None and other_inner is not None:
            yield from _foreign(child, inner, other_inner, here)


def report_mixture(document: Document, model: type[FileModel]) -> list[Place]:
    """Report and return the fields of the other generation."""
    foreign = _foreign_fields(document, model)
    own = _foreign_fields(document, V2 if model is V1 else V1)
    other = V2 if model is V1 else V1
    for place in foreign:
        twin = _counterpart(place, other, model)
        name, other_name = _NAMES[model], _NAMES[other]
        document.report(
            "HPO505",
            f"{dotted(place)} belongs to NNI's {other_name} schema, and {dotted(own[0])} to its {name}",
            place,
            help=f"{name} calls it {dotted(twin)}" if twin else f"{name} has no such field",
            at_key=True,
            related=[(own[0], f"this makes it a file of the {name} schema")],
        )
    return foreign


@cache
def places(model: type[FileModel]) -> Mapping[Place, str | None]:
    """Return every field of a generation by its place, with the field of `Config` that it sets."""

    def visit(inner: type[FileModel], place: Place) -> Iterator[tuple[Place, str | None]]:
        for _, alias, mark, sub in inner.aliases():
            yield (*place, alias), mark.target if isinstance(mark, Sets) else None
            if sub is not None:
                yield from visit(sub, (*place, alias))

    return dict(visit(model, ()))


def _counterpart(place: Place, model: type[FileModel], other: type[FileModel]) -> Place | None:
    """Return where the other generation has what stands at a place of this one."""
    folded = tuple(map(fold, place))
    known = {tuple(map(fold, each)): target for each, target in places(model).items()}
    for pair in _SAME:
        mine, twin = pair if model is V1 else pair[::-1]
        if tuple(map(fold, mine)) == folded:
            return twin
    target = known.get(folded)
    return next((each for each, t in places(other).items() if t is not None and t == target), None)
