"""Tables of series: the real one, and tables written here with every trap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.sources.series_table import SeriesTable

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


def test_years_written_as_numbers_need_a_format(table: Any) -> None:
    text = "time,load\n1958,1\n1959,2\n"
    with pytest.raises(ForecastError, match="numbers such as 1958"):
        table(text, id=None).fetch()
    assert table(text, id=None, time_format="%Y").fetch().sizes["time"] == 2


def test_the_same_row_twice_is_one_and_two_that_differ_are_refused(table: Any) -> None:
    row = LONG.splitlines()[1]
    assert table(LONG + row + "\n").fetch().equals(table(LONG).fetch())
    with pytest.raises(ForecastError, match=r"one row for each series(.|\n)*007 at 2001-01-01 00:00:00(.|\n)*autumn"):
        table(LONG + row.replace(",1,", ",9,") + "\n").fetch()


def test_an_uneven_axis_is_refused(table: Any) -> None:
    with pytest.raises(ForecastError, match=r"apart(.|\n)*2001-01-01 01:20:00"):
        table(LONG + "A,2001-01-01 01:20,5,50\nA,2001-01-01 02:00,5,50\n").fetch()


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (LONG, {"units": {"load": "MW"}}, r'a unit for each column(.|\n)*price(.|\n)*set units = \{price = "..."\}'),
        (LONG, {"id": "station"}, r"the columns time, station(.|\n)*no station(.|\n)*source.id"),
        (LONG.replace("20\n", "n/k\n"), {}, r"rows of numbers(.|\n)*text in price"),
        (LONG.replace("A,", ",", 1), {}, r"1 rows without site"),
        ("site,time,load,price\n", {}, r"0 rows"),
        (LONG.replace("2001-01-01 01:00", ""), {}, r"none missing(.|\n)*1 missing"),
        ('a,"b\n', {}, r"a readable CSV or Parquet table(.|\n)*mend the file"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(table: Any, text: str, options: Any, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        table(text, **options).fetch()
