"""Live and past run through one door: a forecast is what a backtest says of its time, and never looks ahead."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as some

from forecast import schema
from forecast.backtest import backtest
from forecast.baselines import USUAL
from forecast.batches import Frames, run
from forecast.errors import ForecastError
from forecast.predict import Forecaster, ModelForecaster, forecaster, predict
from tests.learned import LEADS, learned, observations, until

NETWORKS = [("series", "mlp"), ("series", "lstm"), ("series", "gru"), ("series", "bilstm"), ("map", "convlstm")]
CARRYING = [pair for pair in NETWORKS if pair[1] != "bilstm"]
CARRYING += [("map", "encoder_forecaster"), ("map", "cnn"), ("map", "mlp")]
# A cold start over enough steps forgets where it began. How many is the network's own: with their first weights a GRU
# or RNN is within 1e-5 (scaled) after 40 steps, an LSTM or ConvLSTM after 120. The spread is about 8 K;
# float32 at 280 K is good to 3e-5.
FADED = 8e-5 + 3e-5


@cache
def world(
    kind: str, name: str, gaps: bool = False, calendar: str = "standard", step: str = "D"
) -> tuple[Forecaster, xr.Dataset]:
    observed = observations(kind, calendar, step, gaps)
    return learned(name, observed), observed


@pytest.mark.parametrize(("kind", "name"), [*product(("series", "map"), USUAL), ("map", "local_linear")])
def test_a_baseline_predicts_to_the_bit_what_its_backtest_says(kind: str, name: str) -> None:
    one, observed = world(kind, name, gaps=True, step="6h")
    time = observed["time"].values
    past = backtest(one, observed, (time[210], time[230]))["t2m"]
    for reference in past[schema.REFERENCE].values[[0, 7, -1]]:
        seen = until(observed, reference)
        now, state = predict(one, seen.isel(time=slice(-one.context, None)), reference)
        assert state is None
        np.testing.assert_array_equal(now["t2m"].values[0], past.sel(forecast_reference_time=reference).values)


@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_a_network_started_cold_predicts_what_its_backtest_carried_there(kind: str, name: str) -> None:
    one, observed = world(kind, name)
    time = observed["time"].values
    past = backtest(one, observed, (time[180], time[230]))["t2m"]
    for reference in past[schema.REFERENCE].values[[0, 20, -1]]:
        now, _ = predict(one, until(observed, reference), reference)
        expected = past.sel(forecast_reference_time=reference).values
        np.testing.assert_allclose(now["t2m"].values[0], expected, rtol=0, atol=FADED)


@pytest.mark.parametrize(("kind", "name"), CARRYING)
def test_one_step_at_a_time_from_the_stored_state_is_the_unbroken_pass(kind: str, name: str) -> None:
    one, observed = world(kind, name, gaps=True)
    time = observed["time"].values
    past, last = one.central(until(observed, time[202]), time[190:203])
    _, state = predict(one, until(observed, time[190]), time[190])
    for at in range(191, 203):
        now, state = predict(one, observed.isel(time=[at]), time[at], state)
        np.testing.assert_allclose(now["t2m"].values[0], past["t2m"].values[at - 190], rtol=0, atol=FADED)
    assert state is not None and last is not None
    for part, value in last.items():
        np.testing.assert_allclose(state[part], value, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "name"), CARRYING)
def test_a_step_replayed_from_the_same_state_is_equal_to_the_bit(kind: str, name: str) -> None:
    one, observed = world(kind, name)
    time = observed["time"].values
    _, state = predict(one, until(observed, time[200]), time[200])
    assert state is not None
    before = {part: value.copy() for part, value in state.items()}
    first, after = predict(one, observed.isel(time=[201]), time[201], state)
    second, again = predict(forecaster(one.checkpoint), observed.isel(time=[201]), time[201], before)
    xr.testing.assert_identical(first, second)
    assert after is not None and again is not None
    for part in after:
        np.testing.assert_array_equal(after[part], again[part])
        np.testing.assert_array_equal(state[part], before[part])  # what was handed in is left alone


@pytest.mark.parametrize(("kind", "name"), [("series", "mlp"), ("series", "bilstm")])
def test_a_cold_start_reads_at_least_the_networks_own_context_or_window(kind: str, name: str) -> None:
    observed = observations(kind)
    short, long = (learned(name, observed, spin_up=spin_up) for spin_up in (0, 60))
    reference = observed["time"].values[200]
    assert short.context == {"mlp": 5, "bilstm": 12}[name] and long.context == 61
    if name == "mlp":
        values = [predict(one, until(observed, reference), reference)[0]["t2m"].values for one in (short, long)]
        np.testing.assert_allclose(*values, rtol=0, atol=3e-5)


@pytest.mark.parametrize(("kind", "name"), [*NETWORKS, ("series", "linear"), ("map", "linear")])
@settings(max_examples=4, deadline=None)
@given(at=some.integers(170, 236), factor=some.sampled_from([0.5, -3.0, np.nan, np.inf]), seed=some.integers(0, 99))
def test_changing_the_future_changes_nothing(kind: str, name: str, at: int, factor: float, seed: int) -> None:
    one, observed = world(kind, name)
    time = observed["time"].values
    other = observed.copy(deep=True)
    for array in other.data_vars.values():
        array[at + 1 :] = factor * array[at + 1 :] + np.random.default_rng(seed).normal()
    start = max(0, at - 6)
    mine, _ = one.central(observed, time[start : at + 1])
    theirs, _ = one.central(other, time[start : at + 1])
    np.testing.assert_array_equal(mine["t2m"].values, theirs["t2m"].values)
    span = (time[start + 1], time[at + 1])
    past, changed = (backtest(one, data, span)["t2m"] for data in (observed, other))
    np.testing.assert_array_equal(past.values, changed.values)


@pytest.mark.parametrize(("kind", "name"), [*NETWORKS, ("map", "persistence"), ("series", "linear")])
def test_the_present_does_matter(kind: str, name: str) -> None:
    one, observed = world(kind, name)
    reference = observed["time"].values[200]
    seen = until(observed, reference)
    warmer = seen.copy(deep=True)
    warmer["t2m"][-1] += 10
    mine, theirs = (predict(one, data, reference)[0]["t2m"].values for data in (seen, warmer))
    assert np.nanmax(abs(mine - theirs)) > 1e-3


@pytest.mark.parametrize(
    ("kind", "name"), [("map", "convlstm"), ("map", "mlp"), ("map", "linear"), ("map", "climatology")]
)
def test_cells_never_observed_stay_missing_and_all_others_are_forecast(kind: str, name: str) -> None:
    one, observed = world(kind, name)
    reference = observed["time"].values[-1]
    now, _ = predict(one, observed, reference)
    for array in now.data_vars.values():
        missing = array.isnull()
        assert bool(missing[..., 1, 2].all()) and int(missing.sum()) == int(missing[..., 1, 2].sum())


@pytest.mark.parametrize(("kind", "name"), NETWORKS)
def test_gaps_are_tolerated(kind: str, name: str) -> None:
    one, observed = world(kind, name, gaps=True)
    time = observed["time"].values
    assert bool(observed["t2m"][203].isnull().all())
    past = backtest(one, observed, (time[195], time[215]))["t2m"]
    known = past if kind == "series" else past.where(observed["t2m"].notnull().any("time"), 0)
    assert bool(np.isfinite(known).all())


def test_a_forecast_says_in_units_what_it_is_and_when() -> None:
    one, observed = world("map", "convlstm")
    reference = observed["time"].values[230]
    now, state = predict(one, until(observed, reference), reference)
    schema.check_forecast(now)
    assert dict(now.sizes) == {
        "forecast_reference_time": 1,
        "lead": LEADS,
        "lat": 4,
        "lon": 6,
        "quantile": 3,
        "member": 4,
    }
    assert now["t2m"].dims == ("forecast_reference_time", "lead", "lat", "lon")
    assert now["t2m_quantile"].dims == ("forecast_reference_time", "lead", "quantile", "lat", "lon")
    assert {array.attrs["units"] for array in now.data_vars.values()} == {"K"}
    expected = reference + np.arange(1, LEADS + 1) * np.timedelta64(1, "D")
    np.testing.assert_array_equal(now["valid_time"].values[0], expected)
    assert abs(float(now["t2m"].mean()) - 280) < 20 and state is not None and state["h0"].shape == (1, 4, 4, 6)
    assert bool((now["t2m_quantile"].diff("quantile").fillna(1) > 0).all())


@pytest.mark.parametrize(
    ("kind", "name"), [("series", "lstm"), ("map", "convlstm"), ("map", "linear"), ("series", "linear")]
)
def test_the_360_day_calendar_goes_through_the_door(kind: str, name: str) -> None:
    one, observed = world(kind, name, calendar="360_day")
    time = observed["time"].values
    reference = time[208]  # 29 July: the third lead is 2 August, where others have 1 August
    now, _ = predict(one, until(observed, reference), reference)
    assert str(reference)[:10] == "2001-07-29" and str(now["valid_time"].values[0, 2])[:10] == "2001-08-02"
    past = backtest(one, observed, (time[200], time[215]))["t2m"]
    np.testing.assert_allclose(
        now["t2m"].values[0], past.sel(forecast_reference_time=reference).values, rtol=0, atol=FADED
    )


def test_steps_below_a_day_carry_the_hour() -> None:
    observed = observations("series", step="6h")
    one = learned("gru", observed)
    time = observed["time"].values
    _, state = predict(one, until(observed, time[200]), time[200])
    stepped, _ = predict(one, observed.isel(time=[201]), time[201], state)
    cold, _ = predict(one, until(observed, time[201]), time[201])
    np.testing.assert_allclose(stepped["t2m"].values, cold["t2m"].values, rtol=0, atol=FADED)


def test_observations_must_end_at_the_reference() -> None:
    one, observed = world("series", "persistence")
    time = observed["time"].values
    with pytest.raises(ForecastError, match=r"(?s)end at the reference time 2001-08-0.*2001-08-28.*cut them there"):
        predict(one, observed, time[215])
    with pytest.raises(ForecastError, match="no steps"):
        predict(one, observed.isel(time=[]), time[215])


def test_observations_that_do_not_fit_the_checkpoint_are_refused_before_anything_runs() -> None:
    one, observed = world("series", "lstm")
    hotter: Any = observed.assign(t2m=observed["t2m"].assign_attrs(units="degF"))
    with pytest.raises(ForecastError, match="t2m in K"):
        predict(one, hotter, observed["time"].values[-1])


def test_a_checkpoint_without_calibration_cannot_be_issued() -> None:
    one, observed = world("series", "persistence")
    bare = {key: value for key, value in one.checkpoint.datasets.items() if not key.startswith("calibration")}
    raw = forecaster(type(one.checkpoint)("p", "persistence", "baseline", one.checkpoint.settings, {}, bare))
    with pytest.raises(ForecastError, match=r"(?s)a calibrated checkpoint of p.*none for t2m.*train again"):
        predict(raw, observed, observed["time"].values[-1])


@pytest.mark.parametrize(("kind", "name"), [("series", "lstm"), ("map", "convlstm")])
def test_a_network_of_quantiles_forecasts_their_median_and_says_how_far_the_outer_ones_lie(
    kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = observations(kind)
    one = learned(name, observed, levels=(0.1, 0.5, 0.9))
    assert isinstance(one, ModelForecaster) and one.model.shape.outputs == 3

    def crossed(model: Any, data: Frames, state: Any, *, steps: tuple[int, int], window: int) -> tuple[Any, Any]:
        y, after = run(model, data, state, steps=steps, window=window)
        levels = torch.tensor([0.3, -0.2, 0.5]).reshape(3, *[1] * (y.dim() - 4))
        return levels.expand_as(y), after

    monkeypatch.setattr("forecast.predict.run", crossed)
    time = observed["time"].values
    values = one.central(until(observed, time[203]), time[200:204])[0]["t2m"]
    low, middle, high = (one.scaling.undo(xr.full_like(values, level), "t2m") for level in (-0.2, 0.3, 0.5))
    np.testing.assert_allclose(values, middle, atol=1e-3)
    np.testing.assert_allclose(values["below"], middle - low, atol=5e-3)
    np.testing.assert_allclose(values["above"], high - middle, atol=5e-3)


@pytest.mark.parametrize(("kind", "name"), [("series", "lstm"), ("map", "convlstm")])
def test_an_issue_of_a_network_of_quantiles_is_like_any_other(kind: str, name: str) -> None:
    observed = observations(kind)
    one = learned(name, observed, levels=(0.1, 0.5, 0.9))
    time = observed["time"].values
    issue, _ = predict(one, until(observed, time[203]), time[203])
    assert not {"below", "above"} & set(issue.coords)
    steps = issue["t2m_quantile"].diff("quantile")
    assert bool(((steps >= 0) | steps.isnull()).all()) and bool(issue["t2m_quantile"].notnull().any())
    past = backtest(one, observed, (time[200], time[206]))["t2m"].sel({schema.REFERENCE: [time[203]]})
    expected = one.calibrated("t2m").quantiles(past)
    np.testing.assert_allclose(issue["t2m_quantile"], expected, rtol=0, atol=10 * FADED)
