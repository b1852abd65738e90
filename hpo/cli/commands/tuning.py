"""Running experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli import options
from hpo.cli.app import app
from hpo.cli.arguments import Reference

if TYPE_CHECKING:
    from hpo.cli.detach import Announce

_GROUP = "Tuning"


@app.command(context_settings={"allow_extra_args": False}, rich_help_panel=_GROUP)
def run(
    script: Annotated[Path | None, typer.Argument(metavar="SCRIPT", help="A Python script.")] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- ARGS...", help="What the script gets on its command line."),
    ] = None,
    use_annotation: options.UseAnnotation = False,
    config: options.Config = None,
    space: options.Space = None,
    param: options.Param = None,
    fix: options.Fix = None,
    metric_pattern: options.MetricPattern = None,
    warm_from: options.WarmFrom = None,
    maximize: options.Maximize = False,
    minimize: options.Minimize = False,
    objective: options.Objective = None,
    result_constraint: options.ResultConstraint = None,
    tuner: options.Tuner = None,
    assessor: options.Assessor = None,
    seed: options.Seed = None,
    repeat: options.Repeat = None,
    max_trials: options.MaxTrials = None,
    max_duration: options.MaxDuration = None,
    stop_when: options.StopWhen = None,
    patience: options.Patience = None,
    max_failures: options.MaxFailures = None,
    max_trial_duration: options.MaxTrialDuration = None,
    max_trial_silence: options.MaxTrialSilence = None,
    max_trial_memory: options.MaxTrialMemory = None,
    retries: options.Retries = None,
    cpus_per_trial: options.CpusPerTrial = None,
    gpus_per_trial: options.GpusPerTrial = None,
    start_method: options.StartMethod = None,
    concurrency: options.Concurrency = None,
    engine: options.Engine = None,
    ray_address: options.RayAddress = None,
    ray_resource: options.RayResource = None,
    name: options.Name = None,
    tag: options.Tag = None,
    track: options.Track = None,
    on_finish: options.OnFinish = None,
    detach: options.Detach = False,
    dry_run: options.DryRun = False,
    web: options.Web = True,
    port: options.Port = None,
    json: options.Json = False,
) -> int:
    """Run an experiment to its end. Its trials are runs of a script, or of an experiment file's command."""
    # First of all: what begins here is not the child's to end.
    announce = _detached(json=json) if detach and not dry_run else None
    from hpo.experiment.extraction import Extraction

    # The marks are read by another process while this one loads the rest of what it needs.
    extraction = Extraction(script) if script is not None and script.is_file() else None

    from hpo.cli.run import run as start
    from hpo.cli.web import open_page

    given: dict[str, Any] = {
        "name": name,
        "max_trials": max_trials,
        "max_duration": max_duration,
        "max_trial_duration": max_trial_duration,
        "max_trial_silence": max_trial_silence,
        "max_trial_memory": max_trial_memory,
        "max_failures": max_failures,
        "objectives": objective,
        "result_constraints": result_constraint,
        "stop_when": stop_when,
        "patience": patience,
        "retries": retries,
        "repeat": repeat,
        "trial_concurrency": concurrency,
        "seed": seed,
        "cpus_per_trial": cpus_per_trial,
        "gpus_per_trial": gpus_per_trial,
        "start_method": start_method,
        "engine": engine,
        "ray_address": ray_address,
        "ray_resources": ray_resource,
        "use_annotation": use_annotation or None,
        "metric_pattern": metric_pattern,
        "fixed": fix,
        "warm_from": warm_from,
        "tags": tag,
        "track": track,
        "on_finish": on_finish,
        "tuner": tuner,
        "assessor": assessor,
    }
    return start(
        script,
        extraction,
        arguments or [],
        config,
        space,
        param or [],
        given,
        maximize=maximize,
        minimize=minimize,
        json=json,
        dry=dry_run,
        page=open_page(port, is_wanted=web),
        announce=announce,
    )


def _detached(*, json: bool) -> Announce:
    from hpo.cli.detach import detach

    return detach(json=json)


@app.command(rich_help_panel=_GROUP)
def resume(
    reference: Reference = None,
    detach: options.Detach = False,
    web: options.Web = True,
    port: options.Port = None,
    json: options.Json = False,
) -> int:
    """Go on where an experiment stood. Finished trials are kept, interrupted ones run again."""
    announce = _detached(json=json) if detach else None

    from hpo.cli.run import resume as go_on
    from hpo.cli.web import open_page

    return go_on(reference, json=json, page=open_page(port, is_wanted=web), announce=announce)
