"""What each pair of a forecast and what happened adds to the sums of a score, before any weight.

Every function yields (name, values): values (forecast_reference_time, lead, *space) and at most one more dimension, NaN
where the pair does not count. A score's value at one pair is that of the package ``scores`` where it has the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from scores import continuous

from forecast.schema import QUANTILE
from forecast.verification import events, quantiles, spread
from forecast.verification.events import Event

Part = tuple[str, xr.DataArray]


def central(forecast: xr.DataArray, met: xr.DataArray, scale: xr.DataArray | None) -> Iterator[Part]:
    """Yield what the errors of one value add.

    Args:
        forecast: (forecast_reference_time, lead, *space).
        met: what was observed then, float64, NaN in the same places.
        scale: (*space) from ``naive_scale``, or None.
    """
    absolute = continuous.mae(forecast, met, preserve_dims="all")
    yield "squared", continuous.mse(forecast, met, preserve_dims="all")
    yield "absolute", absolute
    yield "error", continuous.mean_error(forecast, met, preserve_dims="all")
    size = abs(forecast.astype("float64")) + abs(met)
    yield "share", 200 * absolute / size.where(size != 0, 1)
    if scale is not None:
        yield "scaled", absolute / scale
        yield "scaled_weight", known(absolute).where((absolute / scale).notnull())


def anomalies(forecast: xr.DataArray, met: xr.DataArray, mean: xr.DataArray) -> Iterator[Part]:
    """Yield what anomalies add to a correlation.

    Args:
        forecast: (forecast_reference_time, lead, *space).
        met: what was observed then, float64.
        mean: the climatology then.
    """
    ours, theirs = forecast - mean, met - mean
    pair = ours.notnull() & theirs.notnull()
    ours, theirs = ours.where(pair), theirs.where(pair)
    yield "anomaly_product", ours * theirs
    yield "anomaly_square", ours**2
    yield "observed_anomaly_square", theirs**2
    yield "anomaly", ours
    yield "observed_anomaly", theirs
    yield "anomaly_weight", known(ours)


def distribution(
    members: xr.DataArray | None, bounds: xr.DataArray | None, met: xr.DataArray, chosen: Mapping[str, Event]
) -> Iterator[Part]:
    """Yield what members and quantiles add, and members' probabilities of events.

    Args:
        members: (forecast_reference_time, lead, member, *space), or None.
        bounds: (forecast_reference_time, lead, quantile, *space), or None.
        met: what was observed then, float64.
        chosen: events by name.
    """
    if members is not None:
        score = spread.crps(members, met, over=())
        yield "crps", score
        yield "crps_weight", known(score)
        for name, event in chosen.items():
            chance = events.probability(members, event)
            yield from _named(name, [("brier", events.brier(chance, met, event, over=()))])
            yield from _named(name, [("brier_weight", known(chance).where(met.notnull()))])
    if bounds is not None:
        loss = quantiles.pinball(bounds, met, over=())
        yield "pinball", loss
        yield "pinball_weight", known(loss)
        if bounds.sizes[QUANTILE] > 1:
            yield "covered", spread.coverage(bounds, met, over=()).astype("float64")
            yield "width", spread.width(bounds, met, over=())
            yield "covered_weight", known(bounds.isel({QUANTILE: [0, -1]}).sum(QUANTILE, skipna=False) + met)


def dichotomies(forecast: xr.DataArray, met: xr.DataArray, chosen: Mapping[str, Event]) -> Iterator[Part]:
    """Yield hits, misses, false alarms and correct rejections of each event.

    Args:
        forecast: (forecast_reference_time, lead, *space).
        met: what was observed then.
        chosen: events by name.
    """
    pair = forecast.notnull() & met.notnull()
    for name, event in chosen.items():
        said, was = event.of(forecast), event.of(met)
        cases = {"hits": said & was, "misses": ~said & was, "false_alarms": said & ~was, "rejections": ~said & ~was}
        yield from _named(name, [(case, values.astype("float64").where(pair)) for case, values in cases.items()])


def known(values: xr.DataArray) -> xr.DataArray:
    """Return 1 where there is a value, NaN elsewhere."""
    return xr.ones_like(values, dtype=np.float64).where(values.notnull())


def _named(event: str, parts: list[Part]) -> Iterator[Part]:
    for name, values in parts:
        yield name, values.expand_dims({events.THRESHOLD: [event]})
