"""What does not change within a series: numbers, categories, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecast.errors import ForecastError
from forecast.sources.series_table import SeriesTable, from_frame

ROWS = pd.DataFrame(
    {
        "shop": ["b", "a", "b", "a"],
        "time": pd.to_datetime(["2001-01-01", "2001-01-01", "2001-01-02", "2001-01-02"]),
        "sold": [1.0, 2.0, 3.0, 4.0],
        "town": ["Rome", "Oslo", "Rome", None],
        "area": [10, 20, 10, 20],
    }
)
BESIDE = pd.DataFrame({"shop": ["a", "c"], "owner": ["Ann", "Cai"], "open": [True, False]})


def source(rows: pd.DataFrame = ROWS, **options: Any) -> SeriesTable:
    return from_frame(rows, **{"id": "shop", "attributes": ["town", "area"], **options})


def test_attributes_of_the_table_are_of_each_series_and_no_variables() -> None:
    static = source().static()
    assert static is not None and list(source().fetch().data_vars) == ["sold"]
    assert static.series.values.tolist() == ["a", "b"] and static.area.values.tolist() == [20, 10]
    assert json.loads(static.town.attrs["categories"]) == ["Oslo", "Rome"] and static.town.values.tolist() == [0, 1]
    assert (
        "categories" not in static.area.attrs and static.area.attrs["units"] == "1" and static.area.dtype == "float32"
    )


def test_attributes_beside_the_table_are_joined_and_absent_ones_are_missing(tmp_path: Path) -> None:
    static = source(static=BESIDE).static()
    assert static is not None and list(static.data_vars) == ["town", "area", "owner", "open"]
    np.testing.assert_array_equal(static.owner.values, [0, np.nan])
    np.testing.assert_array_equal(static.open.values, [1, np.nan])
    ROWS.to_parquet(tmp_path / "rows.parquet")
    BESIDE.rename(columns={"shop": "name"}).to_csv(tmp_path / "beside.csv", index=False)
    files = {"paths": str(tmp_path / "rows.parquet"), "static": str(tmp_path / "beside.csv")}
    written = SeriesTable(**files, id="shop", columns="sold", attributes=["town", "area"]).static()
    assert written is not None and written.identical(static)


def test_a_table_without_attributes_has_none() -> None:
    assert from_frame(ROWS, id="shop", columns="sold").static() is None


def test_columns_that_name_a_series_can_be_its_attributes() -> None:
    static = source(id=["shop", "town"], attributes="town", columns="sold", rows=ROWS.ffill()).static()
    assert static is not None and static.series.values.tolist()[0] == "a:Oslo" and "town" in static


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": ROWS.assign(town=list("wxyz"))}, r"one town for each series(.|\n)*x, z for a(.|\n)*column of values"),
        (
            {"static": pd.concat([BESIDE, BESIDE.assign(owner="Eve")])},
            r"one owner for each series(.|\n)*Ann, Eve",
        ),
        ({"static": BESIDE.assign(shop=["x", "y"])}, r"attributes of the series(.|\n)*x, y in the frame, a, b in the"),
    ],
)
def test_attributes_that_cannot_be_are_refused(options: Any, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        source(**options).static()
