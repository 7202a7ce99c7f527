"""Sums become scores: every forecaster beside every baseline, by lead, month, season, region; and in each cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import BASELINE, LEAD, QUANTILE, REFERENCE, SEASONS, season_of
from forecast.verification import contributions, events, point
from forecast.verification.definitions import DEFINITIONS, units_of
from forecast.verification.exact import exact
from forecast.verification.grouping import FORECASTER, LIMB, MONTH, REGION
from forecast.verification.regions import ALL
from forecast.verification.sums import Dressed, Forecasts, Sums, same_cells, tally

SEASON = "season"
BY = (MONTH, SEASON, REGION)
ANOMALIES = (
    "anomaly_product",
    "anomaly_square",
    "observed_anomaly_square",
    "anomaly",
    "observed_anomaly",
    "anomaly_weight",
)


def table(
    forecasts: Forecasts,
    observed: xr.DataArray,
    *,
    climatology: xr.DataArray | None,
    weights: xr.DataArray | None,
    members: Mapping[str, Dressed] | None = None,
    quantiles: Mapping[str, Dressed] | None = None,
    scale: xr.DataArray | None = None,
    thresholds: Iterable[str | float] = (),
    windows: Iterable[int] = (),
    baselines: Sequence[str] | None = None,
) -> xr.Dataset:
    """Score forecasters pooled over times and space: ``finish(tally(...))``, see both.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).
        climatology: (time, *space) over the valid times, or None.
        weights: of space, or None.
        members: forecaster -> members.
        quantiles: forecaster -> quantiles.
        scale: (*space) from ``naive_scale``, or None.
        thresholds: of events.
        windows: of the fractions skill score.
        baselines: forecasters that skill is measured against; None takes all.
    """
    sums = tally(
        forecasts,
        observed,
        climatology=climatology,
        weights=weights,
        members=members,
        quantiles=quantiles,
        scale=scale,
        thresholds=thresholds,
        windows=windows,
    )
    return finish(sums, baselines=baselines)


def finish(sums: Sums, *, by: Sequence[str] = (), baselines: Sequence[str] | None = None) -> xr.Dataset:
    """Make scores of sums.

    Args:
        sums: of ``tally``, or several of them added.
        by: what scores are told apart by: "month" or "season", "region"; the rest is pooled.
        baselines: forecasters that skill is measured against; None takes all.

    Returns:
        Dataset (*by, forecaster, lead): rmse, mae, bias, smape, ``scored`` (pairs), and, as far as they were summed,
        acc_pooled, acc_by_time, acc_by_time_centred, mase, crps, coverage, width, nominal; ``pinball`` (..., quantile);
        pod, far, csi, frequency_bias, brier (..., threshold); probability, frequency, share (..., bin, threshold);
        fss (..., threshold, window); ``skill`` (baseline, ...). NaN where nothing was scored. Each has attributes
        ``units`` and ``definition``.

    Raises:
        ForecastError: a baseline is not among the forecasters, or scores cannot be told apart by what is asked.
    """
    if set(by) - set(BY) or {MONTH, SEASON} <= set(by):
        raise ForecastError("scores by month or season, and by region", ", ".join(by), "choose among these")
    names = [str(name) for name in sums.limbs[FORECASTER].values]
    references = names if baselines is None else list(baselines)
    if unknown := set(references) - set(names):
        expected = f"forecasters among {', '.join(names)}"
        raise ForecastError(expected, ", ".join(sorted(unknown)), "give the central forecast of each as well")
    kept = sums if REGION in by else Sums(sums.limbs.sel({REGION: ALL}, drop=True))
    if SEASON in by:
        kept = kept.grouped(season_of(kept.limbs[MONTH].str.slice(5).astype(int).rename(SEASON)))
    elif MONTH not in by:
        kept = kept.sum(MONTH)
    scores = _scores(kept.numbers())
    if SEASON in by:
        scores = scores.assign_coords({SEASON: [SEASONS[at] for at in scores[SEASON].values]})
    own = scores["rmse"] ** 2  # its root was taken after the mean, so this is the pooled MSE
    scores["skill"] = point.mse_skill(own, own.sel({FORECASTER: references}).rename({FORECASTER: BASELINE}))
    scores = scores.transpose(BASELINE, *by, FORECASTER, LEAD, ...)
    return _described(scores, sums.limbs.attrs["units"])


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
    return finish_cells(tally_cells(forecasts, observed))


def tally_cells(forecasts: Forecasts, observed: xr.DataArray) -> Sums:
    """Sum errors in each cell over times, exactly: sums of other months or other cells may be added.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).

    Raises:
        ForecastError: no reference time or lead is shared.
    """
    one_by_one, met = same_cells(forecasts, observed)
    order = (LEAD, *schema.space_dims(met))
    coords = {name: array for name, array in met.coords.items() if REFERENCE not in array.dims}
    rows = []
    for forecast in one_by_one.values():
        row = {}
        for name, array in (("weight", contributions.known(met)), *contributions.central(forecast, met, None)):
            if name != "share":
                values = np.nan_to_num(
                    array.transpose(*order, REFERENCE).values, nan=0.0, posinf=np.inf, neginf=-np.inf
                )
                row[name] = xr.DataArray(exact(values), coords, (LIMB, *order))
        rows.append(xr.Dataset(row))
    limbs = xr.concat(rows, xr.Variable(FORECASTER, list(one_by_one)), coords="minimal")
    return Sums(limbs.transpose(LIMB, FORECASTER, ...).assign_attrs(units=str(observed.attrs.get("units", ""))))


def finish_cells(sums: Sums) -> xr.Dataset:
    """Make scores of the sums of each cell.

    Args:
        sums: of ``tally_cells``, or several of them added.
    """
    found = sums.numbers().transpose(FORECASTER, LEAD, ...)
    return _described(_errors(found), sums.limbs.attrs["units"])


def _errors(found: xr.Dataset) -> xr.Dataset:
    weight = found["weight"].where(found["weight"] > 0)
    errors = {"mae": found["absolute"] / weight, "bias": found["error"] / weight}
    return xr.Dataset({"rmse": np.sqrt(found["squared"] / weight), **errors})


def _scores(found: xr.Dataset) -> xr.Dataset:
    """Return scores of sums as numbers, as far as they were summed."""
    scores = _errors(found)
    for name, part, weight in (
        ("smape", "share", "weight"),
        ("mase", "scaled", "scaled_weight"),
        ("acc_by_time", "acc_by_time", "acc_by_time_weight"),
        ("acc_by_time_centred", "acc_by_time_centred", "acc_by_time_centred_weight"),
        ("crps", "crps", "crps_weight"),
        ("pinball", "pinball", "pinball_weight"),
        ("coverage", "covered", "covered_weight"),
        ("width", "width", "covered_weight"),
        ("brier", "brier", "brier_weight"),
        ("probability", "bin_probability", "bin_weight"),
        ("frequency", "bin_events", "bin_weight"),
    ):
        if part in found:
            scores[name] = found[part] / found[weight].where(found[weight] > 0)
    if "anomaly_product" in found:
        scores["acc_pooled"] = point.correlation(**{name: found[name] for name in ANOMALIES}, centred=False)
    if "covered" in found:
        given = found["pinball_weight"]
        levels = found[QUANTILE].where(given.sum(set(given.dims) - {FORECASTER, QUANTILE}) > 0)
        scores["nominal"] = levels.max(QUANTILE) - levels.min(QUANTILE)
    if "hits" in found:
        cases = (found[name] for name in ("hits", "misses", "false_alarms", "rejections"))
        scores = scores.merge(events.contingency(*cases))
    if "bin_weight" in found:
        total = found["bin_weight"].sum(events.BIN)
        scores["share"] = found["bin_weight"] / total.where(total > 0)
    if "fss_squares" in found:
        scores["fss"] = 1 - found["fss_difference"] / found["fss_squares"].where(found["fss_squares"] > 0)
    scores["scored"] = found["count"].isel({FORECASTER: 0}, drop=True).astype(int)
    return scores


def _described(scores: xr.Dataset, units: str) -> xr.Dataset:
    for name, array in scores.data_vars.items():
        array.attrs = {}
        if name in DEFINITIONS:
            array.attrs = {"units": units_of(str(name), units), "definition": DEFINITIONS[str(name)]}
    return scores
