"""Fit one model: scaling from the training span, streams for truncated BPTT, early stopping on blocks of validation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from forecast import schema
from forecast.batches import Frames, Streams, frames
from forecast.config import Member
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.registry import member
from forecast.scaling import Scaling
from forecast.schema import TIME
from forecast.stages.problem import Problem
from forecast.stages.workspace import Report, Workspace
from forecast.training.progress import History
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.windows import Span, stretches


@dataclass(frozen=True)
class Fitted:
    """One forecaster, learned but not yet calibrated.

    Attributes:
        name: its name in the pipeline.
        type: its name in the registry.
        family: "model" or "baseline".
        weights: name -> array; empty for baselines.
        datasets: scaling, or ``fitted:TARGET``.
        settings: what the checkpoint must remember beside the problem's own.
        seconds: wall time spent.
        history: one row an epoch, for MLflow; empty for baselines.
        summary: epochs, best_epoch, early_loss of a model; empty for baselines.
        note: what a person should know, or "".
        learning: the training's own history, for its curves; None for baselines.
    """

    name: str
    type: str
    family: str
    weights: dict[str, np.ndarray]
    datasets: dict[str, xr.Dataset]
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    learning: History | None = None


def unfinished(workspace: Workspace) -> Path:
    """Return the folder of training checkpoints, kept until every model of the pipeline is trained."""
    return workspace.models / "unfinished"


def fit_model(workspace: Workspace, problem: Problem, one: Member, settings: Training, report: Report) -> Fitted:
    """Train one model of a pipeline; a run that was killed goes on to the losses it would have had.

    Args:
        workspace: where the pipeline keeps its things.
        problem: the task made concrete.
        one: the model as the pipeline names it.
        settings: how to learn.
        report: progress.

    Raises:
        ForecastError: an option is unknown, the model takes another kind of data, or a span holds no unbroken stretch.
    """
    begun = time.perf_counter()
    seen, split = problem.observed, problem.split
    learned, names = split.select(seen, split.train), [*problem.targets, *problem.covariates]
    scaling = Scaling.fit(learned, names)
    mask = any(bool(learned[name].isnull().any()) for name in names)
    data = frames(seen, scaling, problem.targets, problem.covariates, problem.leads, mask=mask)
    model: Model = create(member("model", MODELS, one.type), shape_of(data), one.options, settings.seed)
    learn = streams(problem, data, [split.train], settings)
    early = streams(problem, data, split.early, settings)
    label = f"train {one.name}"
    report(label, 0, settings.epochs)

    def progress(line: dict[str, float]) -> None:
        report(label, int(line["epoch"]), settings.epochs)

    resume = unfinished(workspace) / f"{one.name}-{workspace.pipeline.digest()}-{problem.data_version}.pt"
    done = train(model, learn, early, settings, resume=resume, report=progress)
    report(label, settings.epochs, settings.epochs)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    shape = model.shape
    remembered = {
        "options": model.options.model_dump(mode="json"),
        "shape": {**vars(shape), "grid": list(shape.grid) if shape.grid else None},
        "mask": data.mask,
        "spin_up": settings.cold_start,
        "window": settings.k2,
        "seed": settings.seed,
    }
    loss = done.early[done.best - 1] if done.best else done.initial
    summary = {"epochs": done.epochs, "best_epoch": done.best, "early_loss": loss}
    seconds = time.perf_counter() - begun
    datasets = {"scaling": scaling.to_dataset()}
    return Fitted(
        one.name, one.type, "model", weights, datasets, remembered, seconds, rows(done), summary, note(done), done
    )


def shape_of(data: Frames) -> Shape:
    """Return the sizes that a model of these frames must fit."""
    return Shape(
        inputs=data.channels,
        leads=data.leads,
        outputs=data.targets,
        future=data.future,
        grid=data.grid,
        periodic=data.periodic,
        targets=data.targets,
    )


def streams(problem: Problem, data: Frames, spans: Sequence[Span], settings: Training) -> Streams:
    """Lay unbroken streams over spans and what lies between; they may read, but not learn from, what lies outside.

    Args:
        problem: whose observations say where the gaps are.
        data: frames of all observations.
        spans: first and last times that count as targets, ascending.
        settings: streams, chunk, bridged gaps, spin-up.

    Raises:
        ForecastError: the spans hold no unbroken stretch.
    """
    observed = problem.observed
    parts = [observed.get_index(TIME).slice_indexer(*span) for span in spans]
    valid = [(int(part.start), int(part.stop)) for part in parts]
    first, last = valid[0][0], valid[-1][1]
    dims = list(schema.space_dims(observed))
    seen = np.logical_or.reduce([observed[name].notnull().any(dims).values for name in problem.targets])
    inside = [
        (max(first - settings.spin_up, start), min(last, stop))
        for start, stop in stretches(seen, settings.max_gap)
        if stop > first and start < last
    ]
    if not inside:
        raise ForecastError(
            f"observed steps from {spans[0][0]} to {spans[-1][1]}", "none", "mend [split], or raise max_gap"
        )
    weights = schema.area_weights(observed)
    cells = None
    if weights is not None and data.grid is not None:
        cells = torch.from_numpy(np.repeat(weights.values.astype("float32")[:, None], data.grid[1], axis=1))
    return Streams(data, inside, settings.streams, settings.k1, valid=valid, spin_up=settings.spin_up, weights=cells)


def rows(done: History) -> list[dict[str, float]]:
    """Return a training's curves, one row an epoch."""
    return [done.line(epoch) for epoch in range(1, done.epochs + 1)]


def note(done: History) -> str:
    """Return what a person should know of a training (lost to NaN, of no use), or ""."""
    if not done.finite:
        return f"a loss or gradient was not finite after epoch {done.best}, whose weights were kept"
    if not done.best:
        return "training never lowered the early-stopping loss: the initial weights were kept"
    return ""
