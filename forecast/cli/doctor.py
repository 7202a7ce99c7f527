"""Experiment: the doctor, which says of trained models how far back they learn, and what would mend them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from forecast.cli import show
from forecast.cli.arguments import Home, Json, home_of, see_runs

if TYPE_CHECKING:
    from forecast.stages.diagnose import Examined


def doctor(
    run: Annotated[
        str,
        typer.Argument(help="An MLflow run id, of a model or of a training; or a pipeline.", show_default=False),
    ],
    model: Annotated[str | None, typer.Option(help="Only the model of this name.", show_default=False)] = None,
    tracking: Annotated[str | None, typer.Option(help="MLflow's address, if it is not under the home.")] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Examine trained models: how far back the gradient reaches, gates, dead units, clipping; advice with numbers."""
    from forecast import config
    from forecast.stages.diagnose import diagnose as stage

    folder = home_of(home)
    if run.endswith(".toml"):
        pipeline = config.load(Path(run))
        run, tracking = pipeline.name, tracking or pipeline.tracking.uri
    with show.progress(quiet=json) as report:
        done = stage(folder, run, model=model, uri=tracking, report=report)
    if json:
        show.as_json([_plain(one) for one in done])
        return
    heads, rows = _table(done)
    caption = "reach: the last lag with a millionth of the gradient at lag 0; growth: of small changes of the state"
    show.table("The doctor's findings", heads, rows, caption)
    for one in done:
        show.heading(one.name)
        for sentence in one.found.advice:
            show.say(f"- {sentence}")
        show.say(f"run {one.run_id}, figure: {one.figure}")
    show.next_steps(see_runs(tracking or f"sqlite:///{folder / 'mlflow.db'}"))


def _plain(one: Examined) -> dict[str, Any]:
    return {
        "name": one.name,
        "run_id": one.run_id,
        "metrics": one.found.metrics(),
        "gradient_by_lag": list(one.found.flow.gradient),
        "advice": list(one.found.advice),
        "figure": one.figure,
    }


def _table(done: list[Examined]) -> tuple[list[str], list[list[str | None]]]:
    """Return heads and a row a model."""
    heads = [
        "model",
        "reach, lags",
        "gradient a step",
        "growth a step",
        "radius",
        "half-life, longest",
        "dead",
        "clipped",
    ]
    rows = []
    for one in done:
        known, found = one.found.metrics(), one.found
        reach = known.get("doctor/gradient_reach")
        beyond = f"> {known['doctor/gradient_lags']:.0f}" if "doctor/gradient_rate" in known else None
        longest = max((lives[-1] for lives in found.half_lives.values()), default=None)
        rows.append(
            [
                escape(one.name),
                beyond if reach is None else f"{reach:.0f}",
                _written(known.get("doctor/gradient_rate")),
                _written(known.get("doctor/growth")),
                _written(max(found.radii.values(), default=None)),
                _written(longest),
                _written(known.get("doctor/dead")),
                _written(known.get("doctor/clipped")),
            ]
        )
    return heads, rows


def _written(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


COMMANDS = (doctor,)
