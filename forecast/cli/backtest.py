"""Backtest: how good the pipeline would have been, learned again and again as time went on."""

from __future__ import annotations

from typing import Annotated

import typer

from forecast.cli import show
from forecast.cli.arguments import File, Home, Json, workspace
from forecast.cli.scoreboard import scoreboard, series_board


def backtest(
    pipeline: File,
    refit: Annotated[
        int | None,
        typer.Option(min=1, help="Learn again at every N-th origin; by default once, before.", show_default=False),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(help="Learn from so much before each: 1000 (steps), 90D, 5Y; by default all.", show_default=False),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Forecast past times by what was learned from what was known then: validation or, after compare, the test span."""
    from forecast.stages.backtest import backtest as stage

    with show.progress(quiet=json) as report:
        done = stage(workspace(pipeline, home), refit=refit, window=window, report=report)
    if json:
        show.as_json(done.as_dict())
        return
    title = f"{done.which} span, {done.span}"
    for target, scores in done.tables.items():
        if target in done.panels:
            series_board(target, done.panels[target], champion="", title=title, axis=done.axis)
        else:
            scoreboard(target, scores, champion="", title=title)
    many = f"{len(done.refits)} times, with what was known at {', '.join(done.refits[:3])}"
    show.say(f"learned {many}{' ...' if len(done.refits) > 3 else ''}")
    for note in done.notes:
        show.say(note)
    show.say(f"scores: {done.path}")


COMMANDS = (backtest,)
