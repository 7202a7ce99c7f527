"""The ``forecast`` command. Only typer and rich are imported here; each command imports what it needs when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from forecast import __version__
from forecast.cli import ask, backtest, doctor, experiment, operate, show, start, tune
from forecast.errors import ForecastError
from forecast.process import settle

app = typer.Typer(
    name="forecast",
    help="One pipeline for time series and weather maps: observations in, verified forecast out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

ROOMS = (
    (start, "Begin"),
    (operate, "Operate"),
    (backtest, "Operate"),
    (tune, "Experiment"),
    (experiment, "Experiment"),
    (doctor, "Experiment"),
    (ask, "Ask"),
)
for room, panel in ROOMS:
    for command in room.COMMANDS:
        app.command(rich_help_panel=panel)(command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"forecast {__version__}")
        raise typer.Exit


@app.callback()
def _whole(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; bad input ends with its three-part message and exit status 2, Ctrl-C with 130."""
    settle()
    try:
        app(prog_name="forecast")
    except ForecastError as error:
        show.refuse(error)
    except OSError as error:
        if error.filename is None:
            raise
        expected = "a file or folder that can be read or written"
        show.refuse(ForecastError(expected, f"{error.filename}: {error.strerror}", "free it, or name another"))
    sys.exit(2)
