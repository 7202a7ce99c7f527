"""Blocks of time: their length, what they hold, and what is found out by reading them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import blocks


def maps(steps: int = 20) -> xr.Dataset:
    """Two variables of 2 x 3 cells, 48 bytes a step; steps 3 and 4 missing in both, step 5 in the first alone."""
    time = pd.date_range("2001-01-01", periods=steps)
    values = np.arange(steps * 6, dtype="float32").reshape(steps, 2, 3)
    first, second = values.copy(), values.copy()
    first[3:6], second[3:5] = np.nan, np.nan
    dims = ("time", "lat", "lon")
    return xr.Dataset({"a": (dims, first), "b": (dims, second)}, {"time": time, "lat": [0.0, 1], "lon": [0.0, 1, 2]})


def test_a_block_holds_whole_chunks_of_the_file_and_at_least_one(tmp_path: Path) -> None:
    data = maps()
    assert blocks.length(data, 48 * 7) == 7
    data.to_zarr(tmp_path / "maps", encoding={name: {"chunks": (4, 2, 3)} for name in ("a", "b")})
    stored = xr.open_zarr(tmp_path / "maps", chunks=None)
    assert blocks.length(stored, 48 * 11) == 8
    assert blocks.length(stored, 1) == 4


def test_blocks_laid_end_to_end_are_the_data() -> None:
    data = maps()["b"]
    for steps in (1, 7, 20, 50, None):
        parts = list(blocks.over(data, steps))
        assert [part.start for part, _ in parts] == list(range(0, 20, steps or 20))
        np.testing.assert_array_equal(np.concatenate([values for _, values in parts]), data.values)


def test_a_step_is_seen_where_any_cell_of_any_variable_was_observed() -> None:
    data = maps()
    assert np.flatnonzero(~blocks.seen(data, ["a", "b"])).tolist() == [3, 4]
    assert np.flatnonzero(~blocks.seen(data, ["a"])).tolist() == [3, 4, 5]
    assert blocks.anything(data["a"]) and not blocks.anything(data["a"][3:6])
