"""Order statistics keep their promise for the days that were seen, however many cells each day has."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.calibration.ranks import conformal, middles, shares

LEVELS = np.array([0.05, 0.5, 0.95])


def test_the_quantile_is_the_conformal_order_statistic():
    values, beyond = conformal(np.arange(1.0, 40.0)[::-1, None], LEVELS)  # 39 errors: (39 + 1) q = 2, 20, 38
    np.testing.assert_array_equal(values, [2, 20, 38])
    assert not beyond.any()
    values, _ = conformal(np.arange(1.0, 31.0)[:, None], LEVELS)  # 31 q = 1.55 down, 15.5 between, 29.45 up
    np.testing.assert_array_equal(values, [1, 15.5, 30])


def test_too_few_errors_clip_to_the_outermost_and_say_so():
    values, beyond = conformal(np.arange(1.0, 11.0)[:, None], LEVELS)
    np.testing.assert_array_equal(values, [1, 5.5, 10])
    np.testing.assert_array_equal(beyond, [True, False, True])


def test_missing_errors_are_not_counted():
    errors = np.full((50, 1), np.nan)
    errors[5:44, 0] = np.arange(1.0, 40.0)
    np.testing.assert_array_equal(conformal(errors, LEVELS)[0], [2, 20, 38])
    values, beyond = conformal(np.full((50, 2), np.nan), LEVELS)
    assert np.isnan(values).all() and not beyond.any()


def test_cells_do_not_stand_for_days():
    """Of ten days, nine seen and the next, two may lie above the 80 % quantile: one of those seen, and the next."""
    errors = np.arange(9000.0).reshape(9, 1000)
    values, beyond = conformal(errors, np.array([0.2, 0.8, 0.95]))
    np.testing.assert_array_equal(values, [1000, 7999, 8999])  # a thousand, a day's worth, beyond each
    np.testing.assert_array_equal(beyond, [False, False, True])


def test_shares_are_the_middles_of_equal_parts():
    np.testing.assert_allclose(shares(4), [0.125, 0.375, 0.625, 0.875])


def test_members_stand_in_the_middle_of_equal_parts_of_the_errors():
    errors = np.array([[3.0, 1.0], [np.nan, 2.0], [4.0, np.nan]])
    np.testing.assert_allclose(middles(errors, 4), [1, 2, 3, 4])
    np.testing.assert_allclose(middles(errors, 2), [1.5, 3.5])
    assert np.isnan(middles(np.full((2, 2), np.nan), 3)).all()


@pytest.mark.parametrize("count", [5, 20])
def test_members_at_these_shares_score_better_than_any_drawn(count):
    """A uniform variable's whole distribution scores 1/6, its members at these levels 1 / (12 count^2) more."""
    truth = (np.arange(2000) + 0.5) / 2000

    def crps(members: np.ndarray) -> float:
        near = np.abs(members[:, None] - truth).mean()
        return float(near - np.abs(members[:, None] - members).mean() / 2)

    assert crps(shares(count)) == pytest.approx(1 / 6 + 1 / (12 * count**2), abs=1e-5)
    rng = np.random.default_rng(0)
    assert min(crps(rng.random(count)) for _ in range(50)) > crps(shares(count))
