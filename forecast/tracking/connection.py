"""Reaching a tracking store: addresses that cannot be mistaken, one creator at a time, quick and clear refusals."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import sqlalchemy
from filelock import FileLock, Timeout
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from forecast.errors import ForecastError

LOCK_SECONDS = 120.0  # creating the database takes some seconds; a longer wait means that its creator hangs
PROBE_SECONDS = 5.0  # a server that needs longer for its health page is no use to a training run
REFUSALS = {"RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
UNREACHABLE = (MlflowException, sqlalchemy.exc.SQLAlchemyError, requests.RequestException, OSError, Timeout)


@contextmanager
def answered(uri: str) -> Iterator[None]:
    """Turn every failure of the store at ``uri`` into one error that says what to do.

    Raises:
        ForecastError: the store does not answer, or refuses; MLflow's own error is its cause.
    """
    try:
        yield
    except ForecastError:
        raise
    except UNREACHABLE as error:
        said = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:300]}"
        if isinstance(error, MlflowException) and error.error_code in REFUSALS:
            raise ForecastError(f"a request that MLflow at {shown(uri)} grants", said, "mend what it names") from error
        raise ForecastError(
            f"a tracking store that answers at {shown(uri)}",
            said,
            "start it, or set another `uri` in [tracking]; forecasts are issued without it",
        ) from error


def shown(uri: str) -> str:
    """Return the address ``uri`` without its password."""
    return sqlalchemy.make_url(uri).render_as_string(hide_password=True)


def connect(uri: str) -> MlflowClient:
    """Return a client of the store at ``uri``, its database made where there is none.

    Raises:
        ForecastError: a relative or unknown address, or nothing answers.
    """
    if uri.startswith(("http://", "https://")):
        _ask(uri)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    with answered(uri), _one_creator(_database(uri)):
        _touch(uri)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # each step of making a database
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    return client


def _database(uri: str) -> Path | None:
    """Return the file of a sqlite address, None for a database server."""
    scheme, _, path = uri.partition("://")
    if scheme.split("+")[0] in ("postgresql", "mysql", "mssql"):
        return None
    if scheme != "sqlite" or not path.startswith("//"):
        raise ForecastError(
            "an absolute tracking address: http://HOST:PORT, sqlite:////ABSOLUTE/PATH.db, postgresql://...",
            repr(uri),
            "write it in full in [tracking]: a relative one would mean another database in each folder",
        )
    return Path(path[1:])


@contextmanager
def _one_creator(database: Path | None) -> Iterator[None]:
    """Hold the lock beside a sqlite file: processes that create the same one at once would all fail."""
    if database is None:
        yield
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock", timeout=LOCK_SECONDS):
        yield


def _ask(uri: str) -> None:
    """Ask a server for its health page once, before MLflow's client begins to retry."""
    with answered(uri):
        reply = requests.get(f"{uri.rstrip('/')}/health", timeout=PROBE_SECONDS)
        if reply.status_code >= 500:
            reply.raise_for_status()


def _touch(uri: str) -> None:
    """Read one row from a database once: MLflow would try ten times over minutes."""
    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("PRAGMA schema_version" if uri.startswith("sqlite") else "SELECT 1"))
    finally:
        engine.dispose()
