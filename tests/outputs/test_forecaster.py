"""Likelihoods and recursive networks behind the one door: what they forecast live is what a backtest says of then."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from forecast.backtest import backtest
from forecast.batches import run
from forecast.calibration import ABOVE, BELOW
from forecast.errors import ForecastError
from forecast.outputs import of_paths
from forecast.predict import Forecaster, ModelForecaster, predict
from tests.learned import LEADS, learned, observations, until

LEVELS = (0.1, 0.5, 0.9)


@cache
def world(**how: Any) -> tuple[Forecaster, xr.Dataset]:
    observed = observations("series")
    return learned("lstm", observed, levels=LEVELS, **how), observed


def test_the_median_of_a_likelihood_is_the_forecast_and_its_outer_quantiles_the_spread() -> None:
    one, observed = world(loss="student_t")
    assert isinstance(one, ModelForecaster)
    time = observed["time"].values
    found = one.central(until(observed, time[200]), time[200:201])[0]["t2m"]
    y, _ = run(one.model, one.frames(until(observed, time[200]).isel(time=slice(-one.context, None))))
    location, scale = y[:, -1].unbind(-1)[0], 1e-3 + y[:, -1].unbind(-1)[1].exp()
    undone = one.scaling.undo(found[0:1].copy(data=location.T[None].numpy()), "t2m")
    np.testing.assert_allclose(found.values, undone.values, atol=1e-3)
    np.testing.assert_allclose(found[BELOW].values, found[ABOVE].values, rtol=1e-3)  # it is symmetric
    assert (found[ABOVE].values[0, 0] / scale[:, 0].numpy()).std() > 0 and (found[ABOVE].values > 0).all()


@pytest.mark.parametrize("how", [{"loss": "student_t"}, {"recursive": True}, {"recursive": True, "loss": "student_t"}])
def test_live_is_past(how: dict[str, Any]) -> None:
    one, observed = world(**how)
    time = observed["time"].values
    past = backtest(one, observed, (time[190], time[200]))["t2m"]
    for reference in past["forecast_reference_time"].values[[0, -1]]:
        now, _ = predict(one, until(observed, reference), reference)
        then = past.sel(forecast_reference_time=reference)
        np.testing.assert_allclose(now["t2m"].values[0], then.values, rtol=0, atol=2e-3)


def test_a_recursive_forecast_is_the_median_of_its_paths() -> None:
    one, observed = world(recursive=True)
    assert isinstance(one, ModelForecaster)
    seen = until(observed, observed["time"].values[200])
    reference = seen["time"].values[-1:]
    found = one.central(seen, reference)[0]["t2m"]
    paths = one.paths(seen, reference)["t2m"]
    assert paths.dims == ("forecast_reference_time", "lead", "member", "series") and paths.sizes["member"] == 100
    assert paths.sizes["lead"] == LEADS and paths.attrs["units"] == "K"
    np.testing.assert_allclose(paths.median("member").values, found.values, atol=1e-3)
    side = paths.quantile(0.9, "member").values - found.values
    np.testing.assert_allclose(found[ABOVE].values, side, rtol=0, atol=2e-3)


def test_a_recursive_network_goes_on_from_its_stored_state() -> None:
    one, observed = world(recursive=True)
    time = observed["time"].values
    _, state = predict(one, until(observed, time[200]), time[200])
    now, _ = predict(one, observed.isel(time=[201]), time[201], state)
    cold, _ = predict(one, until(observed, time[201]), time[201])
    np.testing.assert_allclose(now["t2m"].values, cold["t2m"].values, rtol=0, atol=2e-3)


def test_a_direct_network_draws_paths_too_but_not_with_covariates_of_the_past_alone() -> None:
    one, observed = world(loss="student_t")
    assert isinstance(one, ModelForecaster)
    with pytest.raises(ForecastError, match=r"(?s)no covariates but those known beforehand.*multistep"):
        one.paths(observed, observed["time"].values[-1:])


def test_quantiles_of_paths_are_taken_over_paths() -> None:
    z = torch.arange(11.0).expand(2, 1, 3, 1, 11)
    assert of_paths(z, LEVELS)[1, 0, 2, 0].tolist() == [1, 5, 9]
    assert of_paths(z)[0, 0, 0, 0].tolist() == [5]
