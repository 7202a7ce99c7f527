"""Scores of many series: lines by lead, a distribution over series however many there are, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast.figures import panel_scores

NAMES = ["persistence", "gru"]


def scores(series: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Return scores by lead and by series."""
    rng = np.random.default_rng(0)
    lead = np.arange(1, 4) * np.timedelta64(30 * 86400 * 10**9, "ns")
    by = {name: (("forecaster", "lead"), rng.uniform(0.7, 0.9, (2, 3))) for name in ("mase", "coverage_80")}
    mase = rng.lognormal(size=(2, series))
    mase[:, 0] = np.nan  # a series without a scale
    one = xr.Dataset(by, {"forecaster": NAMES, "lead": lead, "baseline": ["persistence"]})
    one["mase"].attrs["definition"] = "a mean"
    return one, xr.Dataset({"mase": (("forecaster", "series"), mase)}, {"forecaster": NAMES})


@pytest.mark.parametrize("series", [2, 5000])
def test_a_line_a_forecaster_however_many_series(series: int) -> None:
    lead, by_series = scores(series)
    figure = panel_scores(lead, by_series, title="shops", steps="month")
    by_lead, spread, covered = figure.axes
    assert len(by_lead.lines) == 2 and by_lead.get_xlabel() == "lead, months"
    np.testing.assert_array_equal(by_lead.lines[0].get_ydata(), lead["mase"][1])  # networks first
    assert len(spread.lines) == 3 and all(len(line.get_xdata()) <= 400 for line in spread.lines)
    assert spread.lines[0].get_xdata()[-1] == pytest.approx(np.nanmax(by_series["mase"][1]))
    np.testing.assert_allclose(covered.lines[0].get_ydata(), 100 * lead["coverage_80"][1])
    assert list(covered.lines[-1].get_ydata()) == [80.0, 80.0]


def test_without_quantiles_no_coverage_is_drawn() -> None:
    lead, by_series = scores(4)
    assert len(panel_scores(lead.drop_vars("coverage_80"), by_series).axes) == 2
