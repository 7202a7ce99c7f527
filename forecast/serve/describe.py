"""Collections and instances as OGC API-EDR describes them: extent, parameters, links to the queries."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecast.query import Issue, Reader, times
from forecast.query.formats import columns
from forecast.query.place import Place, bounds
from forecast.schema import space_dims
from forecast.serve.coverage import CRS84, parameter

FORMATS = ["CoverageJSON", "CSV", "NetCDF"]
TRS = 'TIMECRS["DateTime",TDATUM["Gregorian Calendar"],CS[TemporalDateTime,1],AXIS["Time (T)",future]]'


def link(base: str, path: str, rel: str, kind: str = "application/json", title: str = "") -> dict[str, Any]:
    """Return one link.

    Args:
        base: address of the service, without a slash at its end.
        path: from there, with one at its beginning.
        rel: its relation (RFC 8288).
        kind: media type of what lies there.
        title: for a person, or "".
    """
    return {"href": f"{base}{path}", "rel": rel, "type": kind, **({"title": title} if title else {})}


def describe(base: str, reader: Reader, issue: Issue, instance: bool) -> dict[str, Any]:
    """Describe a collection (its newest issue), or one instance of it.

    Args:
        base: address of the service, without a slash at its end.
        reader: the pipeline.
        issue: the issue whose extent and parameters are told.
        instance: whether the issue itself is described.
    """
    attrs, home = issue.data.attrs, f"/collections/{reader.name}"
    path = f"{home}/instances/{attrs['forecast_id']}" if instance else home
    first = issue.answer(Place(dict.fromkeys(space_dims(issue.data), 0), ""))
    simulated = " Simulated data." if attrs.get("simulated") == "yes" else ""
    return {
        "id": attrs["forecast_id"] if instance else reader.name,
        "title": str(attrs.get("title", reader.name)),
        "description": f"{attrs['model']} {attrs['model_version']}, issued {attrs['issue_time']}.{simulated}",
        "links": [link(base, path, "self"), link(base, f"{home}/instances", "data", title="issues")],
        "extent": extent(issue),
        "data_queries": queries(base, path, issue, instance),
        "crs": ["CRS84"],
        "output_formats": FORMATS,
        "parameter_names": {name: _plain(name, array.attrs) for name, array in columns(first).items()},
    }


def _plain(name: str, attrs: dict[str, Any]) -> dict[str, Any]:
    told = parameter(name, attrs)
    label = told["observedProperty"]["label"]["en"]
    return told | {"id": name, "description": told["description"]["en"], "observedProperty": {"label": label}}


def extent(issue: Issue) -> dict[str, Any]:
    """Return where and when an issue has values; series without positions may lie anywhere."""
    box = [-180.0, -90.0, 180.0, 90.0]
    if issue.kind == "map":
        south, north, west, east = bounds(issue.data)
        box = [west, south, east, north]
    elif {"lat", "lon"} <= set(issue.data.coords):
        lats, lons = issue.data["lat"].values, issue.data["lon"].values
        box = [float(value) for value in (np.min(lons), np.min(lats), np.max(lons), np.max(lats))]
    valid = [times.text(time) for time in issue.moments]
    return {
        "spatial": {"bbox": [box], "crs": CRS84},
        "temporal": {"interval": [[valid[0], valid[-1]]], "values": valid, "trs": TRS},
    }


def queries(base: str, path: str, issue: Issue, instance: bool) -> dict[str, Any]:
    """Return the queries a collection or an instance answers.

    Args:
        base: address of the service, without a slash at its end.
        path: of the collection or the instance.
        issue: whose kind decides: a point on maps, a location for series.
        instance: whether it is an instance, which has none beneath it.
    """
    found = {"position": "position"} if issue.kind == "map" else {"locations": "locations"}
    if not instance:
        found["instances"] = "instances"
    told = {"output_formats": FORMATS, "default_output_format": FORMATS[0]}
    return {
        name: {"link": link(base, f"{path}/{tail}", "data") | {"variables": {"query_type": name, **told}}}
        for name, tail in found.items()
    }
