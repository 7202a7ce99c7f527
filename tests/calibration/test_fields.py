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
    got = shuffled(fields, values)[0, :, 0]
    np.testing.assert_array_equal(got, [[30, 10], [10, 20], [20, np.nan]])
