"""Files as other programs write them: projected grids, levels, units, seasons, stations, static fields."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.schema import kind, space_dims
from forecast.sources.grid_files import GridFiles
from tests.sources import written

MAPS = np.arange(3 * 4 * 8, dtype="float32").reshape(3, 4, 8)  # rows at 60, 40, 20, 0; columns at 0, 45, ... 315
ROWS, COLUMNS = np.mgrid[0:4, 0:5]
LAT = 80.0 - 2 * ROWS + 0.1 * COLUMNS
LON = 170.0 + 5 * COLUMNS + ROWS  # crosses 180
ICE = np.arange(2 * 4 * 5, dtype="float32").reshape(2, 4, 5)


def test_a_projected_grid_is_kept_with_its_coordinates(tmp_path: Path) -> None:
    data = GridFiles(paths=str(written.projected(tmp_path / "a.nc", LAT, LON, ICE))).fetch()
    assert space_dims(data) == ("y", "x") and kind(data) == "map"
    np.testing.assert_array_equal(data.ice, ICE)
    assert data.y.values.tolist() == [0, -25, -50, -75] and data.y.attrs["units"] == "km"
    np.testing.assert_allclose(data.lat, LAT)
    np.testing.assert_allclose(data.lon, np.where(LON >= 180, LON - 360, LON))
    assert json.loads(data.attrs["grid_mapping"])["grid_mapping_name"] == "polar_stereographic"


def test_a_projected_grid_without_axes_is_numbered_and_a_region_is_its_smallest_rectangle(tmp_path: Path) -> None:
    path = written.projected(tmp_path / "a.nc", LAT, LON, ICE, axes=False)
    data = GridFiles(paths=str(path), region=[75.9, 79, 176, -170]).fetch()
    assert data.y.values.tolist() == [1, 2] and data.x.values.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(data.ice, ICE[:, 1:3, 1:4])
    with pytest.raises(ForecastError, match=r"cells inside region(.|\n)*latitudes from 74.0 to 80.4(.|\n)*overlaps"):
        GridFiles(paths=str(path), region=[0, 10, 0, 10]).fetch()


def test_projected_cells_without_a_place_are_refused(tmp_path: Path) -> None:
    lost = LAT.copy()
    lost[0, 0] = np.nan
    with pytest.raises(ForecastError, match=r"longitude for each cell(.|\n)*1 of 20 cells without(.|\n)*source.region"):
        GridFiles(paths=str(written.projected(tmp_path / "a.nc", lost, LON, ICE))).fetch()


def test_levels_become_variables_and_what_has_none_stays(tmp_path: Path) -> None:
    values = np.arange(2 * 3 * 2 * 2, dtype="float32").reshape(2, 3, 2, 2)
    path = str(written.levels(tmp_path / "a.nc", values, [1000, 850, 500]))
    data = GridFiles(paths=path, variables=["hgt", "slp"], level=[500, 850]).fetch()
    assert list(data.data_vars) == ["hgt_500", "hgt_850", "slp"]
    np.testing.assert_array_equal(data.hgt_500, values[:, 2])
    np.testing.assert_array_equal(data.hgt_850, values[:, 1])
    assert (data.hgt_500.attrs["level"], data.hgt_500.attrs["level_units"]) == (500, "hPa")
    one = GridFiles(paths=path, variables="hgt", level=500).fetch()
    np.testing.assert_array_equal(one.hgt, values[:, 2])
    with pytest.raises(
        ForecastError, match=r"source.level = \[500.0, 700.0\] of every(.|\n)*no hgt_700(.|\n)*that all"
    ):
        GridFiles(paths=path, variables="hgt", level=[500, 700]).fetch()


def test_levels_of_several_files_come_together(tmp_path: Path) -> None:
    values = np.arange(2 * 2 * 2 * 2, dtype="float32").reshape(2, 2, 2, 2)
    written.levels(tmp_path / "a.nc", values[:, :1], [850])
    written.levels(tmp_path / "b.nc", values[:, 1:], [500])
    data = GridFiles(paths=str(tmp_path / "*.nc"), variables="hgt", level=[500, 850]).fetch()
    np.testing.assert_array_equal(data.hgt_850, values[:, 0])
    np.testing.assert_array_equal(data.hgt_500, values[:, 1])


@pytest.mark.parametrize(("second", "add"), [("degC", 273.15), ("degF", None), ("kelvin", 0.0)])
def test_units_that_differ_between_files_become_the_first_files(tmp_path: Path, second: str, add: float | None) -> None:
    written.regular(tmp_path / "a.nc", [0, 1, 2], MAPS)
    written.regular(tmp_path / "b.nc", [3, 4, 5], MAPS, units=second)
    data = GridFiles(paths=str(tmp_path / "*.nc")).fetch().t.sel(lat=60, lon=0)
    expected = (MAPS[:, 0, 0] - 32) / 1.8 + 273.15 if add is None else MAPS[:, 0, 0] + add
    assert data.attrs["units"] == "K"
    np.testing.assert_allclose(data.values[:3], MAPS[:, 0, 0])
    np.testing.assert_allclose(data.values[3:], expected, rtol=1e-6)
    celsius = GridFiles(paths=str(tmp_path / "*.nc"), units={"t": "degC"}).fetch().t.sel(lat=60, lon=0)
    np.testing.assert_allclose(celsius, data - 273.15, atol=1e-4)
    late = GridFiles(paths=str(tmp_path / "*.nc")).fetch("2001-01-04")
    assert late.t.attrs["units"] == "K", "the unit does not hang on the span that is read"


@pytest.mark.parametrize(("unit", "words"), [("parrots", "'parrots', which it does not"), ("m", "another dimension")])
def test_units_that_do_not_convert_are_refused_and_the_file_named(tmp_path: Path, unit: str, words: str) -> None:
    written.regular(tmp_path / "a.nc", [0, 1, 2], MAPS)
    written.regular(tmp_path / "b.nc", [3, 4, 5], MAPS, units=unit)
    with pytest.raises(ForecastError, match=rf"t in \S*b.nc(.|\n)*{words}"):
        GridFiles(paths=str(tmp_path / "*.nc")).fetch()


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_a_record_of_winters_keeps_its_summers_as_gaps(tmp_path: Path, calendar: str) -> None:
    year = 360 if calendar == "360_day" else 365
    days = np.concatenate([year * i + np.arange(0, 59) for i in range(3)])
    values = np.broadcast_to(days[:, None, None], (len(days), 2, 4)).astype("float32")
    written.regular(tmp_path / "a.nc", days[::-1], values[::-1], calendar=calendar)
    source = GridFiles(paths=str(tmp_path / "a.nc"))
    found = source.fetch().t.sel(lat=0, lon=0).values
    assert len(found) == 2 * year + 59 and source.fetch().time.dt.calendar in (calendar, "proleptic_gregorian")
    assert np.flatnonzero(np.isfinite(found)).tolist() == days.tolist() == found[np.isfinite(found)].tolist()


def test_what_was_never_written_is_missing(tmp_path: Path) -> None:
    values = np.ma.masked_equal(MAPS, 5)
    data = GridFiles(paths=str(written.regular(tmp_path / "a.nc", [0, 1, 2], values))).fetch().t
    assert int(data.isnull().sum()) == 1 and bool(data[0].sel(lat=60, lon=-135).isnull())


def test_stations_take_the_nearest_cell(tmp_path: Path) -> None:
    path = str(written.regular(tmp_path / "a.nc", [0, 1, 2], MAPS))
    data = GridFiles(paths=path, stations={"west": [38, -50], "east": [55, 338], "pole": [69, 20]}).fetch()
    assert data.series.values.tolist() == ["east", "pole", "west"] and kind(data) == "series"
    np.testing.assert_array_equal(data.t, np.stack([MAPS[:, 0, 0], MAPS[:, 0, 0], MAPS[:, 1, 7]], axis=1))
    assert set(data.attrs) == {"title", "source", "licence"}
    assert data.lat.values.tolist() == [55, 69, 38] and data.lon.values.tolist() == [338, 20, -50]
    (tmp_path / "s.csv").write_text("name,lat,lon\nwest,38,-50\n")
    table = GridFiles(paths=path, stations=str(tmp_path / "s.csv")).fetch()
    np.testing.assert_array_equal(table.t[:, 0], MAPS[:, 1, 7])


def test_stations_on_a_projected_grid(tmp_path: Path) -> None:
    path = str(written.projected(tmp_path / "a.nc", LAT, LON, ICE))
    data = GridFiles(paths=path, stations={"a": [float(LAT[2, 3]) + 0.3, float(LON[2, 3]) + 1]}).fetch()
    np.testing.assert_array_equal(data.ice[:, 0], ICE[:, 2, 3])
    with pytest.raises(ForecastError, match=r"stations on the grid: latitudes 74 to 80.4(.|\n)*far at 60, 175"):
        GridFiles(paths=path, stations={"far": [60, 175]}).fetch()


def test_stations_off_the_grid_never_observed_or_not_on_earth_are_refused(tmp_path: Path) -> None:
    values = MAPS.copy()
    values[:, 1, 7] = np.nan
    path = str(written.regular(tmp_path / "a.nc", [0, 1, 2], values))
    with pytest.raises(ForecastError, match=r"latitudes 0 to 60(.|\n)*far at 71, 0(.|\n)*mend source.stations"):
        GridFiles(paths=path, stations={"far": [71, 0]}).fetch()
    for span in ((None, None), ("2001-01-02", "2001-01-02")):
        with pytest.raises(ForecastError, match=r"were observed(.|\n)*sea at 44, -46(.|\n)*\[60, -45\]"):
            GridFiles(paths=path, stations={"sea": [44, -46]}).fetch(*span)
    for stations, words in (({"x": [91, 0]}, "x at 91.0"), (str(tmp_path / "no.csv"), "the columns name, lat, lon")):
        with pytest.raises(ForecastError, match=words):
            GridFiles(paths=path, stations=stations).fetch()


def test_static_fields_lie_on_the_grid_of_the_maps(tmp_path: Path) -> None:
    path = str(written.regular(tmp_path / "a.nc", [0, 1, 2], MAPS))
    orog = written.field(tmp_path / "orog.nc", MAPS[0])
    mask = written.field(tmp_path / "mask.nc", MAPS[0] > 3, "lsm", "")
    source = GridFiles(paths=path, static=[str(orog), str(mask)], region=[0, 45, -60, 60])
    static = source.static()
    assert static is not None and static.orog.dims == ("lat", "lon") and static.orog.dtype == np.float32
    assert static.orog.attrs["units"] == "m" and static.lsm.attrs["units"] == "1"
    np.testing.assert_array_equal(static.orog, source.fetch().t[0])
    assert GridFiles(paths=path).static() is None
    written.field(orog, MAPS[0, :3])
    with pytest.raises(ForecastError, match=r"same grid in every file(.|\n)*a.nc, and 3 lat x 8 lon(.|\n)*orog.nc"):
        GridFiles(paths=path, static=str(orog)).static()
    with pytest.raises(ForecastError, match=r"that does not change(.|\n)*t \('time', 'lat', 'lon'\)"):
        GridFiles(paths=path, static=path).static()
