"""Seasons: found where they are, on any kind of axis, and not where there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import axes, seasonality

DAYS = np.array([1.0, 0.9, 0.9, 1.0, 1.3, 1.8, 1.6])
MONTHS = np.array([0.8, 0.7, 0.9, 1.0, 1.1, 1.2, 1.1, 1.0, 0.9, 1.0, 1.1, 1.6])


def panel(values_TS: np.ndarray, freq: str = "D", axis: str = "") -> xr.DataArray:
    """Series beside each other on an axis of dates, of named steps, or numbered."""
    if axis in ("month", "quarter", "year"):
        time = xr.date_range(
            "1950-01-01", periods=len(values_TS), freq=f"{axes.PERIODS[axis]}D", calendar="360_day", use_cftime=True
        )
    else:
        time = pd.date_range("1970-01-01", periods=len(values_TS), freq=freq)
    names = [f"s{number}" for number in range(values_TS.shape[1])]
    return xr.DataArray(values_TS, {"time": time, "series": names}, ("time", "series"), attrs={"axis": axis})


def noise(steps: int, series: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((steps, series))


def walks(steps: int, series: int, seed: int = 0) -> np.ndarray:
    return noise(steps, series, seed).cumsum(axis=0)


def electricity(days: int) -> np.ndarray:
    """Hourly load: a day's course, less of it at the weekend, wandering, with gaps."""
    hours = np.arange(days * 24)
    load = (
        10 - 3 * np.cos(2 * np.pi * hours / 24) * np.where(hours // 24 % 7 < 5, 1, 0.4) - 2.0 * (hours // 24 % 7 >= 5)
    )
    values = load[:, None] + walks(len(hours), 5) * 0.05 + noise(len(hours), 5, 1) * 0.5
    values[noise(*values.shape, 2) > 2] = np.nan
    return values


@pytest.mark.parametrize(
    ("step", "axis", "steps", "expected"),
    [
        ("30min", "", 9999, (48, 336)),
        ("1h", "", 9999, (24, 168)),
        ("1h", "", 100, (24,)),
        ("1D", "", 800, (7,)),
        ("1D", "", 1100, (7, 365)),
        ("7D", "", 200, (52,)),
        ("1min", "", 99999, (60, 1440, 10080)),
        ("30D", "month", 24, (12,)),
        ("30D", "month", 23, ()),
        ("90D", "quarter", 99, (4,)),
        ("360D", "year", 99, ()),
        ("1D", "integer", 8, (2, 3, 4)),
    ],
)
def test_what_data_may_repeat_follows_from_their_step(
    step: str, axis: str, steps: int, expected: tuple[int, ...]
) -> None:
    assert seasonality.candidates(pd.Timedelta(step), axis, steps) == expected


@pytest.mark.parametrize(("axis", "season"), [("month", 12), ("quarter", 4), ("integer", 12)])
def test_a_season_under_a_trend_is_found_in_short_series(axis: str, season: int) -> None:
    pattern = MONTHS if season == 12 else MONTHS[[0, 3, 6, 11]]
    level = 100 * np.exp(0.1 * walks(84, 12))
    values = level * np.resize(pattern, 84)[:, None] * np.exp(0.05 * noise(84, 12, 1))
    values[:20, ::2] = np.nan  # unequal lengths
    assert seasonality.detect(panel(values, axis=axis)) == (season,)


def test_day_and_week_are_found_in_hourly_data_and_the_shorter_alone_where_one_is_wanted() -> None:
    values = electricity(70)
    assert seasonality.detect(panel(values, "h")) == (24, 168)
    assert seasonality.detect(panel(values, "h"), limit=1) == (24,)
    numbered = panel(values[:, :2], axis="integer")
    assert seasonality.detect(numbered)[0] == 24


def test_a_day_is_not_taken_for_a_week() -> None:
    load = np.tile(np.sin(2 * np.pi * np.arange(24) / 24), 70)
    assert seasonality.detect(panel(load[:, None] + 0.3 * noise(1680, 3), "h")) == (24,)


def test_the_week_is_found_in_counts_with_many_zeros() -> None:
    sold = np.random.default_rng(0).poisson(0.4 * np.resize(DAYS, 400)[:, None] ** 3, (400, 30)).astype("float64")
    assert seasonality.detect(panel(sold)) == (7,)


def test_the_year_is_found_under_the_noise_of_days() -> None:
    days = np.arange(4 * 365)
    values = 8 * np.cos(2 * np.pi * days / 365)[:, None] + walks(len(days), 3) * 0.02 + 4 * noise(len(days), 3)
    assert seasonality.detect(panel(values)) == (365,)


def test_a_season_that_is_rare_among_the_series_does_not_count_for_the_table() -> None:
    values = walks(96, 100)
    values[:, :5] += 20 * np.resize(MONTHS, 96)[:, None]
    assert seasonality.detect(panel(values, axis="month")) == ()
    assert seasonality.detect(panel(values[:, :5], axis="month")) == (12,)


def test_years_and_cycles_without_a_period_have_no_season() -> None:
    shocks = noise(300, 20)
    for step in range(2, 300):
        shocks[step] += 1.5 * shocks[step - 1] - 0.85 * shocks[step - 2]
    assert seasonality.detect(panel(shocks, axis="year")) == ()
    assert seasonality.detect(panel(shocks, axis="integer")) == ()


@pytest.mark.parametrize("kind", [noise, walks])
@pytest.mark.parametrize(
    ("axis", "freq", "steps"), [("month", "", 96), ("quarter", "", 40), ("", "h", 400), ("integer", "", 90)]
)
@pytest.mark.parametrize("series", [1, 30])
def test_noise_and_random_walks_have_a_season_at_most_once_in_twenty_times(
    kind: object, axis: str, freq: str, steps: int, series: int
) -> None:
    found = [seasonality.detect(panel(kind(steps, series, seed), freq or "D", axis)) for seed in range(60)]  # type: ignore[operator]
    assert sum(seasons != () for seasons in found) <= 3


def test_tables_of_which_nothing_can_be_said_have_no_season() -> None:
    for values in (np.full((60, 2), np.nan), np.ones((60, 2)), noise(3, 2), np.eye(60)[:, :2]):
        for axis in ("month", "integer"):
            assert seasonality.detect(panel(values, axis=axis)) == ()
