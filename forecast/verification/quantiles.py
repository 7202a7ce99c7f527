"""The score of quantiles: pinball, level by level."""

from __future__ import annotations

import xarray as xr
from scores import continuous
from scores.processing import aggregate

from forecast.errors import ForecastError
from forecast.schema import QUANTILE
from forecast.verification.point import Over, dims, truth


def pinball(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Pinball loss of each quantile, in units: mean of (o - f) q where o >= f, of (f - o)(1 - q) elsewhere.

    Args:
        forecast: (forecast_reference_time, lead, quantile, *space).
        observed: (time, *space), or aligned.
        over: dimensions averaged over.
        weights: of space.

    Returns:
        (quantile, ...), the level's own loss; its mean over many levels is half of the CRPS.

    Raises:
        ForecastError: no ``quantile`` dimension.

    Source: Koenker & Bassett (1978), Econometrica 46, 33-50; ``scores.continuous.quantile_score``.
    """
    if QUANTILE not in forecast.dims:
        raise ForecastError("a forecast with dimension quantile", f"{forecast.dims}", "calibrate the forecast first")
    met = truth(forecast, observed)
    levels = [float(level) for level in forecast[QUANTILE].values]
    losses = [
        continuous.quantile_score(forecast.isel({QUANTILE: at}, drop=True), met, level, preserve_dims="all")
        for at, level in enumerate(levels)
    ]
    loss = xr.concat(losses, xr.Variable(QUANTILE, levels), coords="minimal")
    return aggregate(loss, reduce_dims=dims(over), weights=weights)
