"""Experiment: studies of the literature, with a table, a figure and MLflow runs."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import show
from forecast.cli.arguments import Home, Json, home_of, see_runs


def study(
    name: Annotated[str, typer.Argument(help="Name of the study: sine.")] = "sine",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions with other random weights.")] = 5,
    home: Home = None,
    json: Json = False,
) -> None:
    """Run a study: `sine` extrapolates a sine wave 10 and 100 periods beyond ten periods of training."""
    from forecast.stages.study import study as stage

    with show.progress(quiet=json) as report:
        done = stage(home_of(home), name, seeds=seeds, report=report)
    if json:
        show.as_json({"rows": done.rows, "figure": done.figure, "text": done.text})
        return
    columns = list(done.rows[0])
    best = {name: min(row[name] for row in done.rows) for name in columns[1:]}
    cells = [[row[columns[0]], *(_cell(row[name], best[name]) for name in columns[1:])] for row in done.rows]
    show.table(done.title, columns, cells)
    show.say(done.text)
    show.say(f"figure: {done.figure}")
    show.next_steps(see_runs(done.tracking_uri))


def _cell(value: float, best: float) -> str:
    return f"[bold green]{value:.4f}[/]" if value == best else f"{value:.4f}"


COMMANDS = (study,)
