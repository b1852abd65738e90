"""`hpo nnictl`: NNI's commands and their arguments, as ours.

It only translates: each of NNI's commands becomes command lines of ours, or an error that says why there is
none. docs/from-nni.md has the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from hpo.errors import UsageError
from hpo.runtime import home

__all__ = ["ABSENT", "COMMANDS", "translate"]

Line = list[str]
Options = argparse.Namespace


def translate(arguments: Sequence[str]) -> list[Line]:
    """Return our command lines for one of NNI's.

    Raises:
        UsageError: there is none; it says what there is instead.
    """
    for absent, instead in ABSENT.items():
        if list(arguments[: len(absent.split())]) == absent.split():
            raise UsageError(f"nnictl {absent} has no equivalent here", help=instead)
    options = _parser().parse_args(list(arguments))
    for name, why in _IGNORED.items():
        if getattr(options, name, None):
            print(f"note: --{name} has no effect here: {why}", file=sys.stderr)
    lines: list[Line] = options.translate(options)
    return lines


# -- what each becomes


def _in_background(options: Options) -> Line:
    return [] if options.foreground else ["--detach"]


def _given(*words: str | None) -> Line:
    """Return a command line without what was left out."""
    return [word for word in words if word is not None]


def _create(options: Options) -> list[Line]:
    return [["run", "--config", options.config, *_in_background(options)]]


def _resume(options: Options) -> list[Line]:
    return [["resume", options.id, *_in_background(options)]]


def _stop(options: Options) -> list[Line]:
    running = [path.name for path, _ in home.experiments() if home.is_running(path)]
    if options.port is not None:
        raise UsageError("experiments listen on no port here", help="hpo list --running shows their ids")
    if options.all or options.id == "all":
        chosen = running
    elif options.id is None:
        if len(running) > 1:
            message = f"{len(running)} experiments are running: {', '.join(running)}"
            raise UsageError(message, help="give the id of one, or --all")
        chosen = running
    elif options.id.endswith("*"):
        chosen = [name for name in running if fnmatchcase(name, options.id)]
    else:
        chosen = [options.id]
    if not chosen:
        raise UsageError("no such experiment is running", help="hpo list shows those there are")
    return [["stop", name] for name in chosen]


def _delete(options: Options) -> list[Line]:
    if not options.all and options.id is None:
        raise UsageError("which experiment is to be deleted?", help="give its id, or --all")
    chosen = [path.name for path, _ in home.experiments()] if options.all else [options.id]
    return [["delete", name] for name in chosen]


def _update(option: str, value: str = "value") -> Callable[[Options], list[Line]]:
    return lambda options: [_given("update", options.id, option, getattr(options, value))]


def _trial(*command: str) -> Callable[[Options], list[Line]]:
    """Return the translation of a command about one trial, whose id is EXPERIMENT-NUMBER or the number."""

    def translation(options: Options) -> list[Line]:
        if options.trial_id is None:
            return [_given("trial", "list", options.id)]
        experiment, _, number = options.trial_id.rpartition("-")
        if not number.isdigit():
            raise UsageError(f"{options.trial_id} is no trial", help="hpo trial list shows their numbers")
        if options.id and experiment and not _is_of(options.id, experiment):
            message = f"trial {options.trial_id} is none of experiment {options.id}"
            raise UsageError(message, help="name its experiment, or give the trial's number alone")
        return [[*command, options.id or experiment or home.find(None).name, number]]

    return translation


def _is_of(experiment: str, named: str) -> bool:
    """Tell whether an id, its beginning or a name means the experiment that a trial's id begins with."""
    return named == experiment or home.find(experiment).name == named


def _list_trials(options: Options) -> list[Line]:
    ends = [(end, getattr(options, end)) for end in ("head", "tail")]
    limits = [word for end, n in ends if n is not None for word in (f"--{end}", str(n))]
    return [_given("trial", "list", options.id) + limits]


def _export(options: Options) -> list[Line]:
    form = "nni" if options.type == "json" else "csv"
    more = ["--intermediate"] if options.intermediate and form == "nni" else []
    return [_given("export", options.id, "--format", form, "--output", options.filename) + more]


def _import(options: Options) -> list[Line]:
    return [["import", options.id or home.find(None).name, options.filename]]


def _log(options: Options) -> list[Line]:
    ends = [word for end in ("head", "tail") if (n := getattr(options, end)) for word in (f"--{end}", str(n))]
    return [_given("log", options.id) + ends + (["--path"] if options.path else [])]


def _generate(options: Options) -> list[Line]:
    script = next((word for word in options.trial_command.split() if word.endswith(".py")), "")
    place = f"{options.trial_dir.rstrip('/')}/{script}".rstrip("/")
    return [["annotate", place, "--space", "--nni-keys", "--output", options.file]]


def _about(*words: str) -> Callable[[Options], list[Line]]:
    """Return the translation of a command about an experiment."""
    command = [word for word in words if not word.startswith("--")]
    return lambda options: [_given(*command, options.id) + [w for w in words if w.startswith("--")]]


# -- what each takes

Argument = tuple[tuple[str, ...], Mapping[str, Any]]

_ID: Argument = (("id",), {"nargs": "?"})
_THE_ID: Argument = (("id",), {})
_PORT: Argument = (("--port", "-p"), {"type": int})
_DEBUG: Argument = (("--debug", "-d"), {"action": "store_true"})
_PREFIX: Argument = (("--url_prefix", "-u"), {})
_FOREGROUND: Argument = (("--foreground", "-f"), {"action": "store_true"})
_FOLDER: Argument = (("--experiment_dir", "-e"), {})
_VALUE: Argument = (("--value", "-v"), {"required": True})
_FILE: Argument = (("--filename", "-f"), {"required": True})
_TRIAL: Argument = (("--trial_id", "-T"), {"required": True})
_HEAD: Argument = (("--head",), {"type": int})
_TAIL: Argument = (("--tail",), {"type": int})
_HEAD_OF_LOG: Argument = (("--head", "-H"), {"type": int})
_TAIL_OF_LOG: Argument = (("--tail", "-T"), {"type": int})
_PATH: Argument = (("--path",), {"action": "store_true"})

_IGNORED = {
    "port": "nothing listens on a port",
    "url_prefix": "nothing listens on a port",
    "debug": "what happens is kept with the experiment (`hpo show`, `hpo log`)",
    "experiment_dir": "experiments are found in $HPO_HOME",
    "time": "the list is printed once (watch -n repeats it)",
}

#: What each command of NNI's takes, and what it becomes.
COMMANDS: Mapping[str, tuple[tuple[Argument, ...], Callable[[Options], list[Line]]]] = {
    "create": (
        ((("--config", "-c"), {"required": True}), _PORT, _DEBUG, _PREFIX, _FOREGROUND),
        _create,
    ),
    "resume": ((_THE_ID, _PORT, _DEBUG, _FOREGROUND, _FOLDER), _resume),
    "view": ((_THE_ID, _PORT, _FOLDER), _about("show")),
    "stop": ((_ID, _PORT, (("--all", "-a"), {"action": "store_true"})), _stop),
    "update searchspace": ((_ID, _FILE), _update("--space", "filename")),
    "update concurrency": ((_ID, _VALUE), _update("--concurrency")),
    "update duration": ((_ID, _VALUE), _update("--max-duration")),
    "update trialnum": ((_ID, _VALUE), _update("--max-trials")),
    "trial ls": ((_ID, _HEAD, _TAIL), _list_trials),
    "trial kill": ((_ID, _TRIAL), _trial("trial", "kill")),
    "trial codegen": ((_ID, _TRIAL), _trial("trial", "code")),
    "experiment show": ((_ID,), _about("show", "--json")),
    "experiment status": ((_ID,), _about("show", "--json")),
    "experiment list": (
        ((("--all",), {"action": "store_true"}),),
        lambda options: [["list"] if options.all else ["list", "--running"]],
    ),
    "experiment delete": ((_ID, (("--all",), {"action": "store_true"})), _delete),
    "experiment import": ((_ID, _FILE), _import),
    "experiment export": (
        (
            _ID,
            (("--type", "-t"), {"choices": ["json", "csv"], "required": True}),
            _FILE,
            (("--intermediate", "-i"), {"action": "store_true"}),
        ),
        _export,
    ),
    "config show": ((_ID,), _about("show", "--json")),
    "log stdout": ((_ID, _TAIL_OF_LOG, _HEAD_OF_LOG, _PATH), _log),
    "log stderr": ((_ID, _TAIL_OF_LOG, _HEAD_OF_LOG, _PATH), _log),
    "log trial": ((_ID, (("--trial_id", "-T"), {})), _trial("trial", "logs")),
    "top": (((("--time", "-t"), {}),), lambda _: [["list", "--running"]]),
    "ss_gen": (
        (
            (("--trial_command", "-t"), {"required": True}),
            (("--trial_dir", "-d"), {"default": "."}),
            (("--file", "-f"), {"default": "nni_auto_gen_search_space.json"}),
        ),
        _generate,
    ),
    "hello": ((), lambda _: [["--help"]]),
}

_OWN_CLASSES = "name the class in the file: tuner: {codeDirectory: DIR, className: module.Class}"

#: The others, and what there is instead.
ABSENT: Mapping[str, str] = {
    "experiment save": "an experiment is a folder: tar -C ~/.hpo -czf FILE ID",
    "experiment load": "an experiment is a folder: unpack it into ~/.hpo",
    "platform clean": "trials run on this machine, and leave nothing elsewhere",
    "webui": "hpo web serves the page and prints its link",
    "algo register": _OWN_CLASSES,
    "algo reg": _OWN_CLASSES,
    "algo unregister": _OWN_CLASSES,
    "algo unreg": _OWN_CLASSES,
    "algo show": "docs/configuration.md lists the tuners and their arguments",
    "algo list": "hpo run --help lists the tuners",
    "trainingservice": "trials run on this machine",
    "jupyter-extension": "in a notebook: from hpo.nni import Experiment",
    "package": _OWN_CLASSES,
    "tensorboard": "tensorboard --logdir ~/.hpo/ID/trials",
}


def _parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="hpo nnictl",
        description="NNI's commands, as ours. Each prints the command of ours that it is, and runs it.",
        epilog=f"The commands: {', '.join(COMMANDS)}. docs/from-nni.md says what each becomes.",
    )
    root.add_argument("--version", "-v", action="store_true")
    root.set_defaults(translate=lambda options: [["--version" if options.version else "--help"]])
    groups = {"": root.add_subparsers(metavar="COMMAND")}
    for path, (arguments, translation) in COMMANDS.items():
        group, _, name = path.rpartition(" ")
        if group not in groups:
            parser = groups[""].add_parser(group)
            groups[group] = parser.add_subparsers(metavar="COMMAND", required=True)
        command = groups[group].add_parser(name)
        for flags, settings in arguments:
            command.add_argument(*flags, **settings)
        command.set_defaults(translate=translation)
    return root
