"""Figures of scores: spectrum, reliability, seasons and regions, and the dots of a skill map."""

from __future__ import annotations

import io

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from forecast import verification
from forecast.errors import ForecastError
from forecast.figures import by_season_and_region, reliability, skill_map, spectrum
from forecast.schema import LEAD, MEMBER, REFERENCE
from tests.worlds import forecasts, observations

RNG = np.random.default_rng(0)


def words(figure: Figure) -> str:
    """Draw the figure and return all that it says."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return "\n".join(one.get_text() for one in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.fixture(scope="module")
def world():
    observed = observations(RNG.normal(101300, 900, (110, 6, 6)), start="2008-01-15", lat=np.linspace(30, 42.5, 6))
    met = np.stack([observed.values[1 + lead : 101 + lead] for lead in range(2)], axis=1)
    many = {
        name: forecasts(met + RNG.normal(0, size, met.shape), observed)
        for name, size in (("convlstm", 300), ("climatology", 900))
    }
    return many, observed


@pytest.fixture(scope="module")
def sums(world):
    many, observed = world

    def members(forecast):
        return (forecast + xr.DataArray([-500.0, 0.0, 500.0], dims=MEMBER)).transpose(REFERENCE, LEAD, MEMBER, ...)

    return verification.tally(
        many,
        observed,
        climatology=None,
        weights=None,
        members={"convlstm": members},
        thresholds=[102000, "< 100500"],
        regions={"south": (20, 36, -10, 20)},
    )


def test_the_spectrum_shows_truth_forecasters_and_their_ratio(world):
    found = verification.spectra(*world)
    figure = spectrum(found, title="Power of slp")
    said = words(figure)
    for phrase in ("observed", "convlstm", "climatology", "1 day", "2 days", "wavelength, km", "power, Pa²", "ratio"):
        assert phrase in said
    ratio = figure.axes[2].lines[0]
    held = found.isel(wavelength=found["wavelength"] >= found["wavelength"].attrs["shortest"])
    assert 3 <= held.sizes["wavelength"] < found.sizes["wavelength"]
    np.testing.assert_allclose(ratio.get_ydata(), held["ratio"].sel(forecaster="convlstm").isel(lead=0))
    np.testing.assert_allclose(ratio.get_xdata(), held["wavelength"])


def test_reliability_shows_each_event_with_its_unit_and_how_often_each_chance_was_given(sums):
    table = verification.finish(sums)
    figure = reliability(table, forecaster="convlstm")
    said = words(figure)
    for phrase in (
        ">= 102000 Pa",
        "< 100500 Pa",
        "chance that was forecast",
        "how often it happened",
        "share of cases",
    ):
        assert phrase in said
    curve = figure.axes[0].lines[1]
    own = table.sel(forecaster="convlstm").isel(threshold=0, lead=0)
    np.testing.assert_allclose(curve.get_ydata(), own["frequency"])
    with pytest.raises(ForecastError, match=r"(?s)members of climatology.*\[verification\] thresholds"):
        reliability(table, forecaster="climatology")


def test_each_season_and_region_has_its_panel(sums):
    groups = verification.finish(sums, by=("season", "region"), baselines=["climatology"])
    figure = by_season_and_region(groups, title="RMSE of slp")
    said = words(figure)
    for phrase in ("DJF", "MAM", "DJF, south", "MAM, south", "RMSE, hPa", "lead, days", "convlstm", "climatology"):
        assert phrase in said
    line = figure.axes[2].lines[0]
    expected = groups["rmse"].sel(season="DJF", region="south", forecaster="convlstm") / 100
    np.testing.assert_allclose(line.get_ydata(), expected)


def test_a_skill_map_is_dotted_where_the_two_differ(world):
    many, observed = world
    found = verification.discoveries(verification.diebold_mariano(*many.values(), observed, over=())["p"])
    cells = verification.cells(many, observed)
    figure = skill_map(cells, forecaster="convlstm", baseline="climatology", found=found)
    assert "10 % of the dots by chance" in words(figure)
    dots = figure.axes[0].lines[0].get_xydata()
    assert len(dots) == int(found.isel(lead=0).sum()) > 0
    assert not skill_map(cells, forecaster="convlstm", baseline="climatology").axes[0].lines
