"""From raw maps to the forecast: what lies in a masked cell moves nothing; fields that cannot be are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config
from forecast.baselines import BASELINES
from forecast.checkpoint import Checkpoint, load
from forecast.errors import ForecastError
from forecast.predict import Forecaster, forecaster
from forecast.registry import member
from forecast.stages.fit import Fitted, fit_model
from forecast.stages.learn import settings_of, space_of
from forecast.stages.problem import Problem, concrete
from forecast.stages.workspace import Workspace, silent

NETWORKS = {
    "convlstm": 'hidden = [3]\npeepholes = true\nkernel = 3\nresidual = "linear"',
    "encoder_forecaster": "hidden = [3]\nkernel = 3",
    "cnn": "hidden = [3]\nkernel = 3",
    "mlp": "hidden = 4",
}
SEA = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]]) == 0
DAYS = 80
LAT, LON = np.array([40.0, 42.5, 45.0]), np.array([0.0, 2.5, 5.0, 7.5])


def maps(seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(DAYS, 3, 4))
    for at in range(1, DAYS):
        values[at] += 0.8 * values[at - 1]
    return 280 + 5 * values


def workspace(
    folder: Path, task: str = 'static = ["orog", "spread"]\nmask = "lsm"\ncalendar = "insolation"'
) -> Workspace:
    """Daily maps, orography and a mask in files, and a pipeline of every network of maps."""
    time, place = pd.date_range("2001-01-01", periods=DAYS), {"lat": LAT, "lon": LON}
    attrs = {"units": "K"}
    xr.Dataset({"t2m": (("time", "lat", "lon"), maps(), attrs)}, {"time": time, **place}).to_netcdf(folder / "t.nc")
    height, land = np.arange(12.0).reshape(3, 4) * 100, (~SEA).astype(float)
    fields = {"orog": (("lat", "lon"), height, {"units": "m"}), "lsm": (("lat", "lon"), land, {"units": "1"})}
    xr.Dataset(fields, place).to_netcdf(folder / "fixed.nc")
    models = "".join(f'[[models]]\ntype = "{name}"\n{options}\n' for name, options in NETWORKS.items())
    text = f"""
name = "land"
[source]
type = "grid_files"
paths = ["t.nc"]
static = ["fixed.nc"]
[task]
horizon = "2D"
{task}
[training]
k1 = 4
k2 = 4
streams = 2
epochs = 1
spin_up = 4
cold_start = 4
{models}"""
    (folder / "land.toml").write_text(text)
    return Workspace(folder / "home", config.load(folder / "land.toml"))


def baseline(problem: Problem, name: str) -> Fitted:
    one, observed, split = member("baseline", BASELINES, name)(), problem.observed["t2m"], problem.split
    one.fit(split.select(observed, split.train), problem.leads, split.select(observed, split.validate))
    return Fitted(name, name, "baseline", {}, {"fitted:t2m": one.fitted})


def at_work(place: Workspace, problem: Problem, fitted: Fitted) -> Forecaster:
    settings = settings_of(problem, place, fitted.family) | fitted.settings
    datasets = fitted.datasets | {"space": space_of(problem)}
    saved = Checkpoint(fitted.name, fitted.type, fitted.family, settings, fitted.weights, datasets)
    saved.save(place.folder / "one.safetensors")
    return forecaster(load(place.folder / "one.safetensors"))


def test_what_a_masked_cell_holds_moves_no_weight_and_no_forecast(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    raw = place.source.fetch()
    strange = raw.copy(deep=True)
    strange["t2m"].values[:, SEA] = 1e6 * np.random.default_rng(1).normal(size=(DAYS, SEA.sum()))
    problems = [concrete(place, data, "") for data in (raw, strange)]
    assert all(np.isnan(one.observed["t2m"].values[:, SEA]).all() for one in problems)
    made: list[Any] = [
        lambda problem, one=one: fit_model(place, problem, one, place.pipeline.training, silent)
        for one in place.pipeline.models
    ]
    made += [lambda problem, name=name: baseline(problem, name) for name in ("persistence", "climatology", "linear")]
    reference = raw["time"].values[-1:]
    for make in made:
        mine, theirs = (make(problem) for problem in problems)
        assert all(np.array_equal(mine.weights[name], theirs.weights[name]) for name in mine.weights)
        first, second = (at_work(place, problem, one) for problem, one in zip(problems, (mine, theirs), strict=True))
        y = first.central(raw, reference)[0]["t2m"].values
        assert np.array_equal(y, second.central(strange, reference)[0]["t2m"].values, equal_nan=True)
        assert np.array_equal(y, first.central(strange, reference)[0]["t2m"].values, equal_nan=True)
        assert np.isnan(y[..., SEA]).all() and np.isfinite(y[..., ~SEA]).all()


def test_a_checkpoint_needs_no_source_for_its_fields(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    problem = concrete(place, place.source.fetch(), "")
    fitted = fit_model(place, problem, place.pipeline.models[2], place.pipeline.training, silent)
    assert list(fitted.datasets["static"]) == ["orog"] and fitted.settings["fields"] == ["orog", "spread"]
    assert fitted.settings["shape"]["inputs"] == 5 and not fitted.settings["mask"]  # t2m, the sun twice, two fields
    one = at_work(place, problem, fitted)
    frames = one.frames(problem.observed)
    assert frames.sun is not None and frames.fields is not None
    height = np.where(SEA, np.nan, np.arange(12.0).reshape(3, 4) * 100)
    expected = np.nan_to_num((height - np.nanmean(height)) / np.nanstd(height))
    np.testing.assert_allclose(frames.fields[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ('mask = "sea"', r"a static field among orog, lsm.*'sea'.*\[source\] static"),
        ('static = ["slope"]', r"a static field among orog, lsm.*'slope'.*mend \[task\]"),
        ('mask = "orog"\nstatic = ["lsm", "lsm"]', r"static fields must differ in name, lsm is there twice"),
    ],
)
def test_a_field_that_the_source_lacks_is_refused(tmp_path: Path, task: str, words: str) -> None:
    with pytest.raises(ForecastError, match=f"(?s){words}"):
        concrete(place := workspace(tmp_path, task), place.source.fetch(), "")


def test_a_mask_without_a_cell_is_refused(tmp_path: Path) -> None:
    place = workspace(tmp_path, 'mask = "lsm"')
    fixed = xr.open_dataset(tmp_path / "fixed.nc").load()
    fixed.close()
    fixed.assign(lsm=fixed["lsm"] * 0.4).to_netcdf(tmp_path / "fixed.nc")
    with pytest.raises(ForecastError, match=r"(?s)a cell where lsm is at least 0.5.*none"):
        concrete(place, place.source.fetch(), "")


def test_where_nothing_was_ever_observed_nothing_is_forecast(real_data: Path, tmp_path: Path) -> None:
    """WFDE5 has the land alone: more than half of the cells are the sea, NaN throughout."""
    text = f"""
name = "uk"
[source]
type = "grid_files"
paths = ["{real_data}/wfde5_tair_uk_2017-01.nc"]
[task]
horizon = "2h"
[training]
k1 = 12
k2 = 12
streams = 16
epochs = 1
spin_up = 12
[[models]]
type = "convlstm"
hidden = [4]
"""
    (tmp_path / "uk.toml").write_text(text)
    place = Workspace(tmp_path / "home", config.load(tmp_path / "uk.toml"))
    observed = place.source.fetch()
    problem = concrete(place, observed, "")
    fitted = fit_model(place, problem, place.pipeline.models[0], place.pipeline.training, silent)
    land = observed["Tair"].notnull().any("time").values
    assert 0.4 < land.mean() < 0.5 and np.array_equal(fitted.weights["cells"], land)
    one = at_work(place, problem, fitted)
    now = one.central(observed, observed["time"].values[-1:])[0]["Tair"].values[0]
    assert np.isnan(now[:, ~land]).all() and np.isfinite(now[:, land]).all()
    past = one.central(observed, observed["time"].values[600:740])[0]["Tair"].values[:, 0]
    truth = observed["Tair"].values[601:741]
    assert np.nanmean((past - truth) ** 2) < 0.2 * np.nanvar(truth)  # an hour ahead, after one epoch
