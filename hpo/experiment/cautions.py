"""What a person should know of a script before its trials run, which may take days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.annotate.result import AnnotatedProject
from hpo.config.model import Config
from hpo.parameters import Parameter
from hpo.runtime.mounts import network_file_system

__all__ = ["of_budget", "of_direction", "of_edits", "of_home", "of_marks", "of_output", "of_results"]

_ASKS = re.compile(rb"hpo|nni", re.IGNORECASE)  # the modules, their marks, the variables and the commands
_REPORTS = re.compile(rb"report_(?:final_result|intermediate_result|fold)\(\s*([A-Za-z_][\w.]*)\s*[,()\[]")
_RESULT = re.compile(rb"report_(?:final_result|fold)")
_BUDGETS = re.compile(rb"fidelity|TRIAL_BUDGET")
_SMALLER = {"loss", "nll", "perplexity", "ppl", "regret", "cost"}
_SMALLER |= {"error", "err", "rmse", "mse", "mae", "mape", "wer", "cer", "fid"}


def of_marks(config: Config, project: AnnotatedProject, options: Mapping[str, Parameter]) -> Iterator[str]:
    """Yield what is odd about the marks, beside the space that was given."""
    script = project.files[0].name if project.files else "it"
    if config.space is None:
        yield from (str(d) for d in project.diagnostics if d.severity == "warning")
        return
    asks = any(_ASKS.search(file.original) for file in project.files)
    if len(project.space):
        yield f"warning: the space is given, so the marks in {script} are not used"
    elif not asks and not options:
        yield f"warning: nothing in {script} asks for a value, so all its trials may be the same"
    else:
        return
    yield "  help: get the values with hpo.get_next_parameter(), mark them, or send them with --param"


def of_results(config: Config, project: AnnotatedProject) -> Iterator[str]:
    """Yield that a script reports nothing: all its trials would fail, each after its whole training."""
    if config.metric_pattern is None and not any(_RESULT.search(f.original) for f in project.files):
        yield f"warning: nothing in {project.files[0].name} reports a result, and a trial without one fails"
        yield "  help: add '''@hpo.report_final_result(value)''', or read it with --metric-pattern"


def of_output(config: Config) -> Iterator[str]:
    """Yield that an assessor has nothing to judge, where results are found in what a trial printed."""
    if config.metric_pattern is not None and config.assessor is not None:
        name = config.assessor.name
        yield f"warning: {name} stops no trial: --metric-pattern is read when a trial has ended"


def of_edits(project: AnnotatedProject | None) -> Iterator[str]:
    """Yield that a command which is no Python script runs what its files are by then."""
    if project is None:
        yield "note: the command is no Python script, so its files are not frozen"
    else:
        yield "note: of what the command runs, only Python files with marks and their modules are frozen"
    yield "  help: leave the others as they are until the last trial has ended"


def of_budget(config: Config, project: AnnotatedProject, argument: str) -> Iterator[str]:
    """Yield that the budgets of a tuner are not those of the script's loop; `argument` says a whole one."""
    assert config.tuner is not None
    tuner, loop, wanted = config.tuner.name, project.fidelity, config.tuner.class_args.get(argument)
    if loop is None:
        if project.files and not any(_BUDGETS.search(file.original) for file in project.files):
            script = project.files[0].name
            yield f"warning: no loop in {script} is the budget, so all trials of {tuner} run whole"
            yield "  help: write the loop as: for epoch in hpo.fidelity(range(30)):"
    elif loop.passes is None and wanted is None:
        yield f"warning: how many passes {loop.file}:{loop.line} makes shows only when it runs"
        yield f"  help: give {tuner} their number, in an experiment file as tuner.classArgs.{argument}"
    elif loop.passes is not None and isinstance(wanted, int) and wanted > loop.passes:
        most = f"{loop.file}:{loop.line} makes {loop.passes} passes at most"
        yield f"warning: {argument} is {wanted}, and {most}"
        yield f"  help: leave {argument} out, and {tuner} takes it from the loop"


def of_home(folder: Path) -> Iterator[str]:
    """Yield that the store is to be on a network file system."""
    if (kind := network_file_system(folder)) is not None:
        yield f"warning: {folder} is on a network file system ({kind}), which makes each result wait"
        yield "  help: set HPO_HOME to a folder on a local disk"


def of_direction(config: Config, project: AnnotatedProject | None) -> Iterator[str]:
    """Yield that what seems to be a loss is about to be maximised, since nobody said which is better."""
    names = [match for f in (project.files if project else ()) for match in _REPORTS.findall(f.original)]
    for name in (config.metric_pattern or "", *(name.decode() for name in names)):
        if _SMALLER & set(re.split(r"[\W\d_]+", name.lower())):
            what = "--metric-pattern looks for" if name == config.metric_pattern else "the script reports"
            yield f"warning: {what} {name}, and larger results are better by default"
            yield "  help: if smaller ones are, end this and give --minimize; if not, --maximize says so"
            return
