"""One command a stage: ingest, train, compare, issue, verify."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from forecast.cli import answer, show, tables
from forecast.cli.arguments import File, Home, Json, command, see_runs, workspace


def ingest(
    pipeline: File,
    start: Annotated[str | None, typer.Option(help="First day to fetch; by default all there is.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day to fetch.")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Fetch observations, judge them, and append what is new to the archive."""
    from forecast.stages.ingest import ingest as stage

    with show.progress(quiet=json) as report:
        done = stage(workspace(pipeline, home), start=start, end=end, report=report)
    tables.ingested(done, json)
    if not json:
        show.next_steps((command("train", pipeline, home=home), "train every model and fit every baseline"))


def train(pipeline: File, home: Home = None, json: Json = False) -> None:
    """Fit every baseline and train every model by truncated BPTT; calibrate; log to MLflow."""
    from forecast.stages.train import train as stage

    place = workspace(pipeline, home)
    with show.progress(quiet=json) as report:
        trained = stage(place, report=report)
    tables.trained(trained, json)
    if not json:
        show.next_steps((command("compare", pipeline, home=home), "score them on days that none has seen"))


def compare(pipeline: File, home: Home = None, json: Json = False) -> None:
    """Choose the champion on the validation span, score all on the test span, promote what beats the baselines."""
    from forecast.stages.compare import compare as stage

    place = workspace(pipeline, home)
    with show.progress(quiet=json) as report:
        comparison = stage(place, report=report)
    tables.compared(comparison, json)
    if not json:
        show.next_steps(
            (command("issue", pipeline, home=home), "issue the champion's forecast from the newest data"),
            see_runs(place.tracking_uri),
        )


def issue(
    pipeline: File,
    at: Annotated[
        datetime | None, typer.Option(help="Issue as of this time (UTC), knowing only what was known.")
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Issue the champion's forecast and store it."""
    from forecast.stages.issue import issue as stage

    place = workspace(pipeline, home)
    issued = stage(place, issue_time=at)
    tables.issued(issued, json)
    if not json:
        name = place.pipeline.name
        show.next_steps(
            (command("query", name, "--at", answer.example(issued.forecast), home=home), "ask for a place"),
            (command("serve", name, home=home), "open the page"),
        )


def verify(pipeline: File, home: Home = None, json: Json = False) -> None:
    """Score the forecasts that were issued against what was observed since."""
    from forecast.stages.verify import verify as stage

    verified = stage(workspace(pipeline, home))
    tables.verified(verified, json)
    if not json:
        show.next_steps((command("ingest", pipeline, home=home), "fetch newer observations, then verify again"))


COMMANDS = (ingest, train, compare, issue, verify)
