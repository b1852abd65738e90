"""Where a rewritten file differs from the script, so that tracebacks can show the script's own columns."""

from __future__ import annotations

from collections.abc import Iterable

from hpo.annotate.reading.source import Edit, SourceFile, Span

__all__ = ["stretches"]


def stretches(file: SourceFile, edits: Iterable[Edit], rewritten: bytes) -> tuple[tuple[int, ...], ...]:
    """Return the stretches of the rewritten file that are not the script's own text, in their order.

    Each is nine numbers, lines from 1 and columns from 0 in bytes of UTF-8, as `ast` has them: line, column,
    end line and end column in the rewritten file; those of the place in the script that it stands for; and
    the script's column of what follows it.
    """
    new = SourceFile(file.name, file.path, rewritten)
    found = []
    shift = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.depth)):
        start = edit.start + shift
        length = len(file.writable(edit.text))
        shift += length - (edit.end - edit.start)
        if length == edit.end - edit.start and edit.place is None:
            continue  # an `@` that became a `#`
        place = edit.place or Span(edit.start, edit.end)
        found.append(
            (
                *new.utf8_position(start),
                *new.utf8_position(start + length),
                *file.utf8_position(place.start),
                *file.utf8_position(place.end),
                file.utf8_position(edit.end)[1],
            )
        )
    return tuple(found)
