"""Many forecasters on the same cells, each beside every baseline."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast import schema, verification
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import DEFINITIONS
from tests.worlds import forecasts, observations, random_maps

OVER = (REFERENCE, "lat", "lon")


@pytest.fixture
def many():
    forecast, observed, _ = random_maps(1)
    other, _, _ = random_maps(2)
    return {"model": forecast, "persistence": other, "climatology": xr.full_like(forecast, 101000.0)}, observed


def scored(many, observed, **given):
    weights = schema.area_weights(observed)
    normal = xr.full_like(observed, 101000.0)
    return verification.table(many, observed, climatology=normal, weights=weights, **given)


def test_all_are_scored_on_the_cells_that_every_one_has(many):
    forecasts_, observed = many
    table = scored(*many)
    mask = forecasts_["model"].notnull() & forecasts_["persistence"].notnull()
    weights = schema.area_weights(observed)
    for name, forecast in forecasts_.items():
        alone = verification.rmse(forecast.where(mask), observed, over=OVER, weights=weights)
        np.testing.assert_allclose(table["rmse"].sel(forecaster=name), alone, rtol=1e-12)
    met = verification.align(mask, observed)
    np.testing.assert_array_equal(table["scored"], (mask & met.notnull()).sum(OVER))


def test_skill_of_each_against_each_baseline(many):
    forecasts_, observed = many
    table = scored(*many, baselines=["climatology", "persistence"])
    assert table["skill"].dims == ("baseline", "forecaster", LEAD)
    assert list(table["baseline"].values) == ["climatology", "persistence"]
    same = verification.common(forecasts_)
    weights = schema.area_weights(observed)
    expected = verification.skill(same["model"], observed, reference=same["climatology"], over=OVER, weights=weights)
    np.testing.assert_allclose(table["skill"].sel(baseline="climatology", forecaster="model"), expected, rtol=1e-12)
    assert (table["skill"].sel(baseline="persistence", forecaster="persistence") == 0).all()


def test_a_missing_forecast_of_one_changes_every_ones_score(many):
    forecasts_, observed = many
    holed = forecasts_["persistence"].where(forecasts_["persistence"]["lat"] > 35)
    before, after = scored(*many), scored(forecasts_ | {"persistence": holed}, observed)
    assert (after["rmse"].sel(forecaster="model") != before["rmse"].sel(forecaster="model")).all()
    assert (after["scored"] < before["scored"]).all()


def test_members_and_quantiles_may_be_arrays_or_made_on_the_way(many):
    forecasts_, observed = many

    def members(forecast):
        return (forecast + xr.DataArray([-500.0, 0.0, 500.0], dims=MEMBER)).transpose(REFERENCE, LEAD, MEMBER, ...)

    def quantiles(forecast):
        shift = xr.DataArray([-900.0, 900.0], {QUANTILE: [0.1, 0.9]})
        return (forecast + shift).transpose(REFERENCE, LEAD, QUANTILE, ...)

    made = scored(*many, members={"model": members}, quantiles={"model": quantiles})
    arrays = {name: {"model": of(forecasts_["model"])} for name, of in (("members", members), ("quantiles", quantiles))}
    xr.testing.assert_identical(made, scored(*many, **arrays))
    own = made.sel(forecaster="model")
    np.testing.assert_allclose(own["width"], 1800)
    assert float(own["nominal"]) == pytest.approx(0.8)
    assert made["crps"].sel(forecaster=["persistence", "climatology"]).isnull().all()
    same = verification.common(forecasts_)["model"]
    expected = verification.crps(members(same), observed, over=OVER, weights=schema.area_weights(observed))
    np.testing.assert_allclose(own["crps"], expected, rtol=1e-12)


def test_each_score_says_its_unit_and_definition(many):
    scale = xr.full_like(many[1].isel(time=0, drop=True), 2.0)
    table = scored(*many, scale=scale)
    units = {name: array.attrs["units"] for name, array in table.data_vars.items() if name != "scored"}
    anomalies = ("acc_pooled", "acc_by_time", "acc_by_time_centred")
    one, pascal = (*anomalies, "mase", "skill"), ("rmse", "mae", "bias")
    assert units == dict.fromkeys(pascal, "Pa") | dict.fromkeys(one, "1") | {"smape": "%"}
    assert all(table[name].attrs["definition"] == DEFINITIONS[name] for name in units)
    assert all("\n" not in line for line in DEFINITIONS.values())
    assert "MSE" in DEFINITIONS["skill"]


def test_no_baseline_gives_an_empty_skill(many):
    assert scored(*many, baselines=[])["skill"].sizes == {"baseline": 0, "forecaster": 3, LEAD: 3}


def test_cells_keep_space_and_pool_to_the_table(many):
    forecasts_, observed = many
    cells = verification.cells(forecasts_, observed)
    assert cells["rmse"].dims == ("forecaster", LEAD, "lat", "lon")
    whole = observed.fillna(101000.0)
    filled = {name: forecast.fillna(101000.0) for name, forecast in forecasts_.items()}
    weights = schema.area_weights(observed)
    pooled = np.sqrt((verification.cells(filled, whole)["rmse"] ** 2).weighted(weights).mean(("lat", "lon")))
    np.testing.assert_allclose(pooled, scored(filled, whole)["rmse"], rtol=1e-12)


def test_series_have_their_own_row_of_cells():
    observed = observations(np.zeros((5, 2)))
    cells = verification.cells({"a": forecasts(np.ones((3, 2, 2)), observed)}, observed)
    assert cells["mae"].dims == ("forecaster", LEAD, "series")
    assert (cells["bias"] == 1).all()


def test_an_unknown_baseline_is_refused(many):
    with pytest.raises(ForecastError, match="forecasters among model, persistence, climatology"):
        scored(*many, baselines=["tide"])


def test_no_forecaster_is_refused():
    with pytest.raises(ForecastError, match="one forecaster or more"):
        verification.cells({}, observations(np.zeros((5, 2))))


def test_pressure_maps_read_as_the_data_say(real_data):
    """Persistence on the 366 days of 2008, hPa: figures from the data's README."""
    slp = xr.open_dataset(real_data / "ncep_slp_natl_2001_2008.nc")["slp"].sel(time=slice("2007-12-20", "2008-12-31"))
    slp = (slp.transpose("time", "lat", "lon") / 100).assign_attrs(units="hPa")
    still = np.repeat(slp.values[:, None], 5, axis=1)
    forecast = verification.within(forecasts(still, slp), ("2008-01-01", "2008-12-31"))
    table = verification.table({"persistence": forecast}, slp, climatology=None, weights=schema.area_weights(slp))
    np.testing.assert_allclose(table["rmse"][0], [6.401, 9.155, 10.378, 11.140, 11.687], atol=6e-4)
    assert (table["scored"] == 366 * 17 * 33).all()
