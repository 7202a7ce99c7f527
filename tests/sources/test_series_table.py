"""Tables of series: the real one, and tables written here with every trap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.sources.series_table import SeriesTable, from_frame

LONG = """site,time,load,price
007,2001-01-01 00:00,1,10
007,2001-01-01 01:00,2,20
A,2001-01-01 00:00,5,50
A,2001-01-01 03:00,8,
007,2001-01-01 03:00,4,40
"""
UNITS = {"load": "MW", "price": "EUR"}


@pytest.fixture
def table(tmp_path: Path) -> Any:
    def write(text: str, name: str = "table.csv", **options: Any) -> SeriesTable:
        (tmp_path / name).write_text(text)
        return SeriesTable(paths=str(tmp_path / name), **{"units": UNITS, "id": "site", **options})

    return write


def test_a_real_table_without_an_id_is_one_series_named_after_its_file(real_data: Path) -> None:
    units = dict.fromkeys(("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL"), "1") | {"OT": "degC"}
    data = SeriesTable(paths=str(real_data / "ETTh1.csv"), time="date", units=units).fetch()
    assert dict(data.sizes) == {"time": 17420, "series": 1}
    assert data.series.values.tolist() == ["ETTh1"] and data.OT.attrs["units"] == "degC"
    assert float(data.OT[0, 0]) == 30.5310001373291


def test_long_rows_become_time_and_series_with_nan_for_what_is_absent(table: Any) -> None:
    data = table(LONG).fetch()
    assert data["load"].dims == ("time", "series")
    assert data.series.values.tolist() == ["007", "A"]
    assert (data.time.to_index() == pd.date_range("2001-01-01", periods=4, freq="h")).all()
    nan = np.nan
    np.testing.assert_array_equal(data["load"].values, [[1, 5], [2, nan], [nan, nan], [4, 8]])
    np.testing.assert_array_equal(data.price.values, [[10, 50], [20, nan], [nan, nan], [40, nan]])
    assert data.price.attrs["units"] == "EUR" and data.attrs["title"] == "table.csv"


def test_parquet_reads_like_csv(table: Any, tmp_path: Path) -> None:
    source = table(LONG)
    frame = pd.read_csv(tmp_path / "table.csv", dtype={"site": str}, parse_dates=["time"])
    frame.set_index("time").to_parquet(tmp_path / "table.parquet")
    other = SeriesTable(paths=str(tmp_path / "table.parquet"), units=UNITS, id="site")
    assert source.fetch().equals(other.fetch())


def test_columns_separator_and_span_are_chosen(table: Any) -> None:
    data = table(LONG.replace(",", ";"), columns="load", separator=";").fetch("2001-01-01T01:00", "2001-01-01T03:00")
    assert list(data.data_vars) == ["load"] and data.sizes["time"] == 3


def test_files_are_joined_and_each_is_a_series_where_there_is_no_id(tmp_path: Path) -> None:
    for name, value in (("north", 1), ("south", 2)):
        (tmp_path / f"{name}.csv").write_text(f"time,load\n2001-01-01,{value}\n2001-01-02,{value}\n")
    data = SeriesTable(paths=str(tmp_path / "*.csv"), units=UNITS).fetch()
    assert data["load"].sel(series="south").values.tolist() == [2, 2] and data.series.size == 2


def test_offsets_are_brought_to_utc(table: Any) -> None:
    text = "time,load\n2013-11-03T01:00-04:00,1\n2013-11-03T01:00-05:00,2\n"
    data = table(text, id=None).fetch()
    assert [str(time)[:16] for time in data.time.values] == ["2013-11-03T05:00", "2013-11-03T06:00"]


def test_a_format_is_followed_and_an_ambiguous_date_is_refused_without_one(table: Any) -> None:
    text = "time,load\n01/02/2001,1\n02/02/2001,2\n"
    data = table(text, id=None, time_format="%d/%m/%Y").fetch()
    assert str(data.time.values[1])[:10] == "2001-02-02"
    with pytest.raises(ForecastError, match=r"ISO 8601(.|\n)*column time of .*table.csv(.|\n)*set source.time_format"):
        table(text, id=None).fetch()


def test_the_same_row_twice_is_one_and_two_that_differ_are_refused(table: Any) -> None:
    row = LONG.splitlines()[1]
    assert table(LONG + row + "\n").fetch().equals(table(LONG).fetch())
    words = r"one value for each series(.|\n)*1 and 9 for load of 007 at 2001-01-01T00:00, in table.csv(.|\n)*source.id"
    with pytest.raises(ForecastError, match=words):
        table(LONG + row.replace(",1,", ",9,") + "\n").fetch()
    with pytest.raises(ForecastError, match=r"1 and 9 for load"):
        table(LONG.replace(row, f"{row}\n{row.replace(',1,', ',9,')}")).fetch()


def test_a_missing_value_gives_way_to_one_that_is_there(table: Any) -> None:
    data = table(LONG + "A,2001-01-01 03:00,,80\n").fetch()
    assert data["load"].values[3, 1] == 8 and data.price.values[3, 1] == 80


def test_a_column_without_a_unit_is_a_plain_number(table: Any) -> None:
    assert table(LONG, units={"load": "MW"}).fetch().price.attrs["units"] == "1"


def test_several_columns_name_a_series_together(table: Any) -> None:
    text = "store,item,time,load\n1,a,2001-01-01,1\n1,b,2001-01-01,2\n1,a,2001-01-02,3\n1,b,2001-01-02,4\n"
    data = table(text, id=["store", "item"]).fetch()
    assert data.series.values.tolist() == ["1:a", "1:b"] and data["load"].values.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ForecastError, match=r"1 and 2 for load of 1 at(.|\n)*every column that tells series apart"):
        table(text, id="store", columns="load").fetch()


def test_a_name_that_looks_like_nothing_is_a_name_and_true_is_one(table: Any) -> None:
    data = table("site,time,holiday\nNA,2001-01-01,true\n007,2001-01-01,false\n").fetch()
    assert data.series.values.tolist() == ["007", "NA"] and data.holiday.values.tolist() == [[0, 1]]


def test_a_decimal_comma_is_read(table: Any) -> None:
    text = "site;time;load\nA;2001-01-01;1,5\nA;2001-01-02;2,5\n"
    assert table(text, separator=";", decimal=",").fetch()["load"].values.tolist() == [[1.5], [2.5]]


def test_an_uneven_axis_is_refused(table: Any) -> None:
    with pytest.raises(ForecastError, match=r"apart(.|\n)*2001-01-01 01:20:00"):
        table(LONG + "A,2001-01-01 01:20,5,50\nA,2001-01-01 02:00,5,50\n").fetch()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (LONG, {"id": "station"}, r"the columns time, station(.|\n)*no station(.|\n)*source.id"),
        (LONG, {"time": "when"}, r"the columns when, site(.|\n)*no when(.|\n)*source.time"),
        (LONG.replace("20\n", "n/k\n"), {}, r"columns of numbers(.|\n)*text in price(.|\n)*source.columns"),
        (LONG + "A,2001-01-01 04:00,n/k\n", {}, r"readable CSV(.|\n)*Expected 4 columns, got 3(.|\n)*mend the file"),
        (LONG.replace("A,", ",", 1), {}, r"name of its series in each row(.|\n)*a row without site(.|\n)*fill it in"),
        ("site,time,load,price\n", {}, r"rows(.|\n)*0 rows in table.csv"),
        (LONG.replace("2001-01-01 01:00", ""), {}, r"none missing(.|\n)*1 missing(.|\n)*time_format"),
        ('a,"b\n', {}, r"a readable CSV or Parquet table(.|\n)*mend the file"),
        ("time,load,load\n2001-01-01,1,2\n", {"id": None}, r"differ in name(.|\n)*load twice(.|\n)*rename"),
        ("time,load\n2001-01-01,1\n5,2\n", {"id": None}, r"times as ISO 8601(.|\n)*column time(.|\n)*time_format"),
        ("time,load\n1.5,1\n2.5,2\n", {"id": None}, r"whole numbers of steps(.|\n)*1.5 in(.|\n)*source.frequency"),
        ("time,load\n0,1\n200000,2\n", {"id": None}, r"at most 100000 numbered(.|\n)*to 200000(.|\n)*'1min'"),
        ("time\n2001-01-01\n", {"id": None}, r"columns of numbers(.|\n)*none in"),
        ("site,V1,V2,V3,V4,V5,V6\nA,1,2,3,4,5,6\n", {"id": None}, r"names the series of each row(.|\n)*set source.id"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(table: Any, text: str, options: Any, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        table(text, **options).fetch()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"frequency": "often"}, r"a frequency: month, quarter, year, week(.|\n)*'often'"),
        ({"frequency": "0h"}, r"a frequency(.|\n)*'0h'"),
        ({"time_zone": "Mars/Olympus"}, r"'Mars/Olympus' is no zone such as 'Europe/Paris'"),
        ({"shape": "tall"}, r"shape: Input should be 'long', 'wide' or 'rows'"),
        ({"separator": ", "}, r"separator: (.|\n)*at most 1 character"),
    ],
)
def test_impossible_options_are_refused_at_birth(table: Any, options: Any, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        table(LONG, **options)


def test_a_broken_number_far_down_is_named(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = "".join(f"{number},1.25\n" for number in range(2**20))
    path.write_text(f"step,load\n{rows}{2**20},n/k\n")
    with pytest.raises(ForecastError, match=r"numbers in the columns load(.|\n)*'n/k'(.|\n)*long.csv"):
        SeriesTable(paths=str(path), time="", columns="load").fetch()


def test_text_in_a_column_of_a_frame_is_refused() -> None:
    frame = pd.DataFrame({"time": pd.date_range("2001", periods=2), "load": ["1", "x"]})
    with pytest.raises(ForecastError, match=r"numbers in the column load(.|\n)*the frame(.|\n)*source.columns"):
        from_frame(frame, shape="rows", id="time", columns="load").fetch()
