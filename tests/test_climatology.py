"""Climatology: the harmonics of the year, the hours of the day, and what is left when there is too little."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import climatology, schema
from forecast.errors import ForecastError


def series(time: np.ndarray, *columns: np.ndarray) -> xr.DataArray:
    coords = {"time": time, "series": list("abcd")[: len(columns)]}
    return xr.DataArray(np.stack(columns, axis=1), coords, ("time", "series"), "t", {"units": "K"})


def axis(steps: int, freq: str = "D", calendar: str = "standard") -> np.ndarray:
    return xr.date_range("2001-01-01", periods=steps, freq=freq, calendar=calendar).values


def year(time: np.ndarray) -> np.ndarray:
    """The angle of the year."""
    return 2 * np.pi * schema.day_of_year(xr.DataArray(time, dims="time")).values


@pytest.mark.parametrize("calendar", ["standard", "360_day", "noleap"])
def test_two_years_or_more_give_back_mean_and_harmonics_in_any_calendar(calendar: str) -> None:
    time = axis(1100, calendar=calendar)
    angle = year(time)
    wave = 280 + 9 * np.cos(angle) - 4 * np.sin(angle) + 2 * np.cos(2 * angle) + np.sin(2 * angle)
    fitted = climatology.fit(series(time[:800], wave[:800]))
    np.testing.assert_allclose(fitted["coefficient"].values[:, 0], [280, 9, -4, 2, 1], atol=1e-9)
    np.testing.assert_allclose(climatology.at(fitted, time[800:])[:, 0], wave[800:])


def test_under_two_years_of_days_it_is_the_plain_mean() -> None:
    time = axis(729)
    fitted = climatology.fit(series(time, np.cos(year(time)) + np.arange(729)))
    assert fitted.sizes["harmonic"] == 1
    later = climatology.at(fitted, time[[0, 300]])[:, 0]
    np.testing.assert_allclose(later, np.mean(np.cos(year(time)) + np.arange(729)))
    assert climatology.fit(series(axis(730), year(axis(730)))).sizes["harmonic"] == 5


def test_under_two_years_of_hours_it_is_the_mean_of_the_hour() -> None:
    time = axis(48, "h")
    first = np.tile(np.arange(24.0), 2)
    first[24:] += 10
    first[47] = np.nan
    fitted = climatology.fit(series(time, first))
    expected = np.arange(24.0) + 5
    expected[23] = 23
    np.testing.assert_allclose(climatology.at(fitted, axis(72, "h")[48:])[:, 0], expected)


def test_half_hours_have_slots_of_their_own() -> None:
    time = axis(96, "30min")
    fitted = climatology.fit(series(time, np.tile(np.arange(48.0), 2)))
    assert fitted.sizes["slot"] == 48
    np.testing.assert_allclose(climatology.at(fitted, time[[1, 2, 49]])[:, 0], [1, 2, 1])


def test_long_hourly_records_have_the_year_and_the_day() -> None:
    time = axis(2 * 366 * 4, "6h")
    day = np.tile([-3.0, 0, 3, 0], len(time) // 4)
    truth = 280 + 9 * np.cos(year(time)) + day
    fitted = climatology.fit(series(time, truth))
    np.testing.assert_allclose(climatology.at(fitted, time)[:, 0], truth, atol=0.05)


def test_missing_values_are_left_out_and_a_cell_never_observed_stays_missing() -> None:
    time = axis(900)
    wave = 10 + np.cos(year(time))
    holes = np.where(np.random.default_rng(1).random(900) < 0.4, np.nan, wave)
    found = climatology.at(climatology.fit(series(time, holes, wave * np.nan)), time)
    np.testing.assert_allclose(found[:, 0], wave)
    assert np.isnan(found[:, 1]).all()


def test_where_a_season_was_never_seen_the_mean_stands_alone() -> None:
    time = axis(900)
    angle = year(time) % (2 * np.pi)
    summers = np.where((angle > 2.6) & (angle < 3.6), 20 + np.cos(angle), np.nan)
    found = climatology.at(climatology.fit(series(time, summers)), time)
    np.testing.assert_allclose(found[:, 0], np.nanmean(summers))


def test_an_hour_never_seen_takes_the_mean_of_the_others() -> None:
    time = axis(48, "h")
    values = np.where(time.astype("datetime64[h]").astype(int) % 24 == 3, np.nan, 7.0)
    assert float(climatology.at(climatology.fit(series(time, values)), time[3:4])[0, 0]) == 7


@settings(deadline=None, max_examples=20)
@given(shift=st.floats(-1e5, 1e5), factor=st.floats(0.01, 100), steps=st.sampled_from([300, 800]))
def test_it_moves_and_stretches_with_the_data(shift: float, factor: float, steps: int) -> None:
    time = axis(steps)
    values = np.random.default_rng(steps).normal(size=steps)
    plain = climatology.at(climatology.fit(series(time, values)), time).values
    other = climatology.at(climatology.fit(series(time, shift + factor * values)), time).values
    np.testing.assert_allclose(other, shift + factor * plain, atol=1e-8 * (abs(shift) + factor))


def test_maps_keep_their_dimensions_units_and_coordinates() -> None:
    time = axis(30)
    values = np.broadcast_to(np.arange(6.0).reshape(2, 3), (30, 2, 3))
    coords = {"time": time, "lat": [40.0, 50], "lon": [0.0, 1, 2]}
    data = xr.DataArray(values, coords, ("time", "lat", "lon"), "slp", {"units": "Pa"})
    found = climatology.at(climatology.fit(data), time[:2])
    assert (found.dims, found.attrs["units"], found["lat"].values.tolist()) == (data.dims, "Pa", [40, 50])
    np.testing.assert_allclose(found, values[:2])


def test_the_spread_is_that_of_the_anomalies_and_one_where_nothing_varies() -> None:
    time = axis(48, "h")
    day = np.tile(np.arange(24.0), 2)
    noise = np.repeat([-2.0, 2.0], 24)
    data = series(time, day + noise, day, np.full(48, 1e5 / 3).astype("float32"), day * np.nan)
    np.testing.assert_allclose(climatology.fit(data)["spread"], [2, 1, 1, np.nan])


def holed(steps: int, freq: str, offset: float, share: float) -> xr.DataArray:
    """A small map with a season, a day and noise; some values missing, one cell beginning late, one never observed."""
    rng, time = np.random.default_rng(steps), axis(steps, freq)
    season = (
        3 * np.cos(year(time))[:, None, None]
        + np.sin(2 * np.pi * (time - time[0]) / np.timedelta64(1, "D"))[:, None, None]
    )
    values = offset + season * np.arange(1.0, 5).reshape(2, 2) + rng.normal(size=(steps, 2, 2))
    values[rng.random(values.shape) < share] = np.nan
    values[: steps // 2, 0, 1], values[:, 1, 1] = np.nan, np.nan
    coords = {"time": time, "lat": [40.0, 50], "lon": [0.0, 1]}
    return xr.DataArray(values, coords, ("time", "lat", "lon"), "t", {"units": "K"})


@settings(deadline=None, max_examples=12)
@given(
    steps=st.integers(40, 1700),
    freq=st.sampled_from(["D", "12h"]),
    offset=st.sampled_from([0.0, 280.0, 1e5]),
    share=st.sampled_from([0.0, 0.3]),
)
def test_the_size_of_a_block_changes_nothing(steps: int, freq: str, offset: float, share: float) -> None:
    data = holed(1600, freq, offset, share)
    whole, parts = climatology.fit(data, 1600), climatology.fit(data, steps)
    assert set(whole) == {"coefficient", "variability", "spread", "missing"} | (
        {"deviation"} if freq == "12h" else set()
    )
    for name in whole:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-10, atol=1e-10 * max(1, offset))


@pytest.mark.parametrize("freq", ["D", "12h"])
def test_one_pass_finds_what_least_squares_on_all_values_finds(freq: str) -> None:
    data = holed(1500, freq, 1e5, 0.3)
    found, usual, slots = climatology.fit(data, 7), np.full(data.shape, np.nan), 2 if freq == "12h" else 1
    angle = year(data["time"].values)
    design = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], 1)
    for row, column in ((0, 0), (0, 1), (1, 0)):
        cell = data.values[:, row, column]
        known = np.isfinite(cell)
        usual[:, row, column] = design @ np.linalg.lstsq(design[known], cell[known] - 1e5)[0] + 1e5
        for slot in range(slots):
            usual[slot::slots, row, column] += np.nanmean((cell - usual[:, row, column])[slot::slots])
    np.testing.assert_allclose(climatology.at(found, data["time"].values), usual, rtol=0, atol=1e-8)
    local = np.sqrt(np.nanmean((data.values - usual)[:, :, :1] ** 2, axis=0))[:, 0]
    np.testing.assert_allclose(found["variability"].values[:, 0], local, rtol=1e-10)
    assert int(found["missing"]) == int(data.isnull().sum())


def test_nothing_observed_is_answered_in_words() -> None:
    with pytest.raises(
        ForecastError, match=r"at least one observed value of t[\s\S]+none in the training[\s\S]+\[split\]"
    ):
        climatology.fit(series(axis(5), np.full(5, np.nan)))
