"""The look's own rules: labels never overlap, units and places read as people write them, no global state."""

from __future__ import annotations

import subprocess
import sys

import cftime
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from forecast.figures import style

HEIGHTS = st.lists(st.floats(0, 1), min_size=0, max_size=12).map(sorted)


@given(HEIGHTS, st.floats(0.01, 0.1))
def test_labels_keep_their_order_and_their_distance(heights, gap):
    moved = style.apart(np.array(heights), gap)
    assert len(moved) == len(heights)
    assert (np.diff(moved) >= gap - 1e-9).all()


@given(st.integers(1, 8))
def test_labels_that_are_far_apart_stay_where_they_are(count):
    heights = np.linspace(0, 1, count)
    np.testing.assert_allclose(style.apart(heights, 0.1), heights, atol=1e-12)


def test_two_labels_at_one_height_move_by_half_a_gap():
    np.testing.assert_allclose(style.apart(np.array([0.5, 0.5, 0.9]), 0.1), [0.45, 0.55, 0.9])


def test_pascals_are_read_as_hectopascals_and_only_once():
    data = xr.DataArray([101300.0], attrs={"units": "Pa", "long_name": "sea-level pressure"})
    shown, symbol = style.readable(data)
    again, _ = style.readable(shown)
    assert (shown.item(), again.item(), symbol) == (pytest.approx(1013), pytest.approx(1013), "hPa")
    assert style.quantity(shown, symbol) == "Sea-level pressure, hPa"
    assert data.attrs["units"] == "Pa"


@pytest.mark.parametrize(("east", "said"), [(-20, "20°W"), (0, "0°"), (2.5, "2.5°E"), (190, "170°W"), (180, "180°")])
def test_a_longitude_reads_as_people_write_it(east, said):
    assert style.east(east) == said


def test_a_latitude_reads_as_people_write_it():
    assert [style.north(at) for at in (-30, 0, 60)] == ["30°S", "0°", "60°N"]


def test_leads_are_days_when_all_are_whole_days():
    days = xr.DataArray(pd.to_timedelta([1, 3], "D").to_numpy("timedelta64[ns]"), dims="lead")
    hours = xr.DataArray(pd.to_timedelta([1, 24], "h").to_numpy("timedelta64[ns]"), dims="lead")
    assert style.lead_names(days) == ["1 day", "3 days"]
    assert style.lead_names(hours) == ["1 hour", "24 hours"]


def test_some_leads_hold_the_first_and_the_last():
    assert style.some(24, 5) == [0, 6, 12, 17, 23]
    assert style.some(3, 5) == [0, 1, 2]
    assert style.some(1, 5) == [0]


def test_times_read_as_dates_with_the_hour_where_there_is_one():
    assert style.stamp(np.datetime64("2008-01-20", "ns")) == "2008-01-20"
    assert style.stamp(np.datetime64("2008-01-20T06", "ns")) == "2008-01-20 06:00"
    assert style.stamp(cftime.Datetime360Day(2095, 2, 30)) == "2095-02-30"


def test_baselines_are_grey_and_models_have_colours_of_their_own():
    drawn = style.lines(["a", "persistence", "b"], ["persistence"])
    assert drawn["persistence"]["color"] == style.QUIET
    assert drawn["a"]["color"] != drawn["b"]["color"]
    assert "ls" in drawn["persistence"] and "ls" not in drawn["a"]


def test_figures_leave_matplotlibs_global_state_alone():
    code = "import sys, forecast.figures; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_steps_that_have_a_name_are_called_so_on_the_axis() -> None:
    _, grid = style.sheet(1, 1, (4.0, 3.0), "months")
    times = np.array([cftime.datetime(2001, month, 1, calendar="360_day") for month in (11, 12)])
    drawn = style.time_axis(grid[0, 0], times, times[0], "month")
    told = grid[0, 0].xaxis.get_major_formatter()
    assert drawn.tolist() == [0, 1] and [told(x, 0) for x in (-1, 0, 2)] == ["2001-10", "2001-11", "2002-01"]
    assert style.stamp(times[1], "month") == "2001-12"
