"""Compare: the champion is chosen on the validation span; then, once, all are scored on the test span.

Every forecaster is scored on the same valid times and cells of one data version, or not at all. The gate
(gate.py) promotes the champion; scores go to the store for whoever asks, and to each forecaster's run in MLflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from forecast import checkpoint, schema, verification
from forecast.backtest import backtest
from forecast.errors import ForecastError
from forecast.predict import Forecaster, forecaster
from forecast.schema import LEAD
from forecast.stages import gallery, gate, logbook, records, scoring
from forecast.stages.comparison import Comparison
from forecast.stages.problem import pose
from forecast.stages.workspace import Report, Workspace, silent

Forecasts = dict[str, dict[str, xr.DataArray]]
"""target -> forecaster -> (forecast_reference_time, lead, *space)"""


def compare(workspace: Workspace, *, report: Report = silent) -> Comparison:
    """Score what was trained, choose the champion, promote it.

    Args:
        workspace: where the pipeline keeps its things.
        report: progress.

    Raises:
        ForecastError: nothing was trained for this configuration, or a later training was cut off half way.
    """
    trained = records.read(workspace)
    problem = pose(workspace, trained.data_version)
    problem.held(workspace.pipeline.training.bytes)
    observed = problem.observed
    everyone, judged = _everyone(workspace, trained), _everyone(workspace, trained, judged=True)
    validation = _forecasts(judged, observed, problem.split.validate, report, "validation")
    ranking = rank(validation, observed, problem.split.validate)
    baselines = [one.name for one in everyone if one.checkpoint.family == "baseline"]
    verdict = gate.decide(ranking, baselines)
    span = problem.split.open_test(verdict.champion)
    forecasts = _forecasts(everyone, observed, span, report, "test")
    wanted = workspace.pipeline.verification
    sums = {name: scoring.tallied(name, many, everyone, problem, span, wanted) for name, many in forecasts.items()}
    tables = {name: verification.finish(one, baselines=baselines) for name, one in sums.items()}
    by = ("season", "region")
    groups = {name: verification.finish(one, by=by, baselines=baselines) for name, one in sums.items()}
    pair = (verdict.champion, verdict.rival)
    intervals = {name: scoring.differing(many, *pair, observed[name], span) for name, many in forecasts.items()}
    winner = next(one for one in everyone if one.name == verdict.champion)
    drawn = gallery.comparison(tables, groups, forecasts, observed, winner, span, verdict.rival)
    comparison = Comparison(
        tables,
        groups,
        verdict.champion,
        verdict.reason,
        intervals,
        f"{str(span[0])[:10]} to {str(span[1])[:10]}",
        str(observed.attrs.get("title", workspace.pipeline.name)),
        trained.data_version,
        gallery.save(workspace.figures, drawn),
        drawn,
    )
    gate.promote(workspace, verdict, trained, scores(comparison, forecasts, observed, span))
    logbook.log_scores(workspace, trained, comparison)
    return comparison


def rank(forecasts: Forecasts, observed: xr.Dataset, span: tuple[Any, Any]) -> dict[str, float]:
    """Return each forecaster's geometric mean of RMSE over leads and targets (a mean that no unit can tip).

    Args:
        forecasts: target -> forecaster -> forecast.
        observed: canonical observations.
        span: first and last valid time scored.
    """
    logs: dict[str, list[np.ndarray]] = {}
    for target, many in forecasts.items():
        same = verification.common({name: verification.within(one, span) for name, one in many.items()})
        weights = schema.area_weights(observed)
        for name, one in same.items():
            met = verification.align(one, observed[target])
            over = [dim for dim in one.dims if dim != LEAD]
            error = verification.rmse(one, met, over=over, weights=weights)
            with np.errstate(divide="ignore"):  # no error at all is a mean of 0
                logs.setdefault(name, []).append(np.log(error.values))
    return {name: float(np.exp(np.mean(values))) for name, values in logs.items()}


def scores(comparison: Comparison, forecasts: Forecasts, observed: xr.Dataset, span: tuple[Any, Any]) -> xr.Dataset:
    """Return what the store keeps: VAR_rmse by cell, VAR_rmse_pooled and VAR_skill_pooled, (forecaster, lead, ...).

    Args:
        comparison: the pooled scores.
        forecasts: target -> forecaster -> forecast.
        observed: canonical observations.
        span: the test span.
    """
    parts: dict[str, xr.DataArray] = {}
    for target, many in forecasts.items():
        inside = {name: verification.within(one, span) for name, one in many.items()}
        parts[f"{target}_rmse"] = verification.cells(inside, observed[target])["rmse"]
        parts[f"{target}_rmse_pooled"] = comparison.test[target]["rmse"]
        parts[f"{target}_skill_pooled"] = comparison.test[target]["skill"]
    attrs = {"champion": comparison.champion, "span": comparison.span, "data_version": comparison.data_version}
    return xr.Dataset(parts).assign_attrs(attrs | {"definition": verification.DEFINITIONS["rmse"]})


def _everyone(workspace: Workspace, trained: records.Record, *, judged: bool = False) -> list[Forecaster]:
    """Load what one training has left, or what of it the validation span judges; what was written over is refused."""
    everyone = []
    for name, kept in trained.entries.items():
        entry = kept["judged"] if judged else kept
        loaded = checkpoint.load(workspace.folder / entry["path"])
        if loaded.version != entry["version"]:
            got = f"{loaded.version}, of a training that did not end"
            raise ForecastError(f"checkpoint {entry['version']} of {name}", got, "run `forecast train` again")
        everyone.append(forecaster(loaded))
    return everyone


def _forecasts(
    everyone: list[Forecaster], observed: xr.Dataset, span: tuple[Any, Any], report: Report, what: str
) -> Forecasts:
    forecasts: Forecasts = {}
    for done, one in enumerate(everyone):
        report(f"score on {what}", done, len(everyone))
        for target, values in backtest(one, observed, span).items():
            forecasts.setdefault(target, {})[one.name] = values
    report(f"score on {what}", len(everyone), len(everyone))
    return forecasts
