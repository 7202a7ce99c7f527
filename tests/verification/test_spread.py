"""Scores of a distribution against the double sum, an independent package and counting."""

from __future__ import annotations

import numpy as np
import pytest
from scores.probability import crps_for_ensemble

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import LEAD, MEMBER, QUANTILE, REFERENCE
from forecast.verification import (
    align,
    coverage,
    crps,
    mae,
    quantile_frequency,
    rank_histogram,
    spread_skill,
    width,
)
from tests.worlds import forecasts, observations

OVER = (REFERENCE, "series")
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def ensemble(members: int = 6, gaps: bool = True):
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(12, 4))
    if gaps:
        truth[2, 1] = np.nan
    observed = observations(truth)
    return forecasts(rng.normal(size=(9, 2, members, 4)), observed, extra=MEMBER), observed


def test_by_hand_two_members():
    observed = observations([[0.0], [0.0]])
    forecast = forecasts([[[[1.0], [3.0]]]], observed, extra=MEMBER)  # mean |x| = 2, minus 2 * |1 - 3| / (2 * 4) = 0.5
    assert crps(forecast, observed, over=OVER).item() == pytest.approx(1.5, abs=1e-12)


def test_crps_is_the_double_sum_over_members():
    forecast, observed = ensemble()
    x, o = forecast.values, align(forecast, observed).values
    first = np.abs(x - o[:, :, None]).mean(axis=2)
    second = np.abs(x[:, :, :, None] - x[:, :, None]).mean(axis=(2, 3)) / 2
    expected = np.nanmean((first - second).transpose(1, 0, 2).reshape(2, -1), axis=1)
    np.testing.assert_allclose(crps(forecast, observed, over=OVER), expected, **CLOSE)


def test_crps_equals_that_of_the_scores_package_with_weights():
    rng = np.random.default_rng(4)
    observed = observations(rng.normal(size=(12, 3, 4)))
    forecast = forecasts(rng.normal(size=(9, 2, 7, 3, 4)), observed, extra=MEMBER)
    over, weights = (REFERENCE, "lat", "lon"), schema.area_weights(observed)
    met = align(forecast, observed)
    theirs = crps_for_ensemble(forecast, met, MEMBER, preserve_dims=LEAD, weights=weights)
    np.testing.assert_allclose(crps(forecast, observed, over=over, weights=weights), theirs, **CLOSE)


def test_crps_of_one_member_is_the_absolute_error():
    forecast, observed = ensemble(members=1)
    alone = forecast.isel({MEMBER: 0}, drop=True)
    expected = mae(alone, observed, over=OVER)
    np.testing.assert_allclose(crps(forecast, observed, over=OVER), expected, **CLOSE)


def test_a_pair_that_lacks_a_member_is_left_out():
    forecast, observed = ensemble(gaps=False)
    holed, kept = forecast.copy(), forecast.copy()
    holed[0, :, 2] = np.nan
    kept[0] = np.nan
    np.testing.assert_allclose(crps(holed, observed, over=OVER), crps(kept, observed, over=OVER), **CLOSE)


def test_members_are_left_as_they_were():
    forecast, observed = ensemble()
    before = forecast.copy(deep=True)
    crps(forecast, observed, over=OVER)
    np.testing.assert_array_equal(forecast, before)


def test_coverage_counts_both_ends_and_leaves_missing_pairs_out():
    observed = observations([[0.0] * 4, [1.0, 3.0, 3.1, np.nan]])
    bounds = np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None], (1, 1, 3, 4))
    forecast = forecasts(bounds, observed, extra=QUANTILE).assign_coords({QUANTILE: [0.05, 0.5, 0.95]})
    assert coverage(forecast, observed, over=OVER).item() == pytest.approx(2 / 3, abs=1e-12)
    assert width(forecast, observed, over=OVER).item() == pytest.approx(2, abs=1e-12)


def test_width_and_coverage_weigh_the_cells():
    observed = observations(np.zeros((2, 2, 1)), lat=[0.0, 60.0])
    bounds = np.array([[-1.0, 1.0], [1.0, 1.0]]).T.reshape(1, 1, 2, 2, 1)  # widths 2 (holds 0) and 0 (does not)
    forecast = forecasts(bounds, observed, extra=QUANTILE).assign_coords({QUANTILE: [0.1, 0.9]})
    given = {"over": (REFERENCE, "lat", "lon"), "weights": schema.area_weights(observed)}
    assert width(forecast, observed, **given).item() == pytest.approx(2 / 1.5, abs=1e-12)
    assert coverage(forecast, observed, **given).item() == pytest.approx(1 / 1.5, abs=1e-12)


def test_a_forecast_without_members_or_quantiles_is_refused():
    observed = observations(np.zeros((3, 1)))
    forecast = forecasts(np.zeros((2, 1, 1)), observed)
    of_members, of_quantiles = (crps, rank_histogram, spread_skill), (coverage, width, quantile_frequency)
    for score, dim in [(one, MEMBER) for one in of_members] + [(one, QUANTILE) for one in of_quantiles]:
        with pytest.raises(ForecastError, match=f"a forecast with dimension {dim}"):
            score(forecast, observed, over=OVER)


def test_one_quantile_is_no_interval():
    observed = observations(np.zeros((3, 1)))
    forecast = forecasts(np.zeros((2, 1, 1, 1)), observed, extra=QUANTILE).assign_coords({QUANTILE: [0.5]})
    with pytest.raises(ForecastError, match="two quantiles or more"):
        width(forecast, observed, over=OVER)


def test_a_rank_is_the_number_of_members_below_and_ties_are_shared():
    observed = observations([[0.0] * 4, [0.5, 2.5, 2.0, np.nan]])
    members = np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None], (1, 1, 3, 4))
    ranks = rank_histogram(forecasts(members, observed, extra=MEMBER), observed, over=OVER)
    assert ranks.dims == (LEAD, "rank")
    # of three pairs: one below all, one above two, one equal to the second: half above one, half above two
    np.testing.assert_allclose(ranks[0], np.array([1, 0.5, 1.5, 0]) / 3, **CLOSE)


def test_ranks_weigh_cells_and_leave_out_what_lacks_a_member():
    observed = observations(np.zeros((2, 2, 1)), lat=[0.0, 60.0])
    members = np.array([[[-1.0], [1.0]], [[-2.0], [1.0]]]).reshape(1, 1, 2, 2, 1)  # above both; below both
    forecast = forecasts(members, observed, extra=MEMBER)
    given = {"over": (REFERENCE, "lat", "lon"), "weights": schema.area_weights(observed)}
    np.testing.assert_allclose(rank_histogram(forecast, observed, **given)[0], [1 / 3, 0, 2 / 3], **CLOSE)
    holed = forecast.copy()
    holed[0, 0, 1, 1] = np.nan
    np.testing.assert_allclose(rank_histogram(holed, observed, **given)[0], [0, 0, 1], **CLOSE)


def test_members_of_the_truths_own_distribution_have_even_ranks():
    rng = np.random.default_rng(5)
    observed = observations(rng.normal(size=(4001, 5)))
    forecast = forecasts(rng.normal(size=(4000, 1, 4, 5)), observed, extra=MEMBER)
    np.testing.assert_allclose(rank_histogram(forecast, observed, over=OVER)[0], 0.2, atol=0.01)


def test_a_quantiles_frequency_counts_what_lies_at_or_below_it():
    observed = observations([[0.0] * 4, [1.0, 1.5, 3.1, np.nan]])
    bounds = np.broadcast_to(np.array([1.0, 2.0, 3.0])[:, None], (1, 1, 3, 4))
    forecast = forecasts(bounds, observed, extra=QUANTILE).assign_coords({QUANTILE: [0.05, 0.5, 0.95]})
    frequency = quantile_frequency(forecast, observed, over=OVER)
    np.testing.assert_allclose(frequency[0], [1 / 3, 2 / 3, 2 / 3], **CLOSE)
    np.testing.assert_array_equal(frequency[QUANTILE], [0.05, 0.5, 0.95])


def test_spread_and_error_by_hand_in_two_classes():
    observed = observations([[0.0] * 4, [0.0, 3.0, 0.0, 8.0]])
    members = np.array([[-1.0, 0.0, -4.0, 0.0], [1.0, 2.0, 4.0, 8.0]]).reshape(1, 1, 2, 4)
    found = spread_skill(forecasts(members, observed, extra=MEMBER), observed, over=OVER, bins=2)
    # means 0, 1 | 0, 4; variances 2, 2 | 32, 32 over one degree of freedom, times (2 + 1) / 2; errors 0, 2 | 0, 4
    np.testing.assert_allclose(found["spread"][0], np.sqrt([3, 48]), **CLOSE)
    np.testing.assert_allclose(found["error"][0], np.sqrt([2, 8]), **CLOSE)


def test_one_member_has_no_spread():
    forecast, observed = ensemble(members=1)
    with pytest.raises(ForecastError, match="two members or more"):
        spread_skill(forecast, observed, over=OVER)
