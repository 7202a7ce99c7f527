"""A ragged variable as xarray sees it: (time, series), laid out when it is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from xarray.core import indexing

from forecast import schema
from forecast.archive.ragged import FIRST, ROW_SIZE, Part, Segment, consecutive, overlay, series_a_block


class Table(xr.backends.BackendArray):
    """A variable (time, series) that is laid out, block of series by block, when it is read.

    Args:
        parts: what it is made of, earliest first.
        name: the variable.
        shape: (time, series).
        dtype: its type.
    """

    def __init__(self, parts: Sequence[Part], name: str, shape: tuple[int, int], dtype: np.dtype) -> None:
        self.parts, self.name, self.shape, self.dtype = parts, name, shape, dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        """Return what xarray asks for."""
        outer = indexing.IndexingSupport.OUTER
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, outer, self._read))

    def _read(self, key: tuple[int | slice | np.ndarray, int | slice | np.ndarray]) -> np.ndarray:
        time, series = (np.atleast_1d(np.arange(n)[one]) for n, one in zip(self.shape, key, strict=True))
        values = np.full((len(time), len(series)), np.nan, self.dtype)
        if values.size:
            steps = slice(int(time.min()), int(time.max()) + 1)
            rows = slice(None) if consecutive(time) else time - steps.start
            block = series // series_a_block(self.parts, steps)
            for one in np.unique(block):
                at = np.flatnonzero(block == one)
                wanted = series[at]
                whole = slice(int(wanted.min()), int(wanted.max()) + 1)
                laid = overlay(self.parts, self.name, whole, steps, self.dtype)
                if consecutive(wanted) and consecutive(at):
                    values[:, at[0] : at[-1] + 1] = laid.T[rows]
                else:
                    values[:, at] = laid[wanted - whole.start].T[rows]
        return values[tuple(0 if isinstance(one, int | np.integer) else slice(None) for one in key)]


def variables(parts: Sequence[Segment], shape: tuple[int, int]) -> dict[str, xr.Variable]:
    """Return the variables of an archive, unread.

    Args:
        parts: its segments.
        shape: (time, series).
    """
    found = {}
    for name, array in sorted(parts[-1].arrays.items()):
        if name not in (ROW_SIZE, FIRST):
            table = indexing.MemoryCachedArray(indexing.LazilyIndexedArray(Table(parts, name, shape, array.dtype)))
            # Any span of time touches all of the file: what reads by whole chunks of time then reads it once.
            found[name] = xr.Variable((schema.TIME, schema.SERIES), table, dict(array.attrs), {"chunks": shape})
    return found
