"""Fit one model: scaling from the training span, streams for truncated BPTT, early stopping on blocks of validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from forecast import schema
from forecast.batches import Frames, Panel, Streams, frames
from forecast.batches.beside import counting
from forecast.config import Member, Pipeline
from forecast.errors import ForecastError
from forecast.models import AROUND, MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.ensemble import Ensemble
from forecast.models.likelihood import LIKELIHOODS
from forecast.outputs import demand_steps
from forecast.registry import member
from forecast.scaling import BaseScaling, Scaling
from forecast.schema import TIME
from forecast.stages import linear_start, panels, skip_start
from forecast.stages.problem import Problem
from forecast.stages.workspace import Report, Workspace
from forecast.training.progress import History
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.windows import Span, stretches

Watch = Callable[[dict[str, float]], None]


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
        learning: the histories of its trainings by name, for their curves; empty for baselines.
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
    learning: dict[str, History] = field(default_factory=dict)


def unfinished(workspace: Workspace) -> Path:
    """Return the folder of training checkpoints, kept until every model of the pipeline is trained."""
    return workspace.models / "unfinished"


def fit_model(
    workspace: Workspace,
    problem: Problem,
    one: Member,
    settings: Training,
    report: Report,
    watch: Watch | None = None,
    judged: bool = False,
) -> Fitted:
    """Train one model of a pipeline; a run that was killed goes on to the losses it would have had.

    Args:
        workspace: where the pipeline keeps its things.
        problem: the task made concrete.
        one: the model as the pipeline names it.
        settings: how to learn.
        report: progress.
        watch: called after each epoch with what is known of it (``History.line``); what it raises ends the training.
        judged: whether the network was judged already, so that it learns for all of ``settings.epochs``.

    Raises:
        ForecastError: an option is unknown, the model takes another kind of data, or a span holds no unbroken stretch.
    """
    begun = time.perf_counter()
    split, task = problem.split, workspace.pipeline.task
    data, scaling = framed(workspace.pipeline, problem)
    data = replace(data, leads=1) if settings.multistep == "recursive" else data
    learn = streams(problem, data, [split.train], settings)
    early = None if judged else streams(problem, data, split.early, settings)
    levels = [] if settings.loss == "squared" else list(task.quantiles)
    type_, options = panels.wrapped(one, problem)
    kind, shape = member("model", MODELS | AROUND, type_), shape_of(data, levels, settings.loss)
    seeds = range(settings.seed, settings.seed + (one.ensemble or 1))
    networks = [create(kind, shape, options, seed, data.cells) for seed in seeds]
    model = Ensemble(networks) if one.ensemble else networks[0]
    if settings.multistep == "recursive":
        demand_steps(model, data)
    linear_start.give(model, problem, scaling)
    skip_start.give(networks, learn)
    done: list[History] = []
    version = f"{'again-' * judged}{workspace.pipeline.digest()}-{problem.data_version}"
    for number, (network, seed) in enumerate(zip(networks, seeds, strict=True)):
        own = settings.model_copy(update={"seed": seed})
        which = f"{one.name}-{number}" if one.ensemble else one.name
        resume = unfinished(workspace) / f"{which}-{version}.pt"
        told = _told(report, which, own.epochs, watch)
        done.append(train(network, learn, early, own, quantiles=levels, resume=resume, report=told))
    if early is not None:
        linear_start.settle(model, early)
    return Fitted(
        one.name,
        type_,
        "model",
        {name: value.numpy() for name, value in model.state_dict().items()},
        {"scaling": scaling.to_dataset()} | ({} if problem.static is None else {"static": problem.static}),
        _remembered(model, data, one, settings)
        | {"levels": levels, "fields": list(task.static), "calendar": _calendar(data, task.calendar)},
        time.perf_counter() - begun,
        curves(done),
        _summary(done),
        "; ".join(dict.fromkeys(filter(None, map(note, done)))),
        {one.name if len(done) == 1 else f"{one.name} {number}": one_done for number, one_done in enumerate(done)},
    )


def _remembered(model: Model, data: Frames, one: Member, settings: Training) -> dict[str, Any]:
    """Return what a checkpoint must remember of a model and of how it was trained."""
    return {
        "options": model.options.model_dump(mode="json"),
        "shape": model.shape.plain(),
        "ensemble": one.ensemble,
        "mask": data.mask,
        "ragged": isinstance(data, Panel) and bool((data.begin > 0).any()),
        "spin_up": settings.cold_start,
        "window": settings.k2,
        "seed": settings.seed,
        "multistep": settings.multistep,
    }


def _calendar(data: Frames, asked: str) -> str:
    """Return the calendar that networks were told: of a panel none, where its steps have no dates."""
    return "none" if isinstance(data, Panel) and data.calendar is None else asked


def _told(report: Report, which: str, epochs: int, watch: Watch | None) -> Watch:
    """Say that a network's training begins, and return what tells of its epochs."""
    report(f"train {which}", 0, epochs)

    def told(line: dict[str, float]) -> None:
        if watch is not None:
            watch(line)
        report(f"train {which}", int(line["epoch"]), epochs)

    return told


def _summary(done: list[History]) -> dict[str, Any]:
    """Return epochs, best epoch and early-stopping loss: the most, and of an ensemble the mean loss."""
    losses = [one.early[one.best - 1] if one.best and one.early else one.initial for one in done]
    most = {"epochs": max(one.epochs for one in done), "best_epoch": max(one.best for one in done)}
    return most | {"early_loss": sum(losses) / len(losses)}


def shape_of(data: Frames, levels: Sequence[float] = (), loss: str = "") -> Shape:
    """Return the sizes that a model must fit.

    Args:
        data: its frames.
        levels: the quantiles that it forecasts; none: one value a target.
        loss: that it learns by, which may be a likelihood.
    """
    likelihood = LIKELIHOODS.get(loss)
    return Shape(
        inputs=data.channels,
        leads=data.leads,
        outputs=data.targets * (likelihood.parameters if likelihood else max(1, len(levels))),
        future=data.future,
        grid=data.grid,
        periodic=data.periodic,
        targets=data.targets,
        masked=data.cells is not None,
        poles=data.poles,
        likelihood=loss if likelihood else "",
    )


def framed(pipeline: Pipeline, problem: Problem, steps: slice = slice(None)) -> tuple[Frames, BaseScaling]:
    """Return a problem's frames, and the scaling that was fitted on its training span for them.

    Args:
        pipeline: whose task says what networks are told beside the observations.
        problem: the task made concrete.
        steps: which of the observed steps are framed.
    """
    scaling = problem.scaling
    if not isinstance(scaling, Scaling):
        return panels.framed(pipeline, problem, steps)
    data = frames(
        problem.observed.isel({TIME: steps}),
        scaling,
        problem.targets,
        problem.covariates,
        problem.leads,
        mask=gaps(scaling, problem.split.select(problem.observed, problem.split.train).sizes[TIME]),
        fields=pipeline.task.static,
        static=problem.static,
        calendar=pipeline.task.calendar,
        memory=pipeline.training.bytes,
    )
    return data, scaling


def gaps(scaling: Scaling, steps: int) -> bool:
    """Say whether anything was missing in cells that count, so that networks need the mask channel.

    Args:
        scaling: fitted on the training span.
        steps: of that span.
    """
    masked = int((~counting(scaling)).sum())
    return any(int(usual["missing"]) > steps * masked for usual in scaling.fitted.values())


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
    if isinstance(data, Panel):
        return panels.streams(problem, data, spans, settings)
    observed = problem.observed
    parts = [observed.get_index(TIME).slice_indexer(*span) for span in spans]
    valid = [(int(part.start), int(part.stop)) for part in parts]
    first, last = valid[0][0], valid[-1][1]
    inside = [
        (max(first - settings.spin_up, start), min(last, stop))
        for start, stop in stretches(problem.seen, settings.max_gap)
        if stop > first and start < last
    ]
    if not inside:
        raise ForecastError(
            f"observed steps from {spans[0][0]} to {spans[-1][1]}", "none", "mend [split], or raise max_gap"
        )
    weights = schema.area_weights(observed)
    cells = None
    if weights is not None and data.grid is not None:
        rows = weights.values.astype("float32").reshape(data.grid[0], -1)
        cells = torch.from_numpy(np.broadcast_to(rows, data.grid).copy())
    return Streams(data, inside, settings.streams, settings.k1, valid=valid, spin_up=settings.spin_up, weights=cells)


def curves(done: list[History]) -> list[dict[str, float]]:
    """Return trainings' curves, one row an epoch; beside the first network's, those of others as ``networkN/CURVE``."""
    lines: list[dict[str, float]] = []
    for epoch in range(1, max(one.epochs for one in done) + 1):
        lines.append({"epoch": epoch})
        for number, one in enumerate(done):
            start = f"network{number}/" if number else ""
            told = one.line(epoch) if epoch <= one.epochs else {}
            lines[-1] |= {f"{start}{name}": value for name, value in told.items() if name != "epoch"}
    return lines


def note(done: History) -> str:
    """Return what a person should know of a training (lost to NaN, of no use), or ""."""
    if not done.finite:
        return f"a loss or gradient was not finite after epoch {done.best}, whose weights were kept"
    if not done.best:
        return "training never lowered the early-stopping loss: the initial weights were kept"
    return ""
