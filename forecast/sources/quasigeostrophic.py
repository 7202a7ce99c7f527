"""Weather from two layers of air: a quasi-geostrophic channel on a beta plane, driven by the seasons.

    dq_j/dt = -J(psi_j, q_j) - (-1)^j F (psi_1 - psi_2 - psi_R) / TAU - delta_j2 KAPPA laplacian(psi_2)
    q_j = beta y + laplacian(psi_j) + (-1)^j F (psi_1 - psi_2) + delta_j2 f0 h / DEPTH

(Phillips 1956, Q. J. R. Met. Soc. 82; relaxation and friction as in Lee and Held 1993, J. Atmos. Sci. 50, 1413.)
Layer 1 is above. The stream function is a uniform wind plus waves that vanish at both walls: sines in y times Fourier
modes in x, their products taken on a grid fine enough to leave no aliasing; Adams-Bashforth of third order in time. The
shear to which the air is relaxed peaks in January. Two ridges make stationary waves. A height of 500 hPa is
f0 psi / g of the mean of the layers. The model's Earth is a channel at 50 N wrapped round the latitude circle; drawn
on 20-80 N it looks and behaves like weather, but it is not the atmosphere of any date.

Axes in suffixes: n modes in y, m modes in x, j layer, y and x the grid of products. The same seed gives the same
weather to the last bit on one machine and lock; elsewhere rounding grows, and only the statistics agree.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

DAY = 86400.0  # s
GRAVITY, RADIUS, ROTATION = 9.80665, 6.371e6, 7.292e-5  # m s-2, m, s-1
LAT_SOUTH, LAT_NORTH, LAT_MIDDLE = 20.0, 80.0, 50.0  # degrees
F0 = 2 * ROTATION * np.sin(np.deg2rad(LAT_MIDDLE))  # Coriolis parameter, s-1
BETA = 2 * ROTATION * np.cos(np.deg2rad(LAT_MIDDLE)) / RADIUS  # its gradient, m-1 s-1
LENGTH = 2 * np.pi * RADIUS * np.cos(np.deg2rad(LAT_MIDDLE))  # round the channel, m
WIDTH = np.deg2rad(LAT_NORTH - LAT_SOUTH) * RADIUS  # between the walls, m

DEFORMATION = 6.0e5  # m, radius of deformation: the scale of cyclones
EXTERNAL = 2.5e6  # m, external radius: keeps the longest waves from running west (Cressman 1958)
STRETCH = 1 / (2 * DEFORMATION**2)  # F above, m-2
TAU = 10 * DAY  # s, relaxation of the temperature
KAPPA = 1 / (0.7 * DAY)  # s-1, friction at the ground
MEAN_WIND = 12.0  # m s-1, mean of the two layers
SHEAR, SHEAR_SEASON = 36.0, 8.0  # m s-1 in mid-channel between the layers: mean, half the range of the year
MOUNTAIN, DEPTH = 3000.0, 5000.0  # m, height of the ridges and depth of the lower layer
HYPER = 1 / (4 * 3600.0)  # s-1, damping of the smallest waves, falling as wavenumber^8
HEIGHT, HEIGHT_SEASON = 5500.0, 60.0  # m, mean height of 500 hPa and half its range over the year

WAVES, SINES, GRID_X, GRID_Y = 13, 10, 40, 16  # GRID_X > 3 WAVES and GRID_Y > 3/2 SINES leave no aliasing
STEP = 3600.0  # s
SPIN_UP = 90  # days from rest to weather


def _fourier(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return modes (m, x) 1, cos kx, sin kx, cos 2kx ... at x in metres, and their derivatives."""
    k = 2 * np.pi / LENGTH * np.arange(1, WAVES + 1)[:, None]
    modes, slopes = np.zeros((2, 2 * WAVES + 1, len(x)))
    modes[0] = 1
    modes[1::2], modes[2::2] = np.cos(k * x), np.sin(k * x)
    slopes[1::2], slopes[2::2] = -k * modes[2::2], k * modes[1::2]
    return modes, slopes


class Channel:
    """The model's operators and its state; ``day`` steps it through one day.

    Args:
        seed: of the small disturbance from which the weather grows.
        phase: days from 15 January to the first day, before the spin-up.
    """

    def __init__(self, seed: int, phase: float) -> None:
        self.now = phase
        x, y = np.arange(GRID_X) * LENGTH / GRID_X, (np.arange(GRID_Y) + 0.5) * WIDTH / GRID_Y
        wave_n = np.arange(1, SINES + 1) * np.pi / WIDTH
        wave_m = np.repeat(np.arange(WAVES + 1), 2)[1:] * 2 * np.pi / LENGTH
        self.x_mx, self.dx_mx = _fourier(x)
        self.to_m = np.ascontiguousarray((self.x_mx / (self.x_mx**2).sum(axis=1, keepdims=True)).T)
        sines = np.sin(np.outer(y, wave_n))
        self.yy_yn = np.vstack([sines, wave_n * np.cos(np.outer(y, wave_n))])  # values above, slopes below
        self.to_n = np.ascontiguousarray((sines / (sines**2).sum(axis=0)).T)
        self.square_nm = wave_n[:, None] ** 2 + wave_m**2
        shallow, deep = -1 / (self.square_nm + EXTERNAL**-2), -1 / (self.square_nm + 2 * STRETCH)
        self.same_nm, self.other_nm = ((shallow + deep) / 2)[:, None], ((shallow - deep) / 2)[:, None]
        self.filter_nm = np.exp(-STEP * HYPER * (self.square_nm / self.square_nm.max()) ** 4)[:, None]
        self.ridges_nm = self.to_n @ (F0 / DEPTH * _ridges(x, y)) @ self.to_m
        self.q_njm = np.zeros((SINES, 2, 2 * WAVES + 1))
        self.q_njm[:4, :, 1:13] = 2e-6 * np.random.default_rng(seed).normal(size=(4, 2, 12))
        self.past: list[np.ndarray] = []

    def _tendency(self, psi_njm: np.ndarray, shear: float) -> np.ndarray:
        """Return dq/dt (n, j, m) at stream function ``psi_njm`` and a uniform shear, m s-1."""
        modes, points = 2 * WAVES + 1, GRID_Y * 4
        fields = np.concatenate([psi_njm, self.q_njm], axis=1)
        fields[:, 3] += self.ridges_nm
        mixed = (self.yy_yn @ fields.reshape(SINES, -1)).reshape(2 * points, modes)
        east = (mixed[:points] @ self.dx_mx).reshape(GRID_Y, 4, GRID_X)
        north = (mixed[points:] @ self.x_mx).reshape(GRID_Y, 4, GRID_X)
        wind = np.array([[MEAN_WIND + shear / 2], [MEAN_WIND - shear / 2]])
        gradient = np.array([[BETA + STRETCH * shear], [BETA - STRETCH * shear]])
        change = (north[:, :2] - wind) * east[:, 2:] - east[:, :2] * (north[:, 2:] + gradient)
        waves = change.reshape(-1, GRID_X) @ self.to_m
        tendency = (self.to_n @ waves.reshape(GRID_Y, -1)).reshape(SINES, 2, modes)
        excess = psi_njm[:, 0] - psi_njm[:, 1]
        excess[1, 0] -= shear * WIDTH / (2 * np.pi)  # with the uniform shear, a jet: shear (1 - cos(2 pi y / WIDTH))
        tendency[:, 0] += STRETCH / TAU * excess
        tendency[:, 1] += KAPPA * self.square_nm * psi_njm[:, 1] - STRETCH / TAU * excess
        return tendency

    def day(self) -> np.ndarray:
        """Step through one day and return the day's mean stream function of both layers, modes (n, m), m2 s-1."""
        season = np.cos(2 * np.pi * self.now / 365.2425)
        shear = (SHEAR + SHEAR_SEASON * season) / 2
        total = np.zeros_like(self.square_nm)
        for _ in range(round(DAY / STEP)):
            psi = self.q_njm * self.same_nm + self.q_njm[:, ::-1] * self.other_nm
            total += psi[:, 0] + psi[:, 1]
            newest = self._tendency(psi, shear)
            older, oldest = self.past or (newest, newest)
            self.q_njm = (self.q_njm + STEP / 12 * (23 * newest - 16 * older + 5 * oldest)) * self.filter_nm
            self.past = [newest, older]
        self.now += 1
        return total / (2 * round(DAY / STEP))


def _ridges(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the height of the ground (y, x) in m: a ridge at 105 W and a broader, higher one at 90 E."""
    across = sum(
        height * np.exp(-((((360 * x / LENGTH - lon + 180) % 360 - 180) / width) ** 2))
        for lon, width, height in ((255, 18, 1.0), (90, 25, 1.2))
    )
    return MOUNTAIN * np.exp(-(((y / WIDTH - 0.42) / 0.22) ** 2))[:, None] * across


@lru_cache(maxsize=2)
def heights(seed: int, phase: float, days: int, rows: int, columns: int) -> np.ndarray:
    """Return daily means of the height of 500 hPa, float32 (days, rows, columns), m, read-only.

    Rows are the middles of equal bands from 20 N to 80 N; columns begin at 180 W. Fewer days of the same seed and
    phase are exactly the first of more days.

    Args:
        seed: which weather.
        phase: days from 15 January to the first day.
        days: how many.
        rows: latitudes.
        columns: longitudes.
    """
    channel = Channel(seed, phase - SPIN_UP)
    for _ in range(SPIN_UP):
        channel.day()
    y = (np.arange(rows) + 0.5) * WIDTH / rows
    x = LENGTH * (np.arange(columns) / columns - 0.5)
    sines = np.sin(np.outer(y, np.arange(1, SINES + 1) * np.pi / WIDTH))
    modes, _ = _fourier(x)
    slope = MEAN_WIND * (WIDTH / 2 - y)[:, None]
    out = np.empty((days, rows, columns), dtype="float32")
    for day in range(days):
        season = HEIGHT_SEASON * np.cos(2 * np.pi * channel.now / 365.2425)
        out[day] = HEIGHT - season + F0 / GRAVITY * (slope + sines @ channel.day() @ modes)
    out.setflags(write=False)
    return out
