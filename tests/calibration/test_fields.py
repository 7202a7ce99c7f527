"""Error fields are drawn evenly over a season, and lend their order and nothing else."""

from __future__ import annotations

import numpy as np

from forecast.calibration.fields import shuffled, trajectories


def test_fields_are_spread_evenly_over_the_season_and_drawn_by_the_seed():
    error = np.arange(200.0)[:, None, None]
    season = np.zeros(200, dtype=int)

    def drawn(seed: int) -> np.ndarray:
        return trajectories(error, season, 20, [False] * 4, np.random.default_rng(seed))[0, :, 0, 0]

    np.testing.assert_array_equal(drawn(0) // 10, np.arange(20))  # one of each ten days
    np.testing.assert_array_equal(drawn(0), drawn(0))
    assert (drawn(0) != drawn(1)).any()
    assert len(np.unique(drawn(0) % 10)) > 3  # not always the same hour of a day


def test_values_take_the_order_of_the_fields():
    fields = np.array([[3.0, -1.0], [1.0, 0.0], [2.0, np.nan]]).reshape(1, 3, 1, 2)
    values = np.array([[10.0, 20.0, 30.0]])[..., None].repeat(2, axis=2)  # (lead, member, cell)
    got = shuffled(fields, values, None)[0, :, 0]
    np.testing.assert_array_equal(got, [[30, 10], [10, 20], [20, np.nan]])


def test_maps_are_moved_smoothly_and_keep_their_texture():
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(1, 10, 1, 12, 14))
    fields[..., 3, 4] = np.nan
    values = np.broadcast_to(np.linspace(5, 15, 10)[:, None, None], (1, 10, 12, 14))
    got = shuffled(fields, values, False)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(fields))
    exact = shuffled(fields[..., None, :, :].reshape(1, 10, 1, 168), values.reshape(1, 10, 168), None)
    move = (exact - fields.reshape(1, 10, 1, 168)).reshape(10, 12, 14)
    np.testing.assert_allclose((got - fields)[0, :, 0, 8, 9], move[:, 6:11, 7:12].mean(axis=(1, 2)))
    np.testing.assert_allclose(np.nanmean(got), 10, atol=0.2)
