from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from covjson_pydantic.coverage import Coverage
from edr_pydantic.capabilities import ConformanceModel, LandingPageModel
from edr_pydantic.collections import Collection, Collections, Instance, Instances
from fastapi.testclient import TestClient

from forecast import query
from forecast.serve import create_app

NEWEST, OLDER = "slp-20081228T00-convlstm-3", "slp-20081227T00-convlstm-3"


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    (home / "bare").mkdir(exist_ok=True)
    with TestClient(create_app(home, ["slp", "load", "bare"], lambda: datetime(2008, 12, 29, 9, tzinfo=UTC))) as client:
        yield client


def get(client: TestClient, path: str, status: int = 200, **query: Any) -> Any:
    response = client.get(path, params={key.replace("_", "-"): value for key, value in query.items()})
    assert response.status_code == status, response.text
    return response.json()


@pytest.mark.parametrize(
    "path, model",
    [
        ("/", LandingPageModel),
        ("/conformance", ConformanceModel),
        ("/collections", Collections),
        ("/collections/slp", Collection),
        ("/collections/load", Collection),
        ("/collections/slp/instances", Instances),
        (f"/collections/slp/instances/{OLDER}", Instance),
    ],
)
def test_descriptions_have_the_shape_of_the_standard(client: TestClient, path: str, model: Any) -> None:
    model.model_validate_json(client.get(path).content)


def test_every_link_of_a_description_leads_somewhere(client: TestClient) -> None:
    told = [get(client, "/"), get(client, "/collections"), get(client, "/collections/load")]
    for link in [link for one in told for link in one["links"]]:
        assert client.get(link["href"]).status_code == 200


def test_a_pipeline_without_an_issue_is_no_collection_yet(client: TestClient) -> None:
    assert [one["id"] for one in get(client, "/collections")["collections"]] == ["slp", "load"]
    assert "forecast issue" in get(client, "/collections/bare", 404)["do"]


def test_a_position_is_a_valid_coverage_that_equals_the_query(client: TestClient, home: Path) -> None:
    body = client.get("/collections/slp/position", params={"coords": "POINT(5 60)"}).content
    Coverage.model_validate_json(body)
    told, answer = json.loads(body), query.open(home, "slp").latest().at(60, 5)
    assert told["domain"]["axes"]["x"]["values"] == [5] and told["domain"]["axes"]["y"]["values"] == [60]
    assert told["domain"]["axes"]["t"]["values"][0] == "2008-12-29T00:00:00Z"
    np.testing.assert_allclose(told["ranges"]["slp"]["values"], answer["slp"])
    np.testing.assert_allclose(told["ranges"]["slp_skill_persistence"]["values"], 0.75)
    assert told["ranges"]["slp_observed"]["values"][4] is None
    assert told["parameters"]["slp"]["unit"]["symbol"]["value"] == "Pa"
    assert told["forecast"]["issue_time"] == "2008-12-29T06:00:00Z" and told["forecast"]["model_version"] == "3"


def test_both_conventions_of_longitude_answer_alike(client: TestClient) -> None:
    west = get(client, "/collections/slp/position", coords="POINT(-10 60)")
    assert west == get(client, "/collections/slp/position", coords="POINT(350 60)")


def test_parameters_and_time_narrow_the_answer(client: TestClient) -> None:
    told = get(
        client, "/collections/slp/position", coords="POINT(5 60)", parameter_name="slp,slp_quantile_0.95",
        datetime="2008-12-30/2008-12-31",
    )  # fmt: skip
    assert list(told["ranges"]) == ["slp", "slp_quantile_0.95"]
    assert told["domain"]["axes"]["t"]["values"] == ["2008-12-30T00:00:00Z", "2008-12-31T00:00:00Z"]


def test_an_instance_answers_for_itself(client: TestClient) -> None:
    told = get(client, f"/collections/slp/instances/{OLDER}/position", coords="POINT(5 60)")
    assert told["forecast"]["forecast_id"] == OLDER
    assert told["forecast"]["degraded"] == '["2008-12-27 was missing and bridged"]'


def test_csv_and_netcdf_hold_the_same_numbers(client: TestClient, tmp_path: Path) -> None:
    ask = {"coords": "POINT(5 60)", "parameter-name": "slp"}
    response = client.get("/collections/slp/position", params={**ask, "f": "CSV"})
    assert response.headers["content-type"].startswith("text/csv")
    table = pd.read_csv(StringIO(response.text))
    response = client.get("/collections/slp/position", params={**ask, "f": "netcdf"})
    (tmp_path / "a.nc").write_bytes(response.content)
    with xr.open_dataset(tmp_path / "a.nc") as back:
        np.testing.assert_allclose(back["slp"], table["slp"])
    assert f"{NEWEST}.nc" in response.headers["content-disposition"]


def test_a_series_is_a_location(client: TestClient, home: Path) -> None:
    features = get(client, "/collections/load/locations")["features"]
    assert [feature["id"] for feature in features] == ["oslo", "bergen", "north|<b>x</b>"]
    assert features[0]["geometry"] is None
    body = client.get("/collections/load/locations/bergen").content
    Coverage.model_validate_json(body)
    expected = query.open(home, "load").latest().series("bergen")["temp"]
    np.testing.assert_allclose(json.loads(body)["ranges"]["temp"]["values"], expected)


@pytest.mark.parametrize(
    "path, ask, status, words",
    [
        ("position", {"coords": "POINT(40 60)"}, 422, "-72.5 and 12.5 degrees east"),
        ("position", {"coords": "POINT(5 nan)"}, 422, "coords=POINT(longitude latitude)"),
        ("position", {"coords": "POLYGON((0 0))"}, 422, "coords=POINT(longitude latitude)"),
        ("position", {}, 422, "coords: Field required"),
        ("position", {"coords": "POINT(5 60)", "datetime": "2010-01-01"}, 422, "to before 2009-01-03T00:00:00Z"),
        ("position", {"coords": "POINT(5 60)", "parameter-name": "slpp"}, 422, "a parameter among slp"),
        ("position", {"coords": "POINT(5 60)", "parametername": "slp"}, 422, "a query parameter among coords"),
        ("position", {"coords": "POINT(5 60)", "f": "GRIB"}, 422, "a format among CoverageJSON"),
        ("locations", {}, 404, "position"),
        ("instances/slp-20081228T00-convlstm-4", {}, 404, NEWEST),
        ("nothing", {}, 404, "a path of this service"),
    ],
)
def test_a_wrong_question_is_refused_with_what_would_be_right(
    client: TestClient, path: str, ask: dict[str, str], status: int, words: str
) -> None:
    told = get(client, f"/collections/slp/{path}", status, **ask)
    assert words in told["expected"] + told["do"] and set(told) == {"code", "expected", "got", "do"}


def test_an_unknown_collection_or_series_suggests_the_nearest(client: TestClient) -> None:
    assert "did you mean 'slp'" in get(client, "/collections/slq", 404)["do"]
    assert "did you mean 'oslo'" in get(client, "/collections/load/locations/olso", 404)["do"]


def test_no_page_of_documentation_loads_from_another_host(client: TestClient) -> None:
    assert client.get("/docs").status_code == 404 and client.get("/api").status_code == 200
