"""Every figure draws what it was given, says what it is and in which unit, and changes nothing."""

from __future__ import annotations

import io
from types import SimpleNamespace

import cftime
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from forecast import verification
from forecast.errors import ForecastError
from forecast.figures import loss_curves, maps, series_fan, skill_by_lead, skill_map
from forecast.schema import LEAD, QUANTILE, REFERENCE
from forecast.sphere import distance
from tests.fabricated import EAST, NORTH, projected
from tests.worlds import forecasts, observations

SEED = np.random.default_rng(0)


def words(figure: Figure) -> str:
    """Draw the figure and return all that it says."""
    before = dict(mpl.rcParams)
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    assert dict(mpl.rcParams) == before
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def issue(central: xr.DataArray, name: str) -> xr.Dataset:
    shift = xr.DataArray([-300.0, -100.0, 0.0, 100.0, 300.0], {QUANTILE: [0.05, 0.25, 0.5, 0.75, 0.95]})
    other = xr.DataArray([10.0, 20.0], {"baseline": ["persistence", "climatology"]})
    space = central.dims[2:]
    central = central.assign_attrs(units="Pa", long_name="sea-level pressure")
    bands = (central + shift).transpose(REFERENCE, LEAD, QUANTILE, *space).assign_attrs(units="Pa")
    rivals = (central + other).transpose(REFERENCE, LEAD, "baseline", *space).assign_attrs(units="Pa")
    return xr.Dataset({name: central, f"{name}_quantile": bands, f"{name}_baseline": rivals})


def pressure(start: object = "2008-01-01", holes: bool = True) -> tuple[xr.Dataset, xr.DataArray]:
    observed = observations(SEED.normal(101300, 900, (20, 4, 6)), start)
    if holes:
        observed[:, 1, 2] = np.nan
    return issue(forecasts(SEED.normal(101300, 900, (1, 3, 4, 6)), observed, first=10), "slp"), observed


def two_series(start: object = "2008-01-01") -> tuple[xr.Dataset, xr.DataArray]:
    observed = observations(SEED.normal(101300, 900, (20, 2)), start)
    return issue(forecasts(SEED.normal(101300, 900, (1, 3, 2)), observed, first=10), "slp"), observed


def scores() -> tuple[xr.Dataset, xr.Dataset]:
    observed = observations(SEED.normal(101300, 900, (30, 4, 6)))
    many = {
        name: forecasts(SEED.normal(101300, 300 * size, (20, 3, 4, 6)), observed)
        for size, name in enumerate(("convlstm", "climatology", "persistence"), 1)
    }
    weights = None
    table = verification.table(
        many, observed, climatology=observed * 0 + 101300, weights=weights, baselines=["climatology", "persistence"]
    )
    return table, verification.cells(many, observed)


def test_maps_show_forecast_truth_and_error_of_each_lead():
    data, observed = pressure()
    before = data.copy(deep=True)
    figure = maps(data, observed, variable="slp")
    said = words(figure)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left") or axes.collections]
    meshes = [axes.collections[0].get_array().reshape(4, 6) for axes in panels[:9]]
    truth = observed.values[11:14] / 100
    for lead in range(3):
        np.testing.assert_allclose(meshes[lead], data["slp"].values[0, lead] / 100)
        np.testing.assert_allclose(np.ma.filled(meshes[3 + lead], np.nan), truth[lead])
        expected = data["slp"].values[0, lead] / 100 - truth[lead]
        np.testing.assert_allclose(np.ma.filled(meshes[6 + lead], np.nan), expected)
    for phrase in ("Sea-level pressure, hPa: forecast from 2008-01-11", "3 days: 2008-01-14", "forecast − observed"):
        assert phrase in said
    xr.testing.assert_identical(data, before)


def test_errors_are_drawn_around_zero():
    data, observed = pressure()
    figure = maps(data, observed, variable="slp")
    low, high = figure.axes[6].collections[0].get_clim()
    assert low == -high
    assert figure.axes[6].collections[0].get_cmap().name == "RdBu_r"
    assert figure.axes[0].collections[0].get_clim() == figure.axes[3].collections[0].get_clim()


def test_a_forecast_without_truth_is_drawn_alone():
    data, observed = pressure()
    for truth in (None, observed.isel(time=slice(0, 11))):
        said = words(maps(data, truth, variable="slp"))
        assert "forecast" in said and "observed" not in said


def test_maps_of_another_calendar_and_of_many_leads():
    observed = observations(SEED.normal(280, 3, (40, 3, 3)), cftime.Datetime360Day(2095, 2, 20)).assign_attrs(units="K")
    central = forecasts(SEED.normal(280, 3, (1, 24, 3, 3)), observed, first=8).assign_attrs(units="K")
    said = words(maps(xr.Dataset({"tasmax": central}), observed, variable="tasmax"))
    assert "Tasmax, K: forecast from 2095-02-28" in said
    assert "1 day: 2095-02-29" in said and "24 days: 2095-03-22" in said and "2 days:" not in said


def test_a_series_is_not_a_map():
    data, _ = two_series()
    with pytest.raises(ForecastError, match="a field on a map") as caught:
        maps(data, variable="slp")
    assert "series_fan" in caught.value.remedy


@pytest.mark.parametrize("start", ["2008-01-01", cftime.DatetimeNoLeap(2095, 1, 1)])
def test_a_fan_shows_one_place_with_interval_and_baseline(start):
    data, observed = two_series(start)
    figure = series_fan(data, observed, variable="slp", place={"series": "s1"}, baseline="persistence")
    said = words(figure)
    lines = {len(line.get_ydata()): line.get_ydata() for line in figure.axes[0].lines}
    np.testing.assert_allclose(lines[9], observed.values[5:14, 1] / 100)  # 6 steps to the reference time, 3 after it
    assert len(figure.axes[0].collections) == 2
    for phrase in ("Sea-level pressure, hPa: s1", "50 % and 90 % interval", "persistence", "forecast", "observed"):
        assert phrase in said
    if not isinstance(start, str):
        assert "days since 2095-01-11 (noleap calendar)" in said


def test_a_fan_of_a_cell_takes_the_nearest():
    data, observed = pressure(holes=False)
    figure = series_fan(data, observed, variable="slp", place={"lat": 39, "lon": 2.4}, history=4)
    assert "40°N 2.5°E" in words(figure)
    drawn = max((line.get_ydata() for line in figure.axes[0].lines), key=len)
    np.testing.assert_allclose(drawn, observed.sel(lat=40, lon=2.5).values[7:14] / 100)


def test_a_fan_of_a_projected_cell_takes_the_nearest_by_great_circle():
    world = projected(20).assign_coords(time=pd.date_range("2008-01-01", periods=20).values)
    observed = world["t2m"]
    ahead = observed[11:14].values[None] + 1.0
    lead = pd.to_timedelta([1, 2, 3], "D").values
    space = {name: observed[name].variable for name in ("y", "x", "lat", "lon")}
    coords = {REFERENCE: observed["time"].values[[10]], LEAD: lead, **space}
    data = issue(xr.DataArray(ahead, coords, (REFERENCE, LEAD, "y", "x")), "slp")
    place = {"lat": 89.5, "lon": float(EAST[0, 7]) + 300}  # over the pole: longitude alone would mislead
    figure = series_fan(data, observed, variable="slp", place=place, baseline="persistence", history=4)
    pole = np.unravel_index(distance(NORTH, EAST, place["lat"], place["lon"]).argmin(), NORTH.shape)
    drawn = max((line.get_ydata() for line in figure.axes[0].lines), key=len)
    np.testing.assert_allclose(drawn, observed[7:14, *pole].values / 100)
    assert f"{NORTH[pole]:g}°N" in words(figure)


def test_a_fan_without_truth_quantiles_or_baseline():
    data, observed = two_series()
    bare = data[["slp"]]
    figure = series_fan(bare, observed.isel(time=slice(0, 11)), variable="slp", place={"series": "s0"})
    assert "interval" not in words(figure)
    assert not figure.axes[0].collections


def test_skill_by_lead_draws_every_forecaster_and_says_the_definitions():
    table, _ = scores()
    figure = skill_by_lead(table)
    said = words(figure)
    drawn = [line.get_ydata() for line in figure.axes[0].lines]
    np.testing.assert_allclose(drawn, table["rmse"].values / 100)
    right = [line.get_ydata() for line in figure.axes[1].lines if len(line.get_ydata()) == 3]
    np.testing.assert_allclose(right, table["skill"].sel(baseline="climatology").values)
    for phrase in ("RMSE, hPa", "skill against climatology", "lead, days", "1 - MSE", *table["forecaster"].values):
        assert phrase in said


def test_skill_of_one_lead_can_be_drawn():
    table, cells = scores()
    assert "convlstm" in words(skill_by_lead(table.isel({LEAD: [0]}), baseline="persistence", score="mae"))
    assert "1 day" in words(skill_map(cells.isel({LEAD: [0]}), forecaster="convlstm", baseline="persistence"))


def test_an_unknown_baseline_is_refused_by_name():
    table, cells = scores()
    with pytest.raises(ForecastError, match="a baseline among climatology, persistence and a score of the table"):
        skill_by_lead(table, baseline="tide")
    with pytest.raises(ForecastError, match="forecasters among convlstm, climatology, persistence"):
        skill_map(cells, forecaster="convlstm", baseline="tide")


def test_a_skill_map_is_one_minus_the_ratio_of_mean_squares_white_at_zero():
    _, cells = scores()
    figure = skill_map(cells, forecaster="convlstm", baseline="persistence")
    ratio = cells["rmse"].sel(forecaster="convlstm") / cells["rmse"].sel(forecaster="persistence")
    drawn = figure.axes[1].collections[0]
    np.testing.assert_allclose(drawn.get_array().reshape(4, 6), 1 - ratio[1] ** 2)
    low, high = drawn.get_clim()
    assert low == -high and high <= 1
    assert "blue is better than persistence" in words(figure)


def test_loss_curves_mark_the_epoch_that_was_kept():
    histories = {
        "lstm": SimpleNamespace(train=[1.0, 0.5, 0.4], early=[1.1, 0.7, 0.9], best=2),
        "gru": SimpleNamespace(train=[0.9, 0.6], early=[], best=0),
    }
    figure = loss_curves(histories)
    said = words(figure)
    dots = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "o"]
    assert [(*line.get_xdata(), *line.get_ydata()) for line in dots] == [(2, 0.5), (2, 0.7)]
    assert "lstm" in said and "gru" in said and "log axis" in said


def test_the_same_data_give_the_same_picture():
    table, _ = scores()
    pictures = []
    for _ in range(2):
        target = io.BytesIO()
        skill_by_lead(table).savefig(target, format="png", dpi=40)
        pictures.append(target.getvalue())
    assert pictures[0] == pictures[1]


def test_hourly_leads_are_named_in_hours():
    table, _ = scores()
    hourly = table.assign_coords({LEAD: pd.to_timedelta([1, 2, 3], "h").to_numpy("timedelta64[ns]")})
    assert "lead, hours" in words(skill_by_lead(hourly))
