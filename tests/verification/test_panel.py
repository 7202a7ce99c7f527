"""Scores of many series: every series counts alike, numbers worked by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import ForecastError
from forecast.schema import LEAD, QUANTILE, REFERENCE
from forecast.verification import panel

LEVELS = [0.1, 0.5, 0.9]
close = partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-12)  # cells are kept in single precision


def table(*rows: list[float]) -> xr.DataArray:
    """Return observations (time, series), one row a series."""
    time = pd.date_range("2001-01-01", periods=len(rows[0]))
    names = [f"s{number}" for number in range(len(rows))]
    return xr.DataArray(
        np.array(rows, float).T, {"time": time, "series": names}, ("time", "series"), attrs={"units": "h"}
    )


def ahead(observed: xr.DataArray, *rows: list[float]) -> xr.DataArray:
    """Return one forecast (1, lead, series) of the last steps, one row a series."""
    leads = len(rows[0])
    lead = np.arange(1, leads + 1) * np.timedelta64(86400 * 10**9, "ns")
    coords = {REFERENCE: observed["time"].values[[-leads - 1]], LEAD: lead, "series": observed["series"]}
    return xr.DataArray(np.array(rows, float).T[None], coords, (REFERENCE, LEAD, "series"))


@pytest.fixture
def two() -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return a small and a large series that end in 2 steps to be forecast, a forecast, and the scales at lag 1."""
    observed = table([1, 2, 4, 5, 7, 6], [100, 300, 200, 400, 400, 0])
    forecast = ahead(observed, [5, 5], [200, 100])
    return observed, forecast, panel.scale(observed[:4], 1)


def test_the_scale_is_the_seasonal_naive_error_of_all_that_came_before() -> None:
    past = table([1, 2, 4, 8, 3], [5, 5, 5, 5, 5], [np.nan, np.nan, 1, np.nan, 4], [np.nan] * 4 + [1])
    close(panel.scale(past, 1), [(1 + 2 + 4 + 5) / 4, np.nan, np.nan, np.nan])
    close(panel.scale(past, 2), [(3 + 6 + 1) / 3, np.nan, 3, np.nan])
    assert panel.scale(past, 2).attrs == {"units": "h", "season_steps": 2}


def test_no_series_with_a_scale_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"(?s)two different values 4 steps apart.*none among 1.*longer span"):
        panel.scale(table([1, 2, 3, 4]), 4)
    with pytest.raises(ForecastError, match=r"(?s)season of 1 step or more.*0.*\[task\] seasons"):
        panel.scale(table([1, 2, 3, 4]), 0)


def test_each_series_counts_alike_in_mase_and_smape(two) -> None:
    observed, forecast, scale = two
    found = panel.score({"one": forecast}, observed, scale=scale)
    close(scale, [4 / 3, 500 / 3])
    small, large = (2 + 1) / 2 / (4 / 3), (200 + 100) / 2 / (500 / 3)
    close(found.series["mase"], [[small, large]])
    close(found.whole["mase"], [(small + large) / 2])
    close(found.lead["mase"], [[(2 / (4 / 3) + 200 / (500 / 3)) / 2, (1 / (4 / 3) + 100 / (500 / 3)) / 2]])
    close(found.cells["mase"], [[[2 * 3 / 4, 200 * 3 / 500], [3 / 4, 100 * 3 / 500]]])
    close(found.series["smape"], [[(400 / 12 + 200 / 11) / 2, (200 * 200 / 600 + 200) / 2]])
    close(found.whole["rmse"], [np.sqrt((4 + 1 + 200**2 + 100**2) / 4)])
    close(found.cells["rmse"], [[[2, 200], [1, 100]]])
    assert found.whole["rmse"].attrs["units"] == "h" and found.whole["smape"].attrs["units"] == "%"


def test_a_pair_of_zeros_has_no_percentage_error() -> None:
    observed = table([1, 2, 0, 4])
    found = panel.score({"one": ahead(observed, [0, 4])}, observed, scale=panel.scale(observed[:2], 1))
    close(found.whole["smape"], [0])


def test_quantiles_are_scored_by_interval_and_weighted_loss(two) -> None:
    observed, forecast, scale = two
    bounds = xr.concat([forecast - 1, forecast, forecast + 1], xr.Variable(QUANTILE, LEVELS))
    found = panel.score({"one": forecast}, observed, scale=scale, quantiles={"one": bounds})
    # the truth is 2, 1, 200 above and 100 below the forecast
    loss = 2 * sum(
        sum(level * over if over >= 0 else (level - 1) * over for over in (2 - at, 1 - at, 200 - at, -100 - at))
        for level, at in zip(LEVELS, (-1, 0, 1), strict=True)
    )
    close(found.whole["wql"], [loss / 3 / (7 + 6 + 400 + 0)])
    interval = [(2 + 10 * 1 + 2) / 2, (2 + 10 * 199 + 2 + 10 * 99) / 2]
    close(found.series["msis"], [np.array(interval) / scale.values])
    close(found.series["coverage_80"], [[0.5, 0]])
    close(found.lead["coverage_80"], [[0, 0.5]])
    assert "the quantiles 0.1 and 0.9; 0.8 is promised" in found.whole["coverage_80"].attrs["definition"]


def test_only_quantiles_around_the_median_enclose_an_interval() -> None:
    assert panel.central([0.05, 0.1, 0.5, 0.8, 0.9, 0.95]) == [(0.05, 0.95), (0.1, 0.9)]


def test_series_without_a_scale_are_left_out_of_mase_and_counted(two) -> None:
    observed, forecast, scale = two
    found = panel.score({"one": forecast}, observed, scale=scale.where(scale > 2))
    close(found.whole["mase"], [150 / (500 / 3)])
    assert found.whole.attrs == {"series": 2, "left_out": 1}
    close(found.series["smape"].notnull().sum("series"), [2])


def test_what_one_forecaster_lacks_none_is_scored_on(two) -> None:
    observed, forecast, scale = two
    holed = forecast.where(forecast["series"] == "s0")
    found = panel.score({"whole": forecast, "holed": holed}, observed, scale=scale, baselines=["whole"])
    close(found.whole["mase"], [1.5 * 3 / 4] * 2)
    assert found.lead["scored"].values.tolist() == [1, 1] and found.whole.attrs["series"] == 1
    assert found.lead["skill"].dims == ("baseline", "forecaster", LEAD)
    close(found.lead["skill"], [[[0, 0], [0, 0]]])


def test_a_forecaster_without_quantiles_stands_beside_one_with_them(two) -> None:
    observed, forecast, scale = two
    bounds = xr.concat([forecast, forecast], xr.Variable(QUANTILE, [0.25, 0.75]))
    found = panel.score({"a": forecast, "b": forecast}, observed, scale=scale, quantiles={"b": lambda one: bounds})
    assert np.isnan(found.whole["wql"][0]) and found.whole["wql"][1] > 0
    with pytest.raises(ForecastError, match=r"(?s)forecasters among a.*other.*forecast with each baseline"):
        panel.score({"a": forecast}, observed, scale=scale, baselines=["other"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_the_unit_of_a_series_moves_neither_mase_nor_msis_nor_coverage(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    observed = table(*rng.normal(size=(3, 12)))
    forecast = ahead(observed, *rng.normal(size=(3, 4)))
    units = xr.DataArray([factor, 1.0, 1.0], dims="series")
    scores = []
    for by in (1.0, units):
        bounds = xr.concat([(forecast - 1) * by, (forecast + 1) * by], xr.Variable(QUANTILE, [0.1, 0.9]))
        truth = observed * by
        scale = panel.scale(truth[:-4], 2)
        scores.append(panel.score({"a": forecast * by}, truth, scale=scale, quantiles={"a": bounds}).series)
    for name in ("mase", "msis", "smape", "coverage_80"):
        close(scores[0][name], scores[1][name])


def test_blocks_of_series_give_what_all_at_once_gives(two, monkeypatch: pytest.MonkeyPatch) -> None:
    observed, forecast, scale = two
    bounds = xr.concat([forecast - 1, forecast + 1], xr.Variable(QUANTILE, [0.1, 0.9]))
    given = {"scale": scale, "quantiles": {"one": bounds}}
    whole = panel.score({"one": forecast}, observed, **given)
    monkeypatch.setattr(panel, "BLOCK", 1)
    parts = panel.score({"one": forecast}, observed, **given)
    xr.testing.assert_allclose(whole.whole, parts.whole)
    xr.testing.assert_identical(whole.series, parts.series)
    xr.testing.assert_identical(panel.scale(observed[:4], 1), scale)
