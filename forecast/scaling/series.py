"""Scaled series: each by its own level and its own changes, in square roots where it is never negative.

    scaled = (g(y) - a) / b,   a = mean of g(y),   b = mean |g(y_t) - g(y_{t-m})|

over the training span, m being the season (attribute ``season`` of the data; 1: none): b is the error that seasonal
naive makes there, which the mean absolute scaled error divides by (Hyndman and Koehler 2006, Int. J. Forecasting 22,
679-688). g(y) = sign(y) |y|^p, with p = 1/2 where no training value is negative (what grows with its level varies with
it: Box and Cox 1964, J. R. Stat. Soc. B 26, 211-252), else 1. Negative values that come later stay finite.

b is never 0. Where no two values lie a season apart, or none of these differ, neighbours are compared; where they do
not differ either, b is the median share that b has of the level in the other series (1 where there is none) times the
level, or 1; the level is the mean of |g(y)|. Series without one training value, and series that were not there, take
the form of most others and the medians of a and b.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from forecast import blocks, schema
from forecast.errors import ForecastError
from forecast.scaling.base import SPREAD, BaseScaling, observations

LOCATION, POWER, LEVEL = "location", "power", "level"
STATISTICS = (LOCATION, SPREAD, POWER)
ROOT = 0.5
ROUNDING = 1e-6  # a mean change under this share of the level is the rounding of 32-bit numbers: nothing changes


@dataclass(frozen=True)
class SeriesScaling(BaseScaling):
    """Level and change of each series.

    The statistics of a variable are ``location`` a, ``spread`` b and ``power`` p: all (series,), float64.
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

    def back(self, name: str, data: xr.Dataset) -> np.ndarray:
        """Return a, b and p of each series of the data, float64, (series, 3): its value is (a + b z)^(1 / p).

        Args:
            name: the variable.
            data: whose series they are.
        """
        usual = self._of(name, data)
        return np.stack([usual[key].values for key in STATISTICS], axis=-1)

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
    found = {key: np.concatenate([part[key] for part in parts]) for key in (*STATISTICS, LEVEL)}
    level, never = found.pop(LEVEL), np.isnan(found[LOCATION])
    if never.all():
        raise ForecastError(
            f"at least one observed value of {train.name}",
            "none in the training span",
            "check the source, or move [split]",
        )
    moves = np.isfinite(found[SPREAD]) & (level > 0)
    usual = float(np.median(found[SPREAD][moves] / level[moves])) if moves.any() else 1.0
    found[SPREAD] = np.where(np.isnan(found[SPREAD]), np.where(level > 0, usual * level, 1.0), found[SPREAD])
    for key, value in _unseen({key: values[~never] for key, values in found.items()}).items():
        found[key][never] = value
    return _dataset(found, train[schema.SERIES], {"units": train.attrs["units"]} if "units" in train.attrs else {})


def _statistics(values_TS: np.ndarray, season: int) -> dict[str, np.ndarray]:
    """Return the statistics of a block, NaN where there are none, and the level."""
    power = np.where((values_TS < 0).any(axis=0), 1.0, ROOT)
    g = _raised(values_TS, power)
    level, spread = _mean(np.abs(g)), np.full(len(power), np.nan)
    for lag in (season, 1):
        change = _mean(np.abs(g[lag:] - g[:-lag]))
        spread = np.where(np.isnan(spread) & (change > ROUNDING * level), change, spread)
    return {LOCATION: _mean(g), SPREAD: spread, POWER: power, LEVEL: level}


def _mean(values_TS: np.ndarray) -> np.ndarray:
    """Return the mean of what was observed, NaN where nothing was."""
    seen = np.isfinite(values_TS)
    count = seen.sum(axis=0)
    return np.where(seen, values_TS, 0.0).sum(axis=0) / np.where(count, count, np.nan)


def _unseen(known: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the statistics of a series of which nothing is known, from those of others."""
    power = float(np.median(known[POWER]) > (ROOT + 1) / 2) * (1 - ROOT) + ROOT
    alike = known[POWER] == power
    return {key: power if key == POWER else float(np.median(known[key][alike])) for key in STATISTICS}


def _dataset(found: dict[str, np.ndarray], series: xr.DataArray, attrs: dict[str, str]) -> xr.Dataset:
    columns = {key: (schema.SERIES, values, attrs if key == LOCATION else {}) for key, values in found.items()}
    return xr.Dataset(columns, {schema.SERIES: series.values})


def _raised(values: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Return sign(y) |y|^p for p = 1/2, 1 or 2, the last dimension being the series."""
    size = np.abs(values)
    return np.where(power == 1, values, np.copysign(np.where(power < 1, np.sqrt(size), size * size), values))


def _scaled(values: np.ndarray, a: np.ndarray, b: np.ndarray, power: np.ndarray) -> np.ndarray:
    return (_raised(values, power) - a) / b


def _undone(scaled: np.ndarray, a: np.ndarray, b: np.ndarray, power: np.ndarray) -> np.ndarray:
    return _raised(scaled * b + a, 1 / power)


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
