"""How large errors usually are, here and at this time of the year and the day: a smooth scale of each lead and cell.

    log s^2(t) = b0 + b1 cos 2 pi y(t) + b2 sin 2 pi y(t) [+ b3 cos 2 pi h(t) + b4 sin 2 pi h(t)]

y being the fraction of the year, h that of the day (data finer than a day). The coefficients are those of a gamma
regression with a logarithmic link (McCullagh & Nelder 1989, chapter 8) on squared errors: errors scale by factors, and
a scale is never negative. On maps the squares are first averaged over the neighbouring cells, so that some months of
days are enough. Where a season of the year was hardly seen, the scale is that of the whole span.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.ndimage import uniform_filter

from forecast import schema

NEIGHBOURS = 5  # cells on a side of the box that is averaged over: on 2007's pressure maps as good as 3 or 9
TIMES_OF_DAY = 4  # fewer cannot show a wave
STEPS = 15  # of Fisher's scoring; it settles in about eight
LEAST = 1e-6  # share of the largest error that counts as none


def design(valid: xr.DataArray, seasonal: bool, daily: bool) -> np.ndarray:
    """Return the regressors at valid times, shape (*valid.shape, coefficient).

    Args:
        valid: times, any shape and calendar.
        seasonal: whether the waves of the year are among them.
        daily: whether the waves of the day are.
    """
    parts = [np.ones(valid.shape)]
    hour = (valid.dt.hour * 3600 + valid.dt.minute * 60 + valid.dt.second) / 86400
    for wanted, turn in ((seasonal, schema.day_of_year(valid)), (daily, hour)):
        parts += [wave(2 * np.pi * turn.values) for wave in (np.cos, np.sin)] if wanted else []
    return np.stack(parts, axis=-1)


def fit(error: np.ndarray, regressors: np.ndarray, periodic: bool | None) -> np.ndarray:
    """Fit the logarithm of the squared error of one lead.

    Args:
        error: (n, *space), NaN where unknown.
        regressors: (n, coefficient), from `design`.
        periodic: for maps, whether the last axis closes the circle; None for series, which have no neighbours.

    Returns:
        Coefficients (coefficient, *space), NaN in cells without any error.
    """
    space = error.shape[1:]
    square = error.astype("float64").reshape(len(error), -1) ** 2
    known = np.isfinite(square).any(axis=0)
    if periodic is not None:
        square = over_neighbours(square.reshape(error.shape), periodic).reshape(square.shape)
    coefficient = np.full((regressors.shape[1], square.shape[1]), np.nan)
    if known.any():
        floor = (LEAST * np.sqrt(np.nanmax(square[:, known])) or 1.0) ** 2
        coefficient[:, known] = _scored(np.maximum(square[:, known], floor), regressors)
    return coefficient.reshape(-1, *space)


def at(regressors: np.ndarray, coefficient: np.ndarray) -> np.ndarray:
    """Return the scale, in the error's units.

    Args:
        regressors: (n, coefficient).
        coefficient: (coefficient, *space), of one lead.

    Returns:
        (n, *space).
    """
    return np.exp(np.tensordot(regressors, coefficient, axes=1) / 2)


def _scored(square: np.ndarray, regressors: np.ndarray) -> np.ndarray:
    """Return the gamma regression's coefficients (coefficient, cell) by Fisher's scoring, each step at most e-fold."""
    there = np.isfinite(square)
    count = there.sum(axis=0)
    outer = (regressors[:, :, None] * regressors[:, None, :]).reshape(len(regressors), -1)
    gram = (there.T.astype("float64") @ outer / count[:, None]).reshape(-1, *[regressors.shape[1]] * 2)
    inverse = np.linalg.pinv(gram, rcond=1e-3, hermitian=True)
    coefficient = np.zeros((regressors.shape[1], square.shape[1]))
    coefficient[0] = np.log(np.nanmean(square, axis=0))
    for _ in range(STEPS if len(coefficient) > 1 else 0):
        with np.errstate(invalid="ignore"):
            excess = np.where(there, square / np.exp(regressors @ coefficient) - 1, 0.0)
        step = np.einsum("cij,jc->ic", inverse, regressors.T @ excess / count)
        coefficient += np.clip(step, -1, 1)
    return coefficient


def over_neighbours(values: np.ndarray, periodic: bool) -> np.ndarray:
    """Return the mean over the box around each cell, of what is known there.

    Args:
        values: (n, row, column), NaN where unknown.
        periodic: whether the last axis closes the circle.

    Returns:
        As ``values``, NaN where nothing is known in the box.
    """
    known = np.isfinite(values)
    size, mode = (0, NEIGHBOURS, NEIGHBOURS), ("nearest", "nearest", "wrap" if periodic else "nearest")
    total = uniform_filter(np.where(known, values, 0.0), size=size, mode=mode)
    if known.all():
        return total
    share = uniform_filter(known.astype("float64"), size=size, mode=mode)
    return np.where(share > 0.5 / NEIGHBOURS**2, total / np.maximum(share, 1e-9), np.nan)
