"""`hpo doctor`: what is here to work with, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rich.text import Text

from hpo import __version__
from hpo.cli.output import print_json, print_lines
from hpo.config.size import size
from hpo.errors import DeviceError, HpoError
from hpo.experiment.wording import counted
from hpo.runtime import home
from hpo.runtime.devices import present_gpus
from hpo.runtime.mounts import network_file_system
from hpo.runtime.strays import left_in

__all__ = ["examine"]

_State = Literal["ok", "absent", "warning", "error"]
_STYLES = {"ok": "green", "absent": "dim", "warning": "yellow", "error": "red"}
_NAMES = {"ok": "ok", "absent": "-", "warning": "!", "error": "error"}
_LEAST_ROOM = 1 << 30  # bytes
_EXTRAS = {
    "lsp": ("pygls", "`hpo lsp`, mistakes in marks as one types"),
    "mcp": ("mcp", "`hpo mcp`, for agents"),
    "optuna": ("optuna", "`hpo import STUDY.db`"),
    "parquet": ("pyarrow", "`hpo export --format parquet`"),
    "mlflow": ("mlflow", "`--track mlflow`"),
    "tensorboard": ("tensorboard", "`--track tensorboard`"),
    "wandb": ("wandb", "`--track wandb`"),
    "ray": ("ray", "`--engine ray`, trials on a cluster"),
    "nsga2": ("deap", "`--tuner NSGA2`"),
    "smac": ("smac", "`--tuner SMAC`"),
    "examples": ("sklearn", "the examples"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what was found, and, where it is not as it should be, how to mend it."""

    name: str
    state: _State
    found: str
    help: str | None = None


def examine(*, json: bool) -> int:
    """Print what there is; return 1 where experiments cannot run."""
    findings = [*_python(), *_machine(), *_gpus(), *_store(), *_extras()]
    if json:
        print_json({"version": __version__, "findings": [asdict(each) for each in findings]})
    else:
        print_lines(_lines(findings), hang=22)
    return 1 if any(each.state == "error" for each in findings) else 0


def _lines(findings: list[Finding]) -> Iterator[Text]:
    width = max(len(each.name) for each in findings)
    for each in findings:
        line = Text(f"{_NAMES[each.state]:<6}", style=_STYLES[each.state])
        line.append(f"{each.name:<{width}}  ", style="not dim").append(each.found, style="not dim")
        yield line
        if each.help is not None:
            yield Text(f"{'':<{width + 8}}{each.help}", style="dim")


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding("Python", "ok", f"{version}, {sys.executable}")
    where = Path(__file__).parents[1]
    yield Finding("hpo", "ok", f"{__version__}, {where}")
    command = shutil.which("hpo")
    if command is None:
        help_ = "its folder is not in PATH: source the environment's bin/activate, or call python -m hpo"
        yield Finding("command", "warning", "no `hpo` is found by the shell", help_)
    elif Path(command).resolve().parent != Path(sys.executable).resolve().parent and (
        Path(command).parent != Path(sys.executable).parent
    ):
        help_ = "trials run with the Python of the command that starts them"
        yield Finding("command", "warning", f"{command} belongs to another Python", help_)


def _machine() -> Iterator[Finding]:
    system = platform.system()
    is_linux = system == "Linux"
    help_ = None if is_linux else "experiments are tested on Linux only: docs/platforms.md"
    yield Finding("system", "ok" if is_linux else "warning", f"{system} {platform.release()}", help_)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding("machine", "ok", f"{counted(cores, 'core')}, {size(memory)} of memory")


def _gpus() -> Iterator[Finding]:
    try:
        gpus = present_gpus()
    except DeviceError as error:
        yield Finding(
            "GPUs", "absent", error.message, "trials that ask for none (--gpus-per-trial) run all the same"
        )
        return
    for index, (name, free, total) in enumerate(gpus):
        yield Finding(f"GPU {index}", "ok", f"{name}, {size(free)} of {size(total)} free")


def _store() -> Iterator[Finding]:
    try:
        folder = home.home()
    except HpoError as error:
        yield Finding("store", "error", error.message, error.help)
        return
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        yield Finding("store", "error", f"{folder} cannot be written to", "set HPO_HOME to a folder of yours")
        return
    disk = os.statvfs(there)
    free = disk.f_bavail * disk.f_frsize
    count = len(home.experiments()) if folder.exists() else 0
    found = f"{folder}, {counted(count, 'experiment')}, {size(free)} free"
    if (kind := network_file_system(there)) is not None:
        help_ = "set HPO_HOME to a folder on a local disk: docs/platforms.md"
        yield Finding("store", "warning", f"{found}, on a network file system ({kind})", help_)
    elif free < _LEAST_ROOM:
        yield Finding("store", "warning", found, "make room: hpo clean lists what each experiment takes")
    else:
        yield Finding("store", "ok", found)
    if folder.exists() and folder.stat().st_mode & 0o077:
        yield Finding("privacy", "warning", f"others may look into {folder}", f"chmod 700 {folder}")
    for damage in home.damaged(whole=True) if folder.exists() else ():
        yield Finding("store", "warning", damage.message, damage.help)
    if folder.exists():
        yield from _left()


def _left() -> Iterator[Finding]:
    """Tell of what runs though its runner was killed, and the process that started it."""
    for directory, _ in home.experiments():
        if not home.is_running(directory) and (left := left_in(directory)):
            count = counted(len(left), "process", "processes")
            lives = "lives without its runner" if len(left) == 1 else "live without their runner"
            help_ = f"to end what its trials left: hpo stop {directory.name}"
            yield Finding("trials", "warning", f"{count} of {directory.name} {lives}", help_)


def _extras() -> Iterator[Finding]:
    names = metadata.packages_distributions()  # reads what is said of all that is installed
    for extra, (module, use) in _EXTRAS.items():
        spec = find_spec(module)
        if spec is None or spec.origin is None:  # a folder of that name, where it is called, is no library
            yield Finding(extra, "absent", f"not installed: {use}", f"pip install 'hpo-annotate[{extra}]'")
        else:
            yield Finding(extra, "ok", f"{module}{_version(names, module)}: {use}")


def _version(names: Mapping[str, list[str]], module: str) -> str:
    """Return the version of a module; nothing of one that was not installed, but lies where it is found."""
    return f" {metadata.version(names[module][0])}" if module in names else ""
