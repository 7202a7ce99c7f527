"""Mounts the page on the API: `/` is the page for a browser and the landing page for everyone else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from forecast.serve import create_app

STATIC = Path(__file__).parent / "static"


def page(app: FastAPI) -> FastAPI:
    """Mount the static page on an application made by ``forecast.serve.create_app`` and return the application."""
    app.state.page = STATIC / "index.html"
    app.mount("/", StaticFiles(directory=STATIC), name="page")
    return app


def create(home: Path, pipelines: Sequence[str], clock: Callable[[], datetime]) -> FastAPI:
    """Build the API and mount the page.

    Args:
        home: the folder of all pipelines.
        pipelines: names of those to be served.
        clock: returns the present, in UTC.
    """
    return page(create_app(home, pipelines, clock))
