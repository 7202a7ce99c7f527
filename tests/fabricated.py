"""Issues made by hand for the tests of query, serve and dashboards: small worlds whose every value is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.archive import Archive
from forecast.store import Store

QUANTILES, BASELINES = [0.05, 0.5, 0.95], ["persistence", "climatology"]
LAT, LON = np.arange(30.0, 72.0, 5.0), np.arange(-70.0, 11.0, 5.0)
DAYS, REFERENCE = pd.date_range("2008-12-01", "2008-12-31"), pd.Timestamp("2008-12-28")
SEA = (2, 3)  # row and column of a masked cell: 40 N, 55 W
NAMES = ["oslo", "bergen", "north|<b>x</b>"]


def pressure(times: np.ndarray) -> np.ndarray:
    """Return a travelling wave of pressure, Pa, shape (time, lat, lon)."""
    day = ((np.asarray(times, "datetime64[ns]") - np.datetime64("2008-12-01")) / np.timedelta64(1, "D"))[:, None, None]
    lat, lon = LAT[None, :, None], LON[None, None, :]
    wave = 1800 * np.cos(np.deg2rad(4 * lon - 40 * day)) * np.sin(np.deg2rad(180 * (lat - 30) / 40))
    field = 101300 + wave - 25 * (lat - 50)
    field[:, SEA[0], SEA[1]] = np.nan
    return field


def forecast(space: dict, central: np.ndarray, name: str, units: str, step: str, **attrs: str) -> xr.Dataset:
    """Return a forecast of one reference time from its central values (lead, *space): quantiles +-300 or so beside."""
    dims, spread = schema.space_dims(xr.Dataset(coords=space)), 0.003 * np.nanmax(np.abs(central))
    lead = schema.leads(len(central), pd.Timedelta(step))
    reference = np.array([attrs.pop("reference", REFERENCE)], "datetime64[ns]")
    offsets = np.array([-1, 0, 1]) * spread
    growing = np.arange(1, len(central) + 1).reshape(-1, 1, *[1] * len(dims))
    bands = central[:, None] + offsets.reshape(1, -1, *[1] * len(dims)) * growing
    others = np.stack([central + spread, central - 2 * spread], axis=1)
    first, about = (schema.REFERENCE, schema.LEAD), {"units": units}
    return xr.Dataset(
        {
            name: ((*first, *dims), central[None], about),
            f"{name}_quantile": ((*first, "quantile", *dims), bands[None], about),
            f"{name}_member": ((*first, "member", *dims), bands[None, :, :2], about),
            f"{name}_baseline": ((*first, "baseline", *dims), others[None], about),
        },
        coords={
            **space,
            schema.REFERENCE: reference,
            "lead": lead,
            "quantile": QUANTILES,
            "member": [0, 1],
            "baseline": BASELINES,
            schema.VALID_TIME: (first, schema.valid_times(reference, lead)),
        },
        attrs={
            "Conventions": schema.CONVENTIONS,
            "title": "Sea-level pressure, North Atlantic",
            "pipeline": "slp",
            "model": "convlstm",
            "model_version": "3",
            "data_version": "D1",
            "code_version": "abc",
            "degraded": "[]",
            "simulated": "no",
            "step": pd.Timedelta(step).isoformat(),
            **attrs,
        },
    )


def scores(space: dict, leads: int, step: str) -> xr.Dataset:
    """Return RMSE 300, 600, 400 for the three forecasters at every lead and place: skill 0.75 and 0.4375."""
    dims, shape = tuple(space), [len(values) for values in space.values()]
    values = np.array([300.0, 600.0, 400.0]).reshape(3, 1, *[1] * len(shape)) * np.ones((1, leads, *shape))
    lead = schema.leads(leads, pd.Timedelta(step))
    return xr.Dataset(
        {"slp_rmse": (("forecaster", "lead", *dims), values, {"units": "Pa"})},
        coords={"forecaster": ["convlstm", *BASELINES], "lead": lead, **space},
        attrs={"champion": "convlstm", "span": "2008-01-01 to 2008-11-30"},
    )


def map_pipeline(home: Path, name: str = "slp", simulated: str = "no") -> Path:
    """Fill a home with a daily pressure pipeline: two issues of 5 leads, scores, observations to 30 December."""
    space = {"lat": LAT, "lon": LON}
    store, archive = Store(home / name / "store"), Archive(home / name / "archive")
    observed = pressure(DAYS.values)
    archive.append(
        xr.Dataset(
            {"slp": (("time", "lat", "lon"), observed, {"units": "Pa"})},
            coords={"time": DAYS.values, **space},
            attrs={"title": "waves", "simulated": simulated},
        ).isel(time=slice(0, 30))
    )
    for back in (1, 0):
        reference = REFERENCE - pd.Timedelta(days=back)
        valid = reference + pd.to_timedelta(np.arange(1, 6), "D")
        data = forecast(
            space,
            pressure(valid.values) + 100,
            "slp",
            "Pa",
            "1D",
            reference=reference,
            forecast_id=f"slp-{reference:%Y%m%dT%H}-convlstm-3",
            issue_time=f"{reference + pd.Timedelta(days=1):%Y-%m-%dT06:00:00Z}",
            simulated=simulated,
            degraded=json.dumps(["2008-12-27 was missing and bridged"] if back else []),
        )
        store.write_issue(data, {"h": np.zeros((1, 2), "float32")})
    store.write_champion({"name": "convlstm"}, scores(space, 5, "1D"))
    return home


ROWS, COLUMNS = np.meshgrid(np.arange(12), np.arange(16), indexing="ij")
NORTH = 90 - 4 * np.hypot(ROWS + 1.0, COLUMNS - 7.3)  # an arctic grid: polar, a row and a column of 4 degrees
EAST = (np.rad2deg(np.arctan2(COLUMNS - 7.3, ROWS + 1.0)) + 180) % 360 - 180


def projected(days: int, seed: int = 0) -> xr.Dataset:
    """Return days of temperature, K, on a projected grid (y, x): a season, a gradient, and weather that drifts east."""
    day, noise = np.arange(days)[:, None, None], np.random.default_rng(seed).normal(0, 0.3, (days, *ROWS.shape))
    season = 12 * np.sin(2 * np.pi * day / 365.25)
    weather = 4 * np.sin(2 * np.pi * (COLUMNS - 0.9 * day) / 16 + ROWS / 5)
    grid = {"grid_mapping_name": "azimuthal_equidistant", "latitude_of_projection_origin": 90.0}
    coords = {
        "time": pd.date_range("2005-01-01", periods=days).values,
        "y": ("y", 4.0 * np.arange(12), {"units": "degree", "standard_name": "projection_y_coordinate"}),
        "x": ("x", 4.0 * np.arange(16), {"units": "degree", "standard_name": "projection_x_coordinate"}),
        "lat": (("y", "x"), NORTH),
        "lon": (("y", "x"), EAST),
    }
    values = 270 + season + 0.4 * (NORTH - 60) + weather + noise
    about = {"units": "K", "standard_name": "air_temperature", "cell_methods": "time: mean"}
    attrs = {"title": "Arctic temperature", "simulated": "yes", "grid_mapping": json.dumps(grid)}
    return xr.Dataset({"t2m": (("time", "y", "x"), values.astype("float32"), about)}, coords, attrs)


def projected_pipeline(home: Path, name: str = "arctic") -> Path:
    """Fill a home with a daily pipeline on a projected grid: one issue of 3 leads, observations to its reference."""
    observed = projected(33)
    Archive(home / name / "archive").append(observed.isel(time=slice(0, 30)))
    last = observed["time"].values[29]
    ahead = observed["t2m"].values[30:].astype("float64")
    space = {name: observed[name].variable for name in ("y", "x", "lat", "lon")}
    about = {"issue_time": "2005-01-31T06:00:00Z", "forecast_id": "arctic-1", "title": "Arctic temperature"}
    mapping = observed.attrs["grid_mapping"]
    data = forecast(space, ahead, "t2m", "K", "1D", reference=last, grid_mapping=mapping, pipeline=name, **about)
    Store(home / name / "store").write_issue(data, {})
    return home


def temperature(times: pd.DatetimeIndex) -> np.ndarray:
    """Return a day's swing at three stations, degF, shape (time, series)."""
    return 10 + 5 * np.sin(2 * np.pi * np.asarray(times.hour) / 24)[:, None] + np.array([0.0, 1.0, 2.0])


def series_pipeline(home: Path, name: str = "load") -> Path:
    """Fill a home with an hourly pipeline of three series, 48 leads from 23:00 on 28 December."""
    store, archive = Store(home / name / "store"), Archive(home / name / "archive")
    hours, space = pd.date_range("2008-12-20", "2008-12-28T23:00", freq="h"), {"series": np.array(NAMES)}
    archive.append(
        xr.Dataset(
            {"temp": (("time", "series"), temperature(hours), {"units": "degF"})},
            coords={"time": hours.values, **space},
            attrs={"title": "three stations"},
        )
    )
    valid = hours[-1] + pd.to_timedelta(np.arange(1, 49), "h")
    data = forecast(
        space,
        temperature(valid),
        "temp",
        "degF",
        "1h",
        reference=hours[-1],
        forecast_id="load-20081228T23-lstm-1",
        issue_time="2008-12-29T00:10:00Z",
        title="Three stations",
        pipeline=name,
        model="lstm",
        model_version="1",
    )
    store.write_issue(data, {})
    return home
