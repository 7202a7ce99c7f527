"""Simulated weather: stable for decades, seasonal, reproducible, and as hard to forecast as weather."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.schema import VARIABLES, area_weights, is_periodic
from forecast.sources import quasigeostrophic as qg
from forecast.sources.simulated import Simulated

YEARS, TRAIN = 20, 14 * 365


@pytest.fixture(scope="module")
def record() -> xr.DataArray:
    return Simulated(years=YEARS).fetch().z500


@pytest.fixture(scope="module")
def anomaly(record: xr.DataArray) -> np.ndarray:
    """Deviations (day, cell) from mean and two harmonics of the training years, weighted by the root of the area."""
    angle = 2 * np.pi * np.arange(record.sizes["time"])[:, None] / 365.25
    season = np.hstack([np.ones_like(angle), *(f(k * angle) for k in (1, 2) for f in (np.cos, np.sin))])
    weights = area_weights(record)
    assert weights is not None
    flat = (record * np.sqrt(weights)).values.reshape(len(angle), -1)
    fit = np.linalg.lstsq(season[:TRAIN], flat[:TRAIN], rcond=None)[0]
    return flat - season @ fit


def rmse(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def test_twenty_years_stay_within_the_limits_of_the_atmosphere(record: xr.DataArray) -> None:
    limits = VARIABLES["z500"]
    assert record.sizes["time"] == 7305 and record.dtype == np.float32
    assert limits.valid_min < float(record.min()) and float(record.max()) < limits.valid_max
    assert float(np.abs(record.diff("time")).max()) < limits.max_step
    by_year = record.groupby("time.year").std(...)
    assert float(by_year.max() / by_year.min()) < 1.1, "no drift"


def test_the_season_is_visible(record: xr.DataArray) -> None:
    month = record.mean(("lat", "lon")).groupby("time.month").mean()
    assert int(month.month[month.argmax()]) in (6, 7, 8) and int(month.month[month.argmin()]) in (12, 1, 2)
    storms = (record - record.mean("lon")).groupby("time.season").std(...)
    assert float(storms.sel(season="DJF")) > 1.3 * float(storms.sel(season="JJA"))


def test_heights_fall_poleward_and_the_circle_is_closed(record: xr.DataArray) -> None:
    assert (np.diff(record.mean(("time", "lon"))) < 0).all()
    assert is_periodic(record.lon.values)
    seam = np.abs(record[:, :, 0] - record[:, :, -1]).mean()
    inside = np.abs(record.diff("lon")).mean()
    assert float(seam / inside) == pytest.approx(1, abs=0.2)


def test_mountains_make_a_climatology_that_varies_along_the_latitude_circle(record: xr.DataArray) -> None:
    assert float(record.mean("time").std("lon").max()) > 20


def test_persistence_beats_climatology_on_day_1_and_loses_by_day_6(anomaly: np.ndarray) -> None:
    test = anomaly[TRAIN:]
    climatology = rmse(test)
    assert rmse(test[1:] - test[:-1]) < 0.75 * climatology
    assert rmse(test[6:] - test[:-6]) > climatology


def test_a_linear_model_lies_between_persistence_and_perfection_on_day_1(anomaly: np.ndarray) -> None:
    patterns = np.linalg.eigh(np.cov(anomaly[:TRAIN:3].T))[1][:, -50:]
    scores = anomaly @ patterns
    predictors = np.hstack([scores[1:-1], scores[:-2]])
    known, target = predictors[: TRAIN - 2], scores[2:TRAIN]
    gram = known.T @ known
    weights = np.linalg.solve(gram + 1e-3 * np.trace(gram) / len(gram) * np.eye(len(gram)), known.T @ target)
    forecast = predictors[TRAIN - 2 :] @ weights @ patterns.T
    test = anomaly[TRAIN:]
    linear, persistence = rmse(test - forecast), rmse(test - anomaly[TRAIN - 1 : -1])
    assert 0.1 * rmse(test) < linear < 0.6 * persistence


def test_a_seed_gives_the_same_bits_and_another_seed_other_weather() -> None:
    one = Simulated(seed=3, years=0.2).fetch()
    qg.heights.cache_clear()
    assert one.identical(Simulated(seed=3, years=0.2).fetch())
    assert float(np.abs(one.z500 - Simulated(seed=4, years=0.2).fetch().z500).mean()) > 20


def test_a_longer_span_repeats_the_days_of_a_shorter_one_exactly() -> None:
    for noise in (0.0, 5.0):
        options: dict[str, Any] = {"years": 0.15, "noise": noise, "start": "2020-12-01"}
        short = Simulated(**options).fetch(end="2021-01-10")
        qg.heights.cache_clear()
        long = Simulated(**{**options, "years": 0.3}).fetch(end="2021-03-01")
        assert long.sel(time=short.time).identical(short)
        middle = Simulated(**options).fetch("2021-01-05", "2021-01-08")
        assert middle.identical(short.sel(time=slice("2021-01-05", "2021-01-08")))


def test_noise_has_the_deviation_asked_for() -> None:
    clean, noisy = (Simulated(years=0.2, noise=noise).fetch().z500 for noise in (0, 10))
    assert float((noisy - clean).std()) == pytest.approx(10, rel=0.02)


def test_a_span_outside_the_record_is_empty() -> None:
    assert Simulated(years=1).fetch("2010-01-01").sizes["time"] == 0
    assert Simulated(years=1).fetch(end="1999-01-01").sizes["time"] == 0


def test_it_says_that_it_is_simulated() -> None:
    data = Simulated(years=0.1).fetch()
    assert Simulated.simulated and data.attrs["simulated"] == "yes" and data.attrs["title"].startswith("simulated")


@pytest.mark.parametrize(
    "options", [{"seed": -1}, {"years": 0}, {"years": 200}, {"noise": -1}, {"start": "2001-01-01T06"}]
)
def test_an_impossible_option_is_refused_at_birth(options: dict[str, Any]) -> None:
    with pytest.raises(ForecastError, match=rf"options of Simulated(.|\n)*{next(iter(options))}: "):
        Simulated(**options)


def test_the_model_inverts_potential_vorticity_exactly() -> None:
    channel = qg.Channel(seed=0, phase=0)
    channel.day()
    psi = channel.q_njm * channel.same_nm + channel.q_njm[:, ::-1] * channel.other_nm
    above, below = psi[:, 0], psi[:, 1]
    stretched = qg.STRETCH * (above - below)
    external = (above + below) / 2 / qg.EXTERNAL**2
    np.testing.assert_allclose(-channel.square_nm * above - stretched - external, channel.q_njm[:, 0], atol=1e-18)
    np.testing.assert_allclose(-channel.square_nm * below + stretched - external, channel.q_njm[:, 1], atol=1e-18)


def test_a_single_free_wave_moves_with_the_wind_less_its_rossby_speed() -> None:
    """Phase speed U - beta / (K^2 + 1 / EXTERNAL^2), the barotropic mode of 3 waves without shear or mountains."""
    channel = qg.Channel(seed=0, phase=0)
    channel.ridges_nm[:] = 0
    channel.q_njm[:] = 0
    channel.q_njm[0, :, 5] = 1e-9  # cos 3 kx in both layers
    psi = channel.q_njm * channel.same_nm + channel.q_njm[:, ::-1] * channel.other_nm
    tendency = channel._tendency(psi, shear=0.0)
    square = channel.square_nm[0, 5] + qg.EXTERNAL**-2
    speed = qg.MEAN_WIND - qg.BETA / square
    k = 2 * np.pi * 3 / qg.LENGTH
    assert tendency[0, 0, 6] == pytest.approx(speed * k * 1e-9, rel=1e-6)  # cos k(x - ct) turns into ck sin kx


def test_winter_falls_in_winter_whenever_the_record_starts() -> None:
    z500 = Simulated(start="2001-07-01", years=1).fetch().z500
    month = z500.mean(("lat", "lon")).groupby("time.month").mean()
    assert int(month.month[month.argmin()]) in (12, 1, 2)
