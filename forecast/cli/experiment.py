"""Experiment: studies of the literature, with a table, figures and MLflow runs."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import show
from forecast.cli.arguments import Home, Json, command, home_of, see_runs
from forecast.errors import ForecastError
from forecast.process import cores

if TYPE_CHECKING:
    from forecast.stages.study import Studied


def study(
    name: Annotated[str | None, typer.Argument(help="Name of the study; none: list them.", show_default=False)] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions with other random weights.")] = 5,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the study's own; repeatable.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trainings side by side; by default one a core.", show_default=False)
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Run a study of the literature: many small trainings, a table of their errors, a figure; or list the studies."""
    if name is None:
        _list(json)
        return
    from forecast.stages.study import study as stage

    folder = home_of(home)
    with show.progress(quiet=json) as report:
        done = stage(folder, name, seeds=seeds, options=_pairs(set_ or []), report=report, workers=workers or cores())
    if json:
        show.as_json(vars(done))
        return
    _tables(done)
    for line in done.text.splitlines():
        show.say(textwrap.fill(line, show.console.width, replace_whitespace=False, break_long_words=False))
    for figure in (done.figure, *done.more):
        show.say(f"figure: {figure}")
    show.next_steps(see_runs(done.tracking_uri))


def _pairs(given: list[str]) -> dict[str, str]:
    """Return key -> value of ``key=value`` words."""
    strange = [word for word in given if "=" not in word]
    if strange:
        raise ForecastError("--set KEY=VALUE", f"--set {strange[0]}", "write it as --set epochs=100")
    return {key: value for key, _, value in (word.partition("=") for word in given)}


def _list(json: bool) -> None:
    """Show every study: its name, what it measures, its own options."""
    from forecast.registry import member
    from forecast.studies import STUDIES

    kinds = {name: member("study", STUDIES, name) for name in STUDIES}
    options = {
        name: {key: field.default for key, field in kind.Options.model_fields.items()} for name, kind in kinds.items()
    }
    if json:
        show.as_json({name: {"title": kind.title, "options": options[name]} for name, kind in kinds.items()})
        return
    show.facts("Studies", {name: kind.title for name, kind in kinds.items()})
    show.facts(
        "Their options",
        {name: ", ".join(f"{key}={value}" for key, value in own.items()) for name, own in options.items() if own},
    )
    show.next_steps((command("study", next(iter(kinds))), "run one; --set KEY=VALUE changes an option"))


def _tables(done: Studied) -> None:
    """Show a table a setting, its networks first and then what they stand beside; the best of a column is green."""
    for setting in dict.fromkeys(row["setting"] for row in done.rows):
        rows = [row for row in done.rows if row["setting"] == setting]
        measures = [name for name in done.measures if any(math.isfinite(row[f"{name}_median"]) for row in rows)]
        keys = [f"{name}_{kind}" for name in measures for kind in ("median", "worst")]
        best = {key: min((row[key] for row in rows if row["seeds"]), default=math.nan) for key in keys}
        best |= {f"{name}_{kind}": math.nan for name in done.neutral for kind in ("median", "worst")}
        cells = [
            [
                _name(row),
                *(_number(row[key], row["seeds"] and row[key] == best[key]) for key in keys),
                str(row["seeds"] or "–"),
                _number(row["cpu_seconds"]),
            ]
            for row in rows
        ]
        heads = [f"{name.replace('_', ' ')}, {kind}" for name in measures for kind in ("median", "worst")]
        title = f"{done.title}: {setting}" if setting else done.title
        about = "; ".join(f"{name.replace('_', ' ')}: {done.measures[name]}" for name in measures)
        show.table(title, ["network", *heads, "seeds", "CPU s"], cells, f"{about}. Median and worst over the seeds.")


def _name(row: dict[str, Any]) -> str:
    return f"{row['network']} ({row['source']})" if row["source"] else row["network"]


def _number(value: float, best: bool = False) -> str | None:
    if math.isnan(value):
        return None
    text = f"{value:,.0f}" if abs(value) >= 1000 and math.isfinite(value) else f"{value:.3g}"
    return f"[bold green]{text}[/]" if best else text


COMMANDS = (study,)
