"""A backtest forecasts every valid time of a span at every lead, with nothing after each reference."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast import schema
from forecast.backtest import backtest, references
from forecast.errors import ForecastError
from forecast.predict import predict
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


def test_every_nth_origin_begins_with_the_last_step_before_the_span(observed: xr.Dataset) -> None:
    time = observed["time"].values
    span = (time[100], time[109])  # ten steps
    np.testing.assert_array_equal(references(observed, span, 3, 3), time[[99, 102, 105]])  # 108 + 3 is outside
    np.testing.assert_array_equal(references(observed, span, 3, 1), time[99:107])
    np.testing.assert_array_equal(references(observed, span, 10, 10), time[[99]])  # the competitions' own
    np.testing.assert_array_equal(references(observed, span, 12, 4), time[[99]])  # shorter than the leads
    np.testing.assert_array_equal(references(observed, (time[0], time[9]), 3, 3), time[[2, 5]])  # nothing before it


@pytest.mark.parametrize("name", ["lstm", "bilstm", "mlp", "linear"])
def test_far_origins_are_forecast_as_the_live_predict_forecasts_then(observed: xr.Dataset, name: str) -> None:
    one, time = learned(name, observed), observed["time"].values
    past = backtest(one, observed, (time[200], time[220]), 5)["t2m"]
    np.testing.assert_array_equal(past[schema.REFERENCE], time[[199, 204, 209, 214]])
    state, begin = None, 0
    for number, at in enumerate([199, 204, 209, 214]):  # a carried state goes on as it does from day to day
        live, after = predict(one, observed.isel(time=slice(begin, at + 1)), time[at], state)
        np.testing.assert_array_equal(past[number], live["t2m"][0])
        state, begin = (after, at + 1) if one.carries else (None, 0)


@pytest.mark.parametrize("span", [("2011-01-01", "2011-02-01"), ("2001-01-01", "2001-01-01")])
def test_a_span_that_no_reference_can_forecast_is_refused(observed: xr.Dataset, span: tuple[str, str]) -> None:
    with pytest.raises(ForecastError, match=rf"(?s)a span within 2001-01-01.*{span[0]} to.*mend \[split\]"):
        references(observed, span, 3)


def test_observations_that_do_not_fit_are_refused(observed: xr.Dataset) -> None:
    one = learned("climatology", observed)
    with pytest.raises(ForecastError, match="series as in training"):
        backtest(one, observed.isel(series=[0]), ("2001-06-01", "2001-06-10"))
