"""A pipeline on a projected grid: cells by great-circle distance, boxes by the centres in them."""

from __future__ import annotations

import numpy as np
import pytest

from forecast import query
from forecast.errors import ForecastError
from forecast.query import place
from forecast.query.formats import records
from tests import fabricated
from tests.fabricated import EAST, NORTH


@pytest.fixture(scope="module")
def issue(tmp_path_factory: pytest.TempPathFactory) -> query.Issue:
    home = fabricated.projected_pipeline(tmp_path_factory.mktemp("projected"))
    return query.open(home, "arctic").latest()


def test_every_centre_finds_its_own_cell_in_either_convention(issue: query.Issue) -> None:
    for row, column in ((0, 0), (5, 8), (11, 15), (0, 7)):
        for turn in (0, 360):
            found = place.point(issue.data, NORTH[row, column], EAST[row, column] + turn)
            assert found.index == {"y": row, "x": column}


def test_the_answer_is_that_of_the_nearest_centre_by_great_circle(issue: query.Issue) -> None:
    answer = issue.at(71.0, 20.0)
    a, b, c, d = (np.deg2rad(one) for one in (NORTH, EAST, 71.0, 20.0))
    angle = np.arccos(np.sin(a) * np.sin(c) + np.cos(a) * np.cos(c) * np.cos(b - d))
    row, column = np.unravel_index(angle.argmin(), angle.shape)
    assert float(answer["lat"]) == NORTH[row, column] and float(answer["lon"]) == EAST[row, column]
    assert answer["t2m"].values.tolist() == issue.data["t2m"].values[:, row, column].tolist()
    assert records(answer)["place"] == {"lat": NORTH[row, column], "lon": EAST[row, column]}


def test_half_a_cell_beyond_the_edge_is_inside_and_more_is_refused_with_the_range(issue: query.Issue) -> None:
    lat, lon = NORTH[11, 7], EAST[11, 7]
    assert place.point(issue.data, lat - 1.9, lon).index == {"y": 11, "x": 7}
    for outside in ((lat - 2.2, lon), (-70.0, 0.0), (89.9, 180.0), (np.nan, 0.0)):
        with pytest.raises(ForecastError, match="degrees north, (.|\n)*degrees east, on the projected grid within"):
            place.point(issue.data, *outside)


def test_a_box_keeps_the_cells_whose_centres_lie_in_it(issue: query.Issue) -> None:
    part = issue.area(60, 75, 340, 20).data
    inside = (NORTH >= 60) & (NORTH <= 75) & (EAST >= -20) & (EAST <= 20)
    assert int(part["t2m"].isel(lead=0).notnull().sum()) == inside.sum()
    assert float(part["lat"].where(part["t2m"].isel(lead=0).notnull()).min()) >= 60
    assert part["t2m"].attrs["units"] == "K"
    with pytest.raises(ForecastError, match="a box that holds a cell's centre"):
        issue.area(-60, -50, 0, 10)


def test_the_note_of_a_masked_cell_names_the_nearest_cell_that_has_values(issue: query.Issue) -> None:
    data = issue.data.copy()
    data["t2m"] = data["t2m"].where((data["y"] != 20) | (data["x"] != 32))
    masked = query.Issue(data, issue.scores, issue.observed).at(NORTH[5, 8], EAST[5, 8])
    assert "masked" in masked.attrs["note"] and "The nearest cell with values is" in masked.attrs["note"]
