"""What goes to MLflow, and where: the tracker of a workspace, the model of a run, the scores of a comparison."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import pyfunc
from forecast.schema import LEAD, TIME
from forecast.stages.comparison import Comparison
from forecast.stages.problem import Problem
from forecast.stages.records import Record
from forecast.stages.workspace import Workspace
from forecast.tracking import Run, Tracker

EXAMPLE_STEPS = 4  # of the input example kept with a registered model: enough to show its form


def tracker(workspace: Workspace) -> Tracker:
    """Return the pipeline's experiment in the tracking store that it names.

    Raises:
        ForecastError: the store does not answer.
    """
    pipeline = workspace.pipeline
    workspace.home.mkdir(parents=True, exist_ok=True)
    root = None if pipeline.tracking.uri else workspace.artifacts
    return Tracker(workspace.tracking_uri, pipeline.tracking.experiment or pipeline.name, artifact_root=root)


def log_scores(workspace: Workspace, trained: Record, comparison: Comparison) -> None:
    """Write each forecaster's test scores to its run, the tables and figures to the parent, and the aliases.

    Args:
        workspace: where the pipeline keeps its things.
        trained: which run belongs to which forecaster.
        comparison: what was scored.
    """
    tracked = tracker(workspace)
    parent = tracked.reopen(trained.parent_run)
    outcome = {"champion": comparison.champion, "test_span": comparison.span, "gate": comparison.reason}
    parent.tags(outcome)
    for name, figure in comparison.drawn.items():
        parent.figure(name, figure)
    for target, table in comparison.test.items():
        columns = [name for name, array in table.data_vars.items() if array.dims == ("forecaster", LEAD)]
        frame = table[columns].to_dataframe().reset_index()
        parent.table(f"scores_{target}", frame)
        for part, values in _parts(table, comparison.groups.get(target), comparison.intervals[target]).items():
            parent.table(f"{part}_{target}", values)
        for name, entry in trained.entries.items():
            run = tracked.reopen(entry["run_id"])
            own = frame[frame["forecaster"] == name]
            run.table(f"scores_{target}", own)
            run.metrics([_headline(target, own) | _overall(target, name, comparison)])
            run.tags(outcome | {"role": "champion" if name == comparison.champion else "challenger"})
    tracked.promote(workspace.pipeline.name, trained.entries[comparison.champion]["registered"])


def _parts(table: xr.Dataset, groups: xr.Dataset | None, interval: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Return the tables beside the pooled one, as far as they were scored, a row each number's place."""
    shapes = {
        "events": ("forecaster", LEAD, "threshold"),
        "neighbourhoods": ("forecaster", LEAD, "threshold", "window"),
        "reliability": ("forecaster", LEAD, "bin", "threshold"),
        "quantiles": ("forecaster", LEAD, "quantile"),
    }
    kept = {part: table[[name for name, one in table.items() if one.dims == dims]] for part, dims in shapes.items()}
    by = ("season", "region", "forecaster", LEAD)
    if groups is not None:
        kept["by_season_and_region"] = groups[[name for name, one in groups.items() if one.dims == by]]
    kept["differences"] = interval.assign_coords(a=interval.attrs["a"], b=interval.attrs["b"])
    return {part: one.to_dataframe().reset_index() for part, one in kept.items() if one.data_vars}


def _headline(target: str, scores: pd.DataFrame) -> dict[str, float]:
    """Return a few numbers by which runs can be sorted: RMSE on the first and last lead and over all, CRPS."""
    rmse = scores["rmse"].to_numpy()
    head = {
        f"test_rmse_{target}": float(np.sqrt(np.mean(rmse**2))),
        f"test_rmse_{target}_first_lead": float(rmse[0]),
        f"test_rmse_{target}_last_lead": float(rmse[-1]),
    }
    return head | ({f"test_crps_{target}": float(scores["crps"].mean())} if "crps" in scores else {})


def _overall(target: str, name: str, comparison: Comparison) -> dict[str, float]:
    """Return the scores over all leads of a table of series."""
    if target not in comparison.panels:
        return {}
    whole = comparison.panels[target].whole.sel(forecaster=name)
    return {f"test_{score}_{target}": float(one) for score, one in whole.data_vars.items() if np.isfinite(one)}


def register(run: Run, forecaster: str, path: Path, problem: Problem, name: str) -> str:
    """Log a checkpoint as a pyfunc model with its signature, and register it as a version of the pipeline's model.

    Args:
        run: the forecaster's run.
        forecaster: its name, a tag of the version.
        path: the checkpoint.
        problem: what it was trained on; its last steps become the input example.
        name: the registered name, the pipeline's: ``models:/NAME@champion`` is then whoever is champion.

    Returns:
        The registered version.
    """
    with tempfile.TemporaryDirectory() as folder:
        example = problem.observed.isel({TIME: slice(-EXAMPLE_STEPS, None)})
        saved = pyfunc.save(path, Path(folder) / "model", example)
        return run.model(saved, name, tags={"forecaster": forecaster, "data_version": problem.data_version})
