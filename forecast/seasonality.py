"""Seasons of series: which periods repeat, found on the training span alone.

Each candidate m is put to an analysis of variance, series by series. The logarithm of a series (where it is positive)
is differenced, so that no trend and no level is left, what the step before explains is taken off, changes beyond
``OUTLIER`` spreads are cut there, and the changes are sorted by their phase:

    F = (B / m) / (W / (n - m)),   B between phases, W within (Fisher 1925, Statistical Methods for Research Workers)

on m - 1 and n - m degrees of freedom (over m: noise that was differenced varies that much more between phases).
The season counts in a series where chance gives such an F once in 100 times and the phases explain at least
``PAYS`` of the variance of its changes (adjusted for their number). It counts for a table where it does so in 15 %
of the series, and in more of them than chance would give once in 100 times.

Long seasons are seen from further away: a season that holds shorter ones is looked at in means of these (a week in
days), another of more than 24 steps in 24 or 12 parts. So the day does not stand for the week, and noise hides no year.
On numbered steps any period may be one: the peaks of the mean autocorrelation of the changes that
return after twice the time are put to the same test.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.stats
import xarray as xr

from forecast import axes, schema

SAMPLE = 500  # series looked at, evenly spread over the table
STEPS = 20_000  # of the newest steps
CHANCE = 0.01
PAYS = 0.05
SHARE = 0.15
OUTLIER = 6.0
PHASES = 24
CYCLES = 3  # a season beyond 24 steps is looked for where so many fit into the training span, a shorter one twice
SPANS = [  # a season, and the steps of data, from finest to coarsest, that have it
    (span, pd.Timedelta(finest), pd.Timedelta(coarsest))
    for span, finest, coarsest in [
        ("1min", "0s", "5s"),
        ("1h", "0s", "5min"),
        ("1D", "10s", "12h"),
        ("7D", "1min", "1D"),
        ("365D", "1D", "183D"),
    ]
]
LONGEST = 400  # of the seasons looked for on numbered steps


def candidates(step: pd.Timedelta, axis: str, steps: int) -> tuple[int, ...]:
    """Return the seasons that data may have, in steps, ascending.

    Args:
        step: of the data.
        axis: what axes.py calls the axis, "" for dates and times.
        steps: of the training span: a season must fit into it at least twice, one of more than 24 steps thrice.

    >>> candidates(pd.Timedelta("1h"), "", 5000), candidates(pd.Timedelta("1D"), "", 5000)
    ((24, 168), (7, 365))
    """
    if axis == "integer":
        found = list(range(2, LONGEST + 1))
    elif axis:
        found = [axes.PERIODS["year"] // axes.PERIODS[axis]]
    else:
        found = [round(pd.Timedelta(span) / step) for span, finest, coarsest in SPANS if finest <= step <= coarsest]
    return tuple(m for m in found if m > 1 and m * (2 if m <= PHASES else CYCLES) <= steps)


def detect(train: xr.DataArray, limit: int = 2, axis: str | None = None) -> tuple[int, ...]:
    """Return the seasons that a table of series has, in steps, ascending; () where there is none.

    Args:
        train: values (time, series) of the training span, on an even axis, NaN where nothing was observed.
        limit: how many are returned at most, the strongest.
        axis: what axes.py calls the axis; None: the attribute of the data, else what calendar and step suggest.
    """
    step, count = schema.time_step(train), train.sizes[schema.SERIES]
    axis = _axis(train, step) if axis is None else axis
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(int))
    values = train.isel({schema.TIME: slice(-STEPS, None), schema.SERIES: chosen}).values.astype("float64")
    values = _logarithm(values[:, np.isfinite(values).any(axis=0)])
    possible = candidates(step, axis, len(values))
    if axis == "integer":
        possible = _repeating(values, possible)
    share = {m: _share(values, m, _phases(m, possible)) for m in possible}
    found = sorted((m for m in share if share[m] > 0), key=lambda m: -share[m])
    return tuple(sorted(found[:limit]))


def _axis(train: xr.DataArray, step: pd.Timedelta) -> str:
    named = {pd.Timedelta(days=days): name for name, days in axes.PERIODS.items() if name != "integer"}
    if axes.AXIS in train.attrs or train[schema.TIME].dt.calendar != "360_day":
        return str(train.attrs.get(axes.AXIS, ""))
    return named.get(step, "")


def _logarithm(values_TS: np.ndarray) -> np.ndarray:
    positive = np.where(np.isfinite(values_TS), values_TS, 1.0).min(axis=0, initial=1.0) > 0
    return np.where(positive, np.log(np.where(positive, values_TS, 1.0)), values_TS)


def _changes(values_TS: np.ndarray) -> np.ndarray:
    """Return the changes of each series less what the change before explains, outliers cut, NaN where unknown."""
    change = np.diff(values_TS, axis=0)
    change -= np.nanmean(change, axis=0, where=np.isfinite(change)) if change.size else 0.0
    before, after = change[:-1], change[1:]
    both = np.isfinite(before) & np.isfinite(after)
    power = np.where(both, before**2, 0.0).sum(axis=0)
    memory = np.where(both, before * after, 0.0).sum(axis=0) / np.where(power > 0, power, 1.0)
    rest = after - memory * before
    spread = 1.4826 * np.nanmedian(np.abs(rest), axis=0)
    limit = np.where(spread > 0, OUTLIER * spread, np.inf)
    return np.clip(rest, -limit, limit)


def _means(values_TS: np.ndarray, m: int, phases: int) -> np.ndarray:
    """Return means over the parts of a season of m steps, NaN where less than half of a part was observed."""
    part = np.arange(len(values_TS)) * phases // m
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    seen = np.isfinite(values_TS)
    total = np.add.reduceat(np.where(seen, values_TS, 0.0), starts)
    count = np.add.reduceat(seen, starts, dtype="int64")
    return np.where(2 * count * phases >= m, total / np.maximum(count, 1), np.nan)


def _share(values_TS: np.ndarray, m: int, phases: int) -> float:
    """Return the share of series in which a season of m steps counts, 0 where chance would give as much.

    Args:
        values_TS: values, logarithms where positive.
        m: the season.
        phases: parts of it that are compared.
    """
    change = _changes(_means(values_TS, m, phases) if phases < m else values_TS)
    cycles = -(-len(change) // phases)
    padded = np.full((cycles * phases, change.shape[1]), np.nan)
    padded[: len(change)] = change
    folded = padded.reshape(cycles, phases, -1)
    seen = np.isfinite(folded)
    count, folded = seen.sum(axis=0), np.where(seen, folded, 0.0)
    n, groups = count.sum(axis=0), (count > 0).sum(axis=0)
    total = (folded**2).sum(axis=(0, 1)) - folded.sum(axis=(0, 1)) ** 2 / np.maximum(n, 1)
    within = ((folded**2).sum(axis=0) - folded.sum(axis=0) ** 2 / np.maximum(count, 1)).sum(axis=0)
    able = (groups > 1) & (n > groups + phases // 2) & (total > 0)
    if not able.any():
        return 0.0
    total, within, n, groups = (part[able] for part in (total, np.maximum(within, 1e-12 * total), n, groups))
    f = (total - within) / groups / (within / (n - groups))
    pays = 1 - within / (n - groups) / (total / (n - 1)) >= PAYS
    counted = int((pays & (scipy.stats.f.sf(f, groups - 1, n - groups) < CHANCE)).sum())
    by_chance = scipy.stats.binom.sf(counted - 1, len(f), CHANCE)
    share = counted / len(f)
    return share if share >= SHARE and by_chance <= CHANCE else 0.0


def _phases(m: int, others: tuple[int, ...]) -> int:
    """Return in how many parts a season is compared, given the other seasons."""
    held = [m // other for other in others if other < m and m % other == 0 and m // other <= PHASES]
    return min(held, default=m if m <= PHASES else PHASES if m % PHASES == 0 else 12)


def _repeating(values_TS: np.ndarray, possible: tuple[int, ...]) -> tuple[int, ...]:
    """Return the first strong peak of the mean autocorrelation of the changes, and its multiple that is stronger."""
    change = np.nan_to_num(_changes(values_TS))
    if not possible or not change.any():
        return ()
    change = change[:, change.any(axis=0)]
    size = 2 * len(change)
    power = np.abs(np.fft.rfft(change, size, axis=0)) ** 2
    product = np.fft.irfft(power, size, axis=0)[: max(possible) + 2]
    mean = (product / product[0]).mean(axis=1)
    chance = 3.5 / np.sqrt(np.count_nonzero(change))
    peaks = [m for m in possible if mean[m] > chance and mean[m] > max(mean[m - 1], mean[m + 1])]
    peaks = [m for m in peaks if 2 * m >= len(mean) or mean[2 * m] > mean[m] / 2]  # a season lasts, a cycle fades
    if not peaks:
        return ()
    strongest = max(mean[m] for m in peaks)
    first = next(m for m in peaks if mean[m] >= 0.8 * strongest)
    longer = max((m for m in peaks if m % first == 0), key=lambda m: mean[m])
    return (first, longer) if mean[longer] > mean[first] + 0.05 else (first,)
