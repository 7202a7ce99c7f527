"""Rules of quality: what breaks each, what must not, and what follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.quality import Finding, _runs, inspect


def series(name: str, units: str, values: list[float]) -> xr.Dataset:
    time = xr.date_range("2001-01-01", periods=len(values), freq="h")
    data = {name: (("time", "series"), np.asarray(values, float)[:, None], {"units": units})}
    return xr.Dataset(data, {"time": time, "series": ["EWR"]})


def test_a_value_outside_its_limits_is_masked_counted_and_shown() -> None:
    ds = series("pressure", "hPa", [1013, 99, 1012, np.inf])
    clean, findings = inspect(ds)
    np.testing.assert_array_equal(clean.pressure.values[:, 0], [1013, np.nan, 1012, np.nan])
    assert findings == [Finding("limits", "pressure", "masked", 2, "99 hPa at 2001-01-01T01:00, series EWR")]
    assert ds.pressure.values[1, 0] == 99, "the data given are not changed"
    assert clean.pressure.attrs["units"] == "hPa"


@pytest.mark.parametrize("together", [1, 7, 2**22])
def test_cells_are_judged_some_at_a_time_to_the_same_end(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.quality.TOGETHER", together)
    values = np.full((4, 3), 50.0) + np.arange(4.0)[:, None]
    values[2, 0], values[1, 2], values[:, 1] = 999, -999, 60
    time = xr.date_range("2001-01-01", periods=4, freq="30D", calendar="360_day", use_cftime=True)
    data = {"temp": (("time", "series"), values, {"units": "degF"})}
    ds = xr.Dataset(data, {"time": time, "series": ["a", "b", "c"]}, {"axis": "month"})
    clean, findings = inspect(ds, stuck_steps=3)
    assert findings == [
        Finding("limits", "temp", "masked", 2, "-999 degF at 2001-02, series c"),
        Finding("stuck", "temp", "flagged", 4, "60 degF at 2001-01, series b"),
    ]
    np.testing.assert_array_equal(clean.temp, np.where(abs(values) == 999, np.nan, values))


def test_flagged_values_stay() -> None:
    clean, findings = inspect(series("humid", "%", [50, 130, 55]), limits="flag")
    assert clean.humid.values[1, 0] == 130
    assert [(f.action, f.count) for f in findings] == [("flagged", 1)]


def test_refusing_names_the_rule_the_count_and_the_place() -> None:
    with pytest.raises(ForecastError, match=r"temp within the rule limits(.|\n)*1 values.*999 degF at 2001(.|\n)*mask"):
        inspect(series("temp", "degF", [50, 999]), limits="refuse")


def test_limits_and_jumps_are_converted_and_skipped_where_they_cannot_be() -> None:
    clean, findings = inspect(series("t2m", "degC", [11.5, 62, 11, 37, 10]), spikes="mask")
    assert [(f.rule, f.action, f.count) for f in findings] == [("limits", "masked", 1), ("spikes", "masked", 1)]
    np.testing.assert_array_equal(clean.t2m.values[:, 0], [11.5, np.nan, 11, np.nan, 10])  # 61.85 degC; 25 K a step
    clean, findings = inspect(series("t2m", "parrots", [11.5, 12, 11]))
    assert findings == [Finding("limits", "t2m", "skipped", 0, "units parrots, the limits are in K")]
    np.testing.assert_array_equal(clean.t2m.values[:, 0], [11.5, 12, 11])
    _, findings = inspect(series("power", "kW", [1, 2, 3]))
    assert findings[0].example == "no limits are known for power"


def test_infinity_breaks_the_limits_of_any_variable() -> None:
    clean, findings = inspect(series("power", "kW", [1, -np.inf, 3]))
    assert np.isnan(clean.power.values[1, 0]) and findings[1].count == 1


def test_a_spike_jumps_and_returns_and_a_front_does_not() -> None:
    _, spike = inspect(series("temp", "degF", [50, 95, 51, 52]))
    assert [(f.rule, f.count, f.example[:7]) for f in spike] == [("spikes", 1, "95 degF")]
    assert inspect(series("temp", "degF", [50, 95, 96, 97]))[1] == []
    assert inspect(series("temp", "degF", [50, np.nan, 95, 51]))[1] == []


def test_a_value_is_stuck_from_stuck_steps_on() -> None:
    three = [50, 51, 51, 51, 52]
    assert inspect(series("temp", "degF", three), stuck_steps=4)[1] == []
    clean, findings = inspect(series("temp", "degF", three), stuck="mask", stuck_steps=3)
    np.testing.assert_array_equal(clean.temp.values[:, 0], [50, np.nan, np.nan, np.nan, 52])
    assert [(f.rule, f.count) for f in findings] == [("stuck", 3)]


@pytest.mark.parametrize(
    ("name", "units", "value"), [("humid", "%", 100), ("wind_speed", "mile hour-1", 0), ("rain", "mm", 0)]
)
def test_a_value_at_a_natural_bound_is_not_stuck(name: str, units: str, value: float) -> None:
    _, findings = inspect(series(name, units, [value] * 30 + [value + 1 - 2 * (value == 100)]))
    assert [f for f in findings if f.rule == "stuck"] == []
    _, findings = inspect(series("temp", "degF", [0.0] * 30))
    assert [f.count for f in findings] == [30], "zero degrees is no bound"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([1.0, 2.0, np.nan]), max_size=40), st.integers(2, 9))
def test_runs_are_found_as_by_hand(values: list[float], steps: int) -> None:
    expected, start = [False] * len(values), 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[i - 1]:
            if i - start >= steps:
                expected[start:i] = [True] * (i - start)
            start = i
    assert _runs(np.array(values), steps).tolist() == expected


def grid(maps: np.ndarray) -> xr.Dataset:
    time = xr.date_range("2001-01-01", periods=len(maps), freq="D")
    return xr.Dataset(
        {"slp": (("time", "lat", "lon"), maps, {"units": "Pa"})}, {"time": time, "lat": [50.0, 52.5], "lon": [0.0, 2.5]}
    )


def test_a_map_that_repeats_the_one_before_is_flagged_and_a_flat_one_is_not() -> None:
    maps = 1e5 + np.arange(16.0).reshape(4, 2, 2)
    maps[2] = maps[1]
    assert inspect(grid(maps))[1] == [
        Finding("duplicates", "slp", "flagged", 1, "2001-01-03T00:00 repeats the step before")
    ]
    maps[1:3] = 1e5
    assert inspect(grid(maps))[1] == []


def test_a_step_given_twice_is_dropped_and_a_contradiction_refused() -> None:
    ds = series("temp", "degF", [50, 51, np.nan])
    clean, findings = inspect(xr.concat([ds, ds.isel(time=[1, 2])], "time"))
    xr.testing.assert_equal(clean, ds)
    assert findings == [Finding("duplicates", "", "dropped", 2, "2001-01-01T01:00")]
    with pytest.raises(
        ForecastError, match=r"one value for one time(.|\n)*temp with two values at 2001-01-01T01:00(.|\n)*remove"
    ):
        inspect(xr.concat([ds, ds.isel(time=[1]) + 1], "time"))


def test_real_pressure_maps_break_no_rule(real_data: Path) -> None:
    with xr.open_dataset(real_data / "ncep_slp_natl_2001_2008.nc") as ds:
        clean, findings = inspect(ds.load())
    assert findings == []
    xr.testing.assert_identical(clean, ds)
