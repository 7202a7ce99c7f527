"""The served model says what `predict` says, for series, maps and model calendars, from a saved folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import pyfunc
from forecast.baselines.damped import DampedPersistence
from forecast.calibration import Calibration
from forecast.checkpoint import Checkpoint
from forecast.errors import ForecastError
from forecast.predict import forecaster, predict

LEADS = 3
ROOT = Path(__file__).parents[1]


def observations(kind: str, calendar: str = "standard") -> xr.Dataset:
    """Eighty days; maps with coordinates that text can't hold exactly, series not in the order of the alphabet."""
    rng = np.random.default_rng(0)
    cells = (
        {"series": ["b", "a"]} if kind == "series" else {"lat": np.float32([50.1, 50.3]), "lon": np.float32([0.1, 7.7])}
    )
    time = xr.date_range("2001-01-01", periods=80, freq="D", calendar=calendar, use_cftime=calendar != "standard")
    shape = (80, *(len(values) for values in cells.values()))
    values = 280 + np.cumsum(rng.normal(size=shape), axis=0)
    return xr.Dataset({"t2m": (("time", *cells), values, {"units": "K"})}, {"time": time, **cells})


def saved(observed: xr.Dataset, path: Path) -> Checkpoint:
    baseline = DampedPersistence()
    baseline.fit(observed["t2m"], LEADS)
    settings = {"targets": ["t2m"], "leads": LEADS, "step": "P1D", "step_ns": 86400 * 10**9, "units": {"t2m": "K"}}
    space = observed.drop_vars(["t2m", "time"])
    given = Checkpoint(
        "damped", "damped_persistence", "baseline", settings, {}, {"fitted:t2m": baseline.fitted, "space": space}
    )
    past = baseline.forecast(observed["t2m"], observed["time"].values[30:70])
    calibration = Calibration.fit(past, observed["t2m"], [0.05, 0.95], 2, 0)
    given.datasets["calibration:t2m"] = calibration.to_dataset()
    given.save(path)
    return given


@pytest.mark.parametrize(
    ("kind", "calendar", "last"),
    [
        ("series", "standard", "2001-03-24T00:00:00"),  # 31 + 28 days, so the 80th is March 21
        ("map", "standard", "2001-03-24T00:00:00"),
        ("map", "360_day", "2001-03-23T00:00:00"),  # 30 + 30 days
    ],
)
def test_the_loaded_model_forecasts_as_predict_does(tmp_path: Path, kind: str, calendar: str, last: str) -> None:
    observed = observations(kind, calendar)
    given = saved(observed, tmp_path / "damped.safetensors")
    folder = pyfunc.save(tmp_path / "damped.safetensors", tmp_path / "model", observed.isel(time=slice(40, 60)))
    table = mlflow.pyfunc.load_model(str(folder)).predict(pyfunc.observed_table(observed))
    expected, _ = predict(forecaster(given), observed, observed.time.values[-1])
    assert table["t2m"].tolist() == pytest.approx(expected["t2m"].values.ravel().tolist(), abs=1e-9)
    assert table["lead_hours"].unique().tolist() == [24, 48, 72]
    assert table["valid_time"].iloc[-1] == last


def test_the_model_carries_signature_example_and_requirement_and_no_pickle(tmp_path: Path) -> None:
    observed = observations("series")
    saved(observed, tmp_path / "damped.safetensors")
    folder = pyfunc.save(tmp_path / "damped.safetensors", tmp_path / "model", observed)
    info = mlflow.models.get_model_info(str(folder))
    assert info.signature.inputs.input_names() == ["time", "series", "t2m"]
    assert info.signature.outputs.input_names() == [
        "forecast_reference_time",
        "lead_hours",
        "valid_time",
        "series",
        "t2m",
        "t2m_quantile_0.05",
        "t2m_quantile_0.95",
    ]
    assert "forecast-pipeline" in (folder / "requirements.txt").read_text()
    assert not list(folder.rglob("*.pkl"))


def test_a_step_left_out_of_the_table_is_missing_not_skipped(tmp_path: Path) -> None:
    observed = observations("series")
    given = saved(observed, tmp_path / "damped.safetensors")
    table = pyfunc.observed_table(observed)
    gap = table["time"].unique()[70]
    data = pyfunc.to_dataset(table[table["time"] != gap], given, "standard")
    assert data.sizes["time"] == 80 and bool(data["t2m"][70].isnull().all())
    assert data["series"].values.tolist() == ["b", "a"] and data["t2m"].attrs["units"] == "K"


def test_missing_columns_and_repeated_rows_are_named(tmp_path: Path) -> None:
    observed = observations("series")
    given = saved(observed, tmp_path / "damped.safetensors")
    table = pyfunc.observed_table(observed)
    with pytest.raises(ForecastError, match="no t2m"):
        pyfunc.to_dataset(table.drop(columns="t2m"), given, "standard")
    with pytest.raises(ForecastError, match="more than once"):
        pyfunc.to_dataset(pd.concat([table, table[:1]]), given, "standard")


def test_a_table_of_other_series_is_refused(tmp_path: Path) -> None:
    observed = observations("series")
    given = saved(observed, tmp_path / "damped.safetensors")
    other = pyfunc.observed_table(observed).replace({"series": {"a": "z"}})
    with pytest.raises(ForecastError, match="cells of the checkpoint"):
        pyfunc.to_dataset(other, given, "standard")


def test_mlflow_sends_nothing_home_though_the_model_is_imported_first() -> None:
    code = "import forecast.pyfunc; from mlflow.telemetry import get_telemetry_client as client; print(client())"
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_CURRENT_TEST")}
    environment.pop("MLFLOW_DISABLE_TELEMETRY", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "None", done.stderr
