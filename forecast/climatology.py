"""Climatology: what is usual at a place for the time of the year and the time of the day, in any calendar.

    c(t) = a0 + sum_{h=1,2} (a_h cos 2 pi h s(t) + b_h sin 2 pi h s(t)) + d(slot of the day)

with s(t) the fraction of the year (``schema.day_of_year``): mean, annual and semi-annual harmonic (Wilks, Statistical
Methods in the Atmospheric Sciences, 4th ed. 2019, section 10.4) and, for data finer than a day, the mean deviation of
each slot of the day. Under two years of data the harmonics are left out: the plain mean, or the time-of-day mean.

What is learned is a Dataset, all in the unit of the variable: ``coefficient`` (harmonic, *space), the harmonics in the
order of the formula; for data finer than a day ``deviation`` (slot, *space); ``variability`` (*space), the standard
deviation of each cell's anomalies about it; ``spread``, the same for series, (series,), and one number for maps, the
root of the area mean of the variance, and 1 where nothing ever varies; ``missing``, how many values were not observed.

All of it comes out of one pass over the data, block by block, so that they may be larger than memory: with x(t) the
regressors, e(t) the slots and v(t) the values less a first guess of their mean, the sums of x x', e x', x v, e v and
v v are enough. The residual sum of squares is v'v - 2 b'x'v + b'x'x b, less what the slots explain.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast import blocks, schema
from forecast.errors import ForecastError

HARMONICS = 2
YEARS_FOR_HARMONICS = 2
# Eigenvalues of the mean of x x' are 1 and 1/2 when the year is covered evenly; a cell whose observations leave the
# harmonics this much worse determined (a season or more never seen) keeps its mean alone.
LARGEST_CONDITION = 100.0
# A spread under this share of the largest value is the rounding of 32-bit numbers: the data count as constant.
ROUNDING = 1e-6


def fit(train: xr.DataArray, steps: int | None = None) -> xr.Dataset:
    """Fit the climatology of one variable by least squares, cell by cell, missing values left out.

    Args:
        train: values (time, *space) of the training span, at least two steps, in memory or not; NaN where nothing was
            observed.
        steps: read at a time; None: as ``blocks.length`` says. It changes nothing but rounding.

    Returns:
        The Dataset that the module's page describes; cells never observed are NaN.

    Raises:
        ForecastError: fewer than two steps, or no observed value at all.
    """
    step, time = schema.time_step(train), train[schema.TIME]
    space, shape = schema.space_dims(train), train.shape[1:]
    design = _design(time, HARMONICS if _long_enough(train, step) else 0)
    slots = max(1, round(pd.Timedelta("1D") / step))
    slot, numbers = _slot(time, slots), np.arange(slots if slots > 1 else 0)
    sums = _Sums(design.shape[1], len(numbers), int(np.prod(shape)))
    for part, values in blocks.over(train, steps):
        sums.add(design[part], slot[part, None] == numbers, values.reshape(len(values), -1))
    if not np.isfinite(sums.shift).any():
        raise ForecastError(
            f"at least one observed value of {train.name}",
            "none in the training span",
            "check the source, or move [split]",
        )
    coefficient, deviation, variance = sums.solve()
    found = {"coefficient": (("harmonic", *space), coefficient), "variability": (space, np.sqrt(variance))}
    if slots > 1:
        found["deviation"] = (("slot", *space), deviation)
    fitted = xr.Dataset(
        {
            name: (dims, values.reshape(*values.shape[:-1], *shape), _units(train))
            for name, (dims, values) in found.items()
        },
        coords=schema.space_coords(train),
    )
    level = xr.DataArray(sums.level.reshape(shape), dims=space)
    return fitted.assign(spread=_spread(fitted["variability"], level), missing=train.size - int(sums.count.sum()))


def at(fitted: xr.Dataset, times: np.ndarray) -> xr.DataArray:
    """Return the climatology at given times.

    Args:
        fitted: what ``fit`` returned (other variables in it are left alone).
        times: datetime64 or cftime, shape (time,), in any order.

    Returns:
        DataArray (time, *space), float64, in the unit of the variable.
    """
    time = xr.DataArray(times, dims=schema.TIME, coords={schema.TIME: times})
    coefficient = fitted["coefficient"]
    design = _design(time, (coefficient.sizes["harmonic"] - 1) // 2)
    flat = design @ coefficient.values.reshape(coefficient.sizes["harmonic"], -1)
    if "deviation" in fitted:
        slots = fitted.sizes["slot"]
        flat += fitted["deviation"].values.reshape(slots, -1)[_slot(time, slots)]
    space = coefficient.dims[1:]
    coords = {schema.TIME: time, **schema.space_coords(coefficient)}
    return xr.DataArray(
        flat.reshape(-1, *coefficient.shape[1:]), coords=coords, dims=(schema.TIME, *space), attrs=coefficient.attrs
    )


def _units(data: xr.DataArray) -> dict[str, str]:
    return {"units": data.attrs["units"]} if "units" in data.attrs else {}


def _long_enough(train: xr.DataArray, step: pd.Timedelta) -> bool:
    times = train[schema.TIME].to_index()
    year = pd.Timedelta(days=360 if train[schema.TIME].dt.calendar == "360_day" else 365)
    return pd.Timedelta(times[-1] - times[0]) + step >= YEARS_FOR_HARMONICS * year


def _design(time: xr.DataArray, harmonics: int) -> np.ndarray:
    """Return the regressors (time, 1 + 2 harmonics): 1, cos, sin of the year, cos, sin of the half year."""
    angle = 2 * np.pi * schema.day_of_year(time).values
    waves = [wave(h * angle) for h in range(1, harmonics + 1) for wave in (np.cos, np.sin)]
    return np.stack([np.ones_like(angle), *waves], axis=1)


def _slot(time: xr.DataArray, slots: int) -> np.ndarray:
    """Return the slot of the day of each time, 0 to slots - 1."""
    seconds = time.dt.hour.values * 3600 + time.dt.minute.values * 60 + time.dt.second.values
    return (seconds * slots // 86400).astype(int)


def _spread(variability: xr.DataArray, level: xr.DataArray) -> xr.DataArray:
    """Return what anomalies are divided by, given the largest value of each cell: the formula is the module's."""
    weights = schema.area_weights(variability)
    if weights is not None:
        variability, level = (variability**2).weighted(weights).mean() ** 0.5, level.max()
    return variability.where(~(variability <= ROUNDING * level), 1.0).drop_attrs().astype("float64")


class _Sums:
    """Sums over time of products of regressors, slots and values, cell by cell.

    Suffixes: t steps, c cells, f regressors, d slots, p products (f x f of the regressors, then d x f).

    Args:
        regressors: f.
        slots: d.
        cells: c.

    Attributes:
        shift: first guess of each cell's mean, subtracted before anything is squared; NaN: never observed yet.
        level: largest absolute value.
    """

    def __init__(self, regressors: int, slots: int, cells: int) -> None:
        self.regressors, self.slots = regressors, slots
        self.shift, self.level = np.full(cells, np.nan), np.full(cells, np.nan)
        self.square, self.value = np.zeros(cells), np.zeros((regressors + slots, cells))
        self.shared, self.own = np.zeros((regressors + slots) * regressors), np.zeros((1, 1))

    @property
    def products(self) -> np.ndarray:
        """(p, cells), or (p, 1) while nothing was missing."""
        return self.shared[:, None] + self.own

    @property
    def count(self) -> np.ndarray:
        """Observed steps, (cells,)."""
        return np.broadcast_to(self.products[0], self.shift.shape)

    def add(self, design_tf: np.ndarray, slot_td: np.ndarray, values_tc: np.ndarray) -> None:
        """Take in a block of time."""
        self.level = np.fmax(self.level, np.fmax(np.fmax.reduce(values_tc), -np.fmin.reduce(values_tc)))
        value = values_tc.astype("float64")
        seen = np.isfinite(value)
        whole = bool(seen.all())
        fresh = np.isnan(self.shift) & (True if whole else seen.any(axis=0))
        if fresh.any():
            self.shift[fresh] = np.where(seen, value, 0)[:, fresh].sum(axis=0) / seen[:, fresh].sum(axis=0)
        value -= np.where(np.isnan(self.shift), 0, self.shift)
        both_te = np.concatenate([design_tf, slot_td], axis=1)
        product_tp = (both_te[:, :, None] * design_tf[:, None, :]).reshape(len(both_te), -1)
        if whole:
            self.shared += product_tp.sum(axis=0)
        else:
            value[~seen] = 0
            self.own = self.own + product_tp.T @ seen.astype("float64")
        self.value += both_te.T @ value
        self.square += np.einsum("tc,tc->c", value, value)

    def solve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficients (f, c), deviations (d, c) and the variance of the anomalies (c,)."""
        f, products = self.regressors, self.products
        gram = products[: f * f].T.reshape(-1, f, f)
        slots = products[f * f :].reshape(self.slots, f, products.shape[1])
        count, number = np.maximum(gram[:, :1, 0], 1), slots[:, 0]
        right = self.value[:f].T
        solved = _solved(gram / count[:, :, None], right / count)
        deviation = (self.value[f:] - np.einsum("dfc,cf->dc", slots, solved)) / np.maximum(number, 1)
        explained = (solved * (2 * right - (gram @ solved[:, :, None])[:, :, 0])).sum(axis=1)
        squares = np.maximum(self.square - explained - (number * deviation**2).sum(axis=0), 0)
        coefficient = solved.T.copy()
        coefficient[0] += self.shift
        return coefficient, deviation, np.where(np.isnan(self.shift), np.nan, squares / count[:, 0])


def _solved(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve gram b = right for every cell, (c or 1, f, f) and (c, f) -> (c, f); the mean alone where it is unsound."""
    eigenvalues = np.linalg.eigvalsh(gram)
    sound = np.broadcast_to(eigenvalues[:, 0] * LARGEST_CONDITION > eigenvalues[:, -1], len(right))
    solved = np.zeros_like(right)
    solved[:, 0] = right[:, 0]
    if sound.any():
        each = gram if len(gram) == 1 else gram[sound]
        solved[sound] = np.linalg.solve(each, right[sound][..., None])[..., 0]
    return solved
