"""Diagnose: examine trained models on windows of their own training span; numbers, a figure and advice to their runs.

All is read from the run: which pipeline, which version of its archive, how it was trained, and the model it kept. So an
old run can be examined after its pipeline has been trained anew.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from forecast import blocks, checkpoint, schema
from forecast.archive import Archive
from forecast.batches import Frames
from forecast.diagnosis import Diagnosis, Learning, squared
from forecast.diagnosis import diagnose as examine
from forecast.diagnosis.passage import Cost
from forecast.errors import ForecastError
from forecast.figures import Figure, attention_map, doctor_sheet
from forecast.models.base import Model, Shape
from forecast.models.seq2seq import Seq2Seq
from forecast.predict import ModelForecaster
from forecast.stages import gallery
from forecast.stages.workspace import Report, silent
from forecast.tracking import Finished, Tracker, find, newest
from forecast.windows import stretches, windows

RUN_ID = "[0-9a-f]{32}"


@dataclass(frozen=True)
class Effort:
    """How much is looked at: windows, the farthest lag (twice k2, between these), vectors that find the growth."""

    windows: int
    lags: tuple[int, int]
    rows: int


SERIES, MAPS = Effort(16, (100, 400), 16), Effort(2, (32, 64), 4)  # a step of maps costs a thousand of a series


@dataclass(frozen=True)
class Examined:
    """One model's findings.

    Attributes:
        name: of the model in its pipeline.
        run_id: of its MLflow run, which now holds them too.
        found: the findings.
        figure: the PNG.
    """

    name: str
    run_id: str
    found: Diagnosis
    figure: Path


def diagnose(
    home: Path, run: str, *, model: str | None = None, uri: str | None = None, report: Report = silent
) -> list[Examined]:
    """Examine the model of a run, or every model of a training.

    Args:
        home: the folder of all pipelines.
        run: an MLflow run id, of one model or of a whole training; or a pipeline's name, for its last training.
        model: only the model of this name.
        uri: MLflow's address; None is sqlite under ``home``.
        report: progress.

    Raises:
        ForecastError: no such run or pipeline, a baseline's run, no model of that name; its data or its model are
            gone; MLflow out of reach.
    """
    if uri is None and not (home / "mlflow.db").is_file():
        raise ForecastError("a home with runs", f"no mlflow.db in {home}", "name it with --home, or train first")
    chosen, done = _chosen(uri or f"sqlite:///{home / 'mlflow.db'}", run, model), []
    for place, one in enumerate(chosen):
        report("examine", place, len(chosen))
        done.append(_examined(home, one))
    report("examine", len(chosen), len(chosen))
    return done


def _chosen(uri: str, run: str, model: str | None) -> list[Finished]:
    """Return the runs of the models meant."""
    if re.fullmatch(RUN_ID, run):
        given: Finished | None = find(uri, run)
    else:
        given = newest(uri, pipeline=run)
    if given is None:
        remedy = "name a pipeline as `forecast train` did, or copy a run's id from MLflow"
        raise ForecastError("a run id, or the name of a pipeline that was trained", repr(run), remedy)
    family = given.tags.get("family")
    if family == "baseline":
        remedy = "name the run of a model, or that of the whole training"
        raise ForecastError("the run of a model", f"{given.name!r}, a baseline: it has no gradient", remedy)
    runs = [given] if family == "model" else [one for one in given.children() if one.tags.get("family") == "model"]
    names = [one.name for one in runs]
    if not runs or (model is not None and model not in names):
        got = repr(model) if model is not None and names else f"{given.name!r}, which has none"
        expected = f"a model among {', '.join(names)}" if names else "a training with models"
        raise ForecastError(expected, got, "name one of them, or a run of another training")
    return [one for one in runs if model in (None, one.name)]


def _examined(home: Path, run: Finished) -> Examined:
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(run.model(Path(folder)).glob("artifacts/*.safetensors"))
        if not files:
            raise ForecastError("a run that kept its checkpoint", f"{run.name!r} ({run.id})", "train it again")
        given = ModelForecaster(checkpoint.load(files[0]))
    learning = learned(run)
    x, future, target, spin_up = _windows(given, _observed(home, given), learning, run.params)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if given.model.shape.grid is None else threads)
    try:
        rows, cost = _effort(given).rows, _cost(given.model.shape)
        found = examine(given.model, x, future, target, spin_up=spin_up, learning=learning, rows=rows, cost=cost)
    finally:
        torch.set_num_threads(threads)
    figure = drawn(f"{given.checkpoint.settings['pipeline']}: {run.name}", found)
    figures = {"doctor": figure} | _attention(given.model, x, future, spin_up)
    folder = home / given.checkpoint.settings["pipeline"] / "figures"
    path = gallery.save(folder, {f"{name}_{run.name}": one for name, one in figures.items()})[0]
    _log(run, found, figures)
    return Examined(run.name, run.id, found, path)


def learned(run: Finished) -> Learning:
    """Return what a run remembers of its training."""
    given = {name: run.params.get(f"training.{name}", "None") for name in ("k2", "clip_norm", "clip_value")}
    return Learning(
        k2=None if given["k2"] == "None" else int(given["k2"]),
        clip_norm=None if given["clip_norm"] == "None" else float(given["clip_norm"]),
        clip_value=None if given["clip_value"] == "None" else float(given["clip_value"]),
        clipped=run.curve("clipped"),
        gradient=run.curve("gradient_norm"),
        updates=run.curves("update_ratio/"),
        norms=run.curves("weight_norm/"),
        note=run.tags.get("note", ""),
    )


def drawn(title: str, found: Diagnosis) -> Figure:
    """Draw one model's findings.

    Args:
        title: whose they are.
        found: the findings.
    """
    return doctor_sheet(
        title,
        found.flow.gradient,
        by=found.flow.by,
        k2=found.learning.k2,
        gates={name: gate.shares for name, gate in found.gates.items()},
        half_lives=found.half_lives,
        updates=found.learning.updates,
        advice=found.advice,
    )


def _observed(home: Path, given: ModelForecaster) -> xr.Dataset:
    """Return the observations of the model's own training span, from the version that it was trained on."""
    settings = given.checkpoint.settings
    archive = Archive(home / settings["pipeline"] / "archive")
    if not archive.version:
        got = f"no archive in {home / settings['pipeline']}"
        raise ForecastError(f"the observations of {settings['pipeline']}", got, "name the home it was trained in")
    first, last = (text.replace(" ", "T") for text in settings["train"])
    observed = archive.load(settings["data_version"], first, last).load()
    given.checkpoint.check(observed)
    return observed


def _effort(given: ModelForecaster) -> Effort:
    return SERIES if given.model.shape.grid is None else MAPS


def _windows(
    given: ModelForecaster, observed: xr.Dataset, learning: Learning, params: dict[str, str]
) -> tuple[Tensor, Tensor | None, Tensor, int]:
    """Return x, future and target of windows spread evenly over the span's unbroken stretches, and their spin-up."""
    settings = given.checkpoint.settings
    targets, data = settings["targets"], replace(given.frames(observed), leads=given.model.shape.leads)
    unbroken = stretches(blocks.seen(observed, targets), int(params.get("training.max_gap", 0)))
    leads = given.model.shape.leads
    length = max((stop - start for start, stop in unbroken), default=0) - leads
    if length < 4:
        raise ForecastError("an unbroken stretch of 4 steps in the training span", f"{length}", "raise max_gap")
    effort = _effort(given)
    lags = int(np.clip(2 * (learning.k2 or 0), *effort.lags))
    spin_up = min(int(params.get("training.spin_up", 0)), length // 2)
    steps = spin_up + min(lags + 1 if given.model.aligned else int(settings["window"]), length - spin_up)
    return (*_gathered(data, windows(unbroken, steps, leads), steps, effort.windows), spin_up)


def _cost(shape: Shape) -> Cost:
    """Return the squared error of what lies in the middle: the median, or where a likelihood's values lie."""

    def cost(y: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        each = y.unflatten(3, (-1, shape.targets, shape.outputs // shape.targets)).mean(dim=3)
        return squared(each.select(4, 0 if shape.likelihood else each.shape[4] // 2), target)

    return cost


def _gathered(data: Frames, starts: np.ndarray, steps: int, count: int) -> tuple[Tensor, Tensor | None, Tensor]:
    """Read up to ``count`` windows from starts evenly spread, going round the tapes."""
    start = torch.from_numpy(np.unique(starts[np.linspace(0, len(starts) - 1, count).round().astype(int)]))
    tape = torch.arange(len(start)) % len(data.lengths)
    target = data.truth(tape, start, steps, (0, int(data.lengths[0])))
    return data.inputs(tape, start, steps), data.futures(tape, start, steps), target


@torch.no_grad()
def _attention(model: Model, x: Tensor, future: Tensor | None, spin_up: int) -> dict[str, Figure]:
    """Draw what an encoder-decoder attends to, the mean over the windows; nothing for any other model."""
    if not isinstance(model, Seq2Seq) or model.decoder.attention is None:
        return {}
    weights = model.attend(x, future)[1][:, spin_up:].mean(dim=(0, 1))
    leads, lags = weights.shape
    coords = {schema.LEAD: np.arange(1, leads + 1), "lag": np.arange(lags)}
    return {"attention": attention_map(xr.DataArray(weights.numpy(), coords, (schema.LEAD, "lag")))}


def _log(run: Finished, found: Diagnosis, figures: dict[str, Figure]) -> None:
    open_again = Tracker(run.uri, run.experiment).reopen(run.id)
    open_again.metrics([found.metrics()])
    for name, figure in figures.items():
        open_again.figure(name, figure)
    open_again.text("doctor", "\n".join(found.advice) + "\n")
