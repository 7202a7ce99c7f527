"""Scores of tables of many series, in which every series counts alike, however large its values are.

A series' score is the mean over its pairs of a forecast and what happened; a table's is the mean over its series. Only
RMSE, MAE and bias, in units of the data, and the weighted quantile loss, a ratio of two sums, are pooled over all
pairs. Series are worked on in blocks, so that a hundred thousand take no more memory than one block and the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import BASELINE, LEAD, QUANTILE, REFERENCE, SERIES, TIME
from forecast.verification import point
from forecast.verification.definitions import DEFINITIONS, units_of
from forecast.verification.grouping import FORECASTER
from forecast.verification.sums import Dressed, Forecasts, dressed, same_cells

Pairs = dict[str, np.ndarray]
BLOCK = 2**20  # pairs worked on at once
POOLED = ("squared", "absolute", "error", "loss", "size")
CELLS = ("squared", "mase")
IN_UNITS = {"absolute": "mae", "error": "bias"}
PANEL = {
    "mase": "mean over series of the mean absolute error over the in-sample error of the seasonal naive forecast in "
    "all that came before; below 1 beats that; 0 is best",
    "smape": "mean over series of the mean of 200 |f - o| / (|f| + |o|), in %; 0 is best",
    "msis": "mean over series of the outer quantiles' interval score over the same in-sample error; 0 is best",
    "wql": "weighted quantile loss: 2 x the summed pinball loss over the summed |o|, mean of the quantiles; 0 is best",
}
COVERAGE = "mean over series of the share of observations between the quantiles {0:g} and {1:g}; {2:g} is promised"


@dataclass(frozen=True)
class Scores:
    """Scores of forecasters of a table of series; each has attributes ``units`` and ``definition``.

    Attributes:
        whole: (forecaster): mase, smape, rmse, mae, bias and, of forecasters with quantiles, wql, msis and a
            ``coverage_80``, ``coverage_90`` ... for each central interval among them; attributes ``series`` (how many
            were scored) and ``left_out`` (those of them without a scale, which have no mase and msis).
        lead: the same by (forecaster, lead), with ``skill`` (baseline, forecaster, lead) and ``scored`` (lead), pairs.
        series: mase, smape, wql, msis, rmse and coverage by (forecaster, series).
        cells: rmse and mase by (forecaster, lead, series), float32.
    """

    whole: xr.Dataset
    lead: xr.Dataset
    series: xr.Dataset
    cells: xr.Dataset


def scale(past: xr.DataArray, season: int) -> xr.DataArray:
    """Return each series' in-sample error of the seasonal naive forecast, the mean over t of |y(t) - y(t - season)|.

    Args:
        past: (time, series), all that came before the first valid time scored, in the data's unit, on an even axis;
            NaN where nothing was observed.
        season: in steps; 1 where there is none.

    Returns:
        (series) in units, float64; NaN where no two values are a season apart, or all that are do not differ.

    Raises:
        ForecastError: a season under one step, or no series with a scale: nothing could be scored.

    Source: Hyndman & Koehler, Another look at measures of forecast accuracy (2006), Int. J. Forecasting 22, 679-688.
    """
    if season < 1:
        raise ForecastError("a season of 1 step or more", f"{season}", "mend [task] seasons")
    found = np.full(past.sizes[SERIES], np.nan)
    for part in _blocks(past.sizes[SERIES], past.sizes[TIME]):
        values = past.isel({SERIES: part}).transpose(TIME, SERIES).values.astype("float64")
        found[part] = _mean(np.abs(values[season:] - values[:-season]), 0)
    if not (found > 0).any():
        expected = f"a series with two different values {season} steps apart before the span that is scored"
        raise ForecastError(expected, f"none among {len(found)}", "train on a longer span, or mend [task] seasons")
    coords = {SERIES: past[SERIES].variable}
    attrs = {"units": past.attrs.get("units", ""), "season_steps": season}
    return xr.DataArray(np.where(found > 0, found, np.nan), coords, (SERIES,), attrs=attrs)


def score(
    forecasts: Forecasts,
    observed: xr.DataArray,
    *,
    scale: xr.DataArray,
    quantiles: Mapping[str, Dressed] | None = None,
    baselines: Sequence[str] | None = None,
) -> Scores:
    """Score forecasters of a table of series, all on the same pairs.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, series); cut them with ``within`` first.
        observed: (time, series).
        scale: (series) from ``scale``, over what came before the first valid time.
        quantiles: forecaster -> (forecast_reference_time, lead, quantile, series), or what makes them of a forecast.
        baselines: forecasters that skill is measured against; None takes all.

    Raises:
        ForecastError: no forecaster, nothing shared, or a baseline that is not among the forecasters.

    Sources: MASE: Hyndman & Koehler (2006), as in ``scale``; sMAPE and MSIS: Makridakis, Spiliotis & Assimakopoulos,
    The M4 Competition (2020), Int. J. Forecasting 36, 54-74, and Gneiting & Raftery (2007), J. Amer. Stat. Assoc. 102,
    359-378; weighted quantile loss: Park et al., Learning quantile functions without quantile crossing (2022),
    AISTATS, and Ansari et al., Chronos (2024), appendix D.
    """
    names = list(forecasts)
    references = names if baselines is None else list(baselines)
    if unknown := set(references) - set(names):
        expected = f"forecasters among {', '.join(names)}"
        raise ForecastError(expected, ", ".join(sorted(unknown)), "forecast with each baseline as well")
    found: dict[str, _Found] = {name: _Found() for name in names}
    first = next(iter(forecasts.values()), None)
    pairs = 1 if first is None else first.sizes[REFERENCE] * first.sizes[LEAD]
    for part in _blocks(observed.sizes[SERIES], pairs):
        here = {name: one.isel({SERIES: part}) for name, one in forecasts.items()}
        same, met = same_cells(here, observed.isel({SERIES: part}))
        size = scale.isel({SERIES: part}).values
        for name, one in same.items():
            bounds = dressed((quantiles or {}).get(name), one)
            truth = met.transpose(*one.dims)
            found[name].add(_pairs(one.values.astype("float64"), truth.values, size, bounds))
    return _scores(found, met[LEAD], observed, references)


def _blocks(series: int, each: int) -> Iterator[slice]:
    """Yield slices of series that hold about BLOCK values, each series ``each`` of them."""
    height = max(1, BLOCK // max(1, each))
    yield from (slice(start, start + height) for start in range(0, series, height))


def _pairs(forecast: np.ndarray, met: np.ndarray, scale: np.ndarray, bounds: xr.DataArray | None) -> Pairs:
    """Return what each pair adds to each score, all (reference, lead, series), NaN where it does not count."""
    error = forecast - met
    absolute, total = np.abs(error), np.abs(forecast) + np.abs(met)
    pairs = {
        "squared": error**2,
        "absolute": absolute,
        "error": error,
        "mase": absolute / scale,
        "smape": 200 * absolute / np.where(total != 0, total, 1),
    }
    return pairs if bounds is None else pairs | _of_quantiles(bounds, met, scale)


def _of_quantiles(bounds: xr.DataArray, met: np.ndarray, scale: np.ndarray) -> Pairs:
    """Return what each pair adds to the scores of quantiles."""
    levels = [float(level) for level in bounds[QUANTILE].values]
    each = bounds.transpose(QUANTILE, REFERENCE, LEAD, SERIES).values
    loss = np.zeros_like(met)
    for level, value in zip(levels, each, strict=True):
        loss += 2 * np.maximum(level * (met - value), (level - 1) * (met - value)) / len(levels)
    pairs = {"loss": loss, "size": np.where(np.isnan(loss), np.nan, np.abs(met))}
    for low, high in central(levels):
        lower, upper = each[levels.index(low)], each[levels.index(high)]
        known = ~np.isnan(lower + upper + met)
        inside = np.where(known, (lower <= met) & (met <= upper), np.nan)
        pairs[_coverage(low, high)] = inside
        if "msis" not in pairs:  # of the widest
            outside = np.maximum(lower - met, 0) + np.maximum(met - upper, 0)
            pairs["msis"] = (upper - lower + 2 / (1 - (high - low)) * outside) / scale
    return pairs


def central(levels: Sequence[float]) -> list[tuple[float, float]]:
    """Return the pairs of quantiles that enclose a central interval, the widest first.

    >>> central([0.05, 0.1, 0.5, 0.9, 0.99])
    [(0.1, 0.9)]
    """
    return [(low, high) for low in levels for high in levels if low < 0.5 and abs(low + high - 1) < 1e-9]


def _coverage(low: float, high: float) -> str:
    return f"coverage_{100 * (high - low):.4g}"


class _Found:
    """What the blocks of series gave for one forecaster: by series, by cell, and summed by lead."""

    def __init__(self) -> None:
        self.series: dict[str, list[np.ndarray]] = {}
        self.cells: dict[str, list[np.ndarray]] = {}
        self.lead: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, pairs: Mapping[str, np.ndarray]) -> None:
        """Add a block of pairs (reference, lead, series)."""
        for name, values in pairs.items():
            known = ~np.isnan(values)
            total, count = np.where(known, values, 0.0).sum(0), known.sum(0)
            means = _ratio(total, count)
            self.series.setdefault(name, []).append(_ratio(total.sum(0), count.sum(0)))
            if name in CELLS:
                self.cells.setdefault(name, []).append(means.astype("float32"))
            if name not in POOLED:  # a lead's score is the mean over series of each one's mean
                total, count = np.nan_to_num(means), ~np.isnan(means)
            before = self.lead.get(name, (0.0, 0))
            self.lead[name] = (before[0] + total.sum(1), before[1] + count.sum(1))

    def by_lead(self) -> dict[str, np.ndarray]:
        """Return the mean of what was added, (lead,)."""
        return {name: _ratio(*sums) for name, sums in self.lead.items()}

    def by_series(self) -> dict[str, np.ndarray]:
        """Return the mean of what was added, (series,)."""
        return {name: np.concatenate(parts) for name, parts in self.series.items()}

    def over_all(self) -> dict[str, np.ndarray]:
        """Return the mean of what was added: over all pairs of what is pooled, else over series."""
        pooled = {name: _ratio(*(part.sum() for part in self.lead[name])) for name in POOLED if name in self.lead}
        return {name: _mean(values, 0) for name, values in self.by_series().items()} | pooled

    def by_cell(self) -> dict[str, np.ndarray]:
        """Return the means that are kept, (lead, series)."""
        return {name: np.concatenate(parts, axis=1) for name, parts in self.cells.items()}


def _scores(found: Mapping[str, _Found], lead: xr.DataArray, observed: xr.DataArray, against: list[str]) -> Scores:
    """Make scores of what was found, and say what they mean."""
    coords = {LEAD: lead, SERIES: observed[SERIES].variable}

    def made(which: str, *dims: str) -> xr.Dataset:
        rows = [
            xr.Dataset({name: (dims, value) for name, value in _named(getattr(one, which)()).items()})
            for one in found.values()
        ]
        index = xr.Variable(FORECASTER, list(found))
        whole = xr.concat(rows, index, data_vars="all").assign_coords({dim: coords[dim] for dim in dims})
        return _described(whole, str(observed.attrs.get("units", "")))

    by_lead, by_series = made("by_lead", LEAD), made("by_series", SERIES)
    own = by_lead["rmse"] ** 2
    skill = point.mse_skill(own, own.sel({FORECASTER: against}).rename({FORECASTER: BASELINE}))
    by_lead["skill"] = skill.transpose(BASELINE, FORECASTER, LEAD).assign_attrs(
        units="1", definition=DEFINITIONS["skill"]
    )
    by_lead["scored"] = (LEAD, next(iter(found.values())).lead["absolute"][1].astype(int))
    scored = by_series["mae"].isel({FORECASTER: 0}).notnull()
    left_out = int((scored & by_series["mase"].isel({FORECASTER: 0}).isnull()).sum())
    whole = made("over_all").assign_attrs(series=int(scored.sum()), left_out=left_out)
    return Scores(whole, by_lead, by_series, made("by_cell", LEAD, SERIES))


def _named(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return scores by name, the foremost first, of means of what pairs add."""
    coverage = {name: value for name, value in means.items() if name.startswith("coverage_")}
    scores = {name: means[name] for name in ("mase", "smape", "msis") if name in means}
    if "loss" in means:
        scores["wql"] = _ratio(means["loss"], means["size"])
    scores["rmse"] = np.sqrt(means["squared"])
    return scores | coverage | {new: means[old] for old, new in IN_UNITS.items() if old in means}


def _described(scores: xr.Dataset, units: str) -> xr.Dataset:
    for label, array in scores.data_vars.items():
        name = str(label)
        share = float(name.removeprefix("coverage_")) / 100 if name.startswith("coverage_") else 0.0
        text = PANEL.get(name) or DEFINITIONS.get(name) or COVERAGE.format((1 - share) / 2, (1 + share) / 2, share)
        array.attrs = {"units": units_of(name, units), "definition": text}
    return scores


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of what is known, NaN where nothing is."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis), known.sum(axis))


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=np.asarray(count) > 0)
