"""Series stand in the archive ragged (ragged.py): an append lays a segment of what changed over those that stand.

A segment is rewritten together with the earlier ones that are no larger than it, so that their number stays near the
logarithm of the archive's length, and so does what an append rewrites on the average. Archives of series that are
dense, as they were in earlier versions, are read as they are and written ragged by the next append that changes them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import zarr

from forecast import schema
from forecast.archive.merge import Merge
from forecast.archive.ragged import Laid, Part, Segment, blocks, following, overlay, segments, write

SMALL = 2**15  # values: a segment so small is always rewritten


class Series(Merge):
    """One append of series; memory holds one block of series besides the incoming ones."""

    def admit(self, cells: np.ndarray) -> None:
        """Add the series that come with a value for the first time."""
        stored, incoming = (pd.Index(data[schema.SERIES].values.astype(str)) for data in (self.stored, self.ds))
        fresh = np.flatnonzero(cells & (stored.get_indexer(incoming) < 0))
        self.series = tuple(incoming[fresh])
        self.column = incoming.get_indexer(stored.append(incoming[fresh]))
        for name, array in self.nodes.items() if len(fresh) else ():
            own = "/" not in name and isinstance(array, zarr.Array)
            if own and array.metadata.dimension_names == (schema.SERIES,):
                array.resize((len(self.column),))
                if name in self.ds.coords:
                    array[len(stored) :] = self.ds[name].values[fresh].astype(array.dtype)

    def lengthen(self, former: int, before: int) -> None:
        """Do nothing: each series has its own first time."""

    def lay(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare block by block, then write a segment where anything changed."""
        pile = segments(self.nodes, self.origin, self.step, len(self.column))
        standing: list[Part] = [*self._dense(), *pile]
        incoming, steps = Laid(self.ds, self.place, self.column), slice(begin, end)
        had, filled, fixed = totals = tuple(np.zeros(end - begin, bool) for _ in range(3))
        met = [part for part in standing if ((part.begin < end) & (part.begin + part.size > begin)).any()]
        for series in blocks(met, len(self.column), steps):
            changed = np.zeros((series.stop - series.start, end - begin), bool)
            for name in self.names:
                stands = overlay(met, name, series, steps, self.stored[name].dtype)
                comes = overlay([incoming], name, series, steps, stands.dtype)
                known, given = ~np.isnan(stands), ~np.isnan(comes)
                fill, fix = given & ~known, given & known & (comes != stands)
                for total, one in zip(totals, (known, fill, fix), strict=True):
                    total |= one.any(0)
                changed |= fill | fix
            incoming.begin[series], incoming.size[series] = extents(changed, begin)
        if incoming.size.any():
            self._write(standing, incoming, following(pile))
        return had, filled, fixed

    def _write(self, standing: Sequence[Part], incoming: Part, name: str) -> None:
        size, keep = int(incoming.size.sum()), len(standing)
        while keep and (isinstance(standing[0], Laid) or int(standing[keep - 1].size.sum()) <= max(SMALL, size)):
            keep -= 1
            size += int(standing[keep].size.sum())
        segment = self.group.create_group(name, attributes={"featureType": "timeSeries"})
        like = {one: self.stored[one] for one in self.names}
        calendar = str(self.array(schema.TIME).attrs["calendar"])
        write(segment, [*standing[keep:], incoming], like, origin=self.origin, step=self.step, calendar=calendar)
        for part in standing[keep:]:
            for one in [part.name] if isinstance(part, Segment) else self.names:
                del self.group[one]

    def _dense(self) -> list[Laid]:
        """Return what an earlier version wrote densely as a part, if it did."""
        if self.names[0] not in self.nodes:
            return []
        count = self.stored.sizes[schema.SERIES]
        column = np.where(np.arange(len(self.column)) < count, np.arange(len(self.column)), -1)
        place = self.positions(self.stored[schema.TIME].values) // self.step
        part = Laid(self.stored, place, column)
        known = np.logical_or.reduce([self.stored[name].notnull().values.T for name in self.names])
        part.begin[:count], part.size[:count] = extents(known, int(place[0]))
        return [part]


def extents(known: np.ndarray, begin: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first position and the number of steps from the first to the last marked one, 0 and 0 for none.

    Args:
        known: marks, shape (series, time).
        begin: position of the first step.
    """
    has, first = known.any(1), known.argmax(1)
    size = known.shape[1] - known[:, ::-1].argmax(1) - first
    return np.where(has, begin + first, 0), np.where(has, size, 0)
