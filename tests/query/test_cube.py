"""Forecasts as CF describes them: in xarray and ncdump, and by CDO without a warning where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from forecast import query
from forecast.errors import ForecastError
from forecast.query import cube, export
from tests import fabricated

CELL = {"standard_name": "air_pressure_at_mean_sea_level", "cell_methods": "time: mean"}


@pytest.fixture(scope="module")
def issues(home: Path) -> list[query.Issue]:
    """Two issues on a regular grid, newest first; their values are means over a day."""
    reader = query.open(home, "slp")
    found = [reader.issue(stamp.forecast_id) for stamp in reader.issues()]
    return [
        query.Issue(one.data.assign({n: a.assign_attrs(CELL) for n, a in one.data.items()}), one.scores, one.observed)
        for one in found
    ]


@pytest.fixture(scope="module")
def arctic(tmp_path_factory: pytest.TempPathFactory) -> query.Issue:
    home = fabricated.projected_pipeline(tmp_path_factory.mktemp("projected"))
    return query.open(home, "arctic").latest()


def opened(path: Path) -> xr.Dataset:
    """Return a file as xarray reads it, any warning being an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xr.open_dataset(path, engine=None if path.suffix == ".nc" else "zarr") as data:
            return data.load()


@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_the_cube_comes_back_with_its_axes_names_and_versions(
    issues: list[query.Issue], tmp_path: Path, ending: str
) -> None:
    export.save_cube(issues, tmp_path / f"cube{ending}")
    data = opened(tmp_path / f"cube{ending}")
    assert data["slp_quantile"].dims == ("forecast_reference_time", "lead", "quantile", "lat", "lon")
    assert data["slp_member"].dims == ("forecast_reference_time", "lead", "member", "lat", "lon")
    np.testing.assert_allclose(data["slp"][1], issues[0].data["slp"], rtol=1e-6)
    assert (data["valid_time"].values == data["forecast_reference_time"].values[:, None] + data["lead"].values).all()
    bounds = data["valid_time_bnds"].values
    assert (bounds[..., 0] == data["valid_time"].values).all()
    assert (np.diff(bounds, axis=-1) == np.timedelta64(1, "D")).all()
    names = {"forecast_reference_time": "forecast_reference_time", "lead": "forecast_period", "valid_time": "time"}
    names |= {"member": "realization", "lat": "latitude", "lon": "longitude"}
    assert {name: data[name].attrs["standard_name"] for name in names} == names
    assert data["slp"].attrs["cell_methods"] == "time: mean" and data["lat"].attrs["axis"] == "Y"
    assert data.attrs["Conventions"] == "CF-1.11" and data.attrs["model_version"] == "3"
    assert data["forecast_id"].values.tolist() == ["slp-20081227T00-convlstm-3", "slp-20081228T00-convlstm-3"]


def test_an_issue_is_left_as_it_was(issues: list[query.Issue]) -> None:
    before = issues[0].data.copy(deep=True)
    cube.cube(issues)
    cube.maps(issues[0])
    xr.testing.assert_identical(issues[0].data, before)


def test_issues_of_other_leads_are_no_cube(issues: list[query.Issue], tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="issues on the leads, cells and variables"):
        cube.cube([issues[0], issues[1].tomorrow()])
    with pytest.raises(ForecastError, match="at least one issue"):
        cube.cube([])
    with pytest.raises(ForecastError, match="a file ending of a cube among .nc, .zarr"):
        export.save_cube(issues, tmp_path / "cube.csv")


def test_one_issue_has_a_variable_a_quantile_over_time_alone(issues: list[query.Issue], tmp_path: Path) -> None:
    export.save(issues[0], tmp_path / "one.nc")
    data = opened(tmp_path / "one.nc")
    assert [name for name in data.data_vars if name != "time_bnds"] == ["slp", "slp_q05", "slp_q50", "slp_q95"]
    assert data["slp_q95"].dims == ("time", "lat", "lon")
    np.testing.assert_allclose(data["slp_q95"], issues[0].data["slp_quantile"].sel(quantile=0.95), rtol=1e-6)
    assert np.isnan(data["slp"].values[:, fabricated.SEA[0], fabricated.SEA[1]]).all()


def test_a_projected_grid_keeps_its_projection_and_2d_coordinates(arctic: query.Issue, tmp_path: Path) -> None:
    export.save_cube([arctic], tmp_path / "cube.nc")
    data = opened(tmp_path / "cube.nc")
    assert data["t2m"].attrs["grid_mapping"] == "crs" and data["t2m"].encoding["coordinates"] == "lat lon valid_time"
    assert data["crs"].attrs["grid_mapping_name"] == "azimuthal_equidistant" and "grid_mapping" not in data.attrs
    assert data["lat"].dims == ("y", "x") and data["y"].attrs["standard_name"] == "projection_y_coordinate"
    np.testing.assert_allclose(data["lon"], fabricated.EAST)


def test_ncdump_reads_the_cube(issues: list[query.Issue], tmp_path: Path) -> None:
    if shutil.which("ncdump") is None:
        pytest.skip("no ncdump: `apt-get install netcdf-bin` runs this test")
    export.save_cube(issues, tmp_path / "cube.nc")
    said = subprocess.run(["ncdump", "-h", tmp_path / "cube.nc"], capture_output=True, text=True)
    assert said.returncode == 0 and said.stderr == ""
    assert 'slp_quantile:standard_name = "air_pressure_at_mean_sea_level"' in said.stdout
    assert 'lead:units = "hours"' in said.stdout and ':Conventions = "CF-1.11"' in said.stdout


@pytest.mark.parametrize("grid", ["regular", "projected"])
def test_cdo_reads_one_issue_without_a_warning(
    issues: list[query.Issue], arctic: query.Issue, tmp_path: Path, grid: str
) -> None:
    if shutil.which("cdo") is None:
        pytest.skip("no cdo: `apt-get install cdo` runs this test")
    one, name, mean = (issues[0], "slp", "timmean") if grid == "regular" else (arctic, "t2m", "timmean")
    export.save(one, tmp_path / "one.nc")
    for words in (["sinfo", "one.nc"], [mean, "one.nc", "mean.nc"], ["remapbil,r36x18", "one.nc", "even.nc"]):
        said = subprocess.run(["cdo", "-s", *words], cwd=tmp_path, capture_output=True, text=True)
        assert said.returncode == 0 and said.stderr == "", said.stderr
    with xr.open_dataset(tmp_path / "mean.nc") as data:
        np.testing.assert_allclose(data[name].values[0], one.data[name].mean("lead"), rtol=1e-5)
    with xr.open_dataset(tmp_path / "even.nc") as data:
        assert data[f"{name}_q95"].sizes["lon"] == 36 and bool(data[name].notnull().any())
