"""Sums of months and of machines add up to the bit; regions, seasons and the pooled table come from the same sums."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast import schema, verification
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from tests.worlds import forecasts, observations, random_maps

REGIONS = {"north": (45, 65, -180, 180), "corner": (25, 35, 4, 8)}
DECEMBER, JANUARY = ("2007-12-01", "2007-12-31"), ("2008-01-01", "2008-01-31")


@pytest.fixture(scope="module")
def world():
    forecast, observed, _ = random_maps(3)
    return {"model": forecast, "climatology": xr.full_like(forecast, 101000.0)}, observed


def members(forecast):
    return (forecast + xr.DataArray([-700.0, 0.0, 300.0, 500.0], dims=MEMBER)).transpose(REFERENCE, LEAD, MEMBER, ...)


def quantiles(forecast):
    shift = xr.DataArray([-900.0, 0.0, 900.0], {QUANTILE: [0.1, 0.5, 0.9]})
    return (forecast + shift).transpose(REFERENCE, LEAD, QUANTILE, ...)


def tallied(many, observed, **given):
    """Sum everything there is to sum."""
    everything = {
        "climatology": xr.full_like(observed, 101000.0),
        "weights": schema.area_weights(observed),
        "members": {"model": members},
        "quantiles": {"model": quantiles},
        "scale": xr.full_like(observed.isel(time=0, drop=True), 300.0),
        "thresholds": [101500, "< 100500"],
        "windows": [3],
        "regions": REGIONS,
    }
    return verification.tally(many, observed, **(everything | given))


def inside(many, *spans):
    return {name: verification.within(one, *spans) for name, one in many.items()}


def test_months_scored_apart_add_up_to_the_bits_of_both_scored_at_once(world):
    many, observed = world
    december, january = (tallied(inside(many, span), observed) for span in (DECEMBER, JANUARY))
    both = tallied(inside(many, DECEMBER, JANUARY), observed)
    xr.testing.assert_identical((december + january).limbs, both.limbs)
    xr.testing.assert_identical((january + december).limbs, both.limbs)
    for by in ((), ("month",), ("season", "region")):
        xr.testing.assert_identical(verification.finish(january + december, by=by), verification.finish(both, by=by))


def test_machines_that_score_a_half_of_the_cells_each_add_up_to_the_bits_of_all(world):
    many, observed = world
    given = {"climatology": None, "windows": [], "regions": {}, "scale": None}
    weights = schema.area_weights(observed)
    halves = [
        tallied(
            {name: one.isel(lat=half) for name, one in many.items()},
            observed.isel(lat=half),
            **given | {"weights": weights.isel(lat=half)},
        )
        for half in (slice(None, 2), slice(2, None))
    ]
    xr.testing.assert_identical((halves[0] + halves[1]).limbs, tallied(many, observed, **given).limbs)


def test_cells_of_months_add_up_to_the_bits_of_both(world):
    many, observed = world
    parts = [verification.tally_cells(inside(many, span), observed) for span in (DECEMBER, JANUARY)]
    whole = verification.cells(inside(many, DECEMBER, JANUARY), observed)
    xr.testing.assert_identical(verification.finish_cells(parts[0] + parts[1]), whole)


def test_a_region_scores_as_its_cells_alone_do(world):
    many, observed = world
    found = verification.finish(tallied(many, observed), by=("region",))
    assert list(found["region"].values) == ["all", "north", "corner"]
    box = {"lat": slice(45, 65)}
    weights = schema.area_weights(observed).sel(box)
    alone = tallied(
        {name: one.sel(box) for name, one in many.items()}, observed.sel(box), weights=weights, regions={}, windows=[]
    )
    alone = verification.finish(alone)
    for name in sorted((set(alone) & set(found)) - {"nominal"}):
        np.testing.assert_allclose(found[name].sel(region="north"), alone[name], rtol=1e-12, atol=1e-12, err_msg=name)
    pooled = verification.finish(tallied(many, observed))
    xr.testing.assert_identical(found.sel(region="all", drop=True)["rmse"], pooled["rmse"])


def test_seasons_hold_their_months_and_months_their_days():
    observed = observations(np.zeros((200, 1)), start="2008-01-31")
    error = np.arange(1.0, 199.0)[:, None, None]
    sums = verification.tally({"a": forecasts(error, observed)}, observed, climatology=None, weights=None)
    months = verification.finish(sums, by=("month",))
    assert list(months["month"].values) == [f"2008-0{month}" for month in range(2, 9)]
    assert months["mae"].sel(month="2008-02").item() == pytest.approx(np.arange(1, 30).mean(), rel=1e-15)
    seasons = verification.finish(sums, by=("season",))
    assert list(seasons["season"].values) == ["DJF", "MAM", "JJA"]
    assert seasons["scored"].values.ravel().tolist() == [29, 92, 77]
    assert seasons["mae"].sel(season="MAM").item() == pytest.approx(np.arange(30, 122).mean(), rel=1e-15)


def test_a_region_may_cross_the_antimeridian():
    observed = observations(np.zeros((4, 2, 3))).assign_coords(lon=[170.0, 180.0, 190.0])
    error = np.broadcast_to([5.0, 1.0, 2.0], (2, 1, 2, 3))
    given = {"climatology": None, "weights": None, "regions": {"line": (0, 90, 175, -165)}}
    sums = verification.tally({"a": forecasts(error, observed)}, observed, **given)
    assert verification.finish(sums, by=("region",))["mae"].sel(region="line").item() == pytest.approx(1.5)


def test_what_does_not_fit_is_refused(world):
    many, observed = world
    with pytest.raises(ForecastError, match=r"(?s)a cell in region 'moon'.*domain is 30 to 60 N, 0 to 10 E"):
        tallied(many, observed, regions={"moon": (-10, 0, 0, 5)})
    with pytest.raises(ForecastError, match=r"(?s)coordinates lat and lon for regions.*series of unknown places"):
        series = observations(np.zeros((5, 2)))
        one = {"a": forecasts(np.ones((3, 2, 2)), series)}
        verification.tally(one, series, climatology=None, weights=None, regions=REGIONS)
    with pytest.raises(ForecastError, match=r"(?s)sums of .*add sums of the same comparison"):
        tallied(many, observed) + tallied({"model": many["model"]}, observed)
    with pytest.raises(ForecastError, match=r"scores by month or season, and by region"):
        verification.finish(tallied(many, observed), by=("weekday",))
    with pytest.raises(ForecastError, match=r"(?s)odd windows of at most 4 cells.*\[verification\] windows"):
        tallied(many, observed, windows=[2])
