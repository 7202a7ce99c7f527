"""Blur: the power of a forecast's field by wavelength, beside the truth's.

A forecast that hedges loses its short waves: its power there lies below what is observed, however good its RMSE.
Regional grids: the variance of a discrete cosine transform, which no trend across the domain spoils (Denis, Côté &
Laprise 2002, Mon. Wea. Rev. 130, 1812-1829), gathered by wavelength. Grids that close the circle: zonal Fourier
transforms of each row, averaged by area. On a grid of latitudes and longitudes the spacing in longitude is that of the
middle latitude, and of 45 degrees on the circle.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import fft

from forecast import schema, sphere
from forecast.errors import ForecastError
from forecast.schema import LAT, LEAD, LON, REFERENCE
from forecast.verification.definitions import DEFINITIONS
from forecast.verification.grouping import FORECASTER
from forecast.verification.sums import same_cells

WAVELENGTH = "wavelength"
DEGREE = 111.195  # km of a degree of latitude on a sphere of 6371 km


def spectra(
    forecasts: Mapping[str, xr.DataArray], observed: xr.DataArray, *, weights: xr.DataArray | None = None
) -> xr.Dataset:
    """Return the mean power of forecasts and of what was observed, by lead and wavelength, over the same maps.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).
        weights: area of each row of a grid that closes the circle, such as ``schema.area_weights``.

    Returns:
        Dataset: ``power`` (forecaster, lead, wavelength), ``observed`` (lead, wavelength), in squared units, and their
        ``ratio``: 1 is as sharp as the truth. Wavelengths in km, descending; the first holds all longer ones too.
        Maps without any value are left out; missing cells take the mean of their map.

    Raises:
        ForecastError: the forecasts are not maps, or of fewer than 4 rows or columns.
    """
    same, met = same_cells(forecasts, observed)
    space = schema.space_dims(met)
    if len(space) != 2 or min(met.sizes[dim] for dim in space) < 4:
        got = f"{dict(met.sizes)}"
        raise ForecastError("maps of at least 4 rows and columns", got, "look at the spectrum of maps only")
    power = [_mean_power(one, weights) for one in same.values()]
    truth = _mean_power(met, weights)
    result = xr.Dataset({"power": xr.concat(power, xr.Variable(FORECASTER, list(same))), "observed": truth})
    result["ratio"] = result["power"] / truth.where(truth > 0)
    units = f"({observed.attrs.get('units', '')})2"
    for name, unit in (("power", units), ("observed", units), ("ratio", "1")):
        result[name].attrs = {"units": unit, "definition": DEFINITIONS["spectrum"]}
    return result


def power(field: xr.DataArray, weights: xr.DataArray | None = None) -> xr.DataArray:
    """Return the power of maps by wavelength (..., wavelength); its sum is the variance of the map.

    The wavelengths' attribute ``shortest`` is the shortest wave that the grid holds in each direction, km: beyond it
    stand waves along the finer direction and the diagonals only.

    Args:
        field: (..., rows, columns), no value missing.
        weights: area of each row of a grid that closes the circle; None: all alike.
    """
    space = schema.space_dims(field)
    values = field.transpose(..., *space).values.astype("float64")
    if LON in space and schema.is_periodic(field[LON].values):
        area = np.ones(values.shape[-2]) if weights is None else weights.values
        found, wavelength = _zonal(values, area / area.sum())
        shortest = float(wavelength[-1])
    else:
        spacing = _spacing(field)
        found, wavelength = _cosines(values, spacing)
        shortest = 2 * max(spacing)
    outer = [dim for dim in field.dims if dim not in space]
    coords = {dim: field[dim] for dim in outer if dim in field.coords}
    lengths = xr.Variable(WAVELENGTH, wavelength, {"units": "km", "long_name": "wavelength", "shortest": shortest})
    return xr.DataArray(found, {**coords, WAVELENGTH: lengths}, (*outer, WAVELENGTH))


def _mean_power(field: xr.DataArray, weights: xr.DataArray | None) -> xr.DataArray:
    space = schema.space_dims(field)
    means = []
    for at in range(field.sizes[LEAD]):
        one = field.isel({LEAD: at}, drop=True)
        one = one.isel({REFERENCE: one.notnull().any(space).values})
        means.append(power(one.fillna(one.mean(space)), weights).mean(REFERENCE))
    return xr.concat(means, field[LEAD].drop_vars(set(field[LEAD].coords) - {LEAD}))


def _cosines(values: np.ndarray, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return power and wavelengths (km) of fields (..., rows, columns) with (row, column) spacing in km."""
    rows, columns = values.shape[-2:]
    squares = fft.dctn(values, axes=(-2, -1), norm="ortho") ** 2 / (rows * columns)
    along, across = np.arange(rows) / (2 * rows * spacing[0]), np.arange(columns) / (2 * columns * spacing[1])
    number = np.hypot(along[:, None], across)
    width = 1 / (2 * min(rows * spacing[0], columns * spacing[1]))
    band = np.maximum(np.rint(number / width).astype(int), 1)
    band[0, 0] = 0  # the mean
    bands = int(band.max()) + 1
    found = np.zeros((*values.shape[:-2], bands))
    for at in range(1, bands):
        found[..., at] = squares[..., band == at].sum(axis=-1)
    return found[..., 1:], 1 / (width * np.arange(1, bands))


def _zonal(values: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return power and wavelengths (km, at 45 degrees) of rows that close the circle, averaged by area."""
    columns = values.shape[-1]
    squares = np.abs(fft.rfft(values, axis=-1) / columns) ** 2
    squares[..., 1 : (columns + 1) // 2] *= 2  # each wave but the mean and the shortest is there twice
    found = np.einsum("...yk,y->...k", squares, area)[..., 1:]
    circle = 360 * DEGREE * np.cos(np.deg2rad(45))
    return found, circle / np.arange(1, columns // 2 + 1)


def _spacing(field: xr.DataArray) -> tuple[float, float]:
    """Return the mean distance of rows and of columns, km."""
    lat, lon = field[LAT].values.astype("float64"), field[LON].values.astype("float64")
    if lat.ndim == 1:
        middle = np.cos(np.deg2rad((lat[0] + lat[-1]) / 2))
        return DEGREE * abs(np.diff(lat)).mean(), DEGREE * abs(np.diff(lon)).mean() * middle
    return _distance(lat, lon, 0), _distance(lat, lon, 1)


def _distance(lat: np.ndarray, lon: np.ndarray, axis: int) -> float:
    """Return the mean great-circle distance of neighbours along an axis, km."""
    places = [np.moveaxis(one, axis, 0) for one in (lat, lon)]
    return float(sphere.distance(*(one[1:] for one in places), *(one[:-1] for one in places)).mean() * DEGREE)
