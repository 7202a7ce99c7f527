"""Point scores against numbers worked by hand and against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE
from forecast.verification import acc, bias, mae, mase, mse, naive_scale, rmse, skill, smape
from tests.worlds import forecasts, observations, random_maps

OVER = (REFERENCE, "lat", "lon")
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over times and cells, lead by lead, of what is not missing."""
    broad = np.broadcast_to(weights[:, None], values.shape)
    return np.array(
        [
            np.sum(values[:, lead][known] * broad[:, lead][known]) / np.sum(broad[:, lead][known])
            for lead in range(values.shape[1])
            for known in [np.isfinite(values[:, lead])]
        ]
    )


def test_by_hand_two_days_two_series():
    observed = observations([[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]])
    forecast = forecasts([[[2.0, 4.0]], [[3.0, 2.0]]], observed)  # errors 1, 2 then 0, -4
    over = (REFERENCE, "series")
    assert mse(forecast, observed, over=over).item() == pytest.approx(21 / 4, abs=1e-12)
    assert rmse(forecast, observed, over=over).item() == pytest.approx(np.sqrt(21 / 4), abs=1e-12)
    assert mae(forecast, observed, over=over).item() == pytest.approx(7 / 4, abs=1e-12)
    assert bias(forecast, observed, over=over).item() == pytest.approx(-1 / 4, abs=1e-12)
    np.testing.assert_allclose(rmse(forecast, observed, over=REFERENCE)[0], [np.sqrt(0.5), np.sqrt(10)], **CLOSE)
    # 200 * (1/3, 2/6, 0/6, 4/8) / 4
    assert smape(forecast, observed, over=over).item() == pytest.approx(200 * (1 / 3 + 1 / 3 + 0.5) / 4, abs=1e-10)


def test_the_root_is_taken_after_the_mean_over_all_days_and_cells():
    observed = observations(np.zeros((3, 2)))
    forecast = forecasts([[[3.0, 0.0]], [[0.0, 4.0]]], observed)
    assert rmse(forecast, observed, over=(REFERENCE, "series")).item() == pytest.approx(2.5, abs=1e-12)


def test_weights_are_the_cosine_of_latitude():
    observed = observations(np.zeros((2, 2, 1)), lat=[0.0, 60.0])
    forecast = forecasts([[[[1.0], [2.0]]]], observed)
    score = mse(forecast, observed, over=OVER, weights=schema.area_weights(observed))
    assert score.item() == pytest.approx((1 * 1 + 0.5 * 4) / 1.5, abs=1e-12)


@pytest.mark.parametrize("seed", [0, 1])
def test_every_point_score_agrees_with_numpy_on_maps_with_gaps(seed):
    forecast, observed, met = random_maps(seed)
    weights = schema.area_weights(observed)
    broad = np.repeat(weights.values[:, None], 5, axis=1)[None]
    values = forecast.values
    error = values - met
    given = {"over": OVER, "weights": weights}
    np.testing.assert_allclose(mse(forecast, observed, **given), weighted(error**2, broad), **CLOSE)
    np.testing.assert_allclose(rmse(forecast, observed, **given), np.sqrt(weighted(error**2, broad)), **CLOSE)
    np.testing.assert_allclose(mae(forecast, observed, **given), weighted(np.abs(error), broad), **CLOSE)
    np.testing.assert_allclose(bias(forecast, observed, **given), weighted(error, broad), **CLOSE)
    share = 200 * np.abs(error) / (np.abs(values) + np.abs(met))
    np.testing.assert_allclose(smape(forecast, observed, **given), weighted(share, broad), **CLOSE)
    scale = xr.DataArray(np.arange(1.0, 21.0).reshape(4, 5), {"lat": observed["lat"], "lon": observed["lon"]})
    expected = weighted(np.abs(error) / scale.values, broad)
    np.testing.assert_allclose(mase(forecast, observed, scale=scale, **given), expected, **CLOSE)
    own, real = values - 101000, met - 101000
    own, real = np.where(np.isfinite(error), own, np.nan), np.where(np.isfinite(error), real, np.nan)
    product = weighted(own * real, broad) / np.sqrt(weighted(own**2, broad) * weighted(real**2, broad))
    normal = xr.full_like(observed, 101000.0)
    np.testing.assert_allclose(acc(forecast, observed, climatology=normal, **given), product, **CLOSE)


def test_float32_fields_in_pascal_are_summed_in_float64():
    forecast, observed, _ = random_maps(gaps=False)
    small = forecast.astype("float32")
    error = (
        small.values.astype("float64")
        - observed.astype("float32").values.astype("float64")[np.arange(24)[:, None] + np.arange(1, 4)]
    )
    score = rmse(small, observed.astype("float32"), over=OVER)
    np.testing.assert_allclose(score, np.sqrt((error**2).mean(axis=(0, 2, 3))), **CLOSE)


def test_a_perfect_forecast_has_no_error_and_full_skill():
    _, observed, met = random_maps(gaps=False)
    forecast = forecasts(met, observed)
    reference = forecast + 5
    assert (rmse(forecast, observed, over=OVER) == 0).all()
    assert (skill(forecast, observed, reference=reference, over=OVER) == 1).all()
    normal = xr.full_like(observed, 101000.0)
    np.testing.assert_allclose(acc(forecast, observed, climatology=normal, over=OVER), 1, **CLOSE)
    np.testing.assert_allclose(acc(2 * 101000 - forecast, observed, climatology=normal, over=OVER), -1, **CLOSE)


def test_the_climatology_has_no_anomaly_correlation():
    observed = observations(np.random.default_rng(0).normal(101000, 900, (10, 3)).astype("float32"))
    normal = xr.full_like(observed, 101000.1, dtype="float64")
    forecast = forecasts(np.full((5, 2, 3), 101000.1, "float32"), observed)
    assert acc(forecast, observed, climatology=normal, over=(REFERENCE, "series")).isnull().all()


def test_skill_is_one_minus_the_ratio_of_mean_squares():
    observed = observations(np.zeros((3, 1)))
    forecast, reference = forecasts([[[1.0]], [[1.0]]], observed), forecasts([[[2.0]], [[2.0]]], observed)
    score = skill(forecast, observed, reference=reference, over=(REFERENCE, "series"))
    assert score.item() == pytest.approx(0.75, abs=1e-12)
    assert skill(reference, observed, reference=reference, over=(REFERENCE, "series")).item() == 0
    worse = skill(reference, observed, reference=forecast, over=(REFERENCE, "series"))
    assert worse.item() == pytest.approx(-3, abs=1e-12)


def test_skill_counts_the_pairs_that_both_have():
    observed = observations(np.zeros((4, 1)))
    forecast = forecasts([[[1.0]], [[np.nan]], [[1.0]]], observed)
    reference = forecasts([[[2.0]], [[9.0]], [[np.nan]]], observed)
    score = skill(forecast, observed, reference=reference, over=(REFERENCE, "series"))
    assert score.item() == pytest.approx(0.75, abs=1e-12)


def test_skill_against_a_faultless_reference_is_undefined():
    observed = observations(np.zeros((2, 1)))
    forecast, reference = forecasts([[[1.0]]], observed), forecasts([[[0.0]]], observed)
    assert np.isnan(skill(forecast, observed, reference=reference, over=(REFERENCE, "series")).item())


def test_a_pair_of_zeros_counts_zero_percent():
    observed = observations(np.zeros((3, 1)))
    forecast = forecasts([[[0.0]], [[1.0]]], observed)
    assert smape(forecast, observed, over=(REFERENCE, "series")).item() == pytest.approx(100, abs=1e-12)


def test_mase_is_scaled_by_the_seasonal_naive_error_in_training():
    train = observations([[1.0], [4.0], [2.0], [8.0], [3.0], np.array([np.nan])])
    scale = naive_scale(train, 2)  # |2-1|, |8-4|, |3-2|, missing
    assert scale.item() == pytest.approx(2, abs=1e-12)
    assert scale.attrs["season_steps"] == 2
    observed = observations([[0.0], [0.0], [0.0]])
    forecast = forecasts([[[1.0]], [[5.0]]], observed)
    assert mase(forecast, observed, scale=scale, over=(REFERENCE, "series")).item() == pytest.approx(1.5, abs=1e-12)


def test_a_training_span_shorter_than_two_seasons_takes_the_plain_naive_error():
    scale = naive_scale(observations([[1.0], [4.0], [2.0]]), 365)
    assert (scale.item(), scale.attrs["season_steps"]) == (2.5, 1)


def test_a_constant_series_cannot_be_scaled():
    assert np.isnan(naive_scale(observations(np.ones((9, 1))), 2).item())


def test_one_training_step_is_refused():
    with pytest.raises(ForecastError, match="2 training steps and a season of 1 step"):
        naive_scale(observations([[1.0]]), 1)


def test_nothing_scored_is_nan_not_zero():
    observed = observations(np.full((3, 2), np.nan))
    forecast = forecasts(np.ones((2, 1, 2)), observed)
    for score in (rmse, mae, bias, smape):
        assert score(forecast, observed, over=(REFERENCE, "series")).isnull().all()


def test_over_may_be_one_name_and_keeps_the_rest():
    observed = observations(np.zeros((3, 2)))
    assert rmse(forecasts(np.ones((2, 1, 2)), observed), observed, over=REFERENCE).dims == (LEAD, "series")
