"""Climatology: what is usual at a place for the time of the year and the time of the day, in any calendar.

    c(t) = a0 + sum_{h=1,2} (a_h cos 2 pi h s(t) + b_h sin 2 pi h s(t)) + d(slot of the day)

with s(t) the fraction of the year (``schema.day_of_year``): mean, annual and semi-annual harmonic (Wilks, Statistical
Methods in the Atmospheric Sciences, 4th ed. 2019, section 10.4) and, for data finer than a day, the mean deviation of
each slot of the day. Under two years of data the harmonics are left out: the plain mean, or the time-of-day mean.

What is learned is a Dataset: ``coefficient`` (harmonic, *space), the harmonics in the order of the formula, and for
data finer than a day ``deviation`` (slot, *space); both in the unit of the variable.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError

HARMONICS = 2
YEARS_FOR_HARMONICS = 2
# Eigenvalues of the mean of x x' are 1 and 1/2 when the year is covered evenly; a cell whose observations leave the
# harmonics this much worse determined (a season or more never seen) keeps its mean alone.
LARGEST_CONDITION = 100.0
# A spread under this share of the largest value is the rounding of 32-bit numbers: the data count as constant.
ROUNDING = 1e-6


def fit(train: xr.DataArray) -> xr.Dataset:
    """Fit the climatology of one variable by least squares, cell by cell, missing values left out.

    Args:
        train: values (time, *space) of the training span, at least two steps; NaN where nothing was observed.

    Returns:
        The Dataset that the module's page describes; cells never observed are NaN.

    Raises:
        ForecastError: fewer than two steps, or no observed value at all.
    """
    if not np.isfinite(train.values).any():
        raise ForecastError(
            f"at least one observed value of {train.name}",
            "none in the training span",
            "check the source, or move [split]",
        )
    step = schema.time_step(train)
    space = schema.space_dims(train)
    shape = train.shape[1:]
    values = train.values.reshape(len(train), -1).astype("float64")
    design = _design(train[schema.TIME], HARMONICS if _long_enough(train, step) else 0)
    coefficient = _least_squares(design, values)
    variables = {"coefficient": (("harmonic", *space), coefficient.reshape(-1, *shape), _units(train))}
    slots = max(1, round(pd.Timedelta("1D") / step))
    if slots > 1:
        deviation = _slot_means(values - design @ coefficient, _slot(train[schema.TIME], slots), slots)
        variables["deviation"] = (("slot", *space), deviation.reshape(-1, *shape), _units(train))
    return xr.Dataset(variables, coords=schema.space_coords(train))


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


def spread(train: xr.DataArray, fitted: xr.Dataset) -> xr.DataArray:
    """Return the standard deviation of the anomalies about the climatology; 1 where they never vary.

    Args:
        train: values (time, *space).
        fitted: what ``fit`` returned for them.

    Returns:
        Shape (series,), one for each series, NaN where never observed; or for maps shape (), the root of the area
        mean of the variance. Float64, in the unit of the variable.
    """
    variance = ((train - at(fitted, train[schema.TIME].values)) ** 2).mean(schema.TIME)
    level = abs(train).max(schema.TIME)
    weights = schema.area_weights(train)
    if weights is not None:
        variance, level = variance.weighted(weights).mean(), level.max()
    deviation = variance**0.5
    return deviation.where(~(deviation <= ROUNDING * level), 1.0).drop_attrs().astype("float64")


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


def _least_squares(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Solve the normal equations of every cell over its own observed times: (time, f), (time, cell) -> (f, cell)."""
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(axis=0), 1)[:, None]
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    gram = (seen.T.astype("float64") @ outer / count).reshape(-1, design.shape[1], design.shape[1])
    right = np.where(seen, values, 0.0).T @ design / count
    mean = np.where(seen.any(axis=0), right[:, 0], np.nan)
    eigenvalues = np.linalg.eigvalsh(gram)
    sound = eigenvalues[:, 0] * LARGEST_CONDITION > eigenvalues[:, -1]
    solved = np.zeros_like(right)
    solved[:, 0] = mean
    solved[sound] = np.linalg.solve(gram[sound], right[sound][..., None])[..., 0]
    return solved.T


def _slot_means(residual: np.ndarray, slot: np.ndarray, slots: int) -> np.ndarray:
    """Return the mean residual (slot, cell); 0 in a slot never observed, so that the cell's mean stands there."""
    deviation = np.zeros((slots, residual.shape[1]))
    for number in np.unique(slot):
        chosen = residual[slot == number]
        count = np.isfinite(chosen).sum(axis=0)
        deviation[number] = np.nansum(chosen, axis=0) / np.maximum(count, 1)
    return deviation
