from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from forecast import query
from forecast.serve import create_app
from tests.fabricated import LAT, LON, SEA


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(home, ["slp", "load"], lambda: datetime(2009, 1, 9, tzinfo=UTC))) as client:
        yield client


def test_pipelines_are_listed_with_their_issues(client: TestClient) -> None:
    assert client.get("/view").json()["pipelines"] == [{"name": "slp", "issues": 2}, {"name": "load", "issues": 1}]


def test_the_summary_says_what_is_shown_and_how_old_it_is(client: TestClient) -> None:
    told = client.get("/view/slp").json()
    assert (told["kind"], told["model"], told["stale"]) == ("map", "convlstm", True)
    assert told["freshness"] == "Issued 2008-12-29 06:00 UTC, 11 days ago; every lead lies in the past"
    assert told["leads"][0] == {"lead_hours": 24.0, "valid_time": "2008-12-29T00:00:00Z"}
    assert told["variables"][0]["units"] == "Pa" and told["baselines"] == ["persistence", "climatology"]
    assert len(told["issues"]) == 2 and told["simulated"] is False


def test_a_map_is_the_field_rounded_to_a_ten_thousandth_of_its_range(client: TestClient, home: Path) -> None:
    told = client.get("/view/slp/map", params={"lead": 2}).json()
    field = query.open(home, "slp").latest().data["slp"]
    values = np.array(told["values"], float).reshape(len(LAT), len(LON))
    np.testing.assert_allclose(values, field[1], atol=(told["range"][1] - told["range"][0]) / 10_000)
    assert told["values"][SEA[0] * len(LON) + SEA[1]] is None
    assert told["range"] == [float(field.min()), float(field.max())] and told["valid_time"] == "2008-12-30T00:00:00Z"


def test_a_map_of_a_quantile_is_asked_by_its_column(client: TestClient, home: Path) -> None:
    told = client.get("/view/slp/map", params={"parameter": "slp_quantile_0.95"}).json()
    field = query.open(home, "slp").latest().data["slp_quantile"].sel(quantile=0.95)[0]
    np.testing.assert_allclose(np.array(told["values"], float), field.values.ravel(), atol=2)


def test_a_lead_outside_the_run_is_refused(client: TestClient) -> None:
    response = client.get("/view/slp/map", params={"lead": 6})
    assert response.status_code == 422 and response.json()["expected"] == "a lead from 1 to 5"


def test_the_list_of_series_has_every_lead(client: TestClient) -> None:
    told = client.get("/view/load/series").json()
    assert [one["name"] for one in told["series"]] == ["oslo", "bergen", "north|<b>x</b>"]
    assert told["series"][0]["values"][0] == 10.0 and len(told["series"][0]["values"]) == 48


def test_a_place_comes_with_the_observations_that_lead_into_it(client: TestClient) -> None:
    told = client.get("/view/slp/place", params={"lat": 60, "lon": 5}).json()
    past = told["past"]["slp"]
    assert past[0]["lead_hours"] == -240 and past[-1] == {
        "lead_hours": 48.0,
        "valid_time": "2008-12-30T00:00:00Z",
        "value": told["rows"][1]["slp_observed"],
    }


def test_a_place_must_be_named(client: TestClient) -> None:
    response = client.get("/view/slp/place", params={"lat": 60})
    assert response.status_code == 422 and "lat and lon, or series" in response.json()["expected"]
