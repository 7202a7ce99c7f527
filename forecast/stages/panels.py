"""Tables of series made ready for learning: framed, dealt out, and how large and how long a network is to learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from forecast import schema, verification
from forecast.batches import Panel, Streams, panel
from forecast.config import Member, Pipeline
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.registry import member
from forecast.scaling import SeriesScaling
from forecast.schema import SERIES, TIME
from forecast.stages.problem import Problem
from forecast.training.settings import LOSS_OF_SERIES, Training
from forecast.windows import Span

CHUNK = 128  # steps that the gradient reaches back: series up to this long are read whole
FEWEST, USUAL, MOST = 8, 64, 1024  # series side by side: so many that an epoch has UPDATES updates and more
UPDATES = 4
SEASONS = 8  # that a piece of a series has at least
SPIN_UP = 24  # seasons after which smoothing has forgotten where it began
EPOCHS = 12  # over tables of up to some thousand series
LEAST, ENOUGH = 100, 2400  # updates in all: small tables are walked over more often, large ones less, twice at least
SIZES = {"hidden": 32, "dropout": 0.1}  # of networks within, where nobody says
WIDER = {"hidden": 64, "dropout": 0.2}  # on long series
# Seasons (of 4 steps or more): on shorter series a network only weighs what smoothing says and adds nothing, unless it
# is told of other variables, which have no other way into the forecast.
SHORT = 15
LONG = 20  # times what a linear skip reads: shorter series have none


def framed(pipeline: Pipeline, problem: Problem, steps: slice = slice(None)) -> tuple[Panel, SeriesScaling]:
    """Return a problem's frames, and the scaling that was fitted on its training span for them.

    Args:
        pipeline: whose task says what networks are told beside the observations.
        problem: the task made concrete.
        steps: which of the observed steps are framed.
    """
    scaling = problem.scaling
    assert isinstance(scaling, SeriesScaling)
    data = panel(
        problem.observed.isel({TIME: steps}),
        scaling,
        problem.targets,
        problem.covariates,
        problem.leads,
        known=problem.known,
        static=problem.static,
        calendar=pipeline.task.calendar,
        step=problem.step,
    )
    return data, scaling


def streams(problem: Problem, data: Panel, spans: Sequence[Span], settings: Training) -> Streams:
    """Lay each series' own stretch: from its first value, or as far back as a cold start reaches, to the last span.

    Steps missing within it are no gaps: the network is told that they are.

    Args:
        problem: whose axis the spans lie on.
        data: frames of all observations.
        spans: first and last times that count as targets, ascending.
        settings: streams, chunk, steps that are only read.

    Raises:
        ForecastError: no series has begun before the spans end.
    """
    axis = problem.observed.get_index(TIME)
    parts = [axis.slice_indexer(*span) for span in spans]
    valid = [(int(part.start), int(part.stop)) for part in parts]
    first, last = valid[0][0], valid[-1][1]
    begin = data.begin.numpy()
    start = np.maximum(begin, max(0, first - settings.cold_start))
    warm = settings.spin_up if first == 0 else 0
    there = np.flatnonzero(start + warm < last)
    if not len(there):
        got = f"the earliest series begins {int(begin.min())} steps after the first"
        raise ForecastError(f"series that begin before {spans[-1][1]}", got, "mend [split], or shorten spin_up")
    pieces = np.column_stack([there, start[there], np.full_like(there, last)])
    whole = len(pieces) >= settings.streams
    if settings.mode == "windows" and first == 0:
        pieces, whole = _windows(pieces, settings.k1, settings.k1 - warm), True
    return Streams(
        data, pieces, settings.streams, settings.k1, valid=valid, warm=warm, whole=whole, spin_up=settings.spin_up
    )


def _windows(pieces: np.ndarray, length: int, stride: int) -> np.ndarray:
    """Cut pieces (tape, start, stop) into windows that begin a stride apart, the last one ending with its piece."""
    found = []
    for tape, start, stop in pieces:
        begins = np.arange(max(start, stop - length), start - stride, -stride).clip(start)
        found.append(np.column_stack([np.full_like(begins, tape), begins, np.minimum(begins + length, stop)]))
    return np.concatenate(found)


def settings_of(pipeline: Pipeline, one: Member, problem: Problem) -> Training:
    """Return how a model of a pipeline learns; on a table of series by what is usual, where nobody says.

    Args:
        pipeline: whose ``[training]`` it is.
        one: the model as the pipeline names it.
        problem: what it learns.
    """
    return pipeline.training_of(one, usual(problem) if problem.panel else None)


def usual(problem: Problem) -> dict[str, Any]:
    """Return how a network of a table of series learns where the pipeline does not say: [training] keys.

    Args:
        problem: whose size decides.
    """
    back = min(problem.observed.sizes[TIME], SPIN_UP * max(problem.seasons, default=1))
    keys = {"mode": "stateful", "loss": LOSS_OF_SERIES, "balance": False, "weight_decay": 1e-2}
    return keys | {"cold_start": max(512, back)} | (_few(problem) if skip(problem) else _many(problem))


def _many(problem: Problem) -> dict[str, Any]:
    """Return how to learn from series that are short: side by side, each from its beginning."""
    steps, series, season = _steps(problem), problem.observed.sizes[SERIES], max(problem.seasons, default=1)
    chunk, total = min(steps, CHUNK), series * steps
    streams = min(max(series // UPDATES, FEWEST), USUAL if series <= USUAL**2 else series // USUAL, MOST)
    if series < streams:  # they are cut, never so short that a season would not be seen
        streams = max(series, min(streams, total // (SEASONS * season)))
    updates = math.ceil(total / (streams * chunk))
    return {
        "k1": chunk,
        "k2": chunk,
        "streams": streams,
        "epochs": max(math.ceil(LEAST / updates), min(EPOCHS, max(2, math.ceil(ENOUGH / updates)))),
        "patience": EPOCHS,
        "learning_rate": 5e-3,
        "average": 0.98,
        "spin_up": min(max(2, *problem.seasons[:1], 2), steps // 2),
    }


def _few(problem: Problem) -> dict[str, Any]:
    """Return how to learn from series that are long: pieces of each side by side, whose lags are filled beforehand."""
    chunk = min(max(24, 2 * max(problem.seasons[:1], default=0)), 64)
    return {
        "k1": chunk,
        "k2": chunk,
        "streams": max(8, min(64, 8 * problem.observed.sizes[SERIES])),
        "epochs": 10,
        "patience": 3,
        "learning_rate": 1e-3,
        "average": 0.0,
        "spin_up": min(skip(problem), _steps(problem) // 4),
    }


def said(pipeline: Pipeline, problem: Problem) -> str:
    """Say how networks of a table of series learn, and why.

    Args:
        pipeline: whose ``[training]`` stands before what is usual.
        problem: whose size decides otherwise.
    """
    steps, keys = _steps(problem), Training(**{**usual(problem), **pipeline.training.model_dump(exclude_unset=True)})
    if keys.mode == "windows":
        return f"windows of {keys.k1} steps, each from a fresh state, as the pipeline asks"
    whole = "each read whole" if steps <= keys.k1 else f"{keys.k1} steps at a time, the state carried on"
    return f"stateful: {problem.observed.sizes[SERIES]} series of up to {steps} steps, {whole}"


def _steps(problem: Problem) -> int:
    return problem.split.select(problem.observed, problem.split.train).sizes[TIME]


def size(problem: Problem, target: str) -> xr.DataArray:
    """Return how large an error of a target each series usually makes, (series,), in its unit.

    Args:
        problem: whose training span says it.
        target: which.
    """
    train = problem.split.select(problem.observed[target], problem.split.train)
    return verification.panel.scale(train, schema.season_of_data(train))


def wrapped(one: Member, problem: Problem) -> tuple[str, dict[str, Any]]:
    """Return the type and the options of the network that a model of a pipeline is; on a table of series, becomes.

    Args:
        one: the model as the pipeline names it.
        problem: whose seasons it is told.

    Raises:
        ForecastError: a residual on a table, where what is added to is what smoothing says.
    """
    if not problem.panel:
        return one.type, one.options
    if "residual" in one.options:
        got = f"residual = {one.options['residual']!r}"
        remedy = "leave it out: its output is added to what smoothing says"
        raise ForecastError(f"{one.name} without a residual on a table of series", got, remedy)
    known, ahead = member("model", MODELS, one.type).Options.model_fields, skip(problem)
    told = bool(problem.known or problem.covariates)
    sizes = {key: value for key, value in (WIDER if ahead else SIZES).items() if key in known}
    return "smoothed", {
        "inner": one.type,
        "inner_options": sizes | one.options,
        "seasons": list(problem.seasons),
        "skip": ahead,
        "added": told or length(problem) >= SHORT * max(4, *problem.seasons[:1], 0),
    }


def skip(problem: Problem) -> int:
    """Return how many last values a linear map beside the network reads: two seasons or horizons, on long series; or 0.

    Args:
        problem: whose series, seasons and leads decide.
    """
    lags = 2 * max(problem.leads, *problem.seasons, 0)
    return lags if length(problem) >= LONG * lags else 0


def length(problem: Problem) -> int:
    """Return the median length of series over the training span, in steps from the first value to the span's end.

    Args:
        problem: whose targets count.
    """
    train = problem.split.select(problem.observed, problem.split.train)
    seen = np.logical_or.reduce([train[name].notnull().transpose(TIME, SERIES).values for name in problem.targets])
    begun = seen.any(axis=0)
    return int(np.median(len(seen) - seen.argmax(axis=0)[begun])) if begun.any() else 0
