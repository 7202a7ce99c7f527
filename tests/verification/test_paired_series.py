"""The interval of a difference in MASE: series are drawn where there are many, blocks of time where there are few."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.verification import paired_series, panel
from tests.worlds import forecasts, observations


def two(seed: int, times: int, cells: int, first: float = 1.0, second: float = 1.0) -> tuple[xr.DataArray, ...]:
    """Return two forecasts (times, 2, cells), observations of 0, and scales 1, 2, ..."""
    rng = np.random.default_rng(seed)
    observed = observations(np.zeros((times + 3, cells)))
    a, b = (forecasts(size * rng.normal(size=(times, 2, cells)), observed) for size in (first, second))
    return a, b, observed, xr.DataArray(1.0 + np.arange(cells), {"series": observed["series"]}, ("series",))


@pytest.mark.parametrize(("times", "cells", "drawn"), [(1, 30, "series"), (5, 30, "series"), (40, 3, "valid times")])
def test_the_difference_is_that_of_the_mase(times: int, cells: int, drawn: str) -> None:
    a, b, observed, scale = two(0, times, cells)
    a = a.where(a["series"] != a["series"][0])  # of one series nothing is known
    found = paired_series(a, b, observed, scale=scale, n=60)
    scores = panel.score({"a": a, "b": b}, observed, scale=scale)
    np.testing.assert_allclose(found["difference"], scores.lead["mase"][0] - scores.lead["mase"][1])
    np.testing.assert_allclose(found["whole_difference"], scores.whole["mase"][0] - scores.whole["mase"][1])
    assert found.attrs["drawn"] == drawn


@pytest.mark.parametrize(("times", "cells"), [(2, 400), (400, 2)])
def test_a_better_forecaster_has_an_interval_below_zero_and_an_equal_one_none(times: int, cells: int) -> None:
    a, b, observed, scale = two(1, times, cells, second=1.5)
    found = paired_series(a, b, observed, scale=scale * 0 + 1, n=200)
    assert (found["upper"] < 0).all() and (found["better"] == 1).all() and found["whole_upper"] < 0
    assert (found["lower"] < found["difference"]).all() and (found["difference"] < found["upper"]).all()
    alike = paired_series(a, a, observed, scale=scale, n=20)
    assert (alike[["difference", "lower", "upper", "whole_lower"]].to_array() == 0).all()


def test_drawn_series_have_the_standard_error_of_independent_series() -> None:
    a, b, observed, scale = two(2, 1, 300)
    found = paired_series(a, b, observed, scale=scale, n=3000)
    gain = ((abs(a) - abs(b)) / scale).values[0]
    width = 2 * 1.96 * gain.std(axis=1) / np.sqrt(300)
    np.testing.assert_allclose(found["upper"] - found["lower"], width, rtol=0.08)
    whole = 2 * 1.96 * gain.mean(axis=0).std() / np.sqrt(300)
    assert float(found["whole_upper"] - found["whole_lower"]) == pytest.approx(whole, rel=0.08)


def test_one_time_of_a_lead_has_no_interval() -> None:
    found = paired_series(*two(3, 1, 2)[:3], scale=two(3, 1, 2)[3], n=50)
    assert found["lower"].isnull().all() and found["better"].isnull().all() and found["difference"].notnull().all()
    assert found["whole_lower"] <= found["whole_difference"] <= found["whole_upper"]


def test_the_same_seed_gives_the_same_interval_and_nothing_to_compare_is_refused() -> None:
    a, b, observed, scale = two(4, 1, 30)
    again = [paired_series(a, b, observed, scale=scale, seed=seed, n=50) for seed in (0, 0, 1)]
    assert again[0].identical(again[1]) and not again[0].equals(again[2])
    with pytest.raises(ForecastError, match=r"(?s)a pair that both have forecast.*0 pairs, n 5, level 0.95.*mend"):
        paired_series(a, b, observed, scale=scale * np.nan, n=5)
