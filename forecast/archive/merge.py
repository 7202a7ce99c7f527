"""One append under way: where the incoming steps belong on the axis, and what becomes of each."""

from __future__ import annotations

from typing import Any

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from forecast import schema
from forecast.archive.receipt import Receipt
from forecast.errors import ForecastError
from forecast.snapshots import TIME_UNITS, seconds

ARRIVAL = "arrival"


class Merge:
    """Lays observations into an open archive, block by block, so that memory holds one block of time.

    Positions count steps from the archive's first time.

    Args:
        group: the archive, open for writing.
        ds: observations that agree with it (archive.agreement).
        arrived: seconds since 1970-01-01 at which each step became known, shape (time,), NaN for a bulk load.
        first: whether this is the first append, onto a skeleton of one row of NaN.

    Raises:
        ForecastError: a time lies between the archive's steps.
    """

    def __init__(self, group: zarr.Group, ds: xr.Dataset, arrived: np.ndarray, *, first: bool) -> None:
        self.group, self.ds, self.arrived, self.first = group, ds, arrived, first
        self.names = [str(name) for name in ds.data_vars]
        self.step = round(pd.Timedelta(str(group.attrs["step"])).total_seconds())
        self.origin = int(np.asarray(self._array(schema.TIME)[:])[0])
        self.length = self._array(schema.TIME).shape[0]
        self.end_before = 0 if first else self.length
        self.place = self._places()
        self.columns: Any = slice(None)
        self.series: tuple[str, ...] = ()

    def run(self) -> dict[str, np.ndarray]:
        """Write what is new and return positions (ascending) by what became of them: the keys are Receipt's counts."""
        dims = schema.space_dims(self.ds)
        seen = np.logical_or.reduce([self.ds[name].notnull().any(dims).values for name in self.names])
        if schema.SERIES in dims:
            self._widen()
        self._lengthen(self.place[seen])
        begin, end = min(int(self.place[0]), self.end_before), int(self.place[-1]) + 1
        had, filled, fixed = (np.zeros(end - begin, bool) for _ in range(3))
        low, high, rows = max(begin, 0), min(end, self.length), self._array(self.names[0]).chunks[0]
        for start in range(low - low % rows, high, rows):
            block = slice(max(start, low), min(start + rows, high))
            part = slice(block.start - begin, block.stop - begin)
            for name in self.names:
                for total, one in zip((had, filled, fixed), self._block(name, block), strict=True):
                    total[part] |= one
        self._record_arrival(begin, filled | fixed)
        position = np.arange(begin, end)
        asked, after = np.isin(position, self.place), position >= self.end_before
        became = {
            "new": filled & after,
            "corrected": fixed,
            "unchanged": asked & had & ~filled & ~fixed,
            "late": filled & ~fixed & ~after,
            "missing": ~had & ~filled,
        }
        return {name: position[mask] for name, mask in became.items()}

    def receipt(self, became: dict[str, np.ndarray], version: str) -> Receipt:
        """Return the receipt of what ``run`` returned, under the version that now stands."""
        dates = {name: self._stretches(positions) for name, positions in became.items() if len(positions)}
        counts = {name: len(positions) for name, positions in became.items()}
        return Receipt(version, dates=dates, series=self.series, **counts)

    def _array(self, name: str) -> zarr.Array:
        array = self.group[name]
        assert isinstance(array, zarr.Array)
        return array

    def _places(self) -> np.ndarray:
        offset = seconds(self.ds[schema.TIME].values) - self.origin
        stray = offset % self.step != 0
        if stray.any():
            expected = f"times {pd.Timedelta(self.step, 's')} apart, counted from {self._text(0)}"
            got = f"{self.ds[schema.TIME].values[int(np.argmax(stray))]}"
            raise ForecastError(expected, got, "label steps in the source as the archive does")
        return offset // self.step

    def _block(self, name: str, block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Merge one variable over one block of time; say by step what stood there, came in, was replaced."""
        array = self._array(name)
        stands = np.asarray(array[block])
        comes = np.full_like(stands, np.nan)
        rows = slice(*np.searchsorted(self.place, [block.start, block.stop]))
        target = comes[self.place[rows] - block.start]
        target[:, self.columns] = self.ds[name].isel({schema.TIME: rows}).values
        comes[self.place[rows] - block.start] = target
        known, given = ~np.isnan(stands), ~np.isnan(comes)
        fill, fix = given & ~known, given & known & (comes != stands)
        if fill.any() or fix.any():
            array[block] = np.where(given, comes, stands)
        space = tuple(range(1, stands.ndim))
        return known.any(space), fill.any(space), fix.any(space)

    def _widen(self) -> None:
        """Add the series that come with a value for the first time; find the incoming ones among the archive's."""
        stored = [str(one) for one in np.asarray(self._array(schema.SERIES)[:])]
        incoming = [str(one) for one in self.ds[schema.SERIES].values]
        seen = np.logical_or.reduce([self.ds[name].notnull().any(schema.TIME).values for name in self.names])
        fresh = [one for one, any_value in zip(incoming, seen, strict=True) if any_value and one not in stored]
        if fresh:
            for name, array in self.group.arrays():
                dims = getattr(array.metadata, "dimension_names", None) or ()
                if schema.SERIES in dims:
                    axis = dims.index(schema.SERIES)
                    array.resize(tuple(n + len(fresh) * (i == axis) for i, n in enumerate(array.shape)))
                if dims == (schema.SERIES,):
                    array[len(stored) :] = self.ds[name].sel({schema.SERIES: fresh}).values.astype(array.dtype)
        self.series, stored = tuple(fresh), stored + fresh
        kept = [one for one in incoming if one in stored]
        self.ds = self.ds.sel({schema.SERIES: kept})
        self.columns = [stored.index(one) for one in kept]

    def _lengthen(self, seen: np.ndarray) -> None:
        """Make the axis hold the positions given; where it begins earlier, everything moves and positions with it."""
        if not len(seen):
            return
        before, after = max(0, -int(seen[0])), max(0, int(seen[-1]) + 1 - self.length)
        if not before and not after:
            return
        former, self.length = self.length, self.length + before + after
        for name in (*self.names, ARRIVAL):
            array = self._array(name)
            array.resize((self.length, *array.shape[1:]))
            if before:
                _move(array, former, before)
        self.origin -= before * self.step
        time = self._array(schema.TIME)
        time.resize((self.length,))
        begin = 0 if before else former
        time[begin:] = self.origin + self.step * np.arange(begin, self.length)
        self.place, self.end_before = self.place + before, self.end_before + before * (not self.first)

    def _record_arrival(self, begin: int, changed: np.ndarray) -> None:
        given = np.full(len(changed), np.nan)
        given[self.place - begin] = self.arrived
        where = np.flatnonzero(changed & ~np.isnan(given))
        if len(where):
            arrival = self._array(ARRIVAL)
            recorded = np.asarray(arrival[:])
            recorded[where + begin] = given[where]
            arrival[:] = recorded

    def _text(self, position: int) -> str:
        calendar = str(self._array(schema.TIME).attrs["calendar"])
        time = cftime.num2date(self.origin + position * self.step, TIME_UNITS, calendar)
        return time.strftime("%Y-%m-%d" if self.step % 86400 == 0 else "%Y-%m-%dT%H:%M")

    def _stretches(self, positions: np.ndarray) -> tuple[str, ...]:
        """Write positions as stretches, "first" or "first .. last"."""
        runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
        return tuple(
            self._text(run[0]) if len(run) == 1 else f"{self._text(run[0])} .. {self._text(run[-1])}" for run in runs
        )


def _move(array: zarr.Array, length: int, by: int) -> None:
    """Move the first ``length`` rows ``by`` rows on, last block first, and leave NaN behind."""
    rows = array.chunks[0]
    for stop in range(length, 0, -rows):
        start = max(0, stop - rows)
        array[start + by : stop + by] = array[start:stop]
    array[:by] = np.nan
