"""The words of the product: dimension names, variables with units and limits, and the three contracts.

Observations  Dataset (time, series), (time, lat, lon) or (time, y, x)
Forecast      Dataset (forecast_reference_time, lead, [member | quantile | baseline], series | lat, lon | y, x)
State         dict of name -> numpy array, batch first

Leads count from the last observed step: ``valid_time = forecast_reference_time + lead``; a time stamp labels the
start of its interval. Longitudes ascend and begin in [-180, 180); they pass 180 only where the domain crosses the
antimeridian. Latitudes ascend. A grid that is regular in a projection only is (y, x): 1-D coordinates y and x as its
file has them, or 0, 1, ... where it has none, and 2-D coordinates lat(y, x) and lon(y, x) in [-180, 180). Where its
projection is known, it is the Dataset's attribute ``grid_mapping``: CF's attributes of a grid mapping, as JSON. Every
axis of time is even; axes.py says how months and numbered steps come to be. Names follow the CF conventions,
https://cfconventions.org.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import xarray as xr

from forecast import sphere
from forecast.errors import ForecastError

TIME, SERIES, LAT, LON, Y, X = "time", "series", "lat", "lon", "y", "x"
REFERENCE, LEAD, MEMBER, QUANTILE, BASELINE = "forecast_reference_time", "lead", "member", "quantile", "baseline"
VALID_TIME = "valid_time"
CONVENTIONS = "CF-1.11"


@dataclass(frozen=True)
class Variable:
    """A physical quantity: its CF name, its unit, the range beyond which a value cannot be right.

    Attributes:
        standard_name: CF standard name, or "" where CF has none.
        units: canonical unit (UDUNITS spelling).
        valid_min: lowest plausible value, in ``units``.
        valid_max: highest plausible value, in ``units``.
        max_step: largest plausible change between neighbours in time, in ``units`` per step; inf where unknown.
        long_name: what a person reads.
    """

    standard_name: str
    units: str
    valid_min: float
    valid_max: float
    max_step: float
    long_name: str


# Limits: WMO record extremes (wmo.asu.edu) with a margin; steps: WMO-No. 305, spike checks for hourly reports.
_TEMPERATURE = ("air_temperature", "K", 180.0, 335.0, 25.0)
VARIABLES: dict[str, Variable] = {
    "slp": Variable("air_pressure_at_mean_sea_level", "Pa", 86000.0, 109000.0, 9000.0, "sea-level pressure"),
    "air": Variable(*_TEMPERATURE, "air temperature"),
    "t2m": Variable(*_TEMPERATURE, "2 m temperature"),
    "Tair": Variable(*_TEMPERATURE, "near-surface air temperature"),
    "tasmax": Variable("air_temperature", "K", 180.0, 335.0, 40.0, "daily maximum near-surface air temperature"),
    "temp": Variable("air_temperature", "degF", -70.0, 140.0, 40.0, "air temperature"),
    "dewp": Variable("dew_point_temperature", "degF", -90.0, 100.0, 40.0, "dew point temperature"),
    "humid": Variable("relative_humidity", "%", 0.0, 100.0, 80.0, "relative humidity"),
    "wind_speed": Variable("wind_speed", "mile hour-1", 0.0, 150.0, 80.0, "wind speed"),
    "pressure": Variable("air_pressure_at_mean_sea_level", "hPa", 860.0, 1090.0, 20.0, "sea-level pressure"),
    "z500": Variable("geopotential_height", "m", 3500.0, 7000.0, 900.0, "500 hPa geopotential height"),
    "hgt": Variable("geopotential_height", "m", -1500.0, 40000.0, 2000.0, "geopotential height"),
}


def kind(data: xr.Dataset | xr.DataArray) -> str:
    """Say whether data are ``"series"`` (they have a series dimension) or ``"map"`` (lat and lon, or y and x).

    Raises:
        ForecastError: neither.
    """
    return "series" if space_dims(data) == (SERIES,) else "map"


def space_dims(data: xr.Dataset | xr.DataArray) -> tuple[str, ...]:
    """Return the dimensions of space: ``("series",)``, ``("lat", "lon")``, or ``("y", "x")`` for a projected grid.

    Raises:
        ForecastError: data have none of these.
    """
    for dims in ((SERIES,), (LAT, LON), (Y, X)):
        if set(dims) <= set(data.dims):
            return dims
    expected = "dimensions (time, series), (time, lat, lon) or (time, y, x)"
    raise ForecastError(expected, f"{tuple(data.dims)}", "rename the dimensions, or use a source")


def space_coords(data: xr.Dataset | xr.DataArray) -> dict[str, xr.Variable]:
    """Return what says where values are: the coordinates of space, and on a projected grid also its lat and lon."""
    space = space_dims(data)
    names = [*space, *(name for name in (LAT, LON) if Y in space and name in data.coords)]
    return {name: data[name].variable for name in names}


def time_step(time: xr.DataArray | xr.Dataset) -> pd.Timedelta:
    """Return the step of a time axis: the commonest difference between neighbours (any calendar).

    Args:
        time: a time coordinate, or data that have one; at least two steps.

    Raises:
        ForecastError: fewer than two steps.
    """
    index = time[TIME].to_index() if TIME in time.coords else time.to_index()
    if len(index) < 2:
        raise ForecastError("at least 2 time steps", f"{len(index)}", "ingest a longer span")
    differences = pd.to_timedelta(np.asarray(index[1:] - index[:-1]))
    values, counts = np.unique(differences.to_numpy(), return_counts=True)
    return pd.Timedelta(values[np.argmax(counts)])


def duration(text: str) -> pd.Timedelta:
    """Return a span of time as a user writes it ("6h", "5D"); NaT, which is greater than nothing, where it is none.

    A bare number is none: "5" of what?
    """
    try:
        return pd.NaT if text.strip().lstrip("+-").replace(".", "", 1).isdecimal() else pd.Timedelta(text)
    except ValueError:
        return pd.NaT


def leads(count: int, step: pd.Timedelta) -> np.ndarray:
    """Return ``count`` leads as timedelta64[ns]: step, 2 step, ... (lead 1 is the first step not observed)."""
    return np.arange(1, count + 1) * np.timedelta64(step.value, "ns")


def shift_time(times: np.ndarray, offset: np.timedelta64 | pd.Timedelta | timedelta) -> np.ndarray:
    """Add an offset to times of any calendar (datetime64 or cftime objects), elementwise, same shape."""
    if np.issubdtype(np.asarray(times).dtype, np.datetime64):
        return np.asarray(times) + np.timedelta64(pd.Timedelta(offset).value, "ns")
    return np.asarray(times) + pd.Timedelta(offset).to_pytimedelta()


def valid_times(references: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Return valid times, shape (forecast_reference_time, lead), in the calendar of the references."""
    return np.stack([shift_time(references, step) for step in lead], axis=1)


SEASONS = ("DJF", "MAM", "JJA", "SON")


def season_of(month: xr.DataArray) -> xr.DataArray:
    """Return the season of months, 1 to 12, as its place in ``SEASONS``; same shape."""
    return month % 12 // 3


def day_of_year(time: xr.DataArray) -> xr.DataArray:
    """Return the season as an angle's fraction: (day of year - 1 + hour / 24) / length of the year, in [0, 1)."""
    days = xr.where(time.dt.is_leap_year, 366, 365) if time.dt.calendar != "360_day" else 360
    return (time.dt.dayofyear - 1 + time.dt.hour / 24) / days


def area_weights(data: xr.Dataset | xr.DataArray) -> xr.DataArray | None:
    """Return the area of each cell over the mean area, shape (lat,) or (y, x); None for series.

    On even rows this is cos(latitude) over its mean, on a regional grid too; see ``sphere.row_areas`` for uneven rows
    and rows on a pole, ``sphere.cell_areas`` for projected grids.
    """
    if LAT in data.dims:
        weights = xr.DataArray(sphere.row_areas(data[LAT].values), coords={LAT: data[LAT]}, dims=LAT)
    elif {Y, X} <= set(data.dims):
        lat, lon = data[LAT].transpose(Y, X), data[LON].transpose(Y, X)
        weights = lat.copy(data=sphere.cell_areas(lat.values, lon.values)).drop_attrs(deep=False)
    else:
        return None
    return weights / weights.mean()


def is_periodic(lon: np.ndarray) -> bool:
    """Say whether longitudes (degrees, ascending, even) close the circle: span + step = 360 within 1 % of the step.

    The longitudes of a projected grid, shape (y, x), never do.
    """
    if lon.ndim != 1 or len(lon) < 3:
        return False
    return bool(abs((lon[-1] - lon[0]) + (lon[1] - lon[0]) - 360) < 0.01 * abs(lon[1] - lon[0]))


def season_steps(step: pd.Timedelta, calendar: str = "standard") -> int:
    """Return the season in steps: a day for data finer than a day, else a year of 365 days (360 in ``360_day``)."""
    year = pd.Timedelta(days=360 if calendar == "360_day" else 365)
    season = pd.Timedelta("1D") if step < pd.Timedelta("1D") else year
    return max(1, round(season / step))


def season_of_data(data: xr.DataArray) -> int:
    """Return the season of a variable in steps: its attribute ``season`` (1: none), else what its axis suggests."""
    if "season" in data.attrs:
        return int(data.attrs["season"])
    return season_steps(time_step(data), data[TIME].dt.calendar)


def check_observations(data: xr.Dataset) -> xr.Dataset:
    """Hold a Dataset against the contract of observations and return it unchanged.

    The contract: dimensions (time, series), (time, lat, lon) or (time, y, x) for every variable; times strictly
    ascending; lat and lon strictly ascending, lon[0] in [-180, 180), lat in [-90, 90]; on a projected grid at least two
    rows and columns, y and x strictly monotonic, lat and lon of shape (y, x), every lon in [-180, 180); a ``units``
    attribute on each variable; floating-point values, NaN where nothing was observed.

    Raises:
        ForecastError: with the first clause that is broken.
    """
    dims = (TIME, *space_dims(data))
    for name, array in data.data_vars.items():
        if array.dims != dims:
            raise ForecastError(f"{name} with dimensions {dims}", f"{array.dims}", "transpose or rename in the source")
        if not array.attrs.get("units"):
            raise ForecastError(f"{name} with a units attribute", "none", f"set units of {name} in [source.units]")
        if not np.issubdtype(array.dtype, np.floating):
            raise ForecastError(f"{name} as floating-point numbers", str(array.dtype), "convert it in the source")
    _ascending(data, TIME)
    if LAT in dims:
        _check_regular(data)
    elif Y in dims:
        _check_projected(data)
    return data


def _check_regular(data: xr.Dataset) -> None:
    _ascending(data, LAT)
    _ascending(data, LON)
    lat, lon = data[LAT].values, data[LON].values
    if lat[0] < -90 or lat[-1] > 90:
        raise ForecastError("latitudes in [-90, 90]", f"{lat[0]} to {lat[-1]}", "mend the latitude coordinate")
    if not -180 <= lon[0] < 180 or lon[-1] - lon[0] >= 360:
        expected = "longitudes that begin in [-180, 180) and span less than 360"
        raise ForecastError(expected, f"{lon[0]} to {lon[-1]}", "let a source normalise them")


def _check_projected(data: xr.Dataset) -> None:
    if min(data.sizes[Y], data.sizes[X]) < 2:
        got = f"{data.sizes[Y]} x {data.sizes[X]}"
        raise ForecastError("a projected grid of at least 2 rows and columns", got, "take a larger cut, or series")
    for name in (Y, X):
        steps = np.diff(data[name].values) if name in data.coords else np.zeros(1)
        if not ((steps > 0).all() or (steps < 0).all()):
            expected = f"a strictly monotonic coordinate {name}"
            raise ForecastError(expected, "none, or another", "number it in the source")
    for name, low, high in ((LAT, -90.0, np.nextafter(90.0, 91.0)), (LON, -180.0, 180.0)):
        if name not in data.coords or data[name].dims != (Y, X):
            expected = f"a coordinate {name} of shape (y, x) on a projected grid"
            got = f"{data[name].dims}" if name in data.coords else "none"
            raise ForecastError(expected, got, "keep it in the source")
        values = data[name].values
        if not ((values >= low) & (values < high)).all():
            expected = "latitudes in [-90, 90]" if name == LAT else "longitudes in [-180, 180)"
            got = f"{np.min(values)} to {np.max(values)} (NaN: one is missing)"
            raise ForecastError(f"{expected} in every cell", got, f"mend the coordinate {name} in the source")


def _ascending(data: xr.Dataset, name: str) -> None:
    index = data[name].to_index()
    if not (index.is_monotonic_increasing and index.is_unique):
        where = int(np.argmax(np.asarray(index[1:] <= index[:-1])))
        got = f"{index[where]} then {index[where + 1]}"
        raise ForecastError(f"{name} strictly ascending", got, f"sort {name} and drop duplicates")


def check_forecast(data: xr.Dataset) -> xr.Dataset:
    """Hold a Dataset against the contract of forecasts and return it unchanged.

    The contract: each variable begins with (forecast_reference_time, lead) and ends with the dimensions of space,
    with at most one of member, quantile, baseline between; leads are timedelta64, positive and ascending; a
    ``valid_time`` coordinate (forecast_reference_time, lead) equal to their sum; ``units`` on each variable.

    Raises:
        ForecastError: with the first clause that is broken.
    """
    space = space_dims(data)
    for name, array in data.data_vars.items():
        middle = array.dims[2 : len(array.dims) - len(space)]
        outer = array.dims[:2] == (REFERENCE, LEAD) and array.dims[len(array.dims) - len(space) :] == space
        if not outer or len(middle) > 1 or not set(middle) <= {MEMBER, QUANTILE, BASELINE}:
            wanted = f"{name} as ({REFERENCE}, {LEAD}, [member | quantile | baseline], {', '.join(space)})"
            raise ForecastError(wanted, f"{array.dims}", "transpose the forecast")
        if not array.attrs.get("units"):
            raise ForecastError(f"{name} with a units attribute", "none", "copy the units of the observations")
    lead = data[LEAD].values
    if (
        not np.issubdtype(lead.dtype, np.timedelta64)
        or (np.diff(lead) <= np.timedelta64(0)).any()
        or lead[0] <= np.timedelta64(0)
    ):
        raise ForecastError("leads as positive, ascending timedelta64", f"{lead[:3]}", "build them with schema.leads")
    valid = valid_times(data[REFERENCE].values, lead)
    if VALID_TIME not in data.coords or not (data[VALID_TIME].transpose(REFERENCE, LEAD).values == valid).all():
        expected = "valid_time = forecast_reference_time + lead"
        raise ForecastError(expected, "none, or another", "build it with schema.valid_times")
    return data
