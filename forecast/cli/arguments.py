"""Arguments that several commands share, in one place: the pipeline file, the home, JSON."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast import process

if TYPE_CHECKING:
    from forecast.stages.workspace import Workspace

File = Annotated[Path, typer.Argument(help="The pipeline, a TOML file.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A pipeline's name or its TOML file.", show_default=False)]
Home = Annotated[
    Path | None, typer.Option(help="Folder of working data; by default $FORECAST_HOME, or ./forecast-data.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the table as JSON and nothing else.")]


def home_of(given: Path | None) -> Path:
    """Return the folder of working data: the one given, or the process's own."""
    return given.expanduser().resolve() if given else process.home()


def workspace(file: Path, home: Path | None) -> Workspace:
    """Read a pipeline file and return its workspace."""
    from forecast import config
    from forecast.stages.workspace import Workspace

    return Workspace(home_of(home), config.load(file))


def name_of(given: str) -> str:
    """Return a pipeline's name: as given, or as its TOML file says."""
    if not given.endswith(".toml"):
        return given
    from forecast import config

    return config.load(Path(given)).name


def command(*words: object, home: Path | None = None) -> str:
    """Return a ``forecast`` command to be copied, words quoted for the shell, with ``--home`` where it was given."""
    said = ["forecast", *map(str, words), *(["--home", str(home)] if home else [])]
    return shlex.join(said)


def see_runs(uri: str) -> tuple[str, str]:
    """Return how to see the runs at an MLflow address, and what that shows."""
    purpose = "see the runs side by side"
    return (uri, purpose) if uri.startswith("http") else (f"mlflow ui --backend-store-uri {shlex.quote(uri)}", purpose)
