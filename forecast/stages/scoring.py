"""How a comparison scores what was forecast: exact sums of all forecasters on the same cells, differences of two, blur.

The series of a table count alike, each by its own scale (verification.panel); stations and maps are pooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from forecast import climatology, schema, verification
from forecast.config import Verification
from forecast.predict import Forecaster
from forecast.schema import REFERENCE, TIME
from forecast.stages.problem import Problem, widest_window
from forecast.verification.panel import Scores
from forecast.windows import Span

Forecasts = Mapping[str, Mapping[str, xr.DataArray]]
"""target -> forecaster -> (forecast_reference_time, lead, *space)"""


@dataclass(frozen=True)
class Scored:
    """Scores of forecasters on one span, by target.

    Attributes:
        tables: scores by forecaster and lead.
        groups: the same by season and region; none of tables of series.
        intervals: the difference of two forecasters, ``differing`` or, of tables of series, ``paired_series``.
        panels: of tables of series, all their scores.
    """

    tables: dict[str, xr.Dataset]
    groups: dict[str, xr.Dataset]
    intervals: dict[str, xr.Dataset]
    panels: dict[str, Scores] = field(default_factory=dict)


def scored(
    forecasts: Forecasts,
    everyone: Sequence[Forecaster],
    problem: Problem,
    span: Span,
    wanted: Verification,
    pair: tuple[str, str],
) -> Scored:
    """Score all forecasters on a span, each beside every baseline.

    Args:
        forecasts: target -> forecaster -> forecast.
        everyone: the forecasters, calibrated.
        problem: the task.
        span: first and last valid time.
        wanted: regions, thresholds, windows.
        pair: the two whose difference is told.
    """
    baselines = [one.name for one in everyone if one.checkpoint.family == "baseline"]
    if problem.panel:
        panels = {name: of_series(name, many, problem, span, everyone, baselines) for name, many in forecasts.items()}
        two = {name: differing_series(many, *pair, problem.observed[name], span) for name, many in forecasts.items()}
        return Scored({name: one.lead for name, one in panels.items()}, {}, two, panels)
    sums = {name: tallied(name, many, everyone, problem, span, wanted) for name, many in forecasts.items()}
    by = ("season", "region")
    return Scored(
        {name: verification.finish(one, baselines=baselines) for name, one in sums.items()},
        {name: verification.finish(one, by=by, baselines=baselines) for name, one in sums.items()},
        {name: differing(many, *pair, problem.observed[name], span) for name, many in forecasts.items()},
    )


def ranked_series(forecasts: Forecasts, problem: Problem, span: Span) -> dict[str, float]:
    """Return each forecaster's MASE, the mean over targets of the mean over series; lower is better.

    Args:
        forecasts: target -> forecaster -> forecast.
        problem: the task.
        span: first and last valid time.
    """
    found = [of_series(target, many, problem, span).whole["mase"] for target, many in forecasts.items()]
    mean = np.mean([one.values for one in found], axis=0)
    return dict(zip(map(str, found[0]["forecaster"].values), map(float, mean), strict=True))


def of_series(
    target: str,
    many: Mapping[str, xr.DataArray],
    problem: Problem,
    span: Span,
    calibrated: Sequence[Forecaster] = (),
    baselines: Sequence[str] | None = None,
) -> Scores:
    """Score forecasters of a table of series on a span, by the scale of all that came before it.

    Args:
        target: what was forecast.
        many: forecaster -> (forecast_reference_time, lead, series).
        problem: the task.
        span: first and last valid time.
        calibrated: forecasters whose quantiles are scored too.
        baselines: whom skill is measured against; None takes all.
    """
    truth = problem.observed[target]
    return verification.panel.score(
        {name: verification.within(one, span) for name, one in many.items()},
        truth,
        scale=scale_before(truth, span),
        quantiles={one.name: one.calibrated(target).quantiles for one in calibrated},
        baselines=baselines,
    )


def scale_before(truth: xr.DataArray, span: Span) -> xr.DataArray:
    """Return the scale of each series over all that came before a span, (series,).

    Args:
        truth: (time, series).
        span: first and last valid time scored.
    """
    start = truth.get_index(TIME).slice_indexer(*span).start
    return verification.panel.scale(truth.isel({TIME: slice(0, start)}), schema.season_of_data(truth))


def differing_series(
    many: Mapping[str, xr.DataArray], champion: str, rival: str, truth: xr.DataArray, span: Span
) -> xr.Dataset:
    """Return the difference of two forecasters' MASE with its bootstrap interval, over all leads and by lead.

    Args:
        many: forecaster -> (forecast_reference_time, lead, series).
        champion: the first.
        rival: the second.
        truth: (time, series).
        span: first and last valid time.

    Returns:
        ``verification.paired_series``; attributes a and b name the two.
    """
    first, second = (verification.within(many[name], span) for name in (champion, rival))
    found = verification.paired_series(first, second, truth, scale=scale_before(truth, span))
    return found.assign_attrs(a=champion, b=rival)


def kept(scored: Scored, forecasts: Forecasts, observed: xr.Dataset, span: Span) -> xr.Dataset:
    """Return what the store keeps: VAR_rmse by cell, VAR_rmse_pooled and VAR_skill_pooled, (forecaster, lead, ...).

    Of tables of series also VAR_mase by series and VAR_mase_mean, the mean over series.

    Args:
        scored: the scores.
        forecasts: target -> forecaster -> forecast.
        observed: canonical observations.
        span: first and last valid time.
    """
    parts: dict[str, xr.DataArray] = {}
    for target, many in forecasts.items():
        if target in scored.panels:
            cells = scored.panels[target].cells
            parts |= {f"{target}_mase": cells["mase"], f"{target}_mase_mean": scored.tables[target]["mase"]}
        else:
            cells = verification.cells(
                {name: verification.within(one, span) for name, one in many.items()}, observed[target]
            )
        parts[f"{target}_rmse"] = cells["rmse"]
        parts[f"{target}_rmse_pooled"] = scored.tables[target]["rmse"]
        parts[f"{target}_skill_pooled"] = scored.tables[target]["skill"]
    references = {one.sizes[REFERENCE] for many in forecasts.values() for one in many.values()}
    return xr.Dataset(parts, attrs={"references": min(references)})


def tallied(
    target: str,
    many: Mapping[str, xr.DataArray],
    everyone: Sequence[Forecaster],
    problem: Problem,
    span: Span,
    wanted: Verification,
) -> verification.Sums:
    """Sum what every forecaster's pairs in a span add to its scores.

    Args:
        target: what was forecast.
        many: forecaster -> (forecast_reference_time, lead, *space).
        everyone: the forecasters.
        problem: the task, for truth and training span.
        span: first and last valid time.
        wanted: regions, thresholds, windows.
    """
    truth = problem.observed[target]
    times = problem.split.select(truth, span)[TIME].values
    train = problem.split.select(truth, problem.split.train)
    season = schema.season_steps(problem.step, truth[TIME].dt.calendar)
    return verification.tally(
        {name: verification.within(one, span) for name, one in many.items()},
        truth,
        climatology=climatology.at(problem.scaling.fitted[target], times),
        weights=schema.area_weights(truth),
        members={one.name: one.calibrated(target).members for one in everyone},
        quantiles={one.name: one.calibrated(target).quantiles for one in everyone},
        scale=verification.naive_scale(train, season),
        thresholds=wanted.thresholds.get(target, ()),
        windows=[width for width in wanted.windows if width <= widest_window(truth)],
        regions=wanted.regions,
    )


def differing(
    many: Mapping[str, xr.DataArray], champion: str, rival: str, truth: xr.DataArray, span: Span
) -> xr.Dataset:
    """Return the difference of two forecasters by lead: bootstrap interval of RMSE, p of Diebold & Mariano's test.

    Args:
        many: forecaster -> (forecast_reference_time, lead, *space).
        champion: the first.
        rival: the second.
        truth: (time, *space).
        span: first and last valid time.

    Returns:
        ``verification.paired`` with ``p`` and ``statistic``; attributes a and b name the two.
    """
    first, second = (verification.within(many[name], span) for name in (champion, rival))
    weights = schema.area_weights(truth)
    interval = verification.paired(first, second, truth, weights=weights)
    test = verification.diebold_mariano(first, second, truth, over=schema.space_dims(truth), weights=weights)
    return interval.assign(p=test["p"], statistic=test["statistic"]).assign_attrs(a=champion, b=rival)
