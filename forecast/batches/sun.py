"""The sun at the top of the atmosphere: how much of its energy reaches a place on a day, or at a moment, W m-2.

    Q = S0 E max(0, sin p sin d + cos p cos d cos h)                             at a moment
    Q = S0 / pi E (h0 sin p sin d + cos p cos d sin h0),  cos h0 = -tan p tan d  mean of a day (h0 in [0, pi])

p latitude, d declination, h hour angle, h0 that of sunset, E the squared ratio of the mean distance of the sun to its
distance: Liou 2002, An introduction to atmospheric radiation, section 2.2. d, E and the equation of time are the
Fourier series of Spencer 1971, Search 2(5), good to 0.0006 rad, 0.01 % and 35 s. S0 is that of Kopp & Lean 2011,
Geophysical Research Letters 38.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import schema
from forecast.errors import ForecastError
from forecast.schema import LAT, LON, TIME

S0 = 1361.0  # W m-2, at the mean distance
MEAN = S0 / np.pi  # on the equator, at an equinox
DAY = pd.Timedelta("1D")


def daily_mean(season: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the mean of a day, W m-2.

    Args:
        season: share of the year that has passed, 0 to 1 (``schema.day_of_year``).
        lat: latitude in degrees; both broadcast.
    """
    declination, distance, _ = _orbit(season)
    p = np.deg2rad(lat)
    sunset = np.arccos(np.clip(-np.tan(p) * np.tan(declination), -1, 1))
    up, flat = np.sin(p) * np.sin(declination), np.cos(p) * np.cos(declination)
    return np.asarray(MEAN * distance * np.maximum(0, sunset * up + flat * np.sin(sunset)))


def instantaneous(season: np.ndarray, day: np.ndarray, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    """Return what arrives at a moment, W m-2.

    Args:
        season: share of the year that has passed.
        day: share of the day (UTC) that has passed.
        lat: latitude in degrees.
        lon: longitude in degrees east; all broadcast.
    """
    declination, distance, equation = _orbit(season)
    p, hour = np.deg2rad(lat), 2 * np.pi * day - np.pi + equation + np.deg2rad(lon)
    height = np.sin(p) * np.sin(declination) + np.cos(p) * np.cos(declination) * np.cos(hour)
    return np.asarray(S0 * distance * np.maximum(0, height))


def _orbit(season: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return declination (rad), squared ratio of distances, and equation of time (rad) (Spencer 1971)."""
    a = 2 * np.pi * np.asarray(season)
    cos, sin = {n: np.cos(n * a) for n in (1, 2, 3)}, {n: np.sin(n * a) for n in (1, 2, 3)}
    declination = 0.006918 - 0.399912 * cos[1] + 0.070257 * sin[1] - 0.006758 * cos[2] + 0.000907 * sin[2]
    declination = declination - 0.002697 * cos[3] + 0.001480 * sin[3]
    distance = 1.000110 + 0.034221 * cos[1] + 0.001280 * sin[1] + 0.000719 * cos[2] + 0.000077 * sin[2]
    equation = 0.0000075 + 0.001868 * cos[1] - 0.032077 * sin[1] - 0.014615 * cos[2] - 0.040849 * sin[2]
    return declination, distance, equation


@dataclass(frozen=True)
class Sun:
    """The insolation of a grid at every step of an axis, computed when asked for.

    It comes twice, at the middle of the step and a quarter of its cycle later, so that spring differs from autumn and
    morning from evening: daily means a quarter of a year apart, or moments six hours apart where steps are finer than
    a day. It is divided by its daily mean on the equator at an equinox.

    Attributes:
        season: share of the year at the middle of each step and a quarter later, (T, 2).
        day: share of the day alike; None: daily means.
        lat: degrees, (H, 1) or (H, W).
        lon: degrees, (1, W) or (H, W).
    """

    season: np.ndarray
    day: np.ndarray | None
    lat: np.ndarray
    lon: np.ndarray

    @classmethod
    def over(cls, observed: xr.Dataset, step: pd.Timedelta) -> Sun:
        """Return the sun over the grid of observations.

        Args:
            observed: maps, in any calendar.
            step: of their axis.

        Raises:
            ForecastError: they are series.
        """
        if schema.kind(observed) != "map":
            remedy = 'set [task] calendar = "season"'
            raise ForecastError('maps for [task] calendar = "insolation"', "series", remedy)
        time = xr.DataArray(schema.shift_time(observed[TIME].values, step / 2), dims=TIME)
        season = schema.day_of_year(time).values[:, None]
        lat, lon = observed[LAT].values, observed[LON].values
        place = (lat.reshape(len(lat), -1), lon.reshape(-1, lon.shape[-1]))
        if step >= DAY:
            return cls(season + np.array([0, 0.25]), None, *place)
        seconds = time.dt.hour * 3600 + time.dt.minute * 60 + time.dt.second
        return cls(season + np.zeros(2), seconds.values[:, None] / 86400 + np.array([0, 0.25]), *place)

    def at(self, step: Tensor) -> Tensor:
        """Return the features of some steps (...), (..., 2, H, W)."""
        season = self.season[step.numpy()][..., None, None]
        if self.day is None:
            values = daily_mean(season, self.lat)
        else:
            values = instantaneous(season, self.day[step.numpy()][..., None, None], self.lat, self.lon)
        shape = np.broadcast_shapes(values.shape[-2:], self.lon.shape)
        return torch.from_numpy((values / MEAN).astype("float32")).expand(*values.shape[:-2], *shape)
