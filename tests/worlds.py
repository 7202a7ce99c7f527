"""Small worlds of forecasts and observations made by hand, for the tests of verification, calibration and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema

REFERENCE, LEAD = schema.REFERENCE, schema.LEAD


def observations(values: Any, start: Any = "2007-12-25", lat: Any = None) -> xr.DataArray:
    """Return (time, series) or (time, lat, lon) daily observations in Pa from an array."""
    values = np.asarray(values)
    time = xr.date_range(start, periods=len(values), freq="D", use_cftime=not isinstance(start, str))
    if values.ndim == 2:
        coords = {"time": time, "series": [f"s{at}" for at in range(values.shape[1])]}
        return xr.DataArray(values, coords, ("time", "series"), attrs={"units": "Pa"})
    lat = np.linspace(30, 60, values.shape[1]) if lat is None else lat
    coords = {"time": time, "lat": lat, "lon": np.arange(values.shape[2]) * 2.5}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), attrs={"units": "Pa"})


def forecasts(values: Any, observed: xr.DataArray, first: int = 0, extra: str | None = None) -> xr.DataArray:
    """Return (forecast_reference_time, lead, [extra], *space): references from the ``first`` observed time on."""
    values = np.asarray(values)
    references = observed["time"].values[first : first + len(values)]
    lead = schema.leads(values.shape[1], pd.Timedelta("1D"))
    space = observed.dims[1:]
    coords = {dim: observed[dim] for dim in space} | {REFERENCE: references, LEAD: lead}
    middle = () if extra is None else (extra,)
    array = xr.DataArray(values, coords, (REFERENCE, LEAD, *middle, *space), attrs={"units": "Pa"})
    return array.assign_coords(valid_time=((REFERENCE, LEAD), schema.valid_times(references, lead)))


def random_maps(seed: int = 0, gaps: bool = True) -> tuple[xr.DataArray, xr.DataArray, np.ndarray]:
    """Return (forecast, observed, observed at valid times): maps of random numbers, a tenth missing."""
    rng = np.random.default_rng(seed)
    observed = rng.normal(101000, 900, (30, 4, 5))
    forecast = rng.normal(101000, 900, (24, 3, 4, 5))
    if gaps:
        observed[rng.random(observed.shape) < 0.1] = np.nan
        forecast[rng.random(forecast.shape) < 0.1] = np.nan
    met = np.stack([observed[1 + lead : 25 + lead] for lead in range(3)], axis=1)
    truth = observations(observed)
    return forecasts(forecast, truth), truth, met
