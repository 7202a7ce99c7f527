"""The flows: each stage alone, ``all`` of them in a row, and the work of a day. A flow is a chain of tasks."""

from __future__ import annotations

from prefect import flow

from flows import tasks


@flow
def ingest(pipeline: str, home: str) -> str:
    """Bring the archive up to date; return the data version."""
    return tasks.ingest(pipeline, home)


@flow
def train(pipeline: str, home: str) -> str:
    """Learn every forecaster anew; return MLflow's id of the parent run."""
    return tasks.train(pipeline, home)


@flow
def compare(pipeline: str, home: str) -> str:
    """Score every forecaster and promote the champion; return its name."""
    return tasks.compare(pipeline, home)


@flow
def issue(pipeline: str, home: str) -> str:
    """Issue the champion's forecast; return its id."""
    return tasks.issue(pipeline, home)


@flow
def verify(pipeline: str, home: str) -> str:
    """Score what was issued; return how much of it could be scored, in words."""
    return tasks.verify(pipeline, home)


@flow
def everything(pipeline: str, home: str) -> str:
    """Ingest, train, compare, issue, verify; return the forecast's id."""
    tasks.ingest(pipeline, home)
    tasks.train(pipeline, home)
    tasks.compare(pipeline, home)
    forecast_id: str = tasks.issue(pipeline, home)
    tasks.verify(pipeline, home)
    return forecast_id


@flow
def daily(pipeline: str, home: str) -> str:
    """Ingest what is new, issue with the champion, verify what was issued before; return the forecast's id."""
    tasks.ingest(pipeline, home)
    forecast_id: str = tasks.issue(pipeline, home)
    tasks.verify(pipeline, home)
    return forecast_id


@flow
def sine(home: str, seeds: int = 5) -> str:
    """Compare networks on the sine that goes on, logged to MLflow; return the path of the figure."""
    return tasks.sine(home, seeds)
