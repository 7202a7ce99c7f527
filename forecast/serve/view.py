"""What the page needs, and nothing more: a summary, one lead's map as compact JSON, a place, the list of series."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import numpy as np
import pandas as pd
import xarray as xr
from fastapi import APIRouter, Query, Request

from forecast.errors import ForecastError
from forecast.query import Issue, times
from forecast.query.formats import column, records
from forecast.query.place import Place, named, point
from forecast.schema import (
    BASELINE,
    LAT,
    LEAD,
    LON,
    QUANTILE,
    REFERENCE,
    SERIES,
    TIME,
    VALID_TIME,
    VARIABLES,
    is_periodic,
)
from forecast.serve import ask
from forecast.sphere import box, corners

router = APIRouter(prefix="/view", tags=["view"])
LEVELS = 10_000  # a map's values are rounded to a ten-thousandth of their range: no screen shows more
SHOWN = 30  # issues offered for choice, newest first

Column = Annotated[
    str | None, Query(description="a column such as slp or slp_quantile_0.95; by default the first target")
]


@router.get("")
def pipelines(request: Request) -> dict[str, Any]:
    """List the pipelines served, with how many issues each has."""
    readers = ask.readers(request)
    return {"pipelines": [{"name": name, "issues": len(reader.issues())} for name, reader in readers.items()]}


@router.get("/{collection}")
def summary(reader: ask.Of, issue: ask.Chosen, now: ask.Now) -> dict[str, Any]:
    """Say what an issue is: model, times, freshness, leads, variables, and the issues beside it."""
    attrs, fresh = issue.data.attrs, reader.freshness(issue, now)
    hours = issue.data[LEAD].values / np.timedelta64(1, "h")
    told = ("forecast_id", "issue_time", "model", "model_version", "data_version")
    return {
        "name": reader.name,
        "title": str(attrs.get("title", reader.name)),
        "kind": issue.kind,
        **{name: str(attrs.get(name, "")) for name in told},
        "reference_time": times.text(issue.data[REFERENCE].values[()]),
        "freshness": fresh.sentence,
        "stale": fresh.stale,
        "simulated": attrs.get("simulated") == "yes",
        "degraded": json.loads(attrs.get("degraded") or "[]"),
        "variables": [_variable(issue.data[name]) for name in issue.targets],
        "leads": [
            {"lead_hours": float(lead), VALID_TIME: times.text(time)}
            for lead, time in zip(hours, issue.moments, strict=True)
        ],
        "step_hours": issue.step.total_seconds() / 3600,
        "quantiles": [float(value) for value in issue.data[QUANTILE].values] if QUANTILE in issue.data else [],
        "baselines": [str(value) for value in issue.data[BASELINE].values] if BASELINE in issue.data else [],
        "issues": [{"forecast_id": one.forecast_id, "issue_time": one.issue_time} for one in reader.issues()[:SHOWN]],
    }


def _variable(array: xr.DataArray) -> dict[str, str]:
    known = VARIABLES.get(str(array.name))
    name = array.attrs.get("long_name") or (known.long_name if known else str(array.name))
    standard = array.attrs.get("standard_name") or (known.standard_name if known else "")
    return {
        "name": str(array.name),
        "long_name": str(name),
        "standard_name": str(standard),
        "units": array.attrs["units"],
    }


@router.get("/{collection}/map")
def field(
    issue: ask.Chosen, parameter: Column = None, lead: Annotated[int, Query(description="1, 2, ... in steps")] = 1
) -> dict[str, Any]:
    """Return one lead's map: values row by row (from the south on a regular grid), null where masked.

    The range is that of every lead.
    """
    if issue.kind == "series":
        raise ForecastError("a map", "a pipeline of series", "ask its /series")
    if not 1 <= lead <= issue.data.sizes[LEAD]:
        raise ForecastError(f"a lead from 1 to {issue.data.sizes[LEAD]}", str(lead), "choose a lead of this run")
    array = column(issue.data, parameter or issue.targets[0])
    low, high, digits = _range(array.values)
    return {
        "parameter": parameter or issue.targets[0],
        "units": array.attrs["units"],
        "lead": lead,
        VALID_TIME: times.text(issue.moments[lead - 1]),
        "range": [low, high],
        **_cells(array),
        "values": _rounded(array.isel({LEAD: lead - 1}).values.ravel(), digits),
    }


def _cells(array: xr.DataArray) -> dict[str, Any]:
    """Say where the cells of a map are; on a projected grid latitudes, longitudes and corners go row by row."""
    lat, lon = array[LAT].values, array[LON].values
    where = {LAT: lat.ravel().astype(float).tolist(), LON: lon.ravel().astype(float).tolist()}
    if lat.ndim == 1:
        return {**where, "periodic": is_periodic(lon)}
    at = {name: np.round(one, 4).ravel().tolist() for name, one in zip((LAT, LON), corners(lat, lon), strict=True)}
    return {**where, "periodic": False, "shape": list(lat.shape), "corners": at, "bounds": list(box(lat, lon))}


def _range(values: np.ndarray) -> tuple[float | None, float | None, int]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None, None, 0
    low, high = float(finite.min()), float(finite.max())
    digits = max(0, math.ceil(-math.log10((high - low) / LEVELS))) if high > low else 6
    return low, high, digits


def _rounded(values: np.ndarray, digits: int) -> list[float | None]:
    rounded = np.round(values.astype(float), digits)
    return [value if ok else None for value, ok in zip(rounded.tolist(), np.isfinite(rounded).tolist(), strict=True)]


@router.get("/{collection}/series")
def series(issue: ask.Chosen, parameter: Column = None) -> dict[str, Any]:
    """Return every series' forecast (series, lead), for the list and its sparklines."""
    if issue.kind == "map":
        raise ForecastError("a pipeline of series", "a map", "ask its /map")
    array = column(issue.data, parameter or issue.targets[0]).transpose(SERIES, LEAD)
    digits = _range(array.values)[2]
    return {
        "parameter": parameter or issue.targets[0],
        "units": array.attrs["units"],
        "series": [
            {"name": str(name), "values": _rounded(row, digits)}
            for name, row in zip(array[SERIES].values, array.values, strict=True)
        ],
    }


@router.get("/{collection}/place")
def place(
    issue: ask.Chosen,
    lat: Annotated[float | None, Query(description="degrees north")] = None,
    lon: Annotated[float | None, Query(description="degrees east")] = None,
    series: Annotated[str | None, Query(description="name of a series, where the pipeline has no grid")] = None,
) -> dict[str, Any]:
    """Return an answer at a place, a row a lead, and the observations that lead into it."""
    if series is not None:
        where = named(issue.data, series)
    elif lat is not None and lon is not None:
        where = point(issue.data, lat, lon)
    else:
        raise ForecastError("lat and lon, or series", "neither", "name a place")
    return records(issue.answer(where)) | {"past": _past(issue, where)}


def _past(issue: Issue, where: Place) -> dict[str, list[dict[str, Any]]]:
    """Return observations up to the newest by variable: hours from the reference time, value."""
    history, reference = issue.history(where), times.moments(issue.data[REFERENCE].values.reshape(1))[0]
    told: dict[str, list[dict[str, Any]]] = {}
    for name in issue.targets:
        if name not in history:
            continue
        hours = (history[TIME].to_index() - reference) / pd.Timedelta(hours=1)
        told[name] = [
            {"lead_hours": float(hour), VALID_TIME: times.text(time), "value": float(value)}
            for hour, time, value in zip(hours, history[TIME].values, history[name].values, strict=True)
            if np.isfinite(value)
        ]
    return told
