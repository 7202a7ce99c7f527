from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.server import STATIC, page
from forecast.serve import create_app

VENDORED = {"d3-array", "d3-geo", "topojson-client", "uPlot", "world-atlas"}
FILES = [path for path in STATIC.rglob("*") if path.is_file() and path.suffix != ".LICENSE"]


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(page(create_app(tmp_path, [], lambda: None)))  # type: ignore[arg-type,return-value]


def test_the_whole_page_weighs_less_than_300_kilobytes() -> None:
    assert sum(path.stat().st_size for path in FILES) < 300_000


def test_a_visit_costs_less_than_100_kilobytes_on_the_wire() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in FILES) < 100_000


def test_everything_vendored_carries_its_licence() -> None:
    assert {path.stem for path in (STATIC / "vendor").glob("*.LICENSE")} == VENDORED


def test_the_page_names_no_other_host() -> None:
    ours = [path for path in FILES if path.parent == STATIC]
    named = {url for path in ours for url in re.findall(r"https?://[^\s\"'`)]+", path.read_text())}
    assert named == {"http://www.w3.org/2000/svg"}  # the name of a format, never fetched


def test_names_are_written_as_text_never_as_markup() -> None:
    ours = "".join(path.read_text() for path in STATIC.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", ours)


def test_the_root_is_the_page_for_a_browser_and_the_landing_page_for_the_rest(client: TestClient) -> None:
    assert "<!doctype html>" in client.get("/", headers={"accept": "text/html,*/*"}).text
    assert client.get("/", headers={"accept": "application/json"}).json()["title"] == "forecast"
    assert client.get("/app.js").status_code == 200 and client.get("/nothing.js").status_code == 404


def test_the_api_stands_without_the_page(tmp_path: Path) -> None:
    bare: FastAPI = create_app(tmp_path, [], lambda: None)  # type: ignore[arg-type,return-value]
    assert TestClient(bare).get("/", headers={"accept": "text/html"}).json()["title"] == "forecast"
