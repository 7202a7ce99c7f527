"""Sums of scores: by month of the valid time, region and lead. They add up exactly, so that months and machines do.

``tally`` turns forecasts and observations into sums, ``a + b`` adds sums of other months (or of other machines, which
scored other months), and ``tables.finish`` makes scores of them: pooled, by month, season or region, from the same
sums. All that is added are integers (exact.py): to score January and February apart and add gives the bits of scoring
both at once. A score by time (the per-time ACC) needs its whole map on one machine; others may be split by cells too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.verification import contributions, events, fractions
from forecast.verification.alignment import align, common
from forecast.verification.contributions import Part
from forecast.verification.events import THRESHOLD, Event
from forecast.verification.exact import canonical, number
from forecast.verification.grouping import FORECASTER, LIMB, Grouping
from forecast.verification.regions import Box, cells_of

Forecasts = Mapping[str, xr.DataArray]
# Members or quantiles, or what makes them of a central forecast (``Calibration.members``), one forecaster at a time.
Dressed = xr.DataArray | Callable[[xr.DataArray], xr.DataArray]


@dataclass(frozen=True)
class Sums:
    """Sums of scores, exact.

    Attributes:
        limbs: int64 (limb, forecaster, month, region, lead, ...), a variable for each sum; ``units`` of the data.
    """

    limbs: xr.Dataset

    def __add__(self, other: Sums) -> Sums:
        """Add sums of other months or cells of the same data.

        Raises:
            ForecastError: the units or the forecasters differ.
        """
        ours, theirs = (one.described() for one in (self, other))
        if ours != theirs:
            raise ForecastError(f"sums of {ours}", theirs, "add sums of the same comparison")
        mine, its = xr.align(self.limbs, other.limbs, join="outer", fill_value=0, copy=False)
        added = (mine + its).sel({FORECASTER: self.limbs[FORECASTER]})
        return Sums(added.map(_carried).assign_attrs(self.limbs.attrs))

    def described(self) -> str:
        """Say what is summed: forecasters, sums, the unit."""
        names = ", ".join(sorted(map(str, self.limbs[FORECASTER].values)))
        return f"{names} ({', '.join(sorted(map(str, self.limbs.data_vars)))}) in {self.limbs.attrs['units']!r}"

    def numbers(self) -> xr.Dataset:
        """Return the sums as float64, the same for the same pairs in whatever parts they were summed."""
        values = {
            name: (array.dims[1:], number(array.values))
            for name, array in self.limbs.transpose(LIMB, ...).data_vars.items()
        }
        return xr.Dataset(values, self.limbs.coords, self.limbs.attrs)

    def sum(self, *dims: str) -> Sums:
        """Return sums with months or regions (dimensions of the sums) added up."""
        return Sums(self.limbs.sum(list(dims), keep_attrs=True))

    def grouped(self, labels: xr.DataArray) -> Sums:
        """Return sums of groups of months: labels (month) name the group of each."""
        return Sums(self.limbs.groupby(labels).sum().assign_attrs(self.limbs.attrs))


def tally(
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
    regions: Mapping[str, Box] | None = None,
) -> Sums:
    """Sum what forecasters' pairs add to their scores, all on the cells that every one of them has forecast.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space); cut them with ``within`` first.
        observed: (time, *space).
        climatology: (time, *space) over the valid times, for anomaly correlations; None leaves them out.
        weights: of space, such as ``schema.area_weights``; None weighs all cells and series alike.
        members: forecaster -> (forecast_reference_time, lead, member, *space), or a function that makes them of the
            central forecast: one forecaster's at a time in memory.
        quantiles: likewise with ``quantile``.
        scale: (*space) from ``naive_scale``, for the MASE; None leaves it out.
        thresholds: of events, in the data's unit: a number (at or above it) or text such as "< 98000".
        windows: of the fractions skill score, in cells, odd; maps only.
        regions: name -> (south, north, west, east), degrees; the whole domain, "all", is always the first.

    Raises:
        ForecastError: a forecaster of members or quantiles is not among the forecasts; nothing is shared; a region
            without a cell; a threshold or a window that cannot be read.
    """
    unknown = (set(members or {}) | set(quantiles or {})) - set(forecasts)
    if unknown:
        expected = f"forecasters among {', '.join(forecasts)}"
        raise ForecastError(expected, ", ".join(sorted(unknown)), "give the central forecast of each as well")
    one_by_one, met = same_cells(forecasts, observed)
    chosen = events.named(thresholds)
    mean = None if climatology is None else align(met, climatology).astype("float64")
    places = Grouping(met, weights, cells_of(met, regions or {}))
    counted, rows = places.counted(met), []
    for name, forecast in one_by_one.items():
        cast = dressed((members or {}).get(name), forecast)
        bounds = dressed((quantiles or {}).get(name), forecast)
        row = {"count": counted, **places.summed(_parts(forecast, met, scale, cast, bounds, chosen))}
        if mean is not None:
            row |= places.correlated(forecast, met, mean)
        if cast is not None and chosen:
            row |= places.reliable(cast, met, chosen)
        if schema.kind(met) == "map":
            row |= places.summed(fractions.parts(forecast, met, chosen, list(windows), places.area))
        rows.append(xr.Dataset(row))
    index = xr.Variable(FORECASTER, list(one_by_one))
    limbs = xr.concat(rows, index, join="outer", fill_value=0, data_vars="all", coords="minimal")
    limbs = (limbs.sel({THRESHOLD: list(chosen)}) if chosen else limbs).transpose(LIMB, FORECASTER, ...)
    return Sums(limbs.map(_carried).assign_attrs(units=str(observed.attrs.get("units", ""))))


def same_cells(forecasts: Forecasts, observed: xr.DataArray) -> tuple[dict[str, xr.DataArray], xr.DataArray]:
    """Return forecasts and aligned observations (float64) with one mask.

    Args:
        forecasts: forecaster -> (forecast_reference_time, lead, *space).
        observed: (time, *space).

    Raises:
        ForecastError: no forecaster, or nothing shared.
    """
    if not forecasts:
        raise ForecastError("one forecaster or more", "none", "add a baseline or a model to the pipeline")
    met = align(next(iter(forecasts.values())), observed).astype("float64", copy=False)
    same = common({("forecast", name): array for name, array in forecasts.items()} | {("observed", ""): met})
    met = same.pop(("observed", ""))
    return {name: array for (_, name), array in same.items()}, met


def _parts(
    forecast: xr.DataArray,
    met: xr.DataArray,
    scale: xr.DataArray | None,
    members: xr.DataArray | None,
    bounds: xr.DataArray | None,
    chosen: Mapping[str, Event],
) -> Iterator[Part]:
    yield "weight", contributions.known(met)
    yield from contributions.central(forecast, met, scale)
    yield from contributions.dichotomies(forecast, met, chosen)
    yield from contributions.distribution(members, bounds, met, chosen)


def _carried(limbs: xr.DataArray) -> xr.DataArray:
    """Return sums with their digits in order, so that equal sums are equal arrays."""
    return limbs.copy(data=canonical(limbs.values))


def dressed(given: Dressed | None, forecast: xr.DataArray) -> xr.DataArray | None:
    """Return the members or quantiles ``given`` for a forecast, made of it where that is how they are given."""
    if given is None or not callable(given):
        return None if given is None else xr.align(forecast, given, join="left", copy=False)[1]
    return given(forecast)
