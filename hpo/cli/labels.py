"""`hpo tag` and `hpo note`: what the user says of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.runtime import home
from hpo.runtime.labels import add_note, add_tags, read_labels, remove_tags

__all__ = ["change_tags", "write_note"]


def change_tags(reference: str, tags: Sequence[str], *, remove: bool) -> None:
    """Give an experiment tags, or take them away; print those that it has then."""
    directory = home.find(reference)
    (remove_tags if remove else add_tags)(directory, tags)
    print(f"{directory.name}: {' '.join(read_labels(directory).tags) or 'no tags'}")


def write_note(reference: str, text: str) -> None:
    """Add a note to an experiment."""
    directory = home.find(reference)
    add_note(directory, text)
    print(f"{directory.name} has the note. See it: hpo show {directory.name}")
