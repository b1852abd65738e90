"""What the user says of an experiment: tags and notes, in ``labels.json`` of its folder.

The store has one writer, the runner; these are written by whoever labels, whether it runs or not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpo.durable import put
from hpo.errors import StoreError, UsageError
from hpo.runtime.trial_files import read_plain

__all__ = ["Labels", "add_note", "add_tags", "check_tag", "read_labels", "remove_tags"]

_NAME = "labels.json"
_LONGEST_TAG = 100  # characters
_MOST = 1 << 20  # bytes of the file: more is none of ours


@dataclass(frozen=True)
class Labels:
    """The tags of an experiment, and its notes: each with its time, in seconds since 1970, and its text."""

    tags: Sequence[str] = ()
    notes: Sequence[Mapping[str, Any]] = ()


def read_labels(directory: Path) -> Labels:
    """Return what is said of an experiment; nothing, where the file is none of ours."""
    try:
        return _read(directory)
    except StoreError:
        return Labels()


def _read(directory: Path) -> Labels:
    try:
        written = json.loads(read_plain(directory / _NAME, _MOST))
        tags = [tag for tag in written["tags"] if isinstance(tag, str) and _is_tag(tag)]
        notes = [{"time": float(note["time"]), "text": str(note["text"])} for note in written["notes"]]
    except FileNotFoundError:
        return Labels()
    except KeyError as error:
        raise _foreign(directory, f"it lacks {error}") from error
    except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _foreign(directory, error) from error
    return Labels(tags, notes)


def _foreign(directory: Path, why: object) -> StoreError:
    message = f"the tags and notes in {directory / _NAME} cannot be read: {why}"
    return StoreError(message, help="nothing was changed; mend it, or move it away")


def add_note(directory: Path, text: str) -> None:
    """Add a note.

    Raises:
        UsageError: it is empty, or too long.
        StoreError: those there are cannot be read, or the folder cannot be written to.
    """
    if not text.strip():
        raise UsageError("the note is empty", help='write hpo note ID "what you found"')
    with _change(directory) as labels:
        _write(directory, labels.tags, [*labels.notes, {"time": time.time(), "text": text.strip()}])


def add_tags(directory: Path, tags: Iterable[str]) -> None:
    """Add tags that are not there yet.

    Raises:
        UsageError: one is none.
        StoreError: those there are cannot be read, or the folder cannot be written to.
    """
    tags = list(tags)
    for tag in tags:
        check_tag(tag)
    with _change(directory) as labels:
        _write(directory, list(dict.fromkeys([*labels.tags, *tags])), labels.notes)


def remove_tags(directory: Path, tags: Iterable[str]) -> None:
    """Remove tags.

    Raises:
        UsageError: the experiment has no such tag.
        StoreError: those there are cannot be read, or the folder cannot be written to.
    """
    gone = set(tags)
    with _change(directory) as labels:
        for tag in sorted(gone - set(labels.tags)):
            has = ", ".join(labels.tags)
            help_ = f"its tags are {has}" if has else "it has no tags"
            raise UsageError(f"{directory.name} has no tag {tag}", help=help_)
        _write(directory, [tag for tag in labels.tags if tag not in gone], labels.notes)


def check_tag(tag: str) -> None:
    """Refuse what is no tag: one word, so that it can be asked for.

    Raises:
        UsageError: it is none.
    """
    if not _is_tag(tag):
        raise UsageError(f"{tag!r} is no tag", help="a tag is one word without commas, such as baseline")


def _is_tag(tag: str) -> bool:
    is_word = tag.isprintable() and not any(c.isspace() or c == "," for c in tag)
    return is_word and 0 < len(tag) <= _LONGEST_TAG


@contextlib.contextmanager
def _change(directory: Path) -> Iterator[Labels]:
    """Hold the others off who would change the labels meanwhile; yield what they are."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreError(f"{directory} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield _read(directory)
    finally:
        os.close(fd)


def _write(directory: Path, tags: Sequence[str], notes: Sequence[Mapping[str, Any]]) -> None:
    path = directory / _NAME
    new = directory / f".{_NAME}"
    text = json.dumps(asdict(Labels(tags, notes)), indent=1)
    if len(text) > _MOST:  # it would be taken for none of ours, and all that it says be lost
        message = f"the tags and notes of {directory.name} would take more than {_MOST >> 20} MB"
        raise UsageError(message, help="write less; keep what is long in a file of your own")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        put(new, path)
    except OSError as error:
        help_ = f"chmod u+w {directory}" if error.errno == errno.EACCES else "make room, or mend it"
        raise StoreError(f"{path} cannot be written: {error.strerror}", help=help_) from error
