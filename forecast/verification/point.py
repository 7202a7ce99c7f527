"""Scores of one value against another: error, bias, correlation of anomalies, errors scaled, skill.

Every score is ``score(forecast, observed, *, over, weights=None)``: ``forecast`` (forecast_reference_time, lead,
*space), ``observed`` (time, *space) or already aligned, ``over`` the dimensions that are averaged away, ``weights``
broadcast over them (maps: ``schema.area_weights``). Missing pairs are left out of every mean, with their weights. Sums
are in float64.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
import xarray as xr
from scores import continuous
from scores.processing import aggregate

from forecast.errors import ForecastError
from forecast.schema import TIME
from forecast.verification.alignment import align

Over = str | Sequence[Hashable]
Number = TypeVar("Number", xr.DataArray, np.ndarray)
# Below this share of the observed anomalies' variance a forecast's anomalies are rounding noise (float32 Pa: 1e-11).
_NO_ANOMALY = 1e-10


def truth(forecast: xr.DataArray, observed: xr.DataArray) -> xr.DataArray:
    """Return the observations at the forecast's valid times in float64; aligned observations pass as they are."""
    met = align(forecast, observed) if TIME in observed.dims else observed
    return met.astype("float64", copy=False)


def dims(over: Over) -> list[Hashable]:
    """Return the dimensions to average over as a list."""
    return [over] if isinstance(over, str) else list(over)


def mse(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Mean squared error, in squared units: mean of (forecast - observed)²."""
    return continuous.mse(forecast, truth(forecast, observed), reduce_dims=dims(over), weights=weights)


def rmse(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Root mean square error, in units: one root, after the mean over all of ``over``."""
    return continuous.rmse(forecast, truth(forecast, observed), reduce_dims=dims(over), weights=weights)


def mae(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Mean absolute error, in units: mean of |forecast - observed|."""
    return continuous.mae(forecast, truth(forecast, observed), reduce_dims=dims(over), weights=weights)


def bias(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Mean error, in units: mean of forecast - observed; positive where the forecast is too high."""
    return continuous.mean_error(forecast, truth(forecast, observed), reduce_dims=dims(over), weights=weights)


def acc(
    forecast: xr.DataArray,
    observed: xr.DataArray,
    *,
    climatology: xr.DataArray,
    over: Over,
    weights: xr.DataArray | None = None,
    centred: bool = False,
) -> xr.DataArray:
    """Anomaly correlation: Σw f'o' / sqrt(Σw f'² Σw o'²), f' and o' being anomalies from the climatology.

    Pooled, it is over all times and cells; by time, it is ``acc(over=space).mean(forecast_reference_time)``.

    Args:
        climatology: (time, *space) over the valid times, or aligned.
        centred: take the mean of each over ``over`` from the anomalies, as WMO's definition does.

    Returns:
        In [-1, 1]; NaN where the forecast (or what happened) is the climatology itself and has no anomaly.

    Source: Wilks, Statistical Methods in the Atmospheric Sciences, 4th ed. (2019), section on the anomaly correlation;
    WMO-No. 485, Manual on the Global Data-processing and Forecasting System, appendix 2.2.34.
    """
    mean = truth(forecast, climatology)
    ours, theirs = forecast - mean, truth(forecast, observed) - mean
    pair = ours.notnull() & theirs.notnull()
    whole = bool(pair.all())

    def mean_of(product: xr.DataArray) -> xr.DataArray:
        return aggregate(product if whole else product.where(pair), reduce_dims=dims(over), weights=weights)

    return correlation(
        mean_of(ours * theirs), mean_of(ours**2), mean_of(theirs**2), mean_of(ours), mean_of(theirs), 1.0, centred
    )


def correlation(
    anomaly_product: Number,
    anomaly_square: Number,
    observed_anomaly_square: Number,
    anomaly: Number,
    observed_anomaly: Number,
    anomaly_weight: Number | float,
    centred: bool,
) -> Number:
    """Return the correlation that weighted sums (or means, with weight 1) of anomalies make.

    Args:
        anomaly_product: Σw f'o'.
        anomaly_square: Σw f'².
        observed_anomaly_square: Σw o'².
        anomaly: Σw f'.
        observed_anomaly: Σw o'.
        anomaly_weight: Σw.
        centred: take the means away.
    """
    product, own, real = anomaly_product, anomaly_square, observed_anomaly_square
    with np.errstate(invalid="ignore", divide="ignore"):
        if centred:
            product = product - anomaly * observed_anomaly / anomaly_weight
            own = own - anomaly**2 / anomaly_weight
            real = real - observed_anomaly**2 / anomaly_weight
        noise = _NO_ANOMALY * observed_anomaly_square
        return product / np.sqrt(xr.where((own > noise) & (real > noise), own * real, np.nan))


def smape(
    forecast: xr.DataArray, observed: xr.DataArray, *, over: Over, weights: xr.DataArray | None = None
) -> xr.DataArray:
    """Symmetric mean absolute percentage error, in %, from 0 to 200: mean of 200 |f - o| / (|f| + |o|).

    A pair of zeros counts 0. It means something for quantities with a true zero only (loads, counts, kelvin).
    Source: Makridakis & Hibon, The M3-Competition (2000), Int. J. Forecasting 16, 451-476.
    """
    met = truth(forecast, observed)
    size = abs(forecast) + abs(met)
    return aggregate(200 * abs(forecast - met) / size.where(size != 0, 1), reduce_dims=dims(over), weights=weights)


def mase(
    forecast: xr.DataArray,
    observed: xr.DataArray,
    *,
    scale: xr.DataArray,
    over: Over,
    weights: xr.DataArray | None = None,
) -> xr.DataArray:
    """Mean absolute scaled error: mean of |forecast - observed| / scale; under 1 beats the naive forecast in training.

    Args:
        scale: (*space), from ``naive_scale``.

    Source: Hyndman & Koehler, Another look at measures of forecast accuracy (2006), Int. J. Forecasting 22, 679-688.
    """
    error = abs(forecast - truth(forecast, observed))
    return aggregate(error / scale, reduce_dims=dims(over), weights=weights)


def naive_scale(train: xr.DataArray, season: int) -> xr.DataArray:
    """Return the training error of the seasonal naive forecast, the mean over t of |x(t) - x(t - season)|.

    Args:
        train: (time, *space), the training span on an even axis, NaN where nothing was observed.
        season: length of the season in steps (``schema.season_steps``); a span of fewer than two seasons is scaled by
            the plain naive error (1 step).

    Returns:
        (*space) in units, float64; NaN for a constant series. Its attribute ``season_steps`` says which lag it took.

    Raises:
        ForecastError: fewer than two steps, or a season under one step.
    """
    steps = train.sizes[TIME]
    if steps < 2 or season < 1:
        raise ForecastError(
            "2 training steps and a season of 1 step", f"{steps} and {season}", "train on a longer span"
        )
    lag = season if steps >= 2 * season else 1
    late, early = train.isel({TIME: slice(lag, None)}), train.isel({TIME: slice(None, -lag)})
    error = abs(late.drop_vars(TIME).astype("float64") - early.drop_vars(TIME)).mean(TIME)
    return error.where(error > 0).assign_attrs(season_steps=lag, units=train.attrs.get("units", ""))


def skill(
    forecast: xr.DataArray,
    observed: xr.DataArray,
    *,
    reference: xr.DataArray,
    over: Over,
    weights: xr.DataArray | None = None,
) -> xr.DataArray:
    """Mean-square skill score: 1 - MSE(forecast) / MSE(reference); 1 is perfect, 0 no better than the reference.

    Args:
        reference: the forecast to beat, as ``forecast``; pairs that either lacks are left out of both.

    Source: Murphy, Skill scores based on the mean square error (1988), Mon. Wea. Rev. 116, 2417-2424.
    """
    met = truth(forecast, observed).where(forecast.notnull() & reference.notnull())
    own, other = (mse(one, met, over=over, weights=weights) for one in (forecast, reference))
    return mse_skill(own, other)


def mse_skill(own: xr.DataArray, reference: xr.DataArray) -> xr.DataArray:
    """Return 1 - MSE / MSE of the reference, NaN where the reference makes no error."""
    return 1 - own / reference.where(reference > 0)
