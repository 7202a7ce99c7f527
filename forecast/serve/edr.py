"""OGC API - Environmental Data Retrieval 1.1 (OGC 19-086r6): a pipeline is a collection, an issue an instance."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse

from forecast.errors import ForecastError
from forecast.query import Issue, times
from forecast.query.formats import FORMATS, to_csv, to_netcdf
from forecast.query.names import NotFound, choose
from forecast.query.place import Place, named, point
from forecast.schema import SERIES
from forecast.serve import ask, describe
from forecast.serve.coverage import MEDIA, to_coverage

router = APIRouter(tags=["edr"])
CONFORMANCE = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    *(
        f"http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/{name}"
        for name in ("core", "collections", "json", "covjson")
    ),
]
WRITERS = {
    "CoverageJSON": (MEDIA, to_coverage),
    "CSV": (FORMATS["csv"][0], to_csv),
    "NetCDF": (FORMATS["netcdf"][0], to_netcdf),
}

Coords = Annotated[str, Query(description="POINT(longitude latitude), degrees, either convention of longitude")]
Names = Annotated[str | None, Query(alias="parameter-name", description="columns wanted, with commas between")]
When = Annotated[str | None, Query(alias="datetime", description="a time, a date or first/last; an end may be ..")]
Form = Annotated[str, Query(alias="f", description="CoverageJSON, CSV or NetCDF")]
Location = Annotated[str, Path(description="the name of a series")]


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


@router.get("/", summary="Landing page; the page for people where a browser asks")
def landing(request: Request) -> Any:
    """Link to what there is."""
    page = request.app.state.page
    if page is not None and "text/html" in request.headers.get("accept", ""):
        return FileResponse(page)
    base = _base(request)
    return {
        "title": "forecast",
        "description": "Issued forecasts with their uncertainty, baselines and skill.",
        "links": [
            describe.link(base, "/", "self"),
            describe.link(base, "/api", "service-desc", "application/vnd.oai.openapi+json;version=3.1"),
            describe.link(base, "/conformance", "conformance"),
            describe.link(base, "/collections", "data"),
        ],
    }


@router.get("/conformance")
def conformance() -> dict[str, Any]:
    """Name the conformance classes met."""
    return {"conformsTo": CONFORMANCE}


@router.get("/collections")
def collections(request: Request) -> dict[str, Any]:
    """Describe every pipeline that has issued something."""
    base = _base(request)
    told = [
        describe.describe(base, reader, reader.latest(), False)
        for reader in ask.readers(request).values()
        if reader.issues()
    ]
    return {"links": [describe.link(base, "/collections", "self")], "collections": told}


@router.get("/collections/{collection}")
def collection(request: Request, reader: ask.Of, issue: ask.Latest) -> dict[str, Any]:
    """Describe one pipeline by its newest issue."""
    return describe.describe(_base(request), reader, issue, False)


@router.get("/collections/{collection}/instances")
def instances(request: Request, reader: ask.Of) -> dict[str, Any]:
    """Describe the issues, newest first."""
    base = _base(request)
    told = [describe.describe(base, reader, reader.issue(stamp.forecast_id), True) for stamp in reader.issues()]
    return {"links": [describe.link(base, f"/collections/{reader.name}/instances", "self")], "instances": told}


@router.get("/collections/{collection}/instances/{instance}")
def instance(request: Request, reader: ask.Of, issue: ask.Instance) -> dict[str, Any]:
    """Describe one issue."""
    return describe.describe(_base(request), reader, issue, True)


@router.get("/collections/{collection}/position")
def position(
    issue: ask.Latest, coords: Coords, names: Names = None, when: When = None, form: Form = "CoverageJSON"
) -> Response:
    """Answer at a point from the newest issue."""
    return _answer(issue, _cell(issue, coords), names, when, form)


@router.get("/collections/{collection}/instances/{instance}/position")
def instance_position(
    issue: ask.Instance, coords: Coords, names: Names = None, when: When = None, form: Form = "CoverageJSON"
) -> Response:
    """Answer at a point from one issue."""
    return _answer(issue, _cell(issue, coords), names, when, form)


@router.get("/collections/{collection}/locations")
def locations(issue: ask.Latest) -> dict[str, Any]:
    """List the series as GeoJSON features; a series whose position is unknown has no geometry."""
    return _features(issue)


@router.get("/collections/{collection}/locations/{location}")
def location(
    issue: ask.Latest, location: Location, names: Names = None, when: When = None, form: Form = "CoverageJSON"
) -> Response:
    """Answer for a series from the newest issue."""
    return _answer(issue, named(issue.data, location), names, when, form)


@router.get("/collections/{collection}/instances/{instance}/locations")
def instance_locations(issue: ask.Instance) -> dict[str, Any]:
    """List the series of one issue."""
    return _features(issue)


@router.get("/collections/{collection}/instances/{instance}/locations/{location}")
def instance_location(
    issue: ask.Instance, location: Location, names: Names = None, when: When = None, form: Form = "CoverageJSON"
) -> Response:
    """Answer for a series from one issue."""
    return _answer(issue, named(issue.data, location), names, when, form)


def _cell(issue: Issue, coords: str) -> Place:
    return point(issue.data, *ask.point(coords))


def _answer(issue: Issue, where: Place, names: str | None, when: str | None, form: str) -> Response:
    known = {name.lower(): name for name in WRITERS}
    chosen = known.get(form.lower()) or choose("format", WRITERS, form, ForecastError)
    media, write = WRITERS[chosen]
    answer = (issue.valid_time(when) if when else issue).answer(where)
    wanted = [name.strip() for name in names.split(",")] if names else []
    headers = (
        {"content-disposition": f'attachment; filename="{answer.attrs["forecast_id"]}.nc"'}
        if chosen == "NetCDF"
        else {}
    )
    return Response(write(answer, wanted), media_type=media, headers=headers)


def _features(issue: Issue) -> dict[str, Any]:
    if issue.kind == "map":
        raise NotFound("position", "locations of a map", "ask position?coords=POINT(longitude latitude)")
    placed = {"lat", "lon"} <= set(issue.data.coords)
    features = []
    for index, name in enumerate(issue.data[SERIES].values):
        at = [float(issue.data[axis].values[index]) for axis in ("lon", "lat")] if placed else None
        features.append(
            {
                "type": "Feature",
                "id": str(name),
                "geometry": {"type": "Point", "coordinates": at} if at else None,
                "properties": {"label": str(name), "datetime": f"{times.text(issue.moments[0])}/{issue.end}"},
            }
        )
    return {"type": "FeatureCollection", "features": features}
