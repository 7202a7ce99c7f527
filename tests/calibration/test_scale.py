"""The scale finds how large errors are, here and now, without being led astray by what was never seen."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast.calibration import scale

TIMES = xr.DataArray(np.datetime64("2001-01-01", "ns") + np.arange(1461) * np.timedelta64(1, "D"), dims="time")


def test_waves_of_the_year_and_the_day_are_regressors():
    hours = xr.DataArray(np.array(["2001-01-01T00", "2001-01-01T06"], "datetime64[ns]"), dims="time")
    np.testing.assert_allclose(scale.design(hours, True, True)[0], [1, 1, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(scale.design(hours, False, True)[1], [1, 0, 1], atol=1e-12)
    assert scale.design(hours, False, False).shape == (2, 1)


def test_without_waves_the_scale_is_the_root_mean_square():
    error = np.array([[1.0, np.nan], [-7.0, 3.0], [5.0, np.nan]])
    coefficient = scale.fit(error, np.ones((3, 1)), None)
    np.testing.assert_allclose(scale.at(np.ones((1, 1)), coefficient), [[5.0, 3.0]])


def test_the_regression_finds_the_coefficients_that_made_the_errors():
    regressors, made = scale.design(TIMES, True, False), np.array([[0.5, 2.0], [1.2, -0.8], [0.3, 0.0]])
    error = np.random.default_rng(0).normal(size=(1461, 2)) * scale.at(regressors, made)
    error[np.random.default_rng(1).random(error.shape) < 0.3] = np.nan
    np.testing.assert_allclose(scale.fit(error, regressors, None), made, atol=0.2)


def test_a_map_averages_the_squares_of_neighbours_but_never_of_what_is_missing():
    error = np.ones((10, 7, 7))
    error[:, 3, 3] = 6.0
    error[:, 0, 0] = np.nan
    usual = scale.at(np.ones((1, 1)), scale.fit(error, np.ones((10, 1)), False))[0]
    np.testing.assert_allclose(usual[3, 3], np.sqrt((24 + 36) / 25))
    np.testing.assert_allclose(usual[6, 6], 1.0)  # more than two cells away
    np.testing.assert_allclose(usual[0, 1], 1.0)
    assert np.isnan(usual[0, 0])


def test_a_circle_of_longitude_has_no_edge():
    error = np.ones((10, 5, 12))
    error[:, 2, 0] = 6.0
    open_ended, closed = (
        scale.at(np.ones((1, 1)), scale.fit(error, np.ones((10, 1)), periodic))[0, 2, -1] for periodic in (False, True)
    )
    assert open_ended == 1 and closed > 1.5


def test_a_forecast_without_error_has_a_scale_to_divide_by():
    usual = scale.at(np.ones((1, 1)), scale.fit(np.zeros((10, 2)), np.ones((10, 1)), None))
    assert (usual > 0).all() and np.isfinite(usual).all()
