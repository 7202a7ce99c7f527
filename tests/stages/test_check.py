"""The pipeline written for a newcomer's data passes the check; the check names what a run would stumble over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from forecast import checkpoint, config
from forecast.errors import ForecastError
from forecast.stages.check import check
from forecast.stages.starter import source_of, start
from forecast.stages.workspace import Workspace
from tests.stages.conftest import TEXT, Place, place_at, table


def written(folder: Path, paths: list[Path], name: str = "mine") -> Workspace:
    (folder / "pipeline.toml").write_text(start(name, paths).text)
    return Workspace(folder / "home", config.load(folder / "pipeline.toml"))


def maps(folder: Path, calendar: str) -> Path:
    time = xr.date_range("2001-01-01", periods=400, freq="D", calendar=calendar, use_cftime=calendar != "standard")
    values = 280 + np.random.default_rng(0).normal(size=(400, 4, 6)).astype("float32")
    coords = {"time": time, "lat": np.arange(40.0, 48, 2), "lon": np.arange(0.0, 12, 2)}
    data = xr.Dataset({"tas": (("time", "lat", "lon"), values, {"units": "K"})}, coords)
    data.to_netcdf(folder / "tas day.nc")
    return folder / "tas day.nc"


@pytest.mark.parametrize("calendar", ["standard", "360_day"])
def test_the_file_written_for_maps_passes_the_check(tmp_path: Path, calendar: str) -> None:
    place = written(tmp_path, [maps(tmp_path, calendar)])
    facts = check(place).facts
    assert facts["data"].startswith("map, 400 time x 4 lat x 6 lon, every 1 days")
    assert facts["targets"] == "tas [K]" and facts["leads"] == "5, the last after 5 days 00:00:00"
    assert set(facts) >= {"train", "validate", "baselines", "model mlp", "model convlstm"}
    assert not place.home.exists()  # nothing is written


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_file_written_for_a_table_names_its_columns_and_passes_the_check(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stations.{suffix}"
    rows = table()[["time", "station", "t2m"]].assign(flow=range(len(table())))
    rows.to_csv(path, index=False) if suffix == "csv" else rows.astype({"time": str}).to_parquet(path)
    starter = start("mine", [path])
    assert starter.guesses[-1] == "no unit is known for flow: mend units in [source]"
    place = written(tmp_path, [path])
    assert place.pipeline.source.options["units"] == {"t2m": "K", "flow": "1"}
    assert (place.pipeline.task.targets, place.pipeline.task.covariates) == (("t2m",), ("flow",))
    facts = check(place).facts
    assert facts["leads"] == "16, the last after 2 days 00:00:00" and facts["covariates"] == "flow"
    assert [key for key in facts if key.startswith("model")] == ["model lstm", "model mlp"]


def test_the_source_is_guessed_from_the_endings(tmp_path: Path) -> None:
    assert source_of([]) == {"type": "simulated"}
    with pytest.raises(ForecastError, match=r"(?s)files of one kind: maps .*tables .*\.csv, \.nc.*by hand"):
        source_of([Path("a.nc"), Path("b.csv")])
    assert source_of([Path("a.csv")]) == {"type": "series_table", "paths": ["a.csv"]}


def test_a_name_that_no_pipeline_can_have_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"the file to be written: name: .*pattern"):
        start("My Pipeline", [maps(tmp_path, "standard")])


def test_the_sizes_told_are_those_of_the_models_that_training_builds(trained: Place) -> None:
    facts = check(trained).facts
    for name in ("lstm", "mlp"):
        saved = checkpoint.load(trained.models / f"{name}.safetensors")
        count = sum(value.size for value in saved.weights.values())
        assert facts[f"model {name}"].startswith(f"{count:,} parameters, 2 epochs, about ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("stations.csv", "gone.csv"), "gone.csv"),
        (('targets = ["t2m"]', 'targets = ["t3m"]'), r"a variable among t2m, dewp(.|\n)*'t3m'"),
        (('type = "lstm"\nhidden = 6', 'type = "convlstm"'), "map data for ConvLSTM"),
        (('type = "lstm"\nhidden', 'type = "lstm"\nhiden'), "options of LSTM"),
        (("[training]", '[split]\nvalidate = "90%"\n[training]'), "at least 1 step to train"),
        (('delay = "3h"', 'delay = "soon"'), "'soon' is not a span of time"),
    ],
)
def test_what_would_stop_a_run_stops_the_check(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    place = place_at(tmp_path, TEXT.replace(*change))
    table().to_csv(tmp_path / "stations.csv", index=False)
    with pytest.raises(ForecastError, match=words):
        check(place)


@pytest.mark.parametrize(("epochs", "unit"), [(2, " s"), (10_000_000, " min")])
def test_the_time_that_training_may_take_is_told(tmp_path: Path, epochs: int, unit: str) -> None:
    place = place_at(tmp_path, TEXT.replace("epochs = 2", f"epochs = {epochs}"))
    place.write(table())
    assert check(place).facts["model lstm"].endswith(unit)
