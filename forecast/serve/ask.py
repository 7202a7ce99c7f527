"""What every path asks first: which pipeline, which issue. The parts of a request, read strictly."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Path, Query, Request

from forecast.errors import ForecastError
from forecast.query import Issue, Reader
from forecast.query.names import choose

NUMBER = r"([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"
POINT = re.compile(rf"POINT\s*\(\s*{NUMBER}\s+{NUMBER}\s*\)", re.IGNORECASE | re.ASCII)


def readers(request: Request) -> dict[str, Reader]:
    """Return the readers of all pipelines served, by name."""
    return cast(dict[str, Reader], request.app.state.readers)


def reader(request: Request, collection: Annotated[str, Path(description="a pipeline's name")]) -> Reader:
    """Return the pipeline's reader.

    Raises:
        NotFound: no such pipeline is served.
    """
    return readers(request)[choose("collection", readers(request), collection)]


def now(request: Request) -> datetime:
    """Return the server's present."""
    return cast(datetime, request.app.state.clock())


Of = Annotated[Reader, Depends(reader)]
Now = Annotated[datetime, Depends(now)]


def latest(of: Of) -> Issue:
    """Return the newest issue."""
    return of.latest()


def instance(of: Of, instance: Annotated[str, Path(description="a forecast_id")]) -> Issue:
    """Return the issue named in the path.

    Raises:
        NotFound: no such issue; the nearest is suggested.
    """
    return of.issue(instance)


def chosen(
    of: Of, instance: Annotated[str | None, Query(description="a forecast_id; by default the newest")] = None
) -> Issue:
    """Return the issue named in the query, the newest where none is."""
    return of.issue(instance) if instance else of.latest()


Latest = Annotated[Issue, Depends(latest)]
Instance = Annotated[Issue, Depends(instance)]
Chosen = Annotated[Issue, Depends(chosen)]


def point(coords: str) -> tuple[float, float]:
    """Read well-known text ``POINT(lon lat)`` and return (lat, lon) in degrees.

    Raises:
        ForecastError: the text is not a point.
    """
    match = POINT.fullmatch(coords.strip())
    if not match:
        raise ForecastError(
            "coords=POINT(longitude latitude)", repr(coords), "write a point in degrees, such as POINT(5.3 60.4)"
        )
    return float(match[2]), float(match[1])
