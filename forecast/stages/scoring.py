"""How a comparison scores one target: exact sums of all forecasters on the same cells, differences of two, blur."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from forecast import climatology, schema, verification
from forecast.config import Verification
from forecast.predict import Forecaster
from forecast.schema import TIME
from forecast.stages.problem import Problem, widest_window
from forecast.windows import Span


def tallied(
    target: str,
    many: Mapping[str, xr.DataArray],
    everyone: list[Forecaster],
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
