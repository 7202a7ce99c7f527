"""Tune: search the options of a pipeline's models, and write the best as a pipeline of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecast.cli import show
from forecast.cli.arguments import File, Home, Json, command, see_runs, workspace

if TYPE_CHECKING:
    from forecast.stages.tune import Found

SHOWN = 5  # of the best trials


def tune(
    pipeline: File,
    trials: Annotated[int, typer.Option(min=1, help="Trials of each model, earlier runs counted in.")] = 30,
    minutes: Annotated[float, typer.Option(min=0.01, help="Time for all of them; run it again to go on.")] = 60.0,
    model: Annotated[
        str | None, typer.Option(help="The only model to tune; by default each.", show_default=False)
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A key that stays as it is; repeatable.", show_default=False)
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File for the best values; by default NAME.tuned.toml.")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Search the models' options on validation, never on the test span; write the best as a pipeline of its own."""
    from forecast.stages.tune import tune as stage

    place = workspace(pipeline, home)
    where = output or pipeline.with_suffix(".tuned.toml")
    with show.progress(quiet=json) as report:
        done = stage(
            place, pipeline, where, model=model, trials=trials, minutes=minutes, keep=keep or (), report=report
        )
    if json:
        found = [
            vars(one) | {"tried": [vars(trial) for trial in one.tried], "best": vars(one.best)} for one in done.found
        ]
        show.as_json({"output": done.output, "data_version": done.data_version, "found": found})
        return
    for one in done.found:
        _table(one, trials)
    show.say(f"wrote {done.output}")
    show.next_steps(
        (command("run", done.output, home=home), "train and compare with the best values; the test span was not read"),
        see_runs(place.tracking_uri),
    )


def _table(found: Found, trials: int) -> None:
    """Show the best trials beside the pipeline as it stood, and how many there were."""
    ranked = sorted((one for one in found.tried if one.state == "complete"), key=lambda one: one.loss or 0.0)
    shown = ranked[:SHOWN] + [one for one in ranked[SHOWN:] if one.number == 0]
    keys = list(found.best.values)
    rows: list[list[Any]] = [
        [f"{one.number}, as it stood" if one.number == 0 else str(one.number), f"{one.loss:.5g}"]
        + [_shown(one.values[key]) for key in keys]
        for one in shown
    ]
    states = [one.state for one in found.tried]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    earlier = f"; {found.before} of them from earlier runs" if found.before else ""
    about = f"{len(states)} trials of {trials}: {counts}{earlier}"
    columns = ["trial", "early loss", *(key.replace("training.", "").replace("_", " ") for key in keys)]
    show.table(f"Tuned: {found.model}", columns, rows, caption=about)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else "by rule" if value is None else str(value)


COMMANDS = (tune,)
