"""Study: run an experiment of the literature, draw it, and log one MLflow run a network and seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import xarray as xr

from forecast.errors import ForecastError
from forecast.figures import sine_study
from forecast.stages import gallery
from forecast.stages.workspace import Report, silent
from forecast.studies import sine
from forecast.tracking import Tracker

STUDIES = ("sine",)


@dataclass(frozen=True)
class Studied:
    """What a study found.

    Attributes:
        title: what was measured, for a person.
        rows: one a network: its name, and the median and worst error at each horizon.
        text: what it shows and what it does not.
        figure: the PNG.
        tracking_uri: where its runs are.
    """

    title: str
    rows: list[dict[str, Any]]
    text: str
    figure: Path
    tracking_uri: str


def study(
    home: Path, name: str, *, seeds: int = 5, report: Report = silent, epochs: int = 300, uri: str | None = None
) -> Studied:
    """Run a study by name.

    Args:
        home: the folder of all pipelines.
        name: of the study.
        seeds: repetitions with other random weights.
        report: progress.
        epochs: passes over the data; fewer than the default are for trying things out.
        uri: MLflow's address; None is sqlite under ``home``.

    Raises:
        ForecastError: an unknown study, or MLflow out of reach.
    """
    if name not in STUDIES:
        raise ForecastError(f"a study among {', '.join(STUDIES)}", repr(name), "choose one from this list")
    home.mkdir(parents=True, exist_ok=True)
    address = uri or f"sqlite:///{home / 'mlflow.db'}"
    tracker = Tracker(address, "study_sine", artifact_root=None if uri else home / "mlartifacts")
    total, done = len(sine.NETWORKS) * seeds, iter(range(1, len(sine.NETWORKS) * seeds + 1))
    report("study sine", 0, total)
    result = sine.run(seeds, report=lambda line: report("study sine", next(done), total), epochs=epochs)
    figure = sine_study(result)
    with tracker.run("sine", tags={"study": "sine"}, params={"seeds": seeds, "epochs": epochs}) as parent:
        parent.figure("sine", figure)
        parent.table("rmse", result["rmse"].to_dataframe().reset_index())
        for model in result["model"].values:
            for seed in result["seed"].values:
                with parent.child(f"{model}, seed {seed}", tags={"study": "sine", "model": model, "seed": seed}) as run:
                    errors = result["rmse"].sel(model=model, seed=seed)
                    run.metrics([{f"rmse_{h}_periods": float(errors.sel(horizon=h)) for h in result["horizon"].values}])
    path = gallery.save(home / "studies", {"sine": figure})[0]
    return Studied("RMSE of free-running forecasts of a sine", _rows(result), sine.EXPLANATION, path, address)


def _rows(result: xr.Dataset) -> list[dict[str, Any]]:
    rows = []
    for model in result["model"].values:
        row: dict[str, Any] = {"network": str(model)}
        for horizon in result["horizon"].values:
            errors = [float(value) for value in result["rmse"].sel(model=model, horizon=horizon).values]
            row |= {f"{horizon} periods, median": median(errors), f"{horizon} periods, worst": max(errors)}
        rows.append(row)
    return rows
