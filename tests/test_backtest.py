"""A backtest forecasts every valid time of a span at every lead, with nothing after each reference."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast import schema
from forecast.backtest import backtest, references
from forecast.errors import ForecastError
from forecast.verification import within
from tests.learned import LEADS, learned, observations


@pytest.fixture(scope="module")
def observed() -> xr.Dataset:
    return observations("series")


def test_references_reach_back_before_the_span_by_the_leads(observed: xr.Dataset) -> None:
    time = observed["time"].values
    np.testing.assert_array_equal(references(observed, (time[100], time[110]), 3), time[97:110])
    np.testing.assert_array_equal(references(observed, ("2001-04-11", "2001-04-21"), 3), time[97:110])
    np.testing.assert_array_equal(references(observed, (time[1], time[3]), 5), time[0:3])  # no further than the data


@pytest.mark.parametrize("name", ["lstm", "persistence"])
def test_every_lead_has_the_same_valid_times(observed: xr.Dataset, name: str) -> None:
    time = observed["time"].values
    past = within(backtest(learned(name, observed), observed, (time[200], time[220]))["t2m"], (time[200], time[220]))
    for lead in range(LEADS):
        there = past.isel(lead=lead, series=0).notnull()
        np.testing.assert_array_equal(past[schema.VALID_TIME].values[there.values, lead], time[200:221])


def test_persistence_at_each_reference_is_the_value_there(observed: xr.Dataset) -> None:
    time = observed["time"].values
    past = backtest(learned("persistence", observed), observed, (time[200], time[220]))["t2m"]
    np.testing.assert_array_equal(past.values[:, 2], observed["t2m"].values[197:220])


@pytest.mark.parametrize("span", [("2011-01-01", "2011-02-01"), ("2001-01-01", "2001-01-01")])
def test_a_span_that_no_reference_can_forecast_is_refused(observed: xr.Dataset, span: tuple[str, str]) -> None:
    with pytest.raises(ForecastError, match=rf"(?s)a span within 2001-01-01.*{span[0]} to.*mend \[split\]"):
        references(observed, span, 3)


def test_observations_that_do_not_fit_are_refused(observed: xr.Dataset) -> None:
    one = learned("climatology", observed)
    with pytest.raises(ForecastError, match="series as in training"):
        backtest(one, observed.isel(series=[0]), ("2001-06-01", "2001-06-10"))
