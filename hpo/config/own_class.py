"""Find the class of the user's own that a tuner or an assessor section names, in v1's fields or in v2's."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from hpo.config.file_model import FileModel

__all__ = ["FIELDS", "Report", "own_class"]

#: Either generation's fields that say that a class is the user's own.
FIELDS = ("class_name", "class_file_name", "code_dir", "code_directory")


class Report(Protocol):
    """Report a mistake at one of the section's fields."""

    def __call__(self, code: str, message: str, *field: str, help: str | None) -> None: ...  # noqa: A002


def own_class(written: FileModel, folder: Path, kind: str, report: Report) -> tuple[Path, str] | None:
    """Return the file and the name of the class that a section names; None where it is wrong.

    Args:
        written: the section.
        folder: that of the experiment file, which paths are relative to.
        kind: tuner, advisor or assessor, for messages.
        report: is told what is wrong.
    """
    if hasattr(written, "class_file_name"):
        return _of_v1(written, folder, kind, report)
    return _of_v2(written, folder, kind, report)


def _of_v1(written: FileModel, folder: Path, kind: str, report: Report) -> tuple[Path, str] | None:
    fields = ("code_dir", "class_file_name", "class_name")
    directory, file_name, name = (getattr(written, field) for field in fields)
    if file_name is None:
        message, help_ = f"the file of the {kind}'s class is not named", f"give classFileName: my_{kind}.py"
        report("HPO507", message, "className" if name else "codeDir", help=help_)
        return None
    if name is None:
        message = f"the {kind}'s class is not named"
        report("HPO507", message, "classFileName", help="give className: the class in that file")
        return None
    file = _file(folder, directory, file_name, "codeDir", "classFileName", report)
    return None if file is None else (file, name)


def _of_v2(written: FileModel, folder: Path, kind: str, report: Report) -> tuple[Path, str] | None:
    directory, dotted = (getattr(written, field) for field in ("code_directory", "class_name"))
    example = f"my_{kind}.My{kind.capitalize()}"
    if dotted is None:
        message = f"the {kind}'s class is not named"
        report("HPO507", message, "codeDirectory", help=f"give className: {example}")
        return None
    module, dot, name = dotted.rpartition(".")
    if not dot or not all(part.isidentifier() for part in dotted.split(".")):
        message = f"className takes module.Class, not {dotted!r}"
        report(
            "HPO504", message, "className", help=f"write className: {example}, for a class in my_{kind}.py"
        )
        return None
    path = module.replace(".", "/")
    package = f"{path}/__init__.py"
    is_package = (folder / Path(directory or ".").expanduser() / package).is_file()
    file_name = package if is_package else f"{path}.py"
    file = _file(folder, directory, file_name, "codeDirectory", "className", report)
    return None if file is None else (file, name)


def _file(
    folder: Path, directory: str | None, name: str, directory_field: str, field: str, report: Report
) -> Path | None:
    """Return a file in the code's folder, where there is one."""
    place = (folder / Path(directory or ".").expanduser()).resolve()
    if not place.is_dir():
        help_ = "name the folder of the class, relative to this file"
        report("HPO508", f"there is no folder {place}", directory_field, help=help_)
        return None
    if (place / name).is_file():
        return place / name
    close = get_close_matches(name, [file.name for file in place.glob("*.py")], n=1)
    help_ = f"did you mean {close[0]}?" if close else f"name a file in {directory_field}"
    report("HPO508", f"there is no file {place / name}", field, help=help_)
    return None
