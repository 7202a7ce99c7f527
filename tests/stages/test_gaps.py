"""Lengths and gaps of series, counted by hand."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.stages.gaps import described, gaps

NAN = np.nan
DATA = xr.Dataset(
    {
        "load": (("time", "series"), [[NAN, 1, NAN], [2.0, 1, NAN], [NAN, 1, NAN], [3, 1, NAN], [NAN, 1, NAN]]),
        "price": (("time", "series"), np.ones((5, 3))),
    },
    coords={"time": np.arange(5), "series": ["a", "b", "never"]},
)


def test_a_series_runs_from_its_first_to_its_last_value_and_what_lacks_between_is_missing() -> None:
    found = gaps(DATA["load"])
    assert found.lengths.tolist() == [3, 5, 0] and found.last.tolist() == [3, 4, -1] and found.missing == 1 - 7 / 8


def test_the_shortest_the_longest_and_the_missing_are_named() -> None:
    assert described(DATA[["load"]]) == (
        "3 series of 0 (never) to 5 (b) steps; missing between a series' first and last: load 12.5 %"
    )
    assert described(DATA).startswith("3 series of 5 (a) steps; ") and described(DATA).endswith(
        "load 12.5 %, price none"
    )
