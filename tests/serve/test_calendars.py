"""A climate model's year of 360 days, from the store to the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from fastapi.testclient import TestClient

from forecast import query, schema
from forecast.archive import Archive
from forecast.serve import create_app
from forecast.store import Store
from tests.fabricated import forecast

SPACE = {"lat": np.array([50.0, 51.0]), "lon": np.array([4.0, 5.0, 6.0])}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One issue of three days from 28 February 2095, whose truth is known for the 29th."""
    folder = tmp_path_factory.mktemp("calendars")
    days = xr.date_range("2095-02-20", periods=10, calendar="360_day", use_cftime=True).values
    Archive(folder / "tasmax" / "archive").append(
        xr.Dataset(
            {
                "tasmax": (
                    ("time", "lat", "lon"),
                    280.0 + np.arange(10)[:, None, None] * np.ones((1, 2, 3)),
                    {"units": "K"},
                )
            },
            coords={"time": days, **SPACE},
        )
    )
    made = forecast(
        SPACE, np.full((3, 2, 3), 290.0), "tasmax", "K", "1D", forecast_id="feb", issue_time="2095-02-29T00:00:00Z"
    )
    reference = np.array([cftime.Datetime360Day(2095, 2, 28)])
    valid = schema.valid_times(reference, schema.leads(3, pd.Timedelta("1D")))
    made = made.drop_vars([schema.VALID_TIME]).assign_coords({schema.REFERENCE: reference})
    made[schema.VALID_TIME] = ((schema.REFERENCE, schema.LEAD), valid)
    Store(folder / "tasmax" / "store").write_issue(made.set_coords(schema.VALID_TIME))
    return folder


def test_tomorrow_is_the_thirtieth_of_february(home: Path) -> None:
    answer = query.open(home, "tasmax").latest().tomorrow().at(50.2, 4.9)
    assert answer["valid_time"].values.tolist() == [cftime.Datetime360Day(2095, 2, 30)]


def test_the_truth_of_the_same_calendar_stands_beside(home: Path) -> None:
    answer = query.open(home, "tasmax").latest().at(50, 5)
    np.testing.assert_array_equal(answer["tasmax_observed"], [289.0, np.nan, np.nan])


def test_the_wire_names_the_calendar_and_its_own_days(home: Path) -> None:
    client = TestClient(create_app(home, ["tasmax"], lambda: datetime(2026, 1, 1, tzinfo=UTC)))
    told = client.get("/collections/tasmax/position", params={"coords": "POINT(5 50)"}).json()
    assert told["domain"]["axes"]["t"]["values"] == [f"2095-{day}T00:00:00Z" for day in ("02-29", "02-30", "03-01")]
    assert told["domain"]["referencing"][0]["system"]["calendar"].endswith("calendar_360_day")
    past = client.get("/view/tasmax/place", params={"lat": 50, "lon": 5}).json()["past"]["tasmax"]
    assert past[-1] == {"lead_hours": 24.0, "valid_time": "2095-02-29T00:00:00Z", "value": 289.0}
    assert client.get("/view/tasmax").json()["freshness"] == "Issued 2095-02-29 00:00 UTC, in a calendar of its own"
    assert client.get("/collections").status_code == 200


def test_it_becomes_a_file_too(home: Path) -> None:
    client = TestClient(create_app(home, ["tasmax"], lambda: datetime(2026, 1, 1, tzinfo=UTC)))
    for form in ("CSV", "NetCDF"):
        ask = {"coords": "POINT(5 50)", "f": form, "datetime": "2095-02-30"}
        assert client.get("/collections/tasmax/position", params=ask).status_code == 200
