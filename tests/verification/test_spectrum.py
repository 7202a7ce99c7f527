"""The spectrum: its sum is the variance, a wave stands at its wavelength, a known spectrum is found, a blur is seen."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import fft, ndimage

from forecast import schema, verification
from forecast.errors import ForecastError
from forecast.verification.spectrum import DEGREE, power
from tests.worlds import forecasts, observations


def even(rows: int, columns: int, step: float = 1.0) -> xr.DataArray:
    """Return an empty field about the equator, whose cells are nearly square."""
    lat = (np.arange(rows) - (rows - 1) / 2) * step
    return xr.DataArray(np.zeros((rows, columns)), {"lat": lat, "lon": np.arange(columns) * step}, ("lat", "lon"))


def circle(rows: int = 5, columns: int = 36) -> xr.DataArray:
    """Return an empty field that closes the circle."""
    coords = {"lat": np.linspace(-60, 60, rows), "lon": -180 + 360 / columns * np.arange(columns)}
    return xr.DataArray(np.zeros((rows, columns)), coords, ("lat", "lon"))


@pytest.mark.parametrize("grid", [even(16, 24), even(9, 9, 2.5), circle(5, 36), circle(4, 7)])
def test_the_power_of_all_wavelengths_is_the_variance(grid):
    field = grid.copy(data=np.random.default_rng(0).normal(5, 2, grid.shape))
    closed = schema.is_periodic(grid["lon"].values)
    variance = field.var("lon").mean("lat") if closed else field.var()
    np.testing.assert_allclose(power(field).sum("wavelength"), variance, rtol=1e-12)


def test_a_wave_stands_at_its_wavelength():
    grid = even(32, 32)
    for waves in (2, 4, 8):
        values = np.cos(2 * np.pi * waves * (np.arange(32) + 0.5) / 32) * np.ones((32, 1))
        found = power(grid.copy(data=values))
        expected = 32 * DEGREE / waves
        assert found["wavelength"].values[int(found.argmax())] == pytest.approx(expected, rel=1e-3)
        assert float(found.max()) == pytest.approx(0.5, rel=1e-9)


def test_a_wave_round_the_globe_stands_at_its_number():
    grid = circle()
    values = 3 * np.cos(4 * np.deg2rad(grid["lon"])).values * np.ones((5, 1))
    found = power(grid.copy(data=values), schema.area_weights(grid))
    assert int(found.argmax()) == 3 and float(found.max()) == pytest.approx(4.5)
    assert float(found["wavelength"][3]) == pytest.approx(360 * DEGREE * np.cos(np.pi / 4) / 4)


def test_a_known_spectrum_is_found():
    """Cosine coefficients of variance k^-3 stand for power of pi k / 2 times k^-3 in quarter rings of width 1."""
    n, draws = 48, 300
    number = np.hypot(*np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    amplitude = np.where(number > 0, np.maximum(number, 1) ** -1.5, 0) * n
    coefficients = np.random.default_rng(0).normal(size=(draws, n, n)) * amplitude
    fields = xr.DataArray(
        fft.idctn(coefficients, axes=(1, 2), norm="ortho"),
        {"lat": even(n, n)["lat"], "lon": even(n, n)["lon"]},
        ("draw", "lat", "lon"),
    )
    found = power(fields).mean("draw")
    k = 2 * n * DEGREE / found["wavelength"].values
    inner = (k > 5) & (k < 40)
    slope = np.polyfit(np.log(k[inner]), np.log(found.values[inner]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.05)
    rings = found.values[inner] * k[inner] ** 2  # the lattice has more points in some rings than in others
    assert rings.mean() == pytest.approx(np.pi / 2, rel=0.05)


def test_a_blurred_forecast_lacks_its_short_waves_only():
    rng = np.random.default_rng(0)
    observed = observations(rng.normal(size=(12, 24, 24)), lat=np.linspace(-12, 11, 24))
    met = np.stack([observed.values[1 + lead : 9 + lead] for lead in range(2)], axis=1)
    sharp = forecasts(met, observed)
    blurred = forecasts(ndimage.gaussian_filter(met, (0, 0, 1.0, 1.0)), observed)
    found = verification.spectra({"sharp": sharp, "blurred": blurred}, observed)
    np.testing.assert_allclose(found["ratio"].sel(forecaster="sharp"), 1, rtol=1e-12)
    ratio = found["ratio"].sel(forecaster="blurred").isel(lead=0)
    assert float(ratio[0]) > 0.7 and float(ratio[-1]) < 0.01
    assert (np.diff(found["wavelength"]) < 0).all() and found["wavelength"].attrs["units"] == "km"


def test_a_projected_grid_is_measured_on_the_sphere():
    y, x = np.meshgrid(np.arange(8) * 0.5, np.arange(10) * 0.5, indexing="ij")
    coords = {"y": np.arange(8), "x": np.arange(10), "lat": (("y", "x"), y), "lon": (("y", "x"), x)}
    field = xr.DataArray(np.random.default_rng(0).normal(size=(8, 10)), coords, ("y", "x"))
    assert float(power(field)["wavelength"][0]) == pytest.approx(2 * 8 * 0.5 * DEGREE, rel=1e-3)


def test_missing_cells_take_the_mean_of_their_map():
    observed = observations(np.random.default_rng(0).normal(size=(6, 6, 6)))
    holed = observed.where(observed["lat"] > 35)
    one = forecasts(np.stack([observed.values[1:5]], axis=1), observed)
    found = verification.spectra({"a": one}, holed)
    assert found["ratio"].notnull().all()
    np.testing.assert_allclose(found["ratio"], 1, rtol=1e-9)


def test_series_are_refused():
    observed = observations(np.zeros((6, 2)))
    with pytest.raises(ForecastError, match="maps of at least 4 rows and columns"):
        verification.spectra({"a": forecasts(np.ones((4, 2, 2)), observed)}, observed)
