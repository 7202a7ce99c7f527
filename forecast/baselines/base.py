"""The contract of a baseline: fit once on the training span, then forecast from any reference time.

A baseline works on one target, a DataArray (time, *space) on an even time axis with NaN where nothing was observed.
All that it has learned is one Dataset, ``fitted``: what is saved is that Dataset, and ``Class.restore(fitted)`` is
the baseline again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import xarray as xr

from forecast import blocks, climatology, schema
from forecast.errors import ForecastError

# The last observed value stands for a missing one no longer than this many steps: repeated for longer, quality
# control would call it a stuck sensor (config.Quality.stuck_steps).
MAX_AGE = 24

# A context that no history exceeds.
EVERYTHING = 2**31

# Without a validation span this share of the training span, its last, chooses settings.
HELD_BACK = 0.2


class Baseline(ABC):
    """A reference forecast.

    Attributes:
        kinds: the kinds of data it takes, of "series" and "map".
        one_pass: whether ``fit`` reads its data a block at a time, so that they may be larger than memory.
        fitted: everything learned from the training span, empty before ``fit``; its attributes hold the number of
            ``leads`` and the ``step`` (ISO 8601 duration).
    """

    kinds: ClassVar[tuple[str, ...]] = ("series", "map")
    one_pass: ClassVar[bool] = False

    def __init__(self) -> None:
        self.fitted = xr.Dataset()

    @classmethod
    def restore(cls, fitted: xr.Dataset) -> Self:
        """Return the baseline whose ``fitted`` was saved; it forecasts as the one that was fitted."""
        baseline = cls()
        baseline.fitted = fitted
        return baseline

    @property
    def leads(self) -> int:
        """Number of leads, in steps of the data."""
        return int(self._learned().attrs["leads"])

    @property
    def step(self) -> pd.Timedelta:
        """Step of the data."""
        return pd.Timedelta(self._learned().attrs["step"])

    @property
    @abstractmethod
    def context(self) -> int:
        """How many steps before a reference can matter to its forecast; earlier ones are never read."""

    @abstractmethod
    def _fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None) -> xr.Dataset:
        """Return what is learned; the attributes ``leads`` and ``step`` are added by ``fit``."""

    @abstractmethod
    def _forecast(self, observed: xr.DataArray, at: np.ndarray) -> np.ndarray:
        """Return values (reference, lead, *space); row i may use ``observed[at[i] - context : at[i] + 1]`` only."""

    def fit(self, train: xr.DataArray, leads: int, validate: xr.DataArray | None = None) -> None:
        """Learn from the training span.

        Args:
            train: target (time, *space), training steps only, on an even axis.
            leads: number of leads, in steps of the data.
            validate: target over the validation span, for baselines that choose a setting on it; without it they
                hold back the last fifth of the training span to choose, then learn from all of it.

        Raises:
            ForecastError: data of another kind, fewer than one lead, an uneven axis, or nothing observed in the
                training span.
        """
        if (kind := schema.kind(train)) not in self.kinds:
            name = type(self).__name__
            remedy = f"leave it out of `baselines`: on {kind} data it has nothing to say"
            raise ForecastError(f"{' or '.join(self.kinds)} data for {name}", f"{kind} data", remedy)
        if leads < 1:
            raise ForecastError("at least 1 lead", f"{leads}", "lengthen task.horizon to a step of the data or more")
        step = schema.time_step(train)
        for part in (train,) if validate is None else (train, validate):
            _check(part, step)
        if not blocks.anything(train):
            raise ForecastError(
                f"at least one observed value of {train.name}",
                "none in the training span",
                "check the source, or move [split]",
            )
        self.fitted = self._fit(train, leads, validate).assign_attrs(leads=leads, step=step.isoformat())

    def forecast(self, observed: xr.DataArray, references: np.ndarray) -> xr.DataArray:
        """Forecast from each reference time, all that is used being observed at or before it.

        Args:
            observed: target (time, *space) on an even axis; steps after a reference are never read for it.
            references: times of the last observed step, shape (reference,), each on the axis.

        Returns:
            DataArray (forecast_reference_time, lead, *space), units of the target, NaN where nothing can be said.

        Raises:
            ForecastError: not fitted; another step or other cells than in training; a reference not on the axis.
        """
        _check(observed, self.step)
        space = schema.space_dims(observed)
        for name, where in schema.space_coords(observed).items():
            if name in self.fitted.coords and not np.array_equal(self.fitted[name].values, where.values):
                expected = f"the {self.fitted[name].size} values of {name} in training"
                raise ForecastError(expected, f"{where.size} others", "fit again on these")
        at = _positions(observed, references)
        first = max(0, int(at.min()) - self.context)
        seen = observed.isel({schema.TIME: slice(first, int(at.max()) + 1)})
        values = self._forecast(seen, at - first)
        starts = observed[schema.TIME].values[at]
        lead = schema.leads(self.leads, self.step)
        return xr.DataArray(
            values.astype(observed.dtype),
            dims=(schema.REFERENCE, schema.LEAD, *space),
            coords={
                schema.REFERENCE: starts,
                schema.LEAD: lead,
                schema.VALID_TIME: ((schema.REFERENCE, schema.LEAD), schema.valid_times(starts, lead)),
                **schema.space_coords(observed),
            },
            name=observed.name,
            attrs=dict(observed.attrs),
        )

    def _learned(self) -> xr.Dataset:
        if "leads" not in self.fitted.attrs:
            raise ForecastError("a fitted baseline", f"{type(self).__name__} before fit", "call fit or restore first")
        return self.fitted

    def _usual(self, observed: xr.DataArray) -> np.ndarray:
        """Return the fitted climatology (time + leads, *space) over the observed steps and the leads after them."""
        times = observed[schema.TIME].values
        ahead = schema.valid_times(times[-1:], schema.leads(self.leads, self.step))[0]
        return climatology.at(self.fitted, np.concatenate([times, ahead])).values

    def _ahead(self, at: np.ndarray) -> np.ndarray:
        """Return the positions (reference, lead) on the axis of the steps to be forecast."""
        return at[:, None] + np.arange(1, self.leads + 1)


def last_observed(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Carry the last observed value forward over missing steps, at most ``MAX_AGE`` of them.

    Args:
        values: shape (time, ...), NaN where missing.

    Returns:
        The filled values, NaN where the last one is too old or there is none, and their age in steps (0 where
        observed), both with the shape of ``values``.
    """
    steps = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    last = np.maximum.accumulate(np.where(np.isfinite(values), steps, -1), axis=0)
    age = np.where(last < 0, MAX_AGE + 1, steps - last)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(age <= MAX_AGE, filled, np.nan), age


def by_columns(function: Callable[[np.ndarray], np.ndarray], data: xr.DataArray, answers: int) -> np.ndarray:
    """Return what a function says of every series or cell by itself, some columns of the last dimension at a time.

    Args:
        function: values (time, ..., column) -> values (reference, lead, ..., column).
        data: target (time, *space).
        answers: values that the function returns for a series or a cell.
    """
    columns = data.shape[-1]
    each = max(1, max(len(data), answers) * data[0, ..., 0].size * 8)
    size = max(1, blocks.BYTES // each)
    found = [function(data[..., start : start + size].values).astype(data.dtype) for start in range(0, columns, size)]
    return found[0] if len(found) == 1 else np.concatenate(found, axis=-1)


def lagged(values_TK: np.ndarray, lags: int) -> np.ndarray:
    """Return features (time, lags x K): the newest step first; 0 before the first step."""
    padded = np.concatenate([np.zeros((lags - 1, values_TK.shape[1])), values_TK])
    stop = len(padded)
    return np.concatenate([padded[lags - 1 - back : stop - back] for back in range(lags)], axis=1)


def joined(train: xr.DataArray, validate: xr.DataArray | None) -> tuple[xr.DataArray, tuple[int, int]]:
    """Return one even axis of training and validation (NaN between them), and the span of positions that chooses.

    Args:
        train: target (time, *space), training steps.
        validate: target over the validation span; None or nothing observed: the last fifth of training chooses.

    Raises:
        ForecastError: the spans overlap.
    """
    count = train.sizes[schema.TIME]
    if validate is None or not np.isfinite(validate.values).any():
        return train, (count - max(1, int(HELD_BACK * count)), count)
    step = schema.time_step(train)
    index, later = train[schema.TIME].to_index(), validate[schema.TIME].to_index()
    if later[0] <= index[-1]:
        raise ForecastError(
            f"a validation span after {index[-1]}", f"{later[0]}", "mend [split]: spans may not overlap"
        )
    start, stop = round((later[0] - index[0]) / step), round((later[-1] - index[0]) / step) + 1
    axis = schema.valid_times(train[schema.TIME].values[:1], np.arange(stop) * np.timedelta64(step.value, "ns"))[0]
    return xr.concat([train, validate], schema.TIME).reindex({schema.TIME: axis}), (start, stop)


def _check(data: xr.DataArray, step: pd.Timedelta) -> None:
    dims = (schema.TIME, *schema.space_dims(data))
    if data.dims != dims:
        raise ForecastError(f"dimensions {dims}", f"{data.dims}", "transpose the observations")
    index = data[schema.TIME].to_index()
    uneven = np.flatnonzero(pd.to_timedelta(np.diff(index.to_numpy())) != step)
    if len(uneven):
        where = f"{index[uneven[0]]} then {index[uneven[0] + 1]}"
        raise ForecastError(f"an even time axis with a step of {step}", where, "reindex: missing steps are NaN rows")


def _positions(observed: xr.DataArray, references: np.ndarray) -> np.ndarray:
    index = observed[schema.TIME].to_index()
    wanted: Any = np.atleast_1d(references)
    at = np.asarray(index.get_indexer(wanted))
    if not len(at) or (at < 0).any():
        got = f"{wanted[at < 0][0]}" if len(at) else "no reference"
        raise ForecastError(f"reference times on the axis, {index[0]} to {index[-1]}", got, "choose observed steps")
    return at
