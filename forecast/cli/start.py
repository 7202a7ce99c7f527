"""Begin: write a pipeline file, check it, run all of it, or see the demonstration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.cli import answer, show, tables
from forecast.cli.arguments import File, Home, Json, command, home_of, see_runs, workspace
from forecast.errors import ForecastError

if TYPE_CHECKING:
    from forecast.stages.issue import Issued
    from forecast.stages.workspace import Workspace


def init(
    source: Annotated[
        list[Path] | None, typer.Option("--from", help="Data files to look at; none takes the embedded simulation.")
    ] = None,
    more: Annotated[
        list[Path] | None, typer.Argument(help="More data files, as a shell writes out --from *.nc.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("pipeline.toml"),
    name: Annotated[str, typer.Option(help="The pipeline's name.")] = "my_forecast",
) -> None:
    """Write a commented pipeline.toml from a look at the data, and say what was guessed."""
    import tomllib

    from forecast import config
    from forecast.stages.starter import start

    if output.exists():
        raise ForecastError("a path where nothing stands yet", str(output), "choose another --output, or remove it")
    starter = start(name, [path.resolve() for path in [*(source or []), *(more or [])]])
    config.parse(tomllib.loads(starter.text), str(output))
    output.write_text(starter.text)
    for guess in starter.guesses:
        show.say(f"guessed: {guess}")
    show.say(f"wrote {output}")
    show.next_steps((command("check", output), "hold it against the data before any run"))


def check(pipeline: File, home: Home = None, json: Json = False) -> None:
    """Validate a pipeline: keys, options, files, sizes; estimate the time that a run takes."""
    from forecast.stages.check import check as stage

    tables.checked(stage(workspace(pipeline, home)), json)
    if not json:
        show.next_steps((command("run", pipeline, home=home), "ingest, train, compare and issue"))


def run(pipeline: File, home: Home = None, json: Json = False) -> None:
    """Do it all: ingest, train, compare, gate, issue, verify."""
    place = workspace(pipeline, home)
    issued = _whole(place, json)
    if not json:
        name = place.pipeline.name
        show.next_steps(
            (command("query", name, "--at", answer.example(issued.forecast), home=home), "ask for a place"),
            see_runs(place.tracking_uri),
            (command("serve", name, home=home), "open the page"),
        )


def _whole(place: Workspace, json: bool = False) -> Issued:
    from forecast.stages.compare import compare
    from forecast.stages.ingest import ingest
    from forecast.stages.issue import issue
    from forecast.stages.train import train
    from forecast.stages.verify import verify

    with show.progress(quiet=json) as report:
        ingested = ingest(place, report=report)
    if not json:
        tables.ingested(ingested, json)
    with show.progress(quiet=json) as report:
        trained = train(place, report=report)
    if not json:
        tables.trained(trained, json)
    with show.progress(quiet=json) as report:
        comparison = compare(place, report=report)
    tables.compared(comparison, json)
    issued = issue(place)
    verified = verify(place)
    if not json:
        tables.issued(issued, json)
        tables.verified(verified, json)
    return issued


DEMO = (("nyc_temperature", "JFK"), ("simulated_maps", "45,0"))


def demo(home: Home = None) -> None:
    """Run the main job on embedded data, without a network: hourly stations and simulated weather maps."""
    from importlib.resources import as_file, files

    folder = home_of(home)
    for name, where in DEMO:
        with as_file(files("forecast.examples") / f"{name}.toml") as file:
            place = workspace(file, home)
        show.heading(f"{name}: ingest, train, compare, log, issue")
        _whole(place)
        show.heading(f"{name}: tomorrow at {where}")
        answer.answer(answer.find(folder, name, where, tomorrow=True, time=None), [])
    show.next_steps(
        see_runs(place.tracking_uri),
        (command("serve", home=folder), "open the page: map, leads, click for the series"),
        (command("study", "sine"), "see why recurrent networks, and what an MLP on time cannot do"),
        (command("init", "--from", "YOUR_FILE.nc"), "begin with your own data"),
    )


COMMANDS = (demo, init, check, run)
