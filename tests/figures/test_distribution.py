"""The figures of a distribution draw what they were given, against what a reliable one would show."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.figures import quantile_reliability, rank_histogram, spread_skill
from forecast.schema import LEAD, QUANTILE

LEADS = np.array([1, 2], "timedelta64[D]").astype("timedelta64[ns]")


def test_ranks_are_drawn_over_what_a_reliable_ensemble_shows():
    shares = np.array([[0.125, 0.25, 0.25, 0.25, 0.125], [0.3, 0.2, 0.0, 0.2, 0.3]])
    ranks = xr.DataArray(shares, {LEAD: LEADS, "rank": np.arange(5)}, (LEAD, "rank"))
    figure = rank_histogram(ranks, levels=(np.arange(4) + 0.5) / 4)
    first, second = figure.axes
    assert (first.get_title("left"), second.get_title("left")) == ("1 day", "2 days")
    np.testing.assert_allclose([bar.get_height() for bar in first.patches], 1)
    np.testing.assert_allclose([bar.get_height() for bar in second.patches], [2.4, 0.8, 0, 0.8, 2.4])
    drawn_at_random = rank_histogram(ranks).axes[0].patches
    np.testing.assert_allclose([bar.get_height() for bar in drawn_at_random], shares[0] * 5)


def test_frequencies_are_drawn_against_levels():
    frequency = xr.DataArray(
        [[0.1, 0.5, 0.9], [0.2, 0.4, 0.8]], {LEAD: LEADS, QUANTILE: [0.05, 0.5, 0.95]}, (LEAD, QUANTILE)
    )
    diagonal, first, second = quantile_reliability(frequency).axes[0].lines
    np.testing.assert_array_equal(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(second.get_xydata(), [[0.05, 0.2], [0.5, 0.4], [0.95, 0.8]])
    assert first.get_label() == "1 day"


def test_error_is_drawn_against_spread_in_readable_units():
    values = {
        name: ((LEAD, "bin"), part, {"units": "Pa"})
        for name, part in (("spread", [[100.0, 300.0]]), ("error", [[200.0, 400.0]]))
    }
    axes = spread_skill(xr.Dataset(values, {LEAD: LEADS[:1]})).axes[0]
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[1, 2], [3, 4]])
    assert axes.get_xlabel() == "spread of the members, hPa"
