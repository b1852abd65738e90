"""What a store says of how its experiment is run: its settings, and what was decided when it began.

The file may be anybody's. Nothing of it is believed before it was looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hpo.config.model import Config
from hpo.errors import StoreError
from hpo.runtime.launcher import Command, FunctionCommand, ScriptCommand, ShellCommand

__all__ = ["Plan", "config_of", "plan_of"]

_NEEDED = ("seed", "tuner", "trial_concurrency")  # what every hpo wrote
_HELP = "it is damaged, or was not written by hpo"


@dataclass(frozen=True)
class Plan:
    """What was decided when the experiment began, and holds for every runner of it."""

    command: Command
    cwd: Path
    modules: tuple[str, ...]  # what a trial's process has imported when it begins
    sources: tuple[str, ...]  # the scripts, or the folder, whose marks were read

    def to_json(self) -> dict[str, Any]:
        if isinstance(self.command, ScriptCommand):
            command: dict[str, Any] = {"script": self.command.script, "args": list(self.command.args)}
        elif isinstance(self.command, FunctionCommand):
            command = {"function": self.command.name}
        else:
            command = {"text": self.command.text}
        return {
            "command": command,
            "cwd": str(self.cwd),
            "modules": list(self.modules),
            "sources": list(self.sources),
        }


def plan_of(row: Mapping[str, Any]) -> Plan:
    """Return the plan of an experiment's row.

    Raises:
        StoreError: it is none.
    """
    match row["config"].get("plan"):
        case {"command": dict(written), "cwd": str(cwd), "modules": list(modules), "sources": list(sources)}:
            command = _command(written)
            if command is not None and all(isinstance(each, str) for each in (*modules, *sources)):
                return Plan(command, Path(cwd), tuple(modules), tuple(sources))
    raise StoreError("the store does not say what its trials run", help=_HELP)


def _command(written: Mapping[str, Any]) -> Command | None:
    match written:
        case {"script": str(script), "args": list(args)} if all(isinstance(each, str) for each in args):
            return ScriptCommand(script, tuple(args))
        case {"function": str(name)}:
            return FunctionCommand(name)
        case {"text": str(text)}:
            return ShellCommand(text)
    return None


def config_of(row: Mapping[str, Any], *, is_to_run: bool = False) -> Config:
    """Return the settings of an experiment's row.

    Args:
        row: the experiment's.
        is_to_run: whether a setting that this hpo does not know matters; who only looks passes over it.

    Raises:
        StoreError: they are none.
    """
    written = row["config"].get("settings")
    if not isinstance(written, dict) or any(written.get(name) is None for name in _NEEDED):
        raise StoreError("the store's settings cannot be read", help=_HELP)
    unknown = written.keys() - Config.model_fields.keys()
    if unknown and is_to_run:
        message = f"the store has settings that this hpo does not know: {', '.join(sorted(unknown))}"
        raise StoreError(message, help="a newer hpo wrote it, perhaps: pip install -U hpo")
    known = {name: value for name, value in written.items() if name not in unknown}
    try:
        return Config.model_validate({**known, "space": None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        message = f"the store's settings cannot be read: {where} is {first['input']!r:.100}"
        raise StoreError(message, help=_HELP) from error
