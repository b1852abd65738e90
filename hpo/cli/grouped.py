"""Commands whose help shows their options, and themselves, in groups.

Plain text, not typer's boxes: those load rich, which takes longer than all the rest of `hpo --help`.
"""

from __future__ import annotations

import copy
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.models import CommandFunctionType, CommandInfo

__all__ = ["Commands", "GroupedCommands"]

_BRACKETS = re.compile(r"\s*\[(x>=\d+|required)\]$")  # needless: 0 trials are none
_TYPE = re.compile(r" <[^>]*>$")
_BESIDE_SUMMARY = 14
_FIRST_STEPS = (
    ("hpo init", "look at what is here, and say how to begin"),
    ("hpo run train.py --max-trials 30", "tune what is marked"),
    ("hpo apply", "the diff that writes the best values into it"),
    ("hpo COMMAND --help", "the options of a command"),
)


class GroupedCommand(TyperCommand):
    """A command whose help lists its options by their groups, and names its arguments as they are written."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what follows the command's name: ID, or [ID] where it may be left out."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        names = [(argument.metavar or argument.name or "", argument.required) for argument in arguments]
        return ["[OPTIONS]", *(name if is_required else f"[{name}]" for name, is_required in names)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group."""
        parameters = self.get_params(ctx)
        panels = {getattr(p, "rich_help_panel", None) for p in parameters} - {None}
        is_long = len(panels) > 1
        records = []
        for parameter in parameters:
            is_argument = parameter.param_type_name == "argument"
            group = "Arguments" if is_argument else "Other options" if is_long else "Options"
            panel = getattr(parameter, "rich_help_panel", None) if is_long else None
            record = parameter.get_help_record(ctx)
            if record is not None:
                shown = (_TYPE.sub("", record[0]), _BRACKETS.sub("", record[1]))
                records.append((panel or group, shown))
        _write_groups(formatter, records)


class GroupedCommands(TyperGroup):
    """A list of commands by their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, group by group, in the order in which they were added."""
        records = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                group = getattr(command, "rich_help_panel", None) or "Commands"
                records.append((group, (name, command.get_short_help_str(formatter.width - _BESIDE_SUMMARY))))
        _write_groups(formatter, records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write what a newcomer calls first."""
        if ctx.parent is None:
            with formatter.section("First steps"):
                formatter.write_dl(_FIRST_STEPS, col_max=40)


class Commands(typer.Typer):
    """The commands of a program, with help in groups."""

    def command(
        self, name: str | None = None, **settings: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Add a command."""
        return super().command(name, **{"cls": GroupedCommand, **settings})

    def __call__(self, arguments: Sequence[str] | None = None, **settings: Any) -> Any:
        """Run a command line.

        Only the options of commands that it names are worked out, which for all of them would take a third
        of the time of `hpo --help`. A shell that completes may ask for those of any.
        """
        if any(name.endswith("_HPO_COMPLETE") for name in os.environ):
            return get_command(self)(arguments, **settings)
        words = set(sys.argv[1:] if arguments is None else arguments)
        groups = [self, *(group.typer_instance for group in self.registered_groups if group.typer_instance)]
        everything = [group.registered_commands for group in groups]
        for group in groups:
            group.registered_commands = [
                _bare_unless(command, words) for command in group.registered_commands
            ]
        command = get_command(self)
        for group, commands in zip(groups, everything, strict=True):
            group.registered_commands = commands
        return command(arguments, **settings)


def _bare_unless(command: CommandInfo, words: AbstractSet[str]) -> CommandInfo:
    """Return a command as it is where it is called; otherwise, without its options."""
    whole = command.callback
    assert whole is not None
    if (command.name or whole.__name__) in words:
        return command

    def bare() -> None:
        """Stand in a list."""

    bare.__name__, bare.__doc__ = whole.__name__, whole.__doc__
    listed = copy.copy(command)
    listed.callback = bare
    return listed


def _write_groups(formatter: Any, records: Iterable[tuple[str, tuple[str, str]]]) -> None:
    groups: dict[str, list[tuple[str, str]]] = {}
    for group, record in records:
        groups.setdefault(group, []).append(record)
    for group in sorted(groups, key=lambda name: name == "Other options"):
        with formatter.section(group):
            formatter.write_dl(groups[group])
