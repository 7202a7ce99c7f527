"""Scaled series: each by its own level and its own changes, in logarithms where it is positive.

    scaled = (g(y) - a) / b,   a = mean of g(y),   b = mean |g(y_t) - g(y_{t-m})|

over the training span, m being the season (attribute ``season`` of the data; 1: none): b is the error that seasonal
naive makes there, which the mean absolute scaled error divides by (Hyndman and Koehler 2006, Int. J. Forecasting 22,
679-688). g is the logarithm where all training values of the series are positive, else the identity. Beyond a tenth of
the smallest and ten times the largest of them the logarithm goes on as its tangent: zeros stay finite, and no forecast
explodes.

b is never 0. Where no two values lie a season apart, or none of these differ, neighbours are compared; where they do
not differ either, b is the median share that b has of the level in the other series (1 where there is none) times the
level, or 1. Series without one training value, and series that were not there, take the form of most others and the
medians of a and b.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast import blocks, schema
from forecast.errors import ForecastError
from forecast.scaling.base import SPREAD, BaseScaling, observations

LOCATION, LOW, HIGH, SHARE = "location", "low", "high", "share"
STATISTICS = (LOCATION, SPREAD, LOW, HIGH)
REACH = 10.0  # the logarithm holds from the smallest training value over this to the largest times this
ROUNDING = 1e-6  # a mean change under this share of the level is the rounding of 32-bit numbers: nothing changes


@dataclass(frozen=True)
class SeriesScaling(BaseScaling):
    """Level and change of each series.

    The statistics of a variable are ``location`` a and ``spread`` b, in the unit of g; ``low`` and ``high``, between
    which g is the logarithm, NaN where it is the identity: all (series,), float64.
    """

    @classmethod
    def fit(cls, train: xr.Dataset, variables: Iterable[str]) -> SeriesScaling:
        """See the contract; a variable's attribute ``season`` is m."""
        return cls({name: _fit(observations(train, name)) for name in variables})

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """See the contract; attributes are kept but for the unit."""
        return xr.Dataset(
            {name: _over(data[name], self._of(name, data), _scaled).assign_attrs(units="1") for name in self.fitted}
        )

    def undo(self, scaled: xr.DataArray, name: str) -> xr.DataArray:
        """See the contract; the dimension ``series`` comes last."""
        usual = self._of(name, scaled)
        return _over(scaled, usual, _undone).assign_attrs(usual[LOCATION].attrs).rename(name)

    def _of(self, name: str, data: xr.Dataset | xr.DataArray) -> xr.Dataset:
        """Return a variable's statistics in the order of the data's series, of new ones what the module says."""
        usual = self.statistics(name)
        if np.array_equal(usual[schema.SERIES].values, data[schema.SERIES].values):
            return usual
        known = usual.get_index(schema.SERIES).get_indexer(data[schema.SERIES].values)
        table = {key: usual[key].values[known] for key in STATISTICS}
        unseen = _unseen({key: usual[key].values for key in STATISTICS})
        found = {key: np.where(known < 0, unseen[key], values) for key, values in table.items()}
        return _dataset(found, data[schema.SERIES], usual[LOCATION].attrs)


def _fit(train: xr.DataArray) -> xr.Dataset:
    season = int(train.attrs.get("season", 1))
    parts = [_statistics(np.asarray(values, "float64"), season) for _, values in _blocks(train)]
    found = {key: np.concatenate([part[key] for part in parts]) for key in (*STATISTICS, SHARE)}
    if not np.isfinite(found[LOCATION]).any():
        raise ForecastError(
            f"at least one observed value of {train.name}",
            "none in the training span",
            "check the source, or move [split]",
        )
    level, logarithmic = found[SHARE], np.isfinite(found[LOW])
    size = np.where(logarithmic, 1.0, level)
    shares = (found[SPREAD] / np.where(size > 0, size, np.nan))[np.isfinite(found[SPREAD])]
    usual = float(np.nanmedian(shares)) if np.isfinite(shares).any() else 1.0
    still = ~np.isfinite(found[SPREAD]) & np.isfinite(level)
    found[SPREAD][still] = np.where(size > 0, usual * size, 1.0)[still]
    never = ~np.isfinite(found[LOCATION])
    for key, value in _unseen({key: found[key][~never] for key in STATISTICS}).items():
        found[key][never] = value
    attrs = {"units": train.attrs["units"]} if "units" in train.attrs else {}
    return _dataset({key: found[key] for key in STATISTICS}, train[schema.SERIES], attrs)


def _statistics(values_TS: np.ndarray, season: int) -> dict[str, np.ndarray]:
    """Return the statistics of a block, NaN where there are none, and in ``share`` the mean absolute value."""
    seen = np.isfinite(values_TS)
    count = np.maximum(seen.sum(axis=0), 1)
    lowest = np.where(seen, values_TS, np.inf).min(axis=0)
    highest = np.where(seen, values_TS, -np.inf).max(axis=0)
    logarithmic = (lowest > 0) & np.isfinite(lowest)
    low, high = np.where(logarithmic, lowest / REACH, np.nan), np.where(logarithmic, highest * REACH, np.nan)
    level = np.where(seen, np.abs(values_TS), 0.0).sum(axis=0) / count
    g = _logarithm(values_TS, low, high)
    spread = np.full(values_TS.shape[1], np.nan)
    floor = ROUNDING * np.where(logarithmic, 1.0, level)
    for lag in (season, 1):
        change = np.abs(g[lag:] - g[:-lag])
        both = np.isfinite(change)
        mean = np.where(both, change, 0.0).sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        spread = np.where(np.isnan(spread) & (mean > floor), mean, spread)
    never = ~seen.any(axis=0)
    location = np.where(seen, g, 0.0).sum(axis=0) / count
    return {
        LOCATION: np.where(never, np.nan, location),
        SPREAD: spread,
        LOW: low,
        HIGH: high,
        SHARE: np.where(never, np.nan, level),
    }


def _unseen(known: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the statistics of a series of which nothing is known, from those of others."""
    logarithmic = np.isfinite(known[LOW])
    alike = logarithmic if 2 * logarithmic.sum() > len(logarithmic) else ~logarithmic
    middle = {key: float(np.median(known[key][alike])) for key in (LOCATION, SPREAD)}
    return middle | {LOW: float(known[LOW][alike].min()), HIGH: float(known[HIGH][alike].max())}


def _dataset(found: dict[str, np.ndarray], series: xr.DataArray, attrs: dict[str, str]) -> xr.Dataset:
    columns = {key: (schema.SERIES, values, attrs if key == LOCATION else {}) for key, values in found.items()}
    return xr.Dataset(columns, {schema.SERIES: series.values})


def _logarithm(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return g, the last dimension being the series."""
    found, where = values.copy(), np.isfinite(low)
    y = values[..., where]
    inside = np.clip(y, low[where], high[where])
    found[..., where] = np.log(inside) + (y - inside) / inside
    return found


def _scaled(values: np.ndarray, a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return (_logarithm(values, low, high) - a) / b


def _undone(scaled: np.ndarray, a: np.ndarray, b: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    found, where = scaled * b + a, np.isfinite(low)
    u = found[..., where]
    inside = np.clip(u, np.log(low[where]), np.log(high[where]))
    found[..., where] = np.exp(inside) * (1 + (u - inside))
    return found


def _over(data: xr.DataArray, usual: xr.Dataset, function: Callable[..., np.ndarray]) -> xr.DataArray:
    """Return a function of the values and the statistics, in the precision of the data, some series at a time."""
    data = data.transpose(..., schema.SERIES)
    found = np.empty(data.shape, data.dtype)
    for part, values in _blocks(data):
        statistics = (usual[key].values[part] for key in STATISTICS)
        found[..., part] = function(np.asarray(values, "float64"), *statistics)
    return data.copy(data=found)


def _blocks(data: xr.DataArray) -> Iterator[tuple[slice, np.ndarray]]:
    """Read an array whose last dimension is the series, some series at a time: their positions and values."""
    count = data.sizes[schema.SERIES]
    size = max(1, blocks.BYTES * count // max(1, data.nbytes))
    for start in range(0, count, size):
        part = slice(start, min(start + size, count))
        yield part, data.isel({schema.SERIES: part}).values
