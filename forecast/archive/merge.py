"""One append under way: where the incoming steps belong on the axis, and what becomes of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from forecast import axes, schema
from forecast.archive.receipt import Receipt
from forecast.errors import ForecastError
from forecast.snapshots import TIME_UNITS, moments, seconds

ARRIVAL = "arrival"
SEEN_CELLS = 2**22  # looked at together


class Merge(ABC):
    """Lays observations into an open archive; how values stand there, grids.py and series.py know.

    Positions count steps from the archive's first time.

    Args:
        group: the archive, open for writing.
        nodes: path -> group or array in it.
        stored: the same as a Dataset, as it stood.
        ds: observations that agree with it (archive.agreement).
        arrived: seconds since 1970-01-01 at which each step became known, shape (time,), NaN for a bulk load.
        first: whether this is the first append, onto a skeleton of one step without values.

    Raises:
        ForecastError: a time lies between the archive's steps.
    """

    def __init__(
        self,
        group: zarr.Group,
        nodes: Mapping[str, Any],
        stored: xr.Dataset,
        ds: xr.Dataset,
        arrived: np.ndarray,
        *,
        first: bool,
    ) -> None:
        self.group, self.nodes, self.stored = group, nodes, stored
        self.ds, self.arrived, self.first = ds, arrived, first
        self.names = [str(name) for name in ds.data_vars]
        self.step = round(pd.Timedelta(str(group.attrs["step"])).total_seconds())
        self.origin = int(np.asarray(self.array(schema.TIME)[:])[0])
        self.length = self.array(schema.TIME).shape[0]
        self.end_before = 0 if first else self.length
        self.place = self._places()
        self.series: tuple[str, ...] = ()

    def run(self) -> dict[str, np.ndarray]:
        """Write what is new and return positions (ascending) by what became of them: the keys are Receipt's counts."""
        steps, cells = seen(self.ds)
        self.admit(cells)
        self._lengthen(self.place[steps])
        begin, end = min(int(self.place[0]), self.end_before), int(self.place[-1]) + 1
        had, filled, fixed = self.lay(begin, end)
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

    @abstractmethod
    def admit(self, cells: np.ndarray) -> None:
        """Make room for what the archive has not known; ``cells``: where any variable was observed, (*space)."""

    @abstractmethod
    def lengthen(self, former: int, before: int) -> None:
        """Make values follow the axis, ``former`` steps long until now, ``before`` of the new ones in front."""

    @abstractmethod
    def lay(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Write what is new from ``begin`` to before ``end``; by step: anything stood there, came in, was replaced."""

    def receipt(self, became: dict[str, np.ndarray], version: str) -> Receipt:
        """Return the receipt of what ``run`` returned, under the version that now stands."""
        dates = {name: self._stretches(positions) for name, positions in became.items() if len(positions)}
        counts = {name: len(positions) for name, positions in became.items()}
        return Receipt(version, dates=dates, series=self.series, **counts)

    def array(self, name: str) -> zarr.Array:
        """Return an array of the archive."""
        array: zarr.Array = self.nodes[name]
        return array

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Return where times lie on the axis, in seconds from its first time."""
        return seconds(times) - self.origin

    def _places(self) -> np.ndarray:
        offset = self.positions(self.ds[schema.TIME].values)
        stray = offset % self.step != 0
        if stray.any():
            expected = f"times {pd.Timedelta(self.step, 's')} apart, counted from {self._text(0)}"
            got = f"{self.ds[schema.TIME].values[int(np.argmax(stray))]}"
            raise ForecastError(expected, got, "label steps in the source as the archive does")
        return offset // self.step

    def _lengthen(self, seen: np.ndarray) -> None:
        """Make the axis hold the positions given; where it begins earlier, positions move with it."""
        if not len(seen):
            return
        before, after = max(0, -int(seen[0])), max(0, int(seen[-1]) + 1 - self.length)
        if not before and not after:
            return
        former, self.length = self.length, self.length + before + after
        self.lengthen(former, before)
        stretch(self.array(ARRIVAL), former, before, self.length)
        self.origin -= before * self.step
        time = self.array(schema.TIME)
        time.resize((self.length,))
        begin = 0 if before else former
        time[begin:] = self.origin + self.step * np.arange(begin, self.length)
        self.place, self.end_before = self.place + before, self.end_before + before * (not self.first)

    def _record_arrival(self, begin: int, changed: np.ndarray) -> None:
        given = np.full(len(changed), np.nan)
        given[self.place - begin] = self.arrived
        where = np.flatnonzero(changed & ~np.isnan(given))
        if len(where):
            arrival = self.array(ARRIVAL)
            recorded = np.asarray(arrival[:])
            recorded[where + begin] = given[where]
            arrival[:] = recorded

    def _text(self, position: int) -> str:
        number, calendar = self.origin + position * self.step, str(self.array(schema.TIME).attrs["calendar"])
        if axis := str(self.group.attrs.get(axes.AXIS, "")):
            return axes.label(moments(np.array([number]), calendar)[0], axis)
        time = cftime.num2date(number, TIME_UNITS, calendar)
        return time.strftime("%Y-%m-%d" if self.step % 86400 == 0 else "%Y-%m-%dT%H:%M")

    def _stretches(self, positions: np.ndarray) -> tuple[str, ...]:
        """Write positions as stretches, "first" or "first .. last"."""
        runs = np.split(positions, np.flatnonzero(np.diff(positions) > 1) + 1)
        return tuple(
            self._text(run[0]) if len(run) == 1 else f"{self._text(run[0])} .. {self._text(run[-1])}" for run in runs
        )


def seen(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return at which steps, shape (time,), and in which cells, shape (*space), any variable was observed."""
    steps, cells = (
        np.zeros(ds.sizes[schema.TIME], bool),
        np.zeros([ds.sizes[dim] for dim in schema.space_dims(ds)], bool),
    )
    rows = max(1, SEEN_CELLS // max(1, cells.size))
    for array in ds.data_vars.values():
        for start in range(0, len(steps), rows):
            part = slice(start, start + rows)
            known = ~np.isnan(array.isel({schema.TIME: part}).values)
            steps[part] |= known.any(tuple(range(1, known.ndim)))
            cells |= known.any(0)
    return steps, cells


def stretch(array: zarr.Array, former: int, before: int, length: int) -> None:
    """Make an array ``length`` rows long and move its ``former`` ones ``before`` on, last block first; NaN comes in."""
    array.resize((length, *array.shape[1:]))
    if before:
        rows = array.chunks[0]
        for stop in range(former, 0, -rows):
            start = max(0, stop - rows)
            array[start + before : stop + before] = array[start:stop]
        array[:before] = np.nan
