"""Compare: the champion is chosen on the validation span; then, once, all are scored on the test span.

Every forecaster is scored on the same valid times and cells of one data version, or not at all. The gate
(gate.py) promotes the champion; scores go to the store for whoever asks, and to each forecaster's run in MLflow.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import axes, checkpoint, schema, verification
from forecast.axes import AXIS
from forecast.backtest import backtest
from forecast.errors import ForecastError
from forecast.predict import Forecaster, forecaster
from forecast.schema import LEAD
from forecast.stages import gallery, gate, logbook, records, scoring
from forecast.stages.comparison import Comparison
from forecast.stages.problem import Problem, pose
from forecast.stages.scoring import Forecasts
from forecast.stages.workspace import Report, Workspace, silent
from forecast.windows import Span


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
    everyone, judged = _everyone(workspace, trained), _everyone(workspace, trained, judged=True)
    validation = _forecasts(judged, problem, problem.split.validate, report, "validation")
    baselines = [one.name for one in everyone if one.checkpoint.family == "baseline"]
    verdict = _verdict(validation, problem, baselines)
    span = problem.split.open_test(verdict.champion)
    forecasts = _forecasts(everyone, problem, span, report, "test")
    pair = (verdict.champion, verdict.rival)
    scored = scoring.scored(forecasts, everyone, problem, span, workspace.pipeline.verification, pair)
    winner = next(one for one in everyone if one.name == verdict.champion)
    drawn = gallery.comparison(scored, forecasts, problem.observed, winner, span, verdict.rival)
    named = str(problem.observed.attrs.get(AXIS, ""))
    comparison = Comparison(
        scored.tables,
        scored.groups,
        verdict.champion,
        verdict.reason,
        scored.intervals,
        " to ".join(axes.label(end, named) if named else str(end)[:10] for end in span),
        str(problem.observed.attrs.get("title", workspace.pipeline.name)),
        trained.data_version,
        gallery.save(workspace.figures, drawn),
        drawn,
        scored.panels,
        named,
    )
    about = {"champion": comparison.champion, "span": comparison.span, "data_version": comparison.data_version}
    about["definition"] = verification.DEFINITIONS["rmse"]
    kept = scoring.kept(scored, forecasts, problem.observed, span).assign_attrs(about)
    gate.promote(workspace, verdict, trained, kept)
    logbook.log_scores(workspace, trained, comparison)
    return comparison


def _verdict(validation: Forecasts, problem: Problem, baselines: list[str]) -> gate.Verdict:
    """Choose the champion on the validation span: by MASE where series count alike, else by RMSE."""
    span = problem.split.validate
    if problem.panel:
        return gate.decide(scoring.ranked_series(validation, problem, span), baselines, "MASE")
    return gate.decide(rank(validation, problem.observed, span), baselines)


def rank(forecasts: Forecasts, observed: xr.Dataset, span: Span) -> dict[str, float]:
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
    everyone: list[Forecaster], problem: Problem, span: Span, report: Report, what: str
) -> dict[str, dict[str, xr.DataArray]]:
    forecasts: dict[str, dict[str, xr.DataArray]] = {}
    for done, one in enumerate(everyone):
        report(f"score on {what}", done, len(everyone))
        for target, values in backtest(one, problem.observed, span, problem.origins).items():
            forecasts.setdefault(target, {})[one.name] = values
    report(f"score on {what}", len(everyone), len(everyone))
    return forecasts
