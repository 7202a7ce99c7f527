"""How series stand in the archive: what is on disk, how segments grow together, what became of dense archives."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from forecast import axes
from forecast.archive import Archive
from forecast.snapshots import TIME_UNITS, Snapshots


def table(values: Any, first: str = "2001-01-01", ids: list[str] | None = None) -> xr.Dataset:
    """Return daily values (time, series) from a day on."""
    values = np.asarray(values, "float32")
    names = ids or [f"s{number}" for number in range(values.shape[1])]
    coords = {"time": pd.date_range(first, periods=len(values)), "series": names}
    return xr.Dataset({"y": (("time", "series"), values, {"units": "1", "season": 7})}, coords)


def segments(path: Path) -> dict[str, zarr.Group]:
    """Return the groups that an archive keeps its values in."""
    return dict(sorted(zarr.open_group(Snapshots(path).read(), mode="r").groups()))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def test_on_disk_each_series_is_only_its_own_first_to_last_step(archive: Archive, tmp_path: Path) -> None:
    nan = np.nan
    values = [[nan, 1, nan], [nan, 2, nan], [5, nan, nan], [6, 4, nan]]
    archive.append(table(values))
    segment = xr.open_zarr(Snapshots(tmp_path).read(), group="segment_0", consolidated=False, chunks=None)
    assert segment["y"].dims == ("obs",) and segment["y"].attrs["units"] == "1"
    np.testing.assert_array_equal(segment["y"], [5, 6, 1, 2, nan, 4])
    assert segment["row_size"].values.tolist() == [2, 4, 0]
    assert segment["row_size"].attrs["sample_dimension"] == "obs" and segment.attrs["featureType"] == "timeSeries"
    assert (
        segment["first_time"].values[:2].tolist() == pd.DatetimeIndex(["2001-01-03", "2001-01-01"]).astype(int).tolist()
    )
    np.testing.assert_array_equal(archive.load()["y"], values)


def test_a_day_is_laid_over_what_stands_and_days_grow_together(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecast.archive.series.SMALL", 0)
    values = np.arange(40.0).reshape(20, 2)
    archive.append(table(values[:10]))
    sizes = []
    for day in range(10, 16):
        archive.append(table(values[day : day + 1], f"2001-01-{day + 1}"))
        sizes.append([int(np.sum(group["row_size"][:])) for group in segments(tmp_path).values()])  # type: ignore[arg-type]
    assert sizes == [[20, 2], [20, 4], [20, 4, 2], [20, 8], [20, 8, 2], [20, 8, 4]]
    np.testing.assert_array_equal(archive.load()["y"], values[:16])


def test_what_is_small_stands_in_one_segment(archive: Archive, tmp_path: Path) -> None:
    archive.append(table(np.ones((3, 2))))
    for day in (4, 5):
        archive.append(table(np.ones((1, 2)), f"2001-01-0{day}"))
    assert list(segments(tmp_path)) == ["segment_2"] and archive.load().sizes["time"] == 5


@pytest.mark.parametrize("series", [[0, 2, 1], [5, 0], [3, 4, 5], slice(None, None, -2)])
def test_any_series_are_read_in_any_order(archive: Archive, monkeypatch: pytest.MonkeyPatch, series: Any) -> None:
    monkeypatch.setattr("forecast.archive.ragged.BLOCK", 8)
    values = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    archive.append(table(values))
    for time in ([0, 3], 2, slice(1, 3)):
        part = archive.load().isel(time=time, series=series)["y"]
        np.testing.assert_array_equal(part, table(values).isel(time=time, series=series)["y"])


def test_a_dense_archive_of_before_is_read_and_becomes_ragged_by_the_next_change(
    archive: Archive, tmp_path: Path
) -> None:
    nan, before = np.nan, Snapshots(tmp_path)
    stood = table([[1, nan], [2, nan], [3, 4]])
    arrival = ("time", [nan, nan, 978_652_800.0], {"units": TIME_UNITS})
    dense = stood.assign_coords(series=stood["series"].astype(object)).assign(arrival=arrival).assign_attrs(step="P1D")
    with before.write() as session:
        dense.to_zarr(session.store, consolidated=False, encoding={"time": {"units": TIME_UNITS, "dtype": "int64"}})
        old = session.commit("3 new")
    xr.testing.assert_equal(archive.load().drop_vars("arrival").load(), stood)
    assert not archive.append(stood).changed and not segments(tmp_path)
    receipt = archive.append(table([[0, 7], [1, 8]], "2000-12-31", ["s0", "new"]))
    assert (receipt.late, receipt.series) == (2, ("new",))
    assert [int(np.sum(group["row_size"][:])) for group in segments(tmp_path).values()] == [4 + 1 + 2]  # type: ignore[arg-type]
    loaded = archive.load()
    np.testing.assert_array_equal(loaded["y"], [[0, nan, 7], [1, nan, 8], [2, nan, nan], [3, 4, nan]])
    assert loaded["arrival"].isnull().values.tolist() == [True, True, True, False]
    xr.testing.assert_equal(archive.load(old).drop_vars("arrival").load(), stood)


@pytest.mark.parametrize(("axis", "told"), [("month", "2001-02 .. 2001-03"), ("integer", "step 2 .. step 3")])
def test_months_and_numbered_steps_keep_their_names(archive: Archive, axis: str, told: str) -> None:
    months = xr.date_range("2001-01-01", periods=4, freq="30D", calendar="360_day", use_cftime=True)
    time = months if axis == "month" else axes.integer_times(np.arange(1, 5))
    ds = table([[1.0], [2.0], [3.0], [4.0]]).assign_coords(time=time).assign_attrs(axis=axis)
    archive.append(ds.isel(time=[0, 1]))
    archive.append(ds.isel(time=[3]))
    assert archive.append(ds.isel(time=[1, 2])).late == 1
    receipt = archive.append(ds.assign(y=ds["y"].copy(data=ds["y"].values + 8)).isel(time=[1, 2]))
    assert receipt.dates == {"corrected": (told,)}
    assert archive.load()["y"].attrs["season"] == 7 and archive.load().attrs["axis"] == axis
    np.testing.assert_array_equal(archive.load()["time"].values, ds["time"].values)


def test_attributes_of_the_series_are_kept_and_may_be_absent_later(archive: Archive) -> None:
    ds = table([[1.0, 2.0], [3.0, 4.0]]).assign_coords(
        height=("series", [5.0, 6.0]), place=("series", ["here", "there"])
    )
    archive.append(ds)
    xr.testing.assert_identical(archive.load().load(), ds)
    archive.append(table([[1.0]], "2001-01-02", ["other"]).assign_coords(place=("series", ["far away"])))
    loaded = archive.load()
    assert loaded["place"].values.tolist() == ["here", "there", "far away"]
    np.testing.assert_array_equal(loaded["height"], [5, 6, np.nan])


def test_values_are_compared_in_the_type_of_the_first_append(archive: Archive) -> None:
    archive.append(table([[0.1], [0.2]]))
    assert not archive.append(
        table([[0.1], [0.2]]).assign(y=(("time", "series"), [[0.1], [0.2]], {"units": "1"}))
    ).changed
    assert archive.load()["y"].dtype == "float32"


def test_a_receipt_names_ten_new_series_and_counts_the_others(archive: Archive) -> None:
    archive.append(table(np.ones((2, 1)), ids=["first"]))
    receipt = archive.append(table(np.ones((2, 13))))
    assert len(receipt.series) == 13 and str(receipt).endswith(
        "first seen: s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 3 more"
    )


def test_memory_holds_a_block_of_series_besides_the_table(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ragged.BLOCK", "ragged.CHUNK", "merge.SEEN_CELLS"):
        monkeypatch.setattr(f"forecast.archive.{name}", 2**15)
    ds = table(np.random.default_rng(0).normal(size=(400, 2000)))
    tracemalloc.start()
    try:
        archive.append(ds)
        appended = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        loaded = archive.load().load()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert appended < 0.8 * ds["y"].nbytes and held < 1.8 * ds["y"].nbytes
    np.testing.assert_array_equal(loaded["y"], ds["y"])
