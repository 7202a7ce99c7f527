"""Learn one forecaster of a pipeline and calibrate it: what training keeps, and what a backtest learns ever again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import xarray as xr

from forecast import schema
from forecast.backtest import backtest
from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline
from forecast.calibration import Calibration
from forecast.checkpoint import Checkpoint
from forecast.config import Member
from forecast.predict import forecaster
from forecast.registry import member
from forecast.stages import panels
from forecast.stages.fit import Fitted, fit_model
from forecast.stages.problem import Problem
from forecast.stages.workspace import Report, Workspace
from forecast.training.settings import Training
from forecast.verification import within

POOLED = 2**24  # errors of a table of series that its calibration rests on: more make no difference
COPIES = 16  # of its data that a baseline may hold, in double precision with their lags


def settings_of(problem: Problem, workspace: Workspace, family: str) -> dict[str, Any]:
    """Return what every checkpoint of a problem remembers: roles, leads, step, units, data version, spans.

    Args:
        problem: what was learned.
        workspace: of which pipeline.
        family: "model", or "baseline", which looks at no covariates.
    """
    covariates = problem.covariates if family == "model" else ()
    known = problem.known if family == "model" else ()
    used = (*problem.targets, *covariates, *known)
    train = problem.split.train
    return {
        "pipeline": workspace.pipeline.name,
        "targets": list(problem.targets),
        "covariates": list(covariates),
        "known": list(known),
        "leads": problem.leads,
        "step": problem.step.isoformat(),
        "units": {name: problem.observed[name].attrs["units"] for name in used},
        "data_version": problem.data_version,
        "config": workspace.pipeline.digest(),
        "train": [str(train[0]), str(train[1])],
    }


def space_of(problem: Problem) -> xr.Dataset:
    """Return the coordinates of space, for a checkpoint to compare with, and which cells count where some do not."""
    mask = {} if problem.mask is None else {"mask": problem.mask.variable}
    return xr.Dataset(mask, coords=schema.space_coords(problem.observed))


def longer(
    workspace: Workspace, problem: Problem, one: Member, settings: Training, epochs: int, report: Report
) -> Fitted:
    """Train a model for so many epochs, with nothing to stop it early.

    Args:
        workspace: of which pipeline.
        problem: what is to be forecast.
        one: the model as the pipeline names it.
        settings: how to learn.
        epochs: how many.
        report: progress.
    """
    return fit_model(workspace, problem, one, settings.model_copy(update={"epochs": epochs}), report, judged=True)


def fit_baseline(problem: Problem, name: str, memory: int) -> Fitted:
    """Fit a baseline to every target; one that has to hold more than fits learns from the newest steps of training.

    Where training goes on to the end of validation, it chooses its settings within training.

    Args:
        problem: what is to be forecast.
        name: of the baseline.
        memory: bytes that may be held.
    """
    kind: type[Baseline] = member("baseline", BASELINES, name)
    datasets, split, note = {}, problem.split, ""
    for target in problem.targets:
        baseline, observed = kind(), problem.observed[target]
        train, validate = split.select(observed, split.train), None
        if split.train[1] != split.validate[1]:
            validate = split.select(observed, split.validate)
        fits = max(2, memory // COPIES * len(observed) // observed.nbytes)
        if problem.size > memory and len(train) > fits and not kind.one_pass:
            note = f"fitted on the newest {fits} steps of training: all of them do not fit into [training] memory"
            train, validate = train[-fits:].load(), None if validate is None else validate[:fits].load()
        baseline.fit(train, problem.leads, validate)
        datasets[f"fitted:{target}"] = baseline.fitted
    return Fitted(name, name, "baseline", {}, datasets, note=note)


def calibrated(workspace: Workspace, problem: Problem, fitted: Fitted) -> Checkpoint | None:
    """Return the checkpoint of what was fitted, calibrated on its blocks of validation.

    Args:
        workspace: of which pipeline.
        problem: what was learned.
        fitted: what was learned of it.

    Returns:
        None where the record is too short for any forecast of these blocks.
    """
    raw, task, blocks = _checkpoint(workspace, problem, fitted), workspace.pipeline.task, problem.split.calibration
    past = backtest(forecaster(raw), problem.observed, (blocks[0][0], blocks[-1][1]))
    if any(not bool(values.notnull().any()) for values in past.values()):
        return None
    for target, values in past.items():
        inside = within(values, *blocks)
        inside = inside[:: max(1, inside.size // POOLED)] if problem.panel else inside
        seed = workspace.pipeline.training.seed
        size = panels.size(problem, target) if problem.panel else None
        truth = problem.observed[target]
        calibration = Calibration.fit(inside, truth, task.quantiles, task.members, seed, size=size)
        raw.datasets[f"calibration:{target}"] = calibration.to_dataset()
    return raw


def relearned(
    workspace: Workspace, problem: Problem, judged: Checkpoint, again: Callable[[Problem], Fitted]
) -> Checkpoint:
    """Return what is learned again from training and validation together, with the calibration of what was judged.

    Args:
        workspace: of which pipeline.
        problem: what was learned.
        judged: its checkpoint, calibrated.
        again: learns it from another problem.
    """
    kinds = {name: one for name, one in judged.datasets.items() if name.startswith("calibration:")}
    return _checkpoint(workspace, problem.again(), again(problem.again()), kinds)


def _checkpoint(
    workspace: Workspace, problem: Problem, fitted: Fitted, more: Mapping[str, xr.Dataset] | None = None
) -> Checkpoint:
    """Return what was fitted, with what it must remember of its problem, and more Datasets beside its own."""
    settings = settings_of(problem, workspace, fitted.family) | fitted.settings
    datasets = fitted.datasets | {"space": space_of(problem)} | dict(more or {})
    return Checkpoint(fitted.name, fitted.type, fitted.family, settings, fitted.weights, datasets)
