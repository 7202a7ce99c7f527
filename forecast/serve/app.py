"""The application: its readers, its refusals, its two routers (edr: the standard; view: what the page needs).

The server reads and never writes. Documentation pages that load scripts from another host are off; the OpenAPI
document is at /api.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from forecast import query
from forecast.errors import ForecastError
from forecast.query.names import NotFound, choose
from forecast.serve import edr, view

WORTH_PACKING = 1000  # bytes: a smaller answer fits one packet anyway


def create_app(home: Path, pipelines: Sequence[str], clock: Callable[[], datetime]) -> FastAPI:
    """Build the application over the pipelines under ``home``.

    Args:
        home: the folder of all pipelines.
        pipelines: names of those to be served; each store is opened once.
        clock: returns the present (with a time zone, or in UTC), for the age of a forecast.

    Raises:
        ForecastError: a pipeline is not under ``home``.
    """
    app = FastAPI(title="forecast", openapi_url="/api", docs_url=None, redoc_url=None)
    app.state.readers = {name: query.open(home, name) for name in pipelines}
    app.state.clock = clock
    app.state.page = None
    app.add_exception_handler(ForecastError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_such_path)
    app.add_middleware(GZipMiddleware, minimum_size=WORTH_PACKING)
    for router in (edr.router, view.router):
        app.include_router(router, dependencies=[Depends(_known_parameters)])
    return app


def _known_parameters(request: Request) -> None:
    """Refuse a query parameter that the path does not have: a mistyped one would be ignored in silence."""
    paths = request.app.openapi()["paths"]
    declared = paths[request.scope["route"].path]["get"].get("parameters", [])
    known = [parameter["name"] for parameter in declared if parameter["in"] == "query"]
    for name in request.query_params:
        choose("query parameter", known, name, ForecastError)


def _answer(status: int, expected: str, got: str, remedy: str) -> JSONResponse:
    return JSONResponse({"code": str(status), "expected": expected, "got": got, "do": remedy}, status)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ForecastError)
    return _answer(404 if isinstance(error, NotFound) else 422, error.expected, error.got, error.remedy)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    said = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems)
    given = ", ".join(f"{problem['loc'][-1]} = {problem.get('input')!r}" for problem in problems)
    return _answer(422, said, given, "mend these parameters; /api describes them")


def _no_such_path(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    expected = "a path of this service; / and /api list them"
    return _answer(error.status_code, expected, f"{request.method} {request.url.path}", "follow the links from /")
