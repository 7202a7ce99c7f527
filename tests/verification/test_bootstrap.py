"""The interval of a difference between forecasters: right centre, right width, same seed same answer."""

from __future__ import annotations

import numpy as np
import pytest

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import REFERENCE
from forecast.verification import paired, rmse
from forecast.verification.bootstrap import _draws, block_length
from tests.worlds import forecasts, observations, random_maps


def two(seed=0, times=200, cells=3, first=1.0, second=1.0):
    rng = np.random.default_rng(seed)
    observed = observations(np.zeros((times + 3, cells)))
    a, b = (forecasts(size * rng.normal(size=(times, 2, cells)), observed) for size in (first, second))
    return a, b, observed


def test_the_difference_is_that_of_the_rmse():
    forecast, observed, _ = random_maps(1)
    other, _, _ = random_maps(2)
    weights = schema.area_weights(observed)
    interval = paired(forecast, other, observed, weights=weights, n=50)
    both = forecast.notnull() & other.notnull()
    given = {"over": (REFERENCE, "lat", "lon"), "weights": weights}
    expected = rmse(forecast.where(both), observed, **given) - rmse(other.where(both), observed, **given)
    np.testing.assert_allclose(interval["difference"], expected, rtol=1e-10)
    assert interval["difference"].attrs["units"] == "Pa"


def test_a_clearly_better_forecaster_has_an_interval_below_zero():
    interval = paired(*two(first=1.0, second=1.5), seed=1)
    assert (interval["upper"] < 0).all()
    assert (interval["better"] == 1).all()
    assert ((interval["lower"] < interval["difference"]) & (interval["difference"] < interval["upper"])).all()


def test_equal_forecasters_differ_by_nothing():
    a, _, observed = two()
    interval = paired(a, a, observed)
    assert (interval[["difference", "lower", "upper"]].to_array() == 0).all()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    assert paired(*two(), seed=3).identical(paired(*two(), seed=3))
    assert not paired(*two(), seed=3).equals(paired(*two(), seed=4))


def test_block_of_one_has_the_standard_error_of_independent_days():
    a, b, observed = two(times=400, cells=1)
    interval = paired(a, b, observed, block=1, n=4000)
    first, second = a.values[:, 0, 0] ** 2, b.values[:, 0, 0] ** 2
    # delta method: sd of the mean of e_a^2 / (2 rmse_a) - e_b^2 / (2 rmse_b)
    influence = first / (2 * np.sqrt(first.mean())) - second / (2 * np.sqrt(second.mean()))
    width = 2 * 1.96 * influence.std() / np.sqrt(400)
    assert float(interval["upper"][0] - interval["lower"][0]) == pytest.approx(width, rel=0.08)


def test_blocks_widen_the_interval_of_errors_that_last():
    rng = np.random.default_rng(5)
    size = np.repeat(rng.lognormal(0, 1, 40), 10)[:, None, None]  # errors that stay large or small for ten days
    observed = observations(np.zeros((403, 1)))
    a = forecasts(size * rng.choice([-1.0, 1.0], (400, 1, 1)), observed)
    b = forecasts(np.ones((400, 1, 1)), observed)
    wide, narrow = (paired(a, b, observed, block=block) for block in (20, 1))
    ratio = (wide["upper"] - wide["lower"]) / (narrow["upper"] - narrow["lower"])
    assert ratio.item() > 2


def test_days_pair_by_valid_time_not_by_reference():
    """Two leads with the same errors on the same valid times have the same interval."""
    rng = np.random.default_rng(6)
    errors = rng.normal(size=60)
    observed = observations(np.zeros((63, 1)))
    values = np.full((61, 2, 1), np.nan)
    values[1:, 0, 0], values[:60, 1, 0] = errors, errors
    interval = paired(forecasts(values, observed), forecasts(values * 0.5, observed), observed)
    np.testing.assert_allclose(interval["lower"][0], interval["lower"][1], rtol=1e-12)


def test_draws_are_circular_blocks_that_count_every_row_alike():
    drawn = _draws(10, 3, 2000, np.random.default_rng(0))
    assert (drawn.sum(axis=1) == 10).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.08)
    one = _draws(7, 7, 1, np.random.default_rng(0))
    assert (one == 1).all()  # one whole circle


def test_the_default_block_is_the_cube_root_or_the_leads_at_most_half():
    assert (block_length(366, 5), block_length(1000, 24), block_length(6, 24), block_length(2, 1)) == (8, 24, 3, 1)
    assert paired(*two(), n=10).attrs["block"] == 6


def test_a_block_longer_than_the_times_is_refused():
    with pytest.raises(ForecastError, match="a block within them") as caught:
        paired(*two(times=5), block=99)
    assert "block 99" in caught.value.got
