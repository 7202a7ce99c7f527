"""The words of the product: dimension names, variables with units and limits, and the three contracts.

Observations  Dataset (time, series) or (time, lat, lon)
Forecast      Dataset (forecast_reference_time, lead, [member | quantile | baseline], series | lat, lon)
State         dict of name -> numpy array, batch first

Leads count from the last observed step: ``valid_time = forecast_reference_time + lead``; a time stamp labels the
start of its interval. Longitudes ascend and begin in [-180, 180); they pass 180 only where the domain crosses the
antimeridian. Latitudes ascend. Names follow the CF conventions, https://cfconventions.org.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import xarray as xr

from forecast.errors import ForecastError

TIME, SERIES, LAT, LON = "time", "series", "lat", "lon"
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
    """Say whether data are ``"series"`` (they have a series dimension) or ``"map"`` (lat and lon).

    Raises:
        ForecastError: neither.
    """
    if SERIES in data.dims:
        return "series"
    if LAT in data.dims and LON in data.dims:
        return "map"
    raise ForecastError(
        "dimensions (time, series) or (time, lat, lon)", f"{tuple(data.dims)}", "rename the dimensions, or use a source"
    )


def space_dims(data: xr.Dataset | xr.DataArray) -> tuple[str, ...]:
    """Return the dimensions of space: ``("series",)`` or ``("lat", "lon")``."""
    return (SERIES,) if kind(data) == "series" else (LAT, LON)


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


def day_of_year(time: xr.DataArray) -> xr.DataArray:
    """Return the season as an angle's fraction: (day of year - 1 + hour / 24) / length of the year, in [0, 1)."""
    days = xr.where(time.dt.is_leap_year, 366, 365) if time.dt.calendar != "360_day" else 360
    return (time.dt.dayofyear - 1 + time.dt.hour / 24) / days


def area_weights(data: xr.Dataset | xr.DataArray) -> xr.DataArray | None:
    """Return cos(latitude) over its mean, shape (lat,); None for series."""
    if LAT not in data.dims:
        return None
    weights = np.cos(np.deg2rad(data[LAT].astype("float64")))
    return weights / weights.mean()


def is_periodic(lon: np.ndarray) -> bool:
    """Say whether longitudes (degrees, ascending, even) close the circle: span + step = 360 within 1 %."""
    return len(lon) > 2 and abs((lon[-1] - lon[0]) + (lon[1] - lon[0]) - 360) < 0.01 * abs(lon[1] - lon[0])


def season_steps(step: pd.Timedelta, calendar: str = "standard") -> int:
    """Return the season in steps: a day for data finer than a day, else a year of 365 days (360 in ``360_day``)."""
    year = pd.Timedelta(days=360 if calendar == "360_day" else 365)
    season = pd.Timedelta("1D") if step < pd.Timedelta("1D") else year
    return max(1, round(season / step))


def check_observations(data: xr.Dataset) -> xr.Dataset:
    """Hold a Dataset against the contract of observations and return it unchanged.

    The contract: dimensions (time, series) or (time, lat, lon) for every variable; times strictly ascending; lat
    and lon strictly ascending, lon[0] in [-180, 180), lat in [-90, 90]; a ``units`` attribute on each variable;
    floating-point values, NaN where nothing was observed.

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
    if kind(data) == "map":
        _ascending(data, LAT)
        _ascending(data, LON)
        lat, lon = data[LAT].values, data[LON].values
        if lat[0] < -90 or lat[-1] > 90:
            raise ForecastError("latitudes in [-90, 90]", f"{lat[0]} to {lat[-1]}", "mend the latitude coordinate")
        if not -180 <= lon[0] < 180 or lon[-1] - lon[0] >= 360:
            raise ForecastError(
                "longitudes that begin in [-180, 180) and span less than 360",
                f"{lon[0]} to {lon[-1]}",
                "let a source normalise them",
            )
    return data


def _ascending(data: xr.Dataset, name: str) -> None:
    index = data[name].to_index()
    if not (index.is_monotonic_increasing and index.is_unique):
        where = int(np.argmax(np.asarray(index[1:] <= index[:-1])))
        raise ForecastError(
            f"{name} strictly ascending", f"{index[where]} then {index[where + 1]}", f"sort {name} and drop duplicates"
        )


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
    if (
        VALID_TIME not in data.coords
        or not (data[VALID_TIME].transpose(REFERENCE, LEAD).values == valid_times(data[REFERENCE].values, lead)).all()
    ):
        raise ForecastError(
            "valid_time = forecast_reference_time + lead", "none, or another", "build it with schema.valid_times"
        )
    return data
