from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import query
from forecast.errors import ForecastError
from forecast.query import formats
from forecast.store import Store
from tests import fabricated
from tests.fabricated import LAT, LON, REFERENCE, SEA, pressure


@pytest.fixture(scope="module")
def latest(home: Path) -> query.Issue:
    return query.open(home, "slp").latest()


def test_issues_are_listed_newest_first(home: Path) -> None:
    names = [stamp.forecast_id for stamp in query.open(home, "slp").issues()]
    assert names == ["slp-20081228T00-convlstm-3", "slp-20081227T00-convlstm-3"]


def test_the_answer_at_a_point_equals_the_selection_from_the_field(latest: query.Issue) -> None:
    answer = latest.at(59.2, 4.1)
    row, column = 6, 15  # 60 N, 5 E
    valid = REFERENCE + pd.to_timedelta(np.arange(1, 6), "D")
    central = pressure(valid.values)[:, row, column] + 100
    np.testing.assert_allclose(answer["slp"], central)
    np.testing.assert_array_equal(answer["valid_time"], valid)
    np.testing.assert_allclose(answer["slp_quantile"].sel(quantile=0.5), central)
    assert (answer["slp_baseline"].sel(baseline="persistence") > answer["slp"]).all()
    assert float(answer["lat"]) == 60 and float(answer["lon"]) == 5
    assert answer["slp"].attrs["units"] == "Pa" and answer.attrs["place"] == "60.00°N 5.00°E"


def test_the_truth_so_far_stands_beside_the_forecast(latest: query.Issue) -> None:
    observed = latest.at(60, 5)["slp_observed"].values
    np.testing.assert_allclose(observed[:2], pressure(np.array(["2008-12-29", "2008-12-30"]))[:, 6, 15])
    assert np.isnan(observed[2:]).all()


def test_skill_is_one_minus_the_ratio_of_squared_errors(latest: query.Issue) -> None:
    answer = latest.at(60, 5)
    assert answer["slp_rmse"].values.tolist() == [300.0] * 5
    np.testing.assert_allclose(answer["slp_skill"].sel(baseline="persistence"), 1 - (300 / 600) ** 2)
    np.testing.assert_allclose(answer["slp_skill"].sel(baseline="climatology"), 1 - (300 / 400) ** 2)


def test_without_scores_there_is_no_skill(home: Path) -> None:
    assert "temp_skill" not in query.open(home, "load").latest().series("oslo")


def test_a_masked_cell_says_so_and_names_the_nearest_that_is_not(latest: query.Issue) -> None:
    answer = latest.at(LAT[SEA[0]], LON[SEA[1]])
    assert answer["slp"].isnull().all()
    assert "masked" in answer.attrs["note"] and "40.00°N 60.00°W" in answer.attrs["note"]


def test_tomorrow_is_the_day_after_the_date_of_issue(latest: query.Issue) -> None:
    assert latest.data.attrs["issue_time"] == "2008-12-29T06:00:00Z"
    assert latest.tomorrow().data["valid_time"].values == np.array(["2008-12-30"], "datetime64[ns]")


def test_tomorrow_of_hourly_data_is_24_leads(home: Path) -> None:
    answer = query.open(home, "load").latest().tomorrow().series("bergen")
    expected = pd.date_range("2008-12-30", periods=24, freq="h")
    np.testing.assert_array_equal(answer["valid_time"], expected)


def test_a_time_belongs_to_the_step_that_holds_it(latest: query.Issue) -> None:
    assert latest.valid_time("2008-12-31T23:59Z").data.sizes["lead"] == 1
    assert latest.valid_time("2008-12-30/2009-01-01").data.sizes["lead"] == 3


@pytest.mark.parametrize("when", ["2008-12-28", "2009-01-03", "2009-01-03T00:00Z/.."])
def test_a_date_outside_the_run_is_refused_with_the_range(latest: query.Issue, when: str) -> None:
    with pytest.raises(ForecastError, match="from 2008-12-29T00:00:00Z to before 2009-01-03T00:00:00Z"):
        latest.valid_time(when)


def test_an_area_keeps_members_and_the_cells_inside(latest: query.Issue) -> None:
    data = latest.area(50, 60, 350, 360).data
    assert data["lat"].values.tolist() == [50, 55, 60] and data["lon"].values.tolist() == [-10, -5, 0]
    whole = latest.data.sel(lat=slice(50, 60), lon=slice(-10, 0))
    xr.testing.assert_equal(data["slp_member"], whole["slp_member"])
    assert latest.area(50, 60, 350, 360).at(55, -5)["slp_rmse"].notnull().all()


def test_unknown_names_are_refused_with_the_nearest(home: Path) -> None:
    load = query.open(home, "load")
    with pytest.raises(query.NotFound, match=r"a series among oslo, bergen(.|\n)*did you mean 'bergen'"):
        load.latest().series("bergn")
    with pytest.raises(query.NotFound, match=r"did you mean 'slp-20081228T00-convlstm-3'"):
        query.open(home, "slp").issue("slp-20081228T06-convlstm-3")
    with pytest.raises(query.NotFound, match=r"a pipeline among load, slp(.|\n)*did you mean 'slp'"):
        query.open(home, "slpp")


def test_a_map_has_no_series_and_series_have_no_map(home: Path, latest: query.Issue) -> None:
    with pytest.raises(ForecastError, match="expected a point"):
        latest.series("oslo")
    with pytest.raises(ForecastError, match="expected the name of a series"):
        query.open(home, "load").latest().at(60, 5)
    with pytest.raises(ForecastError, match="expected a map"):
        query.open(home, "load").latest().area(0, 1, 0, 1)


def test_an_empty_pipeline_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    reader = query.open(tmp_path, "bare")
    assert reader.issues() == []
    with pytest.raises(query.NotFound, match="run `forecast issue`"):
        reader.latest()


def test_a_reader_sees_what_is_written_after_it_was_opened(tmp_path: Path) -> None:
    reader = query.open(fabricated.map_pipeline(tmp_path), "slp")
    before = reader.latest().data.attrs["forecast_id"]
    newer = Store(tmp_path / "slp" / "store").read(before)
    moved = fabricated.forecast(
        {"lat": LAT, "lon": LON}, newer["slp"].values[0], "slp", "Pa", "1D",
        reference=REFERENCE + pd.Timedelta(days=1), forecast_id="newer", issue_time="2008-12-30T06:00:00Z",
    )  # fmt: skip
    Store(tmp_path / "slp" / "store").write_issue(moved)
    assert reader.latest().data.attrs["forecast_id"] == "newer"
    assert not reader.freshness(reader.latest(), datetime(2008, 12, 30, 9, tzinfo=UTC)).stale


def test_csv_is_a_row_a_lead_and_a_line_cut_out_still_says_what_it_is(latest: query.Issue) -> None:
    table = pd.read_csv(StringIO(formats.write(latest.at(60, 5), "csv").decode()))
    assert len(table) == 5 and table["units"].unique() == ["Pa"]
    assert table["forecast_id"].unique() == ["slp-20081228T00-convlstm-3"]
    np.testing.assert_allclose(table["slp_quantile_0.95"], latest.at(60, 5)["slp_quantile"][:, 2], rtol=1e-12)
    assert table["slp_observed"].isnull().tolist() == [False, False, True, True, True]


def test_json_has_null_for_what_is_missing(latest: query.Issue) -> None:
    told = json.loads(formats.write(latest.at(60, 5), "json"))
    assert told["rows"][4]["slp_observed"] is None and told["place"] == {"lat": 60, "lon": 5}
    assert told["units"]["slp"] == "Pa" and told["units"]["slp_skill_persistence"] == "1"


def test_netcdf_comes_back_equal(latest: query.Issue, tmp_path: Path) -> None:
    answer = latest.at(60, 5)
    (tmp_path / "a.nc").write_bytes(formats.write(answer, "netcdf"))
    with xr.open_dataset(tmp_path / "a.nc", decode_timedelta=True) as back:
        xr.testing.assert_allclose(back, answer)


def test_an_unknown_format_or_column_is_refused(latest: query.Issue) -> None:
    with pytest.raises(ForecastError, match="a format among csv, json, netcdf"):
        formats.write(latest.at(60, 5), "xls")
    with pytest.raises(ForecastError, match="did you mean 'slp_skill_persistence'"):
        formats.write(latest.at(60, 5), "csv", ["slp_skil_persistence"])
