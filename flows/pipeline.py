"""Run a flow by name, or keep the day's flow running on the pipeline's cron.

    python -m flows.pipeline daily pipeline.toml      once, now; also ingest, train, compare, issue, verify, all
    python -m flows.pipeline sine                     the sine study
    python -m flows.pipeline serve pipeline.toml      on [schedule] cron until stopped; needs a Prefect server

Without a server (PREFECT_API_URL) a temporary one starts for the run. Working data live in $FORECAST_HOME.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.flows import EntrypointType
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows import chains
from forecast import config, process
from forecast.errors import ForecastError, Unavailable

# name -> the flow, what its result is, and what to do next
FLOWS: dict[str, tuple[Callable[..., str], str, str]] = {
    "ingest": (chains.ingest, "data version", "python -m flows.pipeline train {file}"),
    "train": (chains.train, "MLflow run", "python -m flows.pipeline compare {file}"),
    "compare": (chains.compare, "champion", "python -m flows.pipeline issue {file}"),
    "issue": (chains.issue, "issued", "forecast serve {name}"),
    "verify": (chains.verify, "verified", "python -m flows.pipeline daily {file}"),
    "all": (chains.everything, "issued", "forecast serve {name}"),
    "daily": (chains.daily, "issued", "forecast serve {name}"),
}
SERVER = "start one with `prefect server start`, then export PREFECT_API_URL=http://127.0.0.1:4200/api"
INTERRUPTED = 130  # the shell's status for Ctrl-C


def run(name: str, file: str, home: str) -> str:
    """Run a flow once, with the server named in PREFECT_API_URL or a temporary one.

    Args:
        name: of the flow, a key of FLOWS.
        file: path of the pipeline's TOML file.
        home: folder of all pipelines.

    Returns:
        What it did and what to do next, two lines.

    Raises:
        ForecastError: a bad pipeline file, or a stage refused.
        Unavailable: the Prefect server that is named does not answer.
    """
    flow, what, step = FLOWS[name]
    settings = config.load(file)
    _server()
    # A run of minutes on this machine needs no heartbeat; its thread would add a second to each flow.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        result = flow(str(Path(file).resolve()), home)
    return f"{settings.name}: {what} {result}\nnext: {step.format(file=file, name=settings.name)}"


def serve(file: str, home: str) -> None:
    """Run ``daily`` on the pipeline's cron (UTC) until stopped.

    Args:
        file: path of the pipeline's TOML file.
        home: folder of all pipelines.

    Raises:
        ForecastError: a bad pipeline file or cron, or no Prefect server is named: the schedule could never fire.
        Unavailable: the server that is named does not answer.
    """
    settings = config.load(file)
    cron = settings.schedule.cron
    try:
        schedule = Cron(cron, timezone="UTC")
    except ValueError as error:
        got = f"{cron!r} in {file}"
        raise ForecastError("a cron of five fields, such as '0 6 * * *'", got, "mend [schedule] cron") from error
    if not _server():
        raise ForecastError("a Prefect server, in PREFECT_API_URL", "none: a schedule would never fire", SERVER)
    parameters: dict[str, Any] = {"pipeline": str(Path(file).resolve()), "home": home}
    chains.daily.serve(
        name=settings.name,
        schedule=schedule,
        parameters=parameters,
        limit=1,
        entrypoint_type=EntrypointType.MODULE_PATH,  # found from any folder
    )


def _server() -> str | None:
    """Return the address of the server that is named and answers, None where none is named."""
    address = PREFECT_API_URL.value()
    if address:
        try:
            with get_client(sync_client=True) as client:
                failure = client.api_healthcheck()
        except httpx.HTTPError as error:
            failure = error
        if failure is not None:
            raise Unavailable(f"a Prefect server that answers at {address}", str(failure), SERVER) from failure
    return address


def main(arguments: list[str]) -> str:
    """Do what the command line says.

    Args:
        arguments: the name of a flow, or ``serve``, and the pipeline's file; or ``sine`` alone.

    Returns:
        What was done and what to do next.

    Raises:
        ForecastError: an unknown flow, no file, or a refusal on the way.
    """
    home = str(process.home())
    match arguments:
        case ["sine"]:
            _server()
            with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                return f"figure {chains.sine(home)}\nnext: mlflow ui --backend-store-uri sqlite:///{home}/mlflow.db"
        case ["serve", file]:
            serve(file, home)
            return "stopped"
        case [name, file] if name in FLOWS:
            return run(name, file, home)
    expected = f"a flow among {', '.join([*FLOWS, 'serve'])} and a pipeline's file, or sine"
    got = " ".join(arguments) or "nothing"
    raise ForecastError(expected, got, "write it as: python -m flows.pipeline daily pipeline.toml")


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except ForecastError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
