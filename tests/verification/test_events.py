"""Events: each score against its formula written out, with areas and missing cells, and against the package scores."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scores.spatial import fss_2d

from forecast import schema, verification
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import events
from forecast.verification.fractions import window_sums
from tests.worlds import random_maps

CLOSE = {"rtol": 1e-10, "atol": 1e-10}
OFFSETS = np.array([-700.0, -200.0, 0.0, 300.0, 500.0])


@pytest.fixture(scope="module")
def world():
    forecast, observed, met = random_maps(7)
    area = schema.area_weights(observed).values[:, None] * np.ones(5)
    return forecast, observed, met, area


@pytest.fixture(scope="module")
def scored(world):
    forecast, observed, *_ = world
    cast = (forecast + xr.DataArray(OFFSETS, dims=MEMBER)).transpose(REFERENCE, LEAD, MEMBER, ...)
    bounds = (forecast + xr.DataArray([-400.0, 0.0, 500.0], {QUANTILE: [0.2, 0.5, 0.7]})).transpose(
        REFERENCE, LEAD, QUANTILE, ...
    )
    return verification.table(
        {"model": forecast},
        observed,
        climatology=xr.full_like(observed, 101100.0),
        weights=schema.area_weights(observed),
        members={"model": cast},
        quantiles={"model": bounds},
        thresholds=[101500, "< 100500"],
        windows=[1, 3],
    ).sel(forecaster="model")


@pytest.mark.parametrize(("name", "sign"), [(">= 101500", 1), ("< 100500", -1)])
def test_contingency_and_brier_agree_with_their_formulas(world, scored, name, sign):
    forecast, _, met, area = world
    limit = float(name.split()[1])
    found = scored.sel(threshold=name)

    def happens(values):
        return values >= limit if sign > 0 else values < limit

    for lead in range(3):
        pair = np.isfinite(forecast.values[:, lead]) & np.isfinite(met[:, lead])
        weigh = np.broadcast_to(area, pair.shape)[pair]
        f, o = forecast.values[:, lead][pair], met[:, lead][pair]
        said, was = happens(f), happens(o)
        hits, misses, alarms = (weigh[case].sum() for case in (said & was, ~said & was, said & ~was))
        chance = happens(f[:, None] + OFFSETS).mean(axis=1)
        expected = {
            "pod": hits / (hits + misses),
            "far": alarms / (hits + alarms),
            "csi": hits / (hits + misses + alarms),
            "frequency_bias": (hits + alarms) / (hits + misses),
            "brier": np.average((chance - was) ** 2, weights=weigh),
        }
        for score, value in expected.items():
            np.testing.assert_allclose(found[score][lead], value, **CLOSE, err_msg=score)
        for at in range(10):
            own = np.minimum(np.floor(chance * 10 + 1e-9), 9) == at
            np.testing.assert_allclose(found["share"][lead, at], weigh[own].sum() / weigh.sum(), **CLOSE)
            if own.any():
                np.testing.assert_allclose(
                    found["frequency"][lead, at], np.average(was[own], weights=weigh[own]), **CLOSE
                )
                np.testing.assert_allclose(
                    found["probability"][lead, at], np.average(chance[own], weights=weigh[own]), **CLOSE
                )


def test_pinball_agrees_with_its_formula(world, scored):
    forecast, observed, met, area = world
    for level, shift in zip((0.2, 0.5, 0.7), (-400.0, 0.0, 500.0), strict=True):
        error = met - forecast.values - shift
        loss = np.where(error >= 0, level * error, (level - 1) * error)
        for lead in range(3):
            one = np.ma.masked_invalid(loss[:, lead])
            expected = np.ma.average(one, weights=np.broadcast_to(area, one.shape))
            np.testing.assert_allclose(scored["pinball"].sel(quantile=level)[lead], expected, **CLOSE)
    bounds = forecast.expand_dims({QUANTILE: [0.5]})
    half = verification.pinball(bounds, observed, over=REFERENCE).isel(quantile=0)
    np.testing.assert_allclose(half, verification.mae(forecast, observed, over=REFERENCE) / 2, **CLOSE)


def test_anomaly_correlations_pooled_and_by_time_agree_with_their_formulas(world, scored):
    forecast, _, met, area = world
    for lead in range(3):
        own, real = forecast.values[:, lead] - 101100, met[:, lead] - 101100
        each, centred = [], []
        for f, o in zip(own, real, strict=True):
            pair = np.isfinite(f) & np.isfinite(o)
            f, o, w = f[pair], o[pair], area[pair]
            each.append((w * f * o).sum() / np.sqrt((w * f * f).sum() * (w * o * o).sum()))
            f, o = f - np.average(f, weights=w), o - np.average(o, weights=w)
            centred.append((w * f * o).sum() / np.sqrt((w * f * f).sum() * (w * o * o).sum()))
        np.testing.assert_allclose(scored["acc_by_time"][lead], np.mean(each), **CLOSE)
        np.testing.assert_allclose(scored["acc_by_time_centred"][lead], np.mean(centred), **CLOSE)


def test_acc_by_time_is_the_public_score_averaged_over_times(world, scored):
    forecast, observed, *_ = world
    given = {"climatology": xr.full_like(observed, 101100.0), "over": ("lat", "lon")}
    for centred, name in ((False, "acc_by_time"), (True, "acc_by_time_centred")):
        weights = schema.area_weights(observed)
        each = verification.acc(forecast, observed, **given, weights=weights, centred=centred)
        np.testing.assert_allclose(scored[name], each.mean(REFERENCE), **CLOSE)


def test_fractions_skill_agrees_with_its_formula_on_areas_and_gaps(world, scored):
    forecast, _, met, area = world
    for lead in range(3):
        difference = squares = 0.0
        for f, o in zip(forecast.values[:, lead], met[:, lead], strict=True):
            pair = np.isfinite(f) & np.isfinite(o)
            for row in range(1, 3):
                for column in range(1, 4):
                    box = (slice(row - 1, row + 2), slice(column - 1, column + 2))
                    weigh = area[box] * pair[box]
                    if pair[row, column]:
                        said, was = (np.sum(weigh * (one[box] >= 101500)) / weigh.sum() for one in (f, o))
                        difference += area[row, column] * (said - was) ** 2
                        squares += area[row, column] * (said**2 + was**2)
        found = scored["fss"].sel(threshold=">= 101500", window=3)[lead]
        np.testing.assert_allclose(found, 1 - difference / squares, **CLOSE)


def test_fractions_skill_is_that_of_scores_where_all_cells_weigh_alike():
    forecast, observed, met = random_maps(2, gaps=False)
    found = verification.table(
        {"a": forecast}, observed, climatology=None, weights=None, thresholds=[101200], windows=[1, 3]
    )["fss"].isel(forecaster=0, threshold=0)
    truth = forecast.copy(data=met)
    for width in (1, 3):
        expected = fss_2d(
            forecast,
            truth,
            event_threshold=101200,
            window_size=(width, width),
            spatial_dims=("lat", "lon"),
            preserve_dims=[LEAD],
            threshold_operator=np.greater_equal,
        )
        np.testing.assert_allclose(found.sel(window=width), expected, **CLOSE)


def test_windows_wrap_on_a_grid_that_closes_the_circle():
    values = np.arange(12.0).reshape(3, 4)
    found = window_sums(values, 3, periodic=True)
    assert np.isnan(found[[0, 2]]).all()
    np.testing.assert_array_equal(
        found[1], [values[:, at].sum() for at in ([3, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 0])]
    )
    assert np.isnan(window_sums(values, 3, periodic=False)[1, [0, 3]]).all()


def test_thresholds_are_numbers_or_below_a_number():
    assert list(events.named([98000, "< 96000", "1e3"])) == [">= 98000", "< 96000", ">= 1000"]
    assert events.event("<-5").of(xr.DataArray([-6.0, -5.0, np.nan])).values.tolist() == [True, False, False]
    assert events.event(2).of(xr.DataArray([2.0, 1.9, np.nan])).values.tolist() == [True, False, False]
    with pytest.raises(ForecastError, match=r"(?s)threshold as a number.*'> 5'.*\[verification\] thresholds"):
        events.event("> 5")


def test_an_edge_row_of_a_regional_grid_weighs_its_own_area_and_not_the_cap_beyond_it():
    observed = xr.DataArray(
        np.zeros((3, 17, 4)),
        {
            "time": np.arange("2008-01-01", "2008-01-04", dtype="M8[D]").astype("M8[ns]"),
            "lat": np.linspace(30, 70, 17),
            "lon": np.arange(4.0),
        },
        ("time", "lat", "lon"),
    )
    still = (
        observed.isel(time=slice(0, 2))
        .rename(time=REFERENCE)
        .expand_dims({LEAD: schema.leads(1, schema.time_step(observed))}, axis=1)
    )
    error = xr.where(still["lat"] == 70, 1.0, still).transpose(*still.dims)
    found = verification.table({"a": error}, observed, climatology=None, weights=schema.area_weights(observed))
    half = np.deg2rad(1.25)
    edge, all_of_it = (
        np.sin(np.deg2rad(top) + half) - np.sin(np.deg2rad(low) - half) for top, low in ((70, 70), (70, 30))
    )
    np.testing.assert_allclose(found["rmse"].item() ** 2, edge / all_of_it, **CLOSE)
