"""Train: fit every baseline, train every model by truncated BPTT, calibrate all, save and log each.

Weights see the training span only; early stopping and calibration see blocks of the validation span by turns (decision
12). What is saved is one checkpoint a forecaster; what is logged is one MLflow run each, under one parent.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from forecast import __version__
from forecast.figures import loss_curves
from forecast.models import MODELS
from forecast.models.base import checked
from forecast.registry import member
from forecast.stages import gallery, logbook, panels, records
from forecast.stages.fit import Fitted, fit_model, unfinished
from forecast.stages.learn import calibrated, fit_baseline, longer, relearned
from forecast.stages.problem import Problem, pose
from forecast.stages.workspace import Report, Workspace, silent
from forecast.tracking import Run
from forecast.training.progress import History

JUDGED = "judged"  # folder of checkpoints that the validation span judges, where others are used afterwards


@dataclass(frozen=True)
class Entry:
    """One forecaster that was learned.

    Attributes:
        name: its name.
        family: "model" or "baseline".
        version: of its checkpoint, "" where it was left out.
        path: of its checkpoint.
        seconds: wall time of fitting and calibrating.
        parameters: number of weights (0 for baselines).
        epochs: epochs run, None for baselines.
        best_epoch: the epoch whose weights were kept.
        early_loss: its loss on the early-stopping span, scaled units.
        note: what a person should know (lost to NaN, of no use), or "".
    """

    name: str
    family: str
    version: str
    path: Path
    seconds: float
    parameters: int = 0
    epochs: int | None = None
    best_epoch: int | None = None
    early_loss: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Trained:
    """All that was learned in one go.

    Attributes:
        entries: one a forecaster, baselines first.
        data_version: the archive's version.
        parent_run: MLflow's id of the parent run.
    """

    entries: list[Entry]
    data_version: str
    parent_run: str


def train(workspace: Workspace, *, report: Report = silent) -> Trained:
    """Learn every forecaster of the pipeline from the newest version of the archive.

    Args:
        workspace: where the pipeline keeps its things.
        report: progress.

    Raises:
        ForecastError: nothing ingested, an impossible split, an unknown option, or MLflow out of reach.
    """
    pipeline, problem = workspace.pipeline, pose(workspace)
    problem.held(pipeline.training.bytes)
    tracker = logbook.tracker(workspace)
    tags = {
        "code_version": __version__,
        "pipeline": pipeline.name,
        "data_version": problem.data_version,
        "config": pipeline.digest(),
    }
    entries: list[Entry] = []
    kept: dict[str, dict[str, Any]] = {}
    with tracker.run(pipeline.name, tags=tags, params=pipeline.model_dump(mode="json", by_alias=True)) as parent:
        parent.dataset(pipeline.name, pipeline.source.type, problem.data_version)
        for place, name in enumerate(pipeline.baselines):
            report("fit baselines", place, len(pipeline.baselines))
            with parent.child(name, tags=tags | {"family": "baseline"}) as run:
                fitted = fit_baseline(problem, name, pipeline.training.bytes)
                again = partial(fit_baseline, name=name, memory=pipeline.training.bytes)
                _keep(workspace, problem, fitted, again, run, entries, kept)
        report("fit baselines", len(pipeline.baselines), len(pipeline.baselines))
        learned: dict[str, History] = {}
        for one in pipeline.models:
            settings = panels.settings_of(pipeline, one, problem)
            options = checked(member("model", MODELS, one.type), one.options).model_dump()
            params = {"type": one.type, "options": options, "training": settings.model_dump()}
            with parent.child(one.name, tags=tags | {"family": "model", "seed": settings.seed}, params=params) as run:
                fitted = fit_model(workspace, problem, one, settings, report)
                run.metrics(fitted.history)
                run.tags({"note": fitted.note})
                longest = max(1, fitted.summary["best_epoch"])
                again = partial(longer, workspace, one=one, settings=settings, epochs=longest, report=report)
                _keep(workspace, problem, fitted, again, run, entries, kept)
                learned |= fitted.learning
        if learned:
            curves = {"loss_curves": loss_curves(learned)}
            gallery.save(workspace.figures, curves)
            parent.figure("loss_curves", curves["loss_curves"])
    records.write(workspace, records.Record(problem.data_version, pipeline.digest(), parent.id, kept))
    shutil.rmtree(unfinished(workspace), ignore_errors=True)
    return Trained(entries, problem.data_version, parent.id)


def _keep(
    workspace: Workspace,
    problem: Problem,
    fitted: Fitted,
    again: Callable[[Problem], Fitted],
    run: Run,
    entries: list[Entry],
    kept: dict[str, dict[str, Any]],
) -> None:
    """Calibrate a forecaster, learn it ``again`` where the problem says so; write, log and register it."""
    begun = time.perf_counter() - fitted.seconds
    path = workspace.models / f"{fitted.name}.safetensors"
    raw = calibrated(workspace, problem, fitted)
    if raw is None:
        note = "left out: the record is too short for it to say anything of the calibration span"
        entries.append(Entry(fitted.name, fitted.family, "", path, fitted.seconds, note=note))
        return
    judged = path.parent / JUDGED / path.name if problem.refit else path
    version = first = raw.save(judged)
    if problem.refit:
        version = relearned(workspace, problem, raw, again).save(path)
    registered = logbook.register(run, fitted.name, path, problem, workspace.pipeline.name)
    entry = Entry(
        fitted.name,
        fitted.family,
        version,
        path,
        round(time.perf_counter() - begun, 1),
        sum(value.size for value in fitted.weights.values()),
        note=fitted.note,
        **fitted.summary,
    )
    entries.append(entry)
    kept[fitted.name] = {
        "family": fitted.family,
        "version": version,
        "path": str(path.relative_to(workspace.folder)),
        "run_id": run.id,
        "registered": registered,
        "judged": {"version": first, "path": str(judged.relative_to(workspace.folder))},
    }
