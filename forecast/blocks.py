"""Blocks of time: what may be larger than memory is read some whole chunks of its file at a time.

Observations come from the archive unread (``Archive.load``); a slice of time is read when its values are asked for, and
nothing of it is kept. Data in memory go through the same door: their blocks are views.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from forecast.schema import TIME

BYTES = 2**24  # of a block: large enough that reading, not the number of reads, is what takes the time


def length(data: xr.Dataset, size: int = BYTES) -> int:
    """Return how many steps a block holds.

    Args:
        data: variables (time, *space), alike.
        size: bytes of all variables together, about; at least one whole chunk of the file, or one step.
    """
    step = max(1, sum(array.nbytes for array in data.data_vars.values()) // max(1, data.sizes[TIME]))
    chunks = [array.encoding.get("chunks") or (1,) for array in data.data_vars.values()]
    rows = max((int(chunk[0]) for chunk in chunks), default=1)
    return int(max(1, size // (step * rows))) * rows


def over(data: xr.DataArray, steps: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Read an array block by block, in the order of time.

    Args:
        data: (time, *space), in a file or in memory.
        steps: of a block; None: about ``BYTES``.

    Yields:
        The positions and the values of each block.
    """
    steps = steps or length(data.to_dataset(name="values"))
    for start in range(0, data.sizes[TIME], steps):
        part = slice(start, min(start + steps, data.sizes[TIME]))
        yield part, data.isel({TIME: part}).values


def anything(data: xr.DataArray) -> bool:
    """Return whether any value was observed; reads no further than to the first block that holds one."""
    return any(bool(np.isfinite(values).any()) for _, values in over(data))


def seen(data: xr.Dataset, names: Sequence[str]) -> np.ndarray:
    """Return at which steps any cell of any variable was observed, boolean, shape (time,).

    Args:
        data: observations.
        names: variables.
    """
    found = np.zeros(data.sizes[TIME], dtype=bool)
    for name in names:
        for part, values in over(data[name]):
            found[part] |= np.isfinite(values).reshape(len(values), -1).any(axis=1)
    return found
