"""Maps stand in the archive as they are: dense arrays (time, *space), merged block of time by block of time."""

from __future__ import annotations

import numpy as np

from forecast import schema
from forecast.archive.merge import Merge, stretch


class Grids(Merge):
    """One append of maps; memory holds one block of time."""

    def admit(self, cells: np.ndarray) -> None:
        """Do nothing: grids never change."""

    def lengthen(self, former: int, before: int) -> None:
        """Lengthen each variable."""
        for name in self.names:
            stretch(self.array(name), former, before, self.length)

    def lay(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Merge by blocks of whole chunks."""
        had, filled, fixed = (np.zeros(end - begin, bool) for _ in range(3))
        low, high, rows = max(begin, 0), min(end, self.length), self.array(self.names[0]).chunks[0]
        for start in range(low - low % rows, high, rows):
            block = slice(max(start, low), min(start + rows, high))
            part = slice(block.start - begin, block.stop - begin)
            for name in self.names:
                for total, one in zip((had, filled, fixed), self._block(name, block), strict=True):
                    total[part] |= one
        return had, filled, fixed

    def _block(self, name: str, block: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        array = self.array(name)
        stands = np.asarray(array[block])
        comes = np.full_like(stands, np.nan)
        rows = slice(*np.searchsorted(self.place, [block.start, block.stop]))
        comes[self.place[rows] - block.start] = self.ds[name].isel({schema.TIME: rows}).values
        known, given = ~np.isnan(stands), ~np.isnan(comes)
        fill, fix = given & ~known, given & known & (comes != stands)
        if fill.any() or fix.any():
            array[block] = np.where(given, comes, stands)
        space = tuple(range(1, stands.ndim))
        return known.any(space), fill.any(space), fix.any(space)
