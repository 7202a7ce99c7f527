"""A whole issue as a table, as GeoJSON, as a folder of Zarr."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from forecast import query
from forecast.errors import ForecastError
from forecast.query import export
from tests import fabricated
from tests.fabricated import EAST, LAT, LON, NORTH


@pytest.fixture(scope="module")
def issue(home: Path) -> query.Issue:
    return query.open(home, "slp").latest()


@pytest.fixture(scope="module")
def arctic(tmp_path_factory: pytest.TempPathFactory) -> query.Issue:
    home = fabricated.projected_pipeline(tmp_path_factory.mktemp("projected"))
    return query.open(home, "arctic").latest()


def test_the_table_has_a_row_a_lead_and_cell_that_says_what_it_is(issue: query.Issue, tmp_path: Path) -> None:
    export.save(issue, tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert len(table) == 5 * len(LAT) * len(LON)
    row = table[(table["lead_hours"] == 48) & (table["lat"] == 60) & (table["lon"] == 5)].iloc[0]
    answer = issue.at(60, 5)
    assert row["slp_quantile_0.95"] == pytest.approx(float(answer["slp_quantile"].sel(quantile=0.95)[1]))
    assert row["slp_baseline_persistence"] == pytest.approx(float(answer["slp_baseline"][1, 0]))
    assert row["valid_time"] == "2008-12-30T00:00:00Z" and row["units"] == "Pa"
    assert row["forecast_id"] == "slp-20081228T00-convlstm-3" and row["model_version"] == 3


def test_the_table_of_a_projected_grid_has_both_kinds_of_coordinates(arctic: query.Issue) -> None:
    table = export.table(arctic)
    row = table[(table["lead_hours"] == 24) & (table["y"] == 20) & (table["x"] == 32)].iloc[0]
    assert (row["lat"], row["lon"]) == (NORTH[5, 8], EAST[5, 8])
    assert row["t2m"] == pytest.approx(float(arctic.data["t2m"][0, 5, 8]))


def test_geojson_has_a_point_a_cell_with_a_value_a_lead(issue: query.Issue, tmp_path: Path) -> None:
    export.save(issue, tmp_path / "a.geojson")
    told = json.loads((tmp_path / "a.geojson").read_text())
    assert told["type"] == "FeatureCollection" and len(told["features"]) == len(LAT) * len(LON) - 1  # one is masked
    (cell,) = [one for one in told["features"] if one["geometry"]["coordinates"] == [5.0, 60.0]]
    assert cell["properties"]["slp_48h"] == pytest.approx(float(issue.at(60, 5)["slp"][1]), rel=1e-6)
    assert "slp_quantile_0.05_120h" in cell["properties"] and told["forecast"]["units"] == {"slp": "Pa"}


def test_series_without_positions_are_features_without_geometry(home: Path) -> None:
    told = export.geojson(query.open(home, "load").latest())
    assert [one["properties"]["series"] for one in told["features"]] == fabricated.NAMES
    assert told["features"][0]["geometry"] is None


def test_a_folder_of_zarr_is_never_written_over(issue: query.Issue, tmp_path: Path) -> None:
    export.save(issue, tmp_path / "a.zarr")
    with pytest.raises(ForecastError, match="a new folder for Zarr"):
        export.save(issue, tmp_path / "a.zarr")
    with pytest.raises(ForecastError, match=r"a file ending among .nc, .zarr, .csv, .geojson"):
        export.save(issue, tmp_path / "a.grib")
