"""The archive: an even axis of time from the first to the last step observed, a row of NaN for a step missing between.

Every append compares first (variables, units, calendar, step, grid) and is one commit or none. What becomes of an
incoming step depends on what stands there:

    nothing, after the end      new            a value, and another comes   corrected (the old version stays readable)
    nothing, inside or before   late           a value, and the same comes  unchanged
    nothing, and nothing comes  missing        a value, and NaN comes       unchanged: NaN never erases

A step is late too where only some of its cells were missing. Values are compared in the type that the first append
gave them. New series widen the archive; series, grid and units never leave it. Maps stand as they are (grids.py),
series ragged (series.py); who loads them sees no difference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cftime
import numpy as np
import pandas as pd
import xarray as xr
import zarr

from forecast import schema
from forecast.archive.agreement import check
from forecast.archive.grids import Grids
from forecast.archive.merge import ARRIVAL, seen
from forecast.archive.ragged import segments
from forecast.archive.receipt import Receipt
from forecast.archive.series import Series
from forecast.archive.table import variables
from forecast.errors import ForecastError
from forecast.snapshots import TIME_UNITS, Snapshots, Version, calendar, seconds

# A chunk holds whole fields and about this many bytes: small enough that a daily append rewrites little, large enough
# that 20 years are read in a second or two. Of large fields it holds some steps all the same, up to the larger size: an
# archive of 20 GB then has tens of thousands of chunks, not hundreds of thousands.
CHUNK_BYTES, LARGE_BYTES = 2**17, 2**22
LARGE_STEPS = 16


class Archive:
    """Observations of one pipeline in a local folder.

    Args:
        path: the folder; the first append creates it.
    """

    def __init__(self, path: Path | str) -> None:
        self._snapshots = Snapshots(path)

    @property
    def version(self) -> str:
        """Id of the newest version, "" before the first append."""
        return self._snapshots.newest

    def versions(self) -> list[Version]:
        """Return every version (id, time written, message), newest first."""
        return self._snapshots.history()

    def load(self, version: str | None = None, start: Any = None, end: Any = None) -> xr.Dataset:
        """Return observations, read lazily: call ``.load()`` on what fits in memory.

        Args:
            version: id of a version; None is the newest.
            start: first time wanted, as text ("2007", "2007-06-01") or a time; None: from the first.
            end: last time wanted, included; text names the whole year, month or day.

        Returns:
            Dataset (time, series) or (time, *space) on an even axis; where arrivals were recorded also a coordinate
            ``arrival`` (time,), NaT for steps that follow their source's delay.

        Raises:
            ForecastError: nothing is archived, the version is unknown, or a time is none of the archive's calendar.
        """
        data = _between(_opened(*_nodes(self._snapshots.read(version), "r")), start, end)
        del data.attrs["step"]
        return data.drop_vars(ARRIVAL) if bool(data[ARRIVAL].isnull().all()) else data

    def append(self, ds: xr.Dataset, arrival: Any = None) -> Receipt:
        """Add observations: all of them, or none where anything is refused.

        Args:
            ds: canonical observations (schema.check_observations); at least 2 steps the first time. Steps beyond the
                archive's ends are kept from the first to the last that holds a value.
            arrival: when these values became known (UTC; one time, or shape (time,)); None for a bulk load, whose
                values count as known after their source's delay. Recorded for the steps that change.

        Returns:
            The receipt; the same data again change nothing and write no version.

        Raises:
            ForecastError: variables, units, calendar, step, grid or origin differ from what stands.
        """
        ds = schema.check_observations(ds).drop_encoding()
        if not ds.sizes[schema.TIME]:
            raise ForecastError("at least one step", "none", "ingest a longer span")
        arrived = _arrived(ds, arrival)
        with self._snapshots.write() as session:
            first = not self.version
            if first:
                _create(ds, session.store)
            group, nodes = _nodes(session.store, "a")
            stored = ds if first else _opened(group, nodes)
            if not first:
                check(stored, ds)
            kind = Series if schema.kind(ds) == "series" else Grids
            merge = kind(group, nodes, stored, ds, arrived, first=first)
            became = merge.run()
            receipt = merge.receipt(became, self.version)
            return replace(receipt, version=session.commit(str(receipt))) if receipt.changed else receipt


def _nodes(store: Any, mode: Literal["r", "a"]) -> tuple[zarr.Group, dict[str, Any]]:
    """Return an archive's group and, path -> group or array, all that is in it."""
    group = zarr.open_group(store, mode=mode)
    return group, dict(group.members(max_depth=None))


def _opened(group: zarr.Group, nodes: dict[str, Any]) -> xr.Dataset:
    """Return an archive unread; its step is the attribute ``step``."""
    data = xr.open_zarr(group.store, consolidated=False, chunks=None).set_coords(ARRIVAL)
    texts = {
        name: (array.dims, np.array(array.values.tolist(), str), array.attrs)
        for name, array in data.coords.items()
        if array.dims == (schema.SERIES,) and (name == schema.SERIES or array.dtype.kind in "OT")
    }
    data = data.assign_coords(texts)
    if schema.SERIES not in data.coords or data.data_vars:  # maps, or series that an earlier version wrote densely
        return data
    length, count = data.sizes[schema.TIME], data.sizes[schema.SERIES]
    origin = int(seconds(data[schema.TIME].values[:1])[0])
    step = round(pd.Timedelta(data.attrs["step"]).total_seconds())
    parts = segments(nodes, origin, step, count)
    return data.assign(variables(parts, (length, count)))


def _create(ds: xr.Dataset, store: Any) -> None:
    """Write the skeleton: coordinates, attributes, the first observed step, and of maps one row of NaN there."""
    step, observed = schema.time_step(ds), seen(ds)[0]
    if not observed.any():
        raise ForecastError("at least one observed value", "only NaN", "ingest a span that holds observations")
    names = [] if schema.kind(ds) == "series" else list(ds.data_vars)
    first = ds.isel({schema.TIME: [int(np.argmax(observed))]})
    row = xr.full_like(first.reset_coords()[names], np.nan).assign_coords({schema.TIME: first[schema.TIME]})
    row = row.assign_coords({name: array for name, array in ds.coords.items() if schema.TIME not in array.dims})
    row[ARRIVAL] = (schema.TIME, [np.nan], {"units": TIME_UNITS, "long_name": "time at which the value was known"})
    for name, array in row.coords.items():
        if array.dims == (schema.SERIES,) and array.dtype.kind == "U":
            row[name] = array.astype(object)
    time = {"units": TIME_UNITS, "calendar": calendar(ds[schema.TIME].values), "dtype": "int64", "chunks": (2**12,)}
    encoding: dict[Any, Any] = {schema.TIME: time, ARRIVAL: {"chunks": (2**12,)}}
    if names:
        bytes_a_step = max(row[name].nbytes for name in names)
        rows = max(1, CHUNK_BYTES // bytes_a_step, min(LARGE_STEPS, LARGE_BYTES // bytes_a_step))
        encoding |= {name: {"chunks": (rows, *ds[name].shape[1:])} for name in names}
    row.attrs = {**ds.attrs, "step": step.isoformat()}
    row.to_zarr(store, mode="w", consolidated=False, encoding=encoding)


def _arrived(ds: xr.Dataset, arrival: Any) -> np.ndarray:
    """Return arrivals as whole seconds since 1970-01-01, rounded up, shape (time,), NaN where none was given."""
    if arrival is None:
        arrival = ds[ARRIVAL].values if ARRIVAL in ds.coords else "NaT"
    elif not np.issubdtype(ds[schema.TIME].dtype, np.datetime64):
        got = f"arrival {arrival} for times in the calendar {calendar(ds[schema.TIME].values)}"
        raise ForecastError("arrivals for data on the civil calendar", got, "append without an arrival")
    times = pd.to_datetime(np.atleast_1d(arrival), utc=True).tz_localize(None).to_numpy().astype("datetime64[ns]")
    upward = np.where(np.isnat(times), np.nan, -(-times.astype("int64") // 10**9))
    return np.broadcast_to(upward, ds.sizes[schema.TIME])


def _between(data: xr.Dataset, start: Any, end: Any) -> xr.Dataset:
    cf = isinstance(data[schema.TIME].to_index(), xr.CFTimeIndex)
    try:
        return data.sel({schema.TIME: slice(_bound(start, cf), _bound(end, cf))})
    except (ValueError, TypeError, KeyError) as error:
        expected = f"times of the calendar {calendar(data[schema.TIME].values)}"
        remedy = "write them as 2007-06-30, dates that this calendar has"
        raise ForecastError(expected, f"start {start}, end {end} ({error})", remedy) from error


def _bound(value: Any, cf: bool) -> Any:
    if value is None or isinstance(value, str | cftime.datetime):
        return value
    time = pd.Timestamp(value)
    time = time.tz_convert(None) if time.tzinfo else time
    return time.isoformat() if cf else time
