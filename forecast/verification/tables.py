"""Every forecaster beside every baseline, by lead: pooled scores, and scores of each cell, all on the same cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import BASELINE, LEAD, QUANTILE, REFERENCE
from forecast.verification import point, spread
from forecast.verification.alignment import align, common
from forecast.verification.definitions import DEFINITIONS, units_of

FORECASTER = "forecaster"
Forecasts = Mapping[str, xr.DataArray]
# Members or quantiles, or what makes them of a central forecast (``Calibration.members``), one forecaster at a time.
Dressed = xr.DataArray | Callable[[xr.DataArray], xr.DataArray]


def table(
    forecasts: Forecasts,
    observed: xr.DataArray,
    *,
    climatology: xr.DataArray | None,
    weights: xr.DataArray | None,
    members: Mapping[str, Dressed] | None = None,
    quantiles: Mapping[str, Dressed] | None = None,
    scale: xr.DataArray | None = None,
    baselines: Sequence[str] | None = None,
) -> xr.Dataset:
    """Score forecasters pooled over reference times and space, all on the cells that every one of them has forecast.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).
        climatology: (time, *space) over the valid times, for the anomaly correlation; None leaves it out.
        weights: of space, such as ``schema.area_weights``; None weighs all cells and series alike.
        members: forecaster -> (forecast_reference_time, lead, member, *space), or a function that makes them of the
            central forecast (``Calibration.members``: one forecaster's at a time in memory), for the CRPS.
        quantiles: likewise with ``quantile``, for coverage and width.
        scale: (*space) from ``naive_scale``, for the MASE; None leaves it out.
        baselines: forecasters that skill is measured against; None takes all.

    Returns:
        Dataset (forecaster, lead): rmse, mae, bias, smape, and where given acc, mase, crps, coverage, width, nominal
        (forecaster); NaN for a forecaster without members or quantiles. ``skill`` is (baseline, forecaster, lead),
        ``scored`` (lead) the number of values scored. Scores have attributes ``units`` and ``definition``.

    Raises:
        ForecastError: a baseline, or a forecaster of members or quantiles, is not among the forecasts; nothing is
        shared.
    """
    references = list(forecasts) if baselines is None else list(baselines)
    unknown = (set(references) | set(members or {}) | set(quantiles or {})) - set(forecasts)
    if unknown:
        expected = f"forecasters among {', '.join(forecasts)}"
        raise ForecastError(expected, ", ".join(sorted(unknown)), "give the central forecast of each as well")
    central, met = _same_cells(forecasts, observed)
    mean = None if climatology is None else align(met, climatology)
    rows = []
    for name, forecast in central.items():
        row = _point_scores(forecast, met, mean, scale, weights)
        row |= _spread_scores(forecast, (members or {}).get(name), (quantiles or {}).get(name), met, weights)
        rows.append(xr.Dataset(row).reset_coords(drop=True))
    scores = xr.concat(rows, xr.Variable(FORECASTER, list(central)), join="outer", data_vars="all", coords="minimal")
    own = scores["rmse"] ** 2  # its root was taken after the mean, so this is the pooled MSE
    against = own.sel({FORECASTER: references}).rename({FORECASTER: BASELINE})
    scores["skill"] = point.mse_skill(own, against).transpose(BASELINE, FORECASTER, LEAD)
    scores["scored"] = met.notnull().sum([dim for dim in met.dims if dim != LEAD]).reset_coords(drop=True)
    return _described(scores, observed)


def cells(forecasts: Forecasts, observed: xr.DataArray) -> xr.Dataset:
    """Score forecasters in each cell or series over reference times, all on the same cells.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).

    Returns:
        Dataset (forecaster, lead, *space): rmse, mae, bias, with attributes ``units`` and ``definition``.

    Raises:
        ForecastError: no reference time or lead is shared.
    """
    central, met = _same_cells(forecasts, observed)
    scores = {"rmse": point.rmse, "mae": point.mae, "bias": point.bias}
    index = xr.Variable(FORECASTER, list(central))
    columns = {
        name: xr.concat([score(one, met, over=REFERENCE) for one in central.values()], index, coords="minimal")
        for name, score in scores.items()
    }
    return _described(xr.Dataset(columns), observed)


def _same_cells(forecasts: Forecasts, observed: xr.DataArray) -> tuple[dict[str, xr.DataArray], xr.DataArray]:
    """Return forecasts and aligned observations (float64) with one mask."""
    if not forecasts:
        raise ForecastError("one forecaster or more", "none", "add a baseline or a model to the pipeline")
    met = align(next(iter(forecasts.values())), observed).astype("float64", copy=False)
    same = common({("forecast", name): array for name, array in forecasts.items()} | {("observed", ""): met})
    met = same.pop(("observed", ""))
    return {name: array for (_, name), array in same.items()}, met


def _point_scores(
    forecast: xr.DataArray,
    met: xr.DataArray,
    mean: xr.DataArray | None,
    scale: xr.DataArray | None,
    weights: xr.DataArray | None,
) -> dict[str, xr.DataArray]:
    over = [dim for dim in met.dims if dim != LEAD]
    plain = {"rmse": point.rmse, "mae": point.mae, "bias": point.bias, "smape": point.smape}
    row = {name: score(forecast, met, over=over, weights=weights) for name, score in plain.items()}
    if mean is not None:
        row["acc"] = point.acc(forecast, met, climatology=mean, over=over, weights=weights)
    if scale is not None:
        row["mase"] = point.mase(forecast, met, scale=scale, over=over, weights=weights)
    return row


def _spread_scores(
    forecast: xr.DataArray,
    members: Dressed | None,
    quantiles: Dressed | None,
    met: xr.DataArray,
    weights: xr.DataArray | None,
) -> dict[str, xr.DataArray]:
    over = [dim for dim in met.dims if dim != LEAD]
    row = {}
    if members is not None:
        row["crps"] = spread.crps(_dress(members, forecast), met, over=over, weights=weights)
    if quantiles is not None:
        bounds = _dress(quantiles, forecast)
        row["coverage"] = spread.coverage(bounds, met, over=over, weights=weights)
        row["width"] = spread.width(bounds, met, over=over, weights=weights)
        row["nominal"] = (bounds[QUANTILE][-1] - bounds[QUANTILE][0]).reset_coords(drop=True)
    return row


def _dress(given: Dressed, forecast: xr.DataArray) -> xr.DataArray:
    if callable(given):
        return given(forecast)
    return xr.align(forecast, given, join="left", copy=False)[1]


def _described(scores: xr.Dataset, observed: xr.DataArray) -> xr.Dataset:
    for name, array in scores.data_vars.items():
        if name in DEFINITIONS:
            units = units_of(str(name), str(observed.attrs.get("units", "")))
            array.attrs = {"units": units, "definition": DEFINITIONS[str(name)]}
    return scores
