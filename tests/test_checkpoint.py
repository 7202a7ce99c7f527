"""A checkpoint comes back as it was saved, is named by its content, runs no code, refuses what does not fit it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import save

from forecast import checkpoint
from forecast.checkpoint import Checkpoint
from forecast.errors import ForecastError

ROOT = Path(__file__).parents[1]
TIMES = np.array(["2001-01-01", "NaT", "2262-01-01"], "datetime64[ns]")
VALUES: dict[str, np.ndarray] = {
    "float32": np.float32([[1.5, np.nan], [np.inf, -0.0]]),
    "float64": np.arange(6.0).reshape(2, 3)[:, ::2],  # not contiguous
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "fortran time": np.asfortranarray(np.arange(6).reshape(2, 3).astype("datetime64[ns]")),
    "float16": np.float16([0.1]),
    "int64": np.array([-(2**62), 2**62]),
    "uint8": np.uint8([0, 255]),
    "bool": np.array([[True], [False]]),
    "datetime": TIMES,
    "timedelta": np.array([1, -5], "timedelta64[h]"),
    "text": np.array([["oslo", "Ås/<b>"], ["", "北京"]]),
    "scalar": np.array(2.5),
    "scalar time": np.array("2001-01-01T06", "datetime64[ns]"),
    "scalar text": np.array("K"),
    "empty": np.zeros((0, 3), "float32"),
    "empty text": np.zeros(0, "<U4"),
    "empty time": np.zeros(0, "datetime64[ns]"),
}


def dataset(values: np.ndarray) -> xr.Dataset:
    dims = tuple(f"d{axis}" for axis in range(values.ndim))
    coords = {"place": (dims, values), "d0": np.arange(len(values))} if dims else {"place": ((), values)}
    return xr.Dataset({"value": (dims, values, {"units": "K"})}, coords, {"title": "x"})


def small(**settings: Any) -> Checkpoint:
    weights = {"layer.weight": np.float32([[1, 3], [2, 4]]).T, "scale": np.float32(0.5), "steps": np.array(7)}
    space = xr.Dataset(coords={"lat": np.float32([50, 52.5]), "lon": [0.0, 2.5, 5.0]})
    known = {"targets": ["slp"], "units": {"slp": "Pa", "air": "K"}, "step": "P1D", "leads": 2}
    return Checkpoint("net", "convlstm", "model", known | settings, weights, {"space": space})


def maps(**change: Any) -> xr.Dataset:
    given = {"lat": np.float32([50, 52.5]), "lon": [0.0, 2.5, 5.0], "step": "D", "units": "Pa"} | change
    time = xr.date_range("2001-01-01", periods=3, freq=given["step"])
    shape = (3, len(given["lat"]), len(given["lon"]))
    dims = ("time", "lat", "lon")
    both = {"slp": (dims, np.zeros(shape), {"units": given["units"]}), "air": (dims, np.zeros(shape), {"units": "K"})}
    return xr.Dataset(both, {"time": time, "lat": given["lat"], "lon": given["lon"]})


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_values_comes_back_as_it_was_saved(tmp_path: Path, kind: str) -> None:
    given = dataset(VALUES[kind])
    Checkpoint("a", "b", "baseline", {}, {}, {"fitted:x": given}).save(tmp_path / "a.safetensors")
    found = checkpoint.load(tmp_path / "a.safetensors").datasets["fitted:x"]
    xr.testing.assert_identical(found, given)
    if kind != "timedelta":  # kept in nanoseconds, as xarray has them
        assert found["value"].dtype.kind == given["value"].dtype.kind
    if VALUES[kind].dtype.kind in "fiub":
        assert found["value"].dtype == VALUES[kind].dtype
    assert list(found.coords) and set(found.coords) == set(given.coords) and set(found.indexes) == set(given.indexes)


def test_weights_settings_and_names_come_back(tmp_path: Path) -> None:
    given = small(options={"hidden": [4, 4]}, mask=False, window=None, note="Ås")
    given.save(tmp_path / "a.safetensors")
    found = checkpoint.load(tmp_path / "a.safetensors")
    assert (found.name, found.type, found.family, found.settings) == ("net", "convlstm", "model", given.settings)
    assert found.weights.keys() == given.weights.keys()
    for name, value in given.weights.items():
        assert found.weights[name].shape == np.shape(value) and found.weights[name].dtype == value.dtype
        np.testing.assert_array_equal(found.weights[name], value)


def test_attributes_of_numpys_types_are_kept_as_plain_ones(tmp_path: Path) -> None:
    attrs = {"range": np.float32([0, 2]), "count": np.int64(3)}
    given = xr.Dataset({"x": ("d", [1.0], attrs)}, attrs={"n": np.bool_(1)})
    Checkpoint("a", "b", "baseline", {}, {}, {"fitted:x": given}).save(tmp_path / "a.safetensors")
    found = checkpoint.load(tmp_path / "a.safetensors").datasets["fitted:x"]
    assert found["x"].attrs == {"range": [0.0, 2.0], "count": 3} and found.attrs == {"n": True}


def test_what_is_neither_number_time_nor_text_is_refused_not_turned_into_text(tmp_path: Path) -> None:
    calendar = xr.date_range("2001-01-01", periods=2, calendar="360_day", use_cftime=True)
    given = xr.Dataset({"x": ("d", np.asarray(calendar))})
    with pytest.raises(ForecastError, match=r"(?s)numbers, times or text.*Datetime360Day\(2001, 1, 1"):
        Checkpoint("a", "b", "baseline", {}, {}, {"fitted:x": given}).save(tmp_path / "a.safetensors")


def test_the_version_is_the_digest_of_the_content(tmp_path: Path) -> None:
    given = small()
    version = given.save(tmp_path / "a.safetensors")
    assert len(version) == 12 and int(version, 16) >= 0
    assert version == given.version == checkpoint.load(tmp_path / "a.safetensors").version == small().version
    other = small()
    other.weights["layer.weight"] = np.nextafter(other.weights["layer.weight"], np.float32(9))
    changed = [other, small(leads=3), Checkpoint("other", *list(vars(given).values())[1:])]
    nudged = small()
    nudged.datasets["space"]["lat"].attrs["units"] = "degrees_north"
    assert len({version, *(one.version for one in [*changed, nudged])}) == 5


def test_the_version_does_not_depend_on_the_order_of_names_nor_on_the_process() -> None:
    given = small()
    turned = dict(reversed(given.settings.items())), dict(reversed(given.weights.items()))
    assert Checkpoint("net", "convlstm", "model", *turned, given.datasets).version == given.version
    code = "from tests.test_checkpoint import small; print(small().version)"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == given.version, done.stderr


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "models" / "a.safetensors"
    version = small().save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        small(leads=9).save(path)
    assert checkpoint.load(path).version == version
    monkeypatch.undo()
    small(leads=9).save(path)
    assert checkpoint.load(path).settings["leads"] == 9
    assert [file.name for file in path.parent.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("size", [0, 4, 8, 300, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.safetensors"
    small().save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ForecastError, match=r"(?s)a whole checkpoint file.*a.safetensors.*train again, or restore"):
        checkpoint.load(path)


class Mischief:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_loading_runs_no_code(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(pickle.dumps(Mischief(tmp_path / "ran")))
    with pytest.raises(ForecastError, match="a whole checkpoint file"):
        checkpoint.load(tmp_path / "a.safetensors")
    assert not (tmp_path / "ran").exists()
    pickle.loads((tmp_path / "a.safetensors").read_bytes())
    assert (tmp_path / "ran").exists()  # the payload does work


def test_a_missing_file_and_a_file_of_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"(?s)a checkpoint file.*nothing at .*gone.*train first"):
        checkpoint.load(tmp_path / "gone.safetensors")
    former = save({"x": np.zeros(2)}, metadata={"forecast": '{"format": "forecast-checkpoint-0"}'})
    (tmp_path / "a.safetensors").write_bytes(former)
    with pytest.raises(ForecastError, match=r"(?s)format forecast-checkpoint-3.*-checkpoint-0 in .*this version"):
        checkpoint.load(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes(save({"x": np.zeros(2)}))
    with pytest.raises(ForecastError, match="None in"):
        checkpoint.load(tmp_path / "a.safetensors")


def test_observations_like_those_of_training_are_accepted() -> None:
    small().check(maps())
    small().check(maps().isel(time=[0]))  # one step has no step to compare


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        (maps().drop_vars("air"), r"observations of air\n.*only slp\n.*ingest that variable"),
        (maps(units="hPa"), r"slp in Pa\n.*hPa\n.*ingest Pa"),
        (maps(lat=[50, 52.6]), r"lat as in training: 2 from 50 to 52.5\n.*2 from 50 to 52.6\n.*train again"),
        (maps(lon=[0.0, 2.5]), r"lon as in training: 3 from 0 to 5\n.*2 from 0 to 2.5"),
        (maps(step="6h"), r"a step of 1 days 00:00:00\n.*0 days 06:00:00\n.*train again at this step"),
        (maps().isel(lat=0, drop=True).rename(lon="series"), r"map data, lat, lon\n.*series data\n.*train again"),
    ],
)
def test_observations_of_another_kind_are_refused(observed: xr.Dataset, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        small().check(observed)


def test_other_series_or_another_order_of_series_are_refused() -> None:
    space = xr.Dataset(coords={"series": ["a", "b"]})
    given = Checkpoint("a", "b", "model", {"units": {"t": "K"}, "step": "PT1H"}, {}, {"space": space})
    time = xr.date_range("2001-01-01", periods=2, freq="h")
    observed = xr.Dataset(
        {"t": (("time", "series"), np.zeros((2, 2)), {"units": "K"})}, {"time": time, "series": ["a", "b"]}
    )
    given.check(observed)
    for other in (observed.assign_coords(series=["a", "c"]), observed.isel(series=[1, 0]), observed.isel(series=[0])):
        with pytest.raises(ForecastError, match=r"series as in training: 2 series a, b\n"):
            given.check(other)
