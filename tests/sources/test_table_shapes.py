"""The same data in any shape, order and kind of file are the same series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.sources import table_reading
from forecast.sources.series_table import SeriesTable, from_frame

FREQUENCIES = {"h": "1h", "D": "day", "W-SUN": "week", "MS": "month", "QS": "quarter", "YS": "year"}
M4 = "id,V1,V2,V3,V4,V5,V6\nY1,1,2,3,,,\nY02,4,5,6,7,8,9\n"


@st.composite
def panels(draw: st.DrawFn) -> tuple[pd.DataFrame, str]:
    """A long frame of series that begin and end where they like, with values missing and rows absent."""
    rule = draw(st.sampled_from(sorted(FREQUENCIES)))
    axis = pd.date_range("2001-01-01", periods=12, freq=rule)
    names = draw(st.lists(st.text("aA07 é", min_size=1, max_size=3), min_size=1, max_size=4, unique=True))
    rows = []
    for name in names:
        first, last = sorted(draw(st.tuples(st.integers(0, 11), st.integers(0, 11))))
        for step in range(first, last + 1):
            value = draw(st.one_of(st.none(), st.floats(-1e6, 1e6, width=32), st.integers(-9, 9)))
            rows.append((name, axis[step], np.nan if value is None else float(value)))
    return pd.DataFrame(rows, columns=["id", "time", "value"]), FREQUENCIES[rule]


def read(frame: pd.DataFrame, frequency: str, **options: Any) -> xr.Dataset:
    return from_frame(frame, id="id", frequency=frequency, **options).fetch()


@settings(max_examples=15, deadline=None)
@given(panel=panels())
def test_long_and_wide_are_the_same_dataset(panel: tuple[pd.DataFrame, str]) -> None:
    frame, frequency = panel
    wide = frame.pivot(index="time", columns="id", values="value")
    assert read(frame, frequency).identical(from_frame(wide, shape="wide", frequency=frequency).fetch())


@settings(max_examples=15, deadline=None)
@given(panel=panels(), chance=st.randoms(use_true_random=False), twice=st.booleans())
def test_the_order_of_rows_changes_nothing_nor_does_a_row_told_twice(panel: Any, chance: Any, twice: bool) -> None:
    frame, frequency = panel
    rows = [*range(len(frame)), *(range(len(frame) // 2) if twice else ())]
    chance.shuffle(rows)
    assert read(frame.iloc[rows], frequency).identical(read(frame, frequency))


@settings(max_examples=10, deadline=None)
@given(panel=panels())
def test_what_was_written_is_read(panel: tuple[pd.DataFrame, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    frame, frequency = panel
    data, folder = read(frame, frequency), tmp_path_factory.mktemp("written")
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_parquet(folder / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        assert SeriesTable(paths=str(folder / name), id="id", frequency=frequency).fetch().equals(data)
    told = frame.set_index(["id", "time"])["value"].dropna().to_dict()
    values = data.value.stack(cell=("time", "series")).dropna("cell")
    assert sorted(values.values.tolist()) == sorted(told.values())


@settings(max_examples=10, deadline=None)
@given(panel=panels())
def test_a_table_read_by_small_parts_is_the_same(panel: tuple[pd.DataFrame, str]) -> None:
    frame, frequency = panel
    whole = read(frame, frequency)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forecast.sources.table_parts.ROWS", 2)
        assert read(frame, frequency).identical(whole)


def test_a_row_a_series_counts_its_steps_and_keeps_unequal_lengths(tmp_path: Path) -> None:
    (tmp_path / "m4.csv").write_text(M4)
    data = SeriesTable(paths=str(tmp_path / "m4.csv"), id="id").fetch()
    assert data.attrs["axis"] == "integer" and data.series.values.tolist() == ["Y02", "Y1"]
    np.testing.assert_array_equal(data.value.values.T, [[4, 5, 6, 7, 8, 9], [1, 2, 3, *[np.nan] * 3]])
    assert str(data.time.values[1])[:10] == "1970-01-02"


def test_a_row_a_series_under_dates() -> None:
    days = pd.date_range("2015-07-01", periods=7).strftime("%Y-%m-%d")
    frame = pd.DataFrame([["Main_Page", "en", *range(7)]], columns=["Page", "language", *days])
    source = from_frame(frame, id="Page", attributes="language", value="visits")
    data = source.fetch()
    assert data.visits.values.ravel().tolist() == list(range(7))
    assert str(data.time.values[0])[:10] == "2015-07-01" and "axis" not in data.attrs
    static = source.static()
    assert static is not None and static.language.attrs["categories"] == '["en"]'


def test_numbered_columns_beside_a_time_are_series_and_named_ones_are_variables() -> None:
    frame = pd.DataFrame({"time": pd.date_range("2001", periods=2), "s1": [1, 2], "s2": [3, 4], "s3": [5, 6]})
    data = from_frame(frame, value="flow", units={"flow": "m3 s-1"}).fetch()
    assert data.flow.values.tolist() == [[1, 3, 5], [2, 4, 6]] and data.flow.attrs["units"] == "m3 s-1"
    named = from_frame(frame.rename(columns={"s1": "rain", "s2": "flow", "s3": "temp"})).fetch()
    assert list(named.data_vars) == ["rain", "flow", "temp"] and named.sizes["series"] == 1


def test_rows_without_times_are_steps_from_zero_in_each_series() -> None:
    frame = pd.DataFrame({"id": ["b", "a", "b", "b"], "y": [1.0, 2.0, 3.0, 4.0]})
    data = from_frame(frame, id="id", time="").fetch()
    np.testing.assert_array_equal(data.y.values, [[2, 1], [np.nan, 3], [np.nan, 4]])
    assert data.attrs["axis"] == "integer"


def test_rows_without_times_can_have_a_frequency_on_a_nominal_clock() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0]})
    hours = from_frame(frame, time="", frequency="1h").fetch()
    assert str(hours.time.values[2])[:16] == "1970-01-01T02:00" and "axis" not in hours.attrs
    months = from_frame(frame, time="", frequency="month").fetch()
    assert months.attrs["axis"] == "month" and str(months.time.values[2])[:10] == "1970-03-01"


def test_values_known_beforehand_reach_beyond_the_target() -> None:
    frame = pd.DataFrame({"time": pd.date_range("2001", periods=4), "sold": [1, 2, None, None], "promo": [0, 1, 0, 1]})
    data = from_frame(frame).fetch()
    np.testing.assert_array_equal(data.sold.values[:, 0], [1, 2, np.nan, np.nan])
    assert data.promo.values[:, 0].tolist() == [0, 1, 0, 1]


def test_a_table_far_larger_is_kept_in_half_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"time": pd.date_range("2001", periods=4), "y": [0.1, 0.2, 0.3, 0.4]})
    assert from_frame(frame).fetch().y.dtype == "float64"
    monkeypatch.setattr(table_reading, "LARGE", 3)
    assert from_frame(frame).fetch().y.dtype == "float32"


def test_a_frame_of_periods_and_one_with_two_levels_are_read() -> None:
    index = pd.period_range("2001Q1", periods=3, freq="Q")
    assert from_frame(pd.DataFrame({"y": [1, 2, 3]}, index=index)).fetch().attrs["axis"] == "quarter"
    levels = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2001", periods=2)], names=["id", "time"])
    data = from_frame(pd.DataFrame({"y": [1, 2, 3, 4]}, index=levels), id="id").fetch()
    assert data.y.values.tolist() == [[1, 3], [2, 4]]


def test_wide_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,s1,s2,s3\n2001-01-01,1,2,3\n")
    (tmp_path / "b.csv").write_text("time,s1,s2\n2001-01-02,1,2\n")
    with pytest.raises(ForecastError, match=r"the columns time, s1, s2, s3(.|\n)*b.csv, no s3"):
        SeriesTable(paths=str(tmp_path / "*.csv")).fetch()
