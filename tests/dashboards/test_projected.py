"""A projected grid on the page: cells lie where they are, and the pointer reads the cell that it sees."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from forecast.sphere import box, corners
from tests.dashboards.test_page import api, spot, visit
from tests.fabricated import EAST, NORTH

pytestmark = pytest.mark.browser
CELL = 3 * 16 + 2  # row 3, column 2: far from where longitude alone would put it


def celsius(kelvin: float) -> str:
    return f"{kelvin - 273.15:.1f} °C".replace("-", "\u2212")


def test_the_pointer_reads_and_opens_the_cell_of_a_projected_grid_that_it_is_in(page: Page, address: str) -> None:
    visit(page, address, "#pipeline=arctic")
    expect(page.locator("#map-note")).to_contain_text("Each cell of the projected grid is drawn in its own outline")
    told = api(address, "view/arctic/map")
    lat, lon = corners(NORTH, EAST)
    inside = [0.3 * NORTH[3, 2] + 0.7 * lat[3, 2], 0.3 * EAST[3, 2] + 0.7 * lon[3, 2]]  # well towards a corner
    page.mouse.move(*spot(page, *inside))
    name = f"{NORTH[3, 2]:.2f}°N {-EAST[3, 2]:.2f}°W"
    expect(page.locator("#readout")).to_have_text(f"{celsius(told['values'][CELL])} {name}")
    page.mouse.click(*spot(page, *inside))
    expect(page.locator("#place-name")).to_have_text(name)
    row = api(address, f"view/arctic/place?lat={NORTH[3, 2]}&lon={EAST[3, 2]}")["rows"][0]
    expect(page.locator("#sentence strong")).to_have_text(celsius(row["t2m"]))
    assert row["t2m"] == pytest.approx(told["values"][CELL], abs=0.01)


def test_each_projected_cell_has_the_colour_of_its_value_and_beyond_the_rim_is_none(page: Page, address: str) -> None:
    visit(page, address, "#pipeline=arctic")
    cells, painted, wanted, beyond = page.evaluate("""() => {
        const map = fieldMap, all = d3.range(map.field.values.length), ink = map.layer.getContext("2d");
        const at = (index) => map.screen(map.cell(index)).map(Math.floor);
        return [
            all.map((index) => map.raster.at(...at(index))),
            all.map((index) => [...ink.getImageData(...at(index), 1, 1).data].slice(0, 3)),
            map.field.values.map((value) => map.scale.colours[d3.bisectRight(map.scale.edges, value)]),
            [map.raster.at(1, 1), map.raster.at(-5, 10), map.raster.at(map.width + 1, 10)],
        ];
    }""")
    assert cells == list(range(NORTH.size))
    assert painted == wanted
    assert beyond == [None, None, None]


def test_a_projected_grid_is_walked_by_keyboard_as_it_lies_on_the_screen(page: Page, address: str) -> None:
    visit(page, address, f"#pipeline=arctic&lat={NORTH[5, 8]}&lon={EAST[5, 8]}")
    expect(page.locator("#place-name")).to_have_text(f"{NORTH[5, 8]:.2f}°N {EAST[5, 8]:.2f}°E")
    page.locator("#field").focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Enter"):  # rows run southwards here: up is the row before
        page.keyboard.press(key)
    expect(page.locator("#place-name")).to_have_text(f"{NORTH[4, 6]:.2f}°N {-EAST[4, 6]:.2f}°W")


def test_cells_around_a_pole_and_across_the_seam_of_the_world_lie_where_they_are(page: Page, address: str) -> None:
    visit(page, address, "#pipeline=arctic")
    rows, columns = np.meshgrid(np.arange(-9.5, 10), np.arange(-7.5, 8), indexing="ij")
    polar = 90 - 3 * np.hypot(rows, columns), np.rad2deg(np.arctan2(columns, -rows))
    world = tuple(np.meshgrid(np.arange(-78.0, 79, 6), np.arange(-179.0, 180, 6), indexing="ij"))
    for lat, lon in (polar, world):
        at = {name: one.ravel().tolist() for name, one in zip(("lat", "lon"), corners(lat, lon), strict=True)}
        grid = {"lat": lat.ravel().tolist(), "lon": lon.ravel().tolist(), "shape": list(lat.shape), "corners": at}
        field = {**grid, "periodic": False, "bounds": list(box(lat, lon)), "values": list(range(lat.size))}
        wrong = page.evaluate(
            """(field) => {
                const map = fieldMap, inwards = (x) => x + 1.5 * Math.sign(map.width / 2 - x); // off the seam itself
                const seen = (index, [x, y] = map.screen(map.cell(index))) => map.raster.at(inwards(x), y);
                map.show(field, map.scale, null);
                return d3.range(field.values.length).filter((index) => seen(index) !== index);
            }""",
            field,
        )
        assert wrong == []
