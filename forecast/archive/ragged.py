"""Series as they stand in the archive: ragged, each from its own first to its own last observed step.

An archive of series is a pile of segments, groups ``segment_0``, ``segment_1`` ..., each in CF's contiguous ragged
array representation (CF-1.11, section 9.3.3): variables over ``obs``, series after series, and ``row_size`` of each.
The times are even, so each series has only its ``first_time``. A value of a later segment covers an earlier one's; NaN
covers nothing.

Throughout, ``parts`` are what lies over one another, earliest first; ``name`` is a variable's, ``dtype`` its type;
``series`` and ``steps`` are slices of positions in the archive; ``onto`` is an array (series, time) of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import xarray as xr
import zarr
from xarray.backends.zarr import encode_zarr_attr_value

from forecast import schema
from forecast.snapshots import TIME_UNITS

OBS, ROW_SIZE, FIRST, PREFIX = "obs", "row_size", "first_time", "segment_"
CHUNK = 2**18  # values of a chunk of a segment
BLOCK = 2**20  # values (series, time) that are laid out together: a few chunks


class Part(Protocol):
    """Something that lays its values over others'.

    What ``write`` writes of it is each series' extent, ``size`` steps from position ``begin``.
    """

    @property
    def begin(self) -> np.ndarray:
        """Position of each series' first step."""

    @property
    def size(self) -> np.ndarray:
        """Steps of each series, 0 where it has none."""

    def lay(self, name: str, series: slice, steps: slice, onto: np.ndarray) -> None:
        """Put values where there are any; ``onto`` (series, time) holds the positions ``series`` and ``steps``."""


class Segment:
    """One segment as a part.

    Args:
        name: of its group.
        arrays: name -> array in the group.
        origin: the axis' first time, seconds since 1970-01-01.
        step: the axis' step in seconds.
        count: series in the archive now; the segment may know fewer, the first ones.
    """

    def __init__(self, name: str, arrays: Mapping[str, zarr.Array], origin: int, step: int, count: int) -> None:
        self.name, self.arrays, self.origin, self.step, self.count = name, arrays, origin, step, count

    @cached_property
    def size(self) -> np.ndarray:
        """Steps of each series."""
        return self._of_series(ROW_SIZE)

    @cached_property
    def begin(self) -> np.ndarray:
        """Position of each series' first step."""
        return np.where(self.size > 0, (self._of_series(FIRST) - self.origin) // self.step, 0)

    @cached_property
    def offset(self) -> np.ndarray:
        """Place of each series' first value on the file."""
        return np.cumsum(self.size) - self.size

    def _of_series(self, name: str) -> np.ndarray:
        numbers = np.asarray(self.arrays[name][:])
        return np.concatenate([numbers, np.zeros(self.count - len(numbers), "int64")])

    def lay(self, name: str, series: slice, steps: slice, onto: np.ndarray) -> None:
        """Lay the series' own steps, as Part says."""
        width, begin = steps.stop - steps.start, self.begin[series] - steps.start
        low, high = np.clip(begin, 0, width), np.clip(begin + self.size[series], 0, width)
        kept, start = high - low, self.offset[series] + low - begin
        if not kept.any():
            return
        last = np.flatnonzero(kept)[-1]
        first, stop = int(start[kept > 0][0]), int(start[last] + kept[last])
        values = np.asarray(self.arrays[name][first:stop])
        if len(values) > kept.sum():  # the steps wanted lie apart
            values = values[np.repeat(start - first - (np.cumsum(kept) - kept), kept) + np.arange(kept.sum())]
        column, given = np.arange(width), ~np.isnan(values)
        inside = (column >= low[:, None]) & (column < high[:, None])
        inside[inside] = given
        onto[inside] = values[given]


class Laid:
    """A Dataset (time, series) as a part.

    Args:
        ds: the Dataset.
        place: position of each of its steps, ascending, shape (time,).
        column: which of its series each of the archive's is, -1 for none, shape (series of the archive,).
    """

    def __init__(self, ds: xr.Dataset, place: np.ndarray, column: np.ndarray) -> None:
        self.ds, self.place, self.column = ds, place, column
        self.begin, self.size = np.zeros(len(column), "int64"), np.zeros(len(column), "int64")

    def lay(self, name: str, series: slice, steps: slice, onto: np.ndarray) -> None:
        """Lay all that is there, as Part says, whatever ``begin`` and ``size`` are."""
        here = np.flatnonzero(self.column[series] >= 0)
        rows = slice(*np.searchsorted(self.place, [steps.start, steps.stop]))
        if not len(here) or rows.start == rows.stop:
            return
        column = self.column[series][here]
        cut = {schema.TIME: rows, schema.SERIES: slice(column[0], column[-1] + 1) if consecutive(column) else column}
        comes = np.full_like(onto, np.nan)
        comes[np.ix_(here, self.place[rows] - steps.start)] = self.ds[name].isel(cut).values.T
        np.copyto(onto, comes, where=~np.isnan(comes))


def segments(nodes: Mapping[str, Any], origin: int, step: int, count: int) -> list[Segment]:
    """Return the segments of an archive, earliest first.

    Args:
        nodes: path -> group or array in the archive.
        origin: the axis' first time, seconds since 1970-01-01.
        step: the axis' step in seconds.
        count: series in the archive.
    """
    arrays: dict[str, dict[str, zarr.Array]] = {}
    for path, node in nodes.items():
        if path.startswith(PREFIX) and "/" in path:
            segment, name = path.split("/")
            arrays.setdefault(segment, {})[name] = node
    return [Segment(name, arrays[name], origin, step, count) for name in sorted(arrays, key=_number)]


def following(parts: Sequence[Segment]) -> str:
    """Return the name of the segment above ``parts``."""
    return f"{PREFIX}{_number(parts[-1].name) + 1 if parts else 0}"


def overlay(parts: Iterable[Part], name: str, series: slice, steps: slice, dtype: np.dtype) -> np.ndarray:
    """Return what parts (earliest first) hold of a variable at positions, shape (series, time), NaN for nothing."""
    values = np.full((series.stop - series.start, steps.stop - steps.start), np.nan, dtype)
    for part in parts:
        part.lay(name, series, steps, values)
    return values


def blocks(parts: Sequence[Part], count: int, steps: slice) -> Iterator[slice]:
    """Yield blocks of ``count`` series, each as large as ``series_a_block`` says."""
    rows = series_a_block(parts, steps)
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def write(
    segment: zarr.Group,
    parts: Sequence[Part],
    like: Mapping[str, xr.DataArray],
    *,
    origin: int,
    step: int,
    calendar: str,
) -> None:
    """Write parts as one segment; memory holds one block of series.

    Args:
        segment: its group, empty.
        parts: what is written, earliest first, each over its own extents.
        like: name -> an array with the type and attributes of the variable.
        origin: the axis' first time, seconds since 1970-01-01.
        step: the axis' step in seconds.
        calendar: of the times.
    """
    begin, size = _extents(parts)
    about: Any = {"long_name": "time of the first value", "units": TIME_UNITS, "calendar": calendar}
    counts: Any = {"long_name": "number of values", "sample_dimension": OBS}
    for name, numbers, attributes in ((ROW_SIZE, size, counts), (FIRST, origin + step * begin, about)):
        segment.create_array(name, data=numbers, dimension_names=(schema.SERIES,), attributes=attributes)
    for name, one in like.items():
        array = segment.create_array(
            name,
            shape=(int(size.sum()),),
            chunks=(CHUNK,),
            dtype=one.dtype,
            fill_value=np.nan,
            dimension_names=(OBS,),
            attributes={key: encode_zarr_attr_value(value) for key, value in one.attrs.items()},
        )
        at = 0
        for piece in _whole_chunks(_flat(parts, name, begin, size, one.dtype)):
            array[at : at + len(piece)] = piece
            at += len(piece)


def _flat(
    parts: Sequence[Part], name: str, begin: np.ndarray, size: np.ndarray, dtype: np.dtype
) -> Iterator[np.ndarray]:
    """Yield the values of a variable series after series, each over its extent, in blocks."""
    end = begin + size
    for series in blocks(parts, len(size), slice(begin[size > 0].min(), end.max())):
        if size[series].any():
            steps = slice(begin[series][size[series] > 0].min(), end[series].max())
            column = np.arange(steps.start, steps.stop)
            inside = (column >= begin[series, None]) & (column < end[series, None])
            yield overlay(parts, name, series, steps, dtype)[inside]


def _whole_chunks(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Cut pieces anew, so that no chunk is written twice."""
    rest = np.empty(0)
    for piece in pieces:
        rest = np.concatenate([rest, piece]) if len(rest) else piece
        whole = len(rest) - len(rest) % CHUNK
        if whole:
            yield rest[:whole]
            rest = rest[whole:]
    if len(rest):
        yield rest


def _extents(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray]:
    """Return each series' first position and number of steps over all parts."""
    far = np.iinfo("int64").max
    begin = np.min([np.where(part.size > 0, part.begin, far) for part in parts], axis=0)
    end = np.max([np.where(part.size > 0, part.begin + part.size, -far) for part in parts], axis=0)
    has = end > begin
    return np.where(has, begin, 0), np.where(has, end - begin, 0)


def series_a_block(parts: Sequence[Part], steps: slice) -> int:
    """Return how many series are laid out together: ``BLOCK`` values, whether of ``steps`` or of the parts' own."""
    longest = max((int(part.size.max(initial=0)) for part in parts), default=0)
    return int(max(1, BLOCK // max(longest, steps.stop - steps.start, 1)))


def _number(name: str) -> int:
    return int(name.removeprefix(PREFIX))


def consecutive(numbers: np.ndarray) -> bool:
    """Say whether each number (at least one) is the one before and 1."""
    return bool(numbers[-1] - numbers[0] == len(numbers) - 1 and (np.diff(numbers) == 1).all())
