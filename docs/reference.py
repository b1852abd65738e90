"""Write docs/cli.md: each command with its arguments and options, as the command line itself knows them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

import hpo.cli.commands  # noqa: F401 - adds them to `app`
from hpo.cli.app import app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# Commands

Every command, its arguments and its options, as `hpo COMMAND --help` shows them. ID is an id, its
beginning, or a name; where it may be left out, the newest experiment is meant. Durations are `30s`,
`10m`, `1h30m`, `2d`, or bare seconds.

| exit code | |
|---|---|
| 0 | done |
| 1 | the experiment failed: no trial succeeded |
| 2 | a mistake in the command, the file or the marks, which is said |
| 130, 143 | ended by Ctrl-C, by SIGTERM |

What is said to a person goes to stderr, or to the terminal; with `--json`, stdout has JSON alone.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_group("hpo", typer.main.get_command(app))])


def _group(path: str, group: Any) -> Iterator[str]:
    context = group.make_context(path, [], resilient_parsing=True)
    commands = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    panels = dict.fromkeys(getattr(command, "rich_help_panel", None) for _, command in commands)
    for panel in panels:
        if panel:
            yield f"## {panel}\n"
        for name, command in commands:
            if getattr(command, "rich_help_panel", None) == panel and not command.hidden:
                is_group = hasattr(command, "list_commands")
                yield from (_group if is_group else _command)(f"{path} {name}", command)


def _command(path: str, command: Any) -> Iterator[str]:
    yield f"### {path}\n"
    context = command.make_context(path, [], resilient_parsing=True)
    if not command.params:  # it reads its arguments itself, and fast
        yield f"```text\n{_said_by(path)}\n```\n"
        return
    usage = " ".join(context.get_usage().removeprefix("Usage: ").split())
    yield f"```text\n{usage}\n```\n\n{_code(' '.join(command.help.split()))}\n"
    rows = [record for each in command.get_params(context) if (record := _row(each, context))]
    yield "\n".join(
        ["| option | |", "|---|---|", *(f"| `{_cell(a)}` | {_cell(_code(b))} |" for a, b in rows), ""]
    )


def _said_by(path: str) -> str:
    _, *words = path.split()
    command = [sys.executable, "-m", "hpo", *words, "--help"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100"}
    )
    return done.stdout.strip()


def _row(parameter: Any, context: Any) -> tuple[str, str] | None:
    if parameter.param_type_name == "argument":
        return (parameter.metavar or parameter.name.upper(), parameter.help or "")
    record = parameter.get_help_record(context)
    return None if record is None or "--help" in parameter.opts else record


def _code(text: str) -> str:
    """Set options that stand in prose as code."""
    return re.sub(r"(?<![\w`-])(--[a-z][a-z-]*)(?![\w`-])", r"`\1`", text) if "`" not in text else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
