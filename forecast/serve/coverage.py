"""CoverageJSON (OGC 21-069r2): an answer at a place as a PointSeries; a series without a position has a time axis only.

A member ``forecast`` beside the standard ones carries issue, versions, degraded inputs and the note.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from forecast.query import times
from forecast.query.formats import pick, place_of
from forecast.schema import LAT, LON, SERIES, VALID_TIME, VARIABLES

MEDIA = "application/prs.coverage+json"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
UCUM = "http://www.opengis.net/def/uom/UCUM/"
GREGORIAN = ("proleptic_gregorian", "gregorian", "standard")


def to_coverage(answer: xr.Dataset, names: list[str] | None = None) -> bytes:
    """Write an answer at a place as one Coverage; missing values are null.

    Raises:
        ForecastError: no such parameter.
    """
    flat, where = pick(answer, names or []), place_of(answer)
    axes: dict[str, Any] = {"t": {"values": [times.text(time) for time in answer[VALID_TIME].values]}}
    domain: dict[str, Any] = {"type": "Domain", "axes": axes, "referencing": [_temporal(answer)]}
    if LAT in where:
        axes |= {"x": {"values": [where[LON]]}, "y": {"values": [where[LAT]]}}
        domain["domainType"] = "PointSeries"
        domain["referencing"].append({"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS84}})
    coverage: dict[str, Any] = {
        "type": "Coverage",
        "domain": domain,
        "parameters": {name: parameter(name, array.attrs) for name, array in flat.items()},
        "ranges": {name: _range(array) for name, array in flat.items()},
        "forecast": {str(name): value for name, value in answer.attrs.items()},
    }
    if SERIES in where:
        coverage["id"] = where[SERIES]
    return json.dumps(coverage, allow_nan=False, default=str).encode()


def _temporal(answer: xr.Dataset) -> dict[str, Any]:
    calendar = str(answer[VALID_TIME].dt.calendar)
    known = "Gregorian" if calendar in GREGORIAN else f"https://cfconventions.org/cf-conventions/#calendar_{calendar}"
    return {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": known}}


def parameter(name: str, attrs: dict[str, Any]) -> dict[str, Any]:
    """Describe a column: its unit, what is observed, what a person calls it."""
    stem = next((known for known in VARIABLES if name == known or name.startswith(f"{known}_")), "")
    label = attrs.get("long_name") or (VARIABLES[stem].long_name if stem else name)
    units = str(attrs.get("units", "1"))
    return {
        "type": "Parameter",
        "description": {"en": f"{name}: {label}"},
        "unit": {"symbol": {"value": units, "type": UCUM}},
        "observedProperty": {"label": {"en": str(attrs.get("standard_name") or label)}},
    }


def _range(array: xr.DataArray) -> dict[str, Any]:
    values = [float(value) if np.isfinite(value) else None for value in array.values]
    return {"type": "NdArray", "dataType": "float", "axisNames": ["t"], "shape": [len(values)], "values": values}
