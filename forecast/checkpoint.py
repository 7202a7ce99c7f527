"""One trained model or fitted baseline as one safe file: weights, scaling, calibration, settings, data version.

The file is safetensors (arrays and text, no code is executed on loading): arrays under ``weights/`` and
``dataset/NAME/VARIABLE``, everything else as JSON in its header. It is written beside its place and renamed, so a
reader sees the old file or the new one. The version of a checkpoint is the digest of its content.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from forecast import schema
from forecast.errors import ForecastError

FORMAT = "forecast-checkpoint-3"


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to forecast with one model or baseline, and to refuse data that it was not made for.

    Attributes:
        name: the member's name in its pipeline.
        type: its name in the registry.
        family: "model" or "baseline".
        settings: plain JSON: pipeline, targets, covariates, leads, step, units, data version, training span; of a
            model also its options, shape, fields, calendar, spin-up, window, seed.
        weights: parameters and buffers of a model, name -> array; empty for a baseline.
        datasets: scaling and ``static``, given fields that are read (models); ``fitted:TARGET`` (baselines);
            ``calibration:TARGET``; and ``space``: its coordinates, and ``mask``, which cells count where some do not.
    """

    name: str
    type: str
    family: str
    settings: dict[str, Any]
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    datasets: dict[str, xr.Dataset] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits: the digest of the content."""
        return hashlib.sha256(self._bytes()).hexdigest()[:12]

    def save(self, path: Path) -> str:
        """Write the file atomically and return the checkpoint's version."""
        content = self._bytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}.part")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        return hashlib.sha256(content).hexdigest()[:12]

    def _bytes(self) -> bytes:
        # safetensors writes the buffer as it lies: rows first, or they come back as columns
        arrays = {f"weights/{name}": np.asarray(value, order="C") for name, value in self.weights.items()}
        frames: dict[str, Any] = {}
        for name, dataset in sorted(self.datasets.items()):
            frames[name] = {
                "attrs": dataset.attrs,
                "variables": {},
                "coords": sorted(str(coord) for coord in dataset.coords),
            }
            for key, variable in dataset.variables.items():
                array, entry = _plain(variable)
                frames[name]["variables"][str(key)] = entry
                if array is not None:
                    arrays[f"dataset/{name}/{key}"] = array
        head = {"name": self.name, "type": self.type, "family": self.family, "settings": self.settings}
        text = json.dumps({"format": FORMAT, **head, "datasets": frames}, sort_keys=True, default=_listed)
        return save(dict(sorted(arrays.items())), metadata={"forecast": text})

    def check(self, observed: xr.Dataset) -> None:
        """Refuse observations that this checkpoint was not made for.

        Args:
            observed: canonical observations.

        Raises:
            ForecastError: a variable is missing or has another unit, or the grid, the series or the step differ.
        """
        for name, units in self.settings["units"].items():
            if name not in observed:
                got = f"only {', '.join(map(str, observed.data_vars))}"
                raise ForecastError(f"observations of {name}", got, "ingest that variable")
            if observed[name].attrs.get("units") != units:
                got = f"{observed[name].attrs.get('units')}"
                raise ForecastError(f"{name} in {units}", got, f"train again on the new unit, or ingest {units}")
        space = self.datasets["space"]
        if schema.space_dims(space) != schema.space_dims(observed):
            expected = f"{schema.kind(space)} data, {', '.join(schema.space_dims(space))}"
            raise ForecastError(expected, f"{schema.kind(observed)} data", "train again on these data")
        for name, where in schema.space_coords(space).items():
            if not np.array_equal(where.values, observed[name].values):
                expected = f"{name} as in training: {_span(where.values)}"
                raise ForecastError(expected, _span(observed[name].values), "train again on this grid or these series")
        step = pd.Timedelta(self.settings["step"])
        if observed.sizes[schema.TIME] > 1 and schema.time_step(observed) != step:
            raise ForecastError(f"a step of {step}", f"{schema.time_step(observed)}", "train again at this step")


def load(path: Path) -> Checkpoint:
    """Read a checkpoint without executing anything that it holds.

    Raises:
        ForecastError: no file, or a file of another kind.
    """
    if not path.is_file():
        raise ForecastError("a checkpoint file", f"nothing at {path}", "train first: `forecast train PIPELINE`")
    try:
        with safe_open(str(path), framework="numpy") as file:
            head = json.loads((file.metadata() or {}).get("forecast", "{}"))
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ForecastError(
            "a whole checkpoint file", f"{path}: {error}", "train again, or restore the file"
        ) from error
    if head.get("format") != FORMAT:
        raise ForecastError(f"format {FORMAT}", f"{head.get('format')} in {path}", "train again with this version")
    datasets = {}
    for name, frame in head["datasets"].items():
        variables = {
            key: _rich(arrays.get(f"dataset/{name}/{key}"), entry) for key, entry in frame["variables"].items()
        }
        coords = {key: variables[key] for key in frame["coords"]}
        rest = {key: variable for key, variable in variables.items() if key not in coords}
        datasets[name] = xr.Dataset(rest, coords=coords, attrs=frame["attrs"])
    weights = {key.removeprefix("weights/"): value for key, value in arrays.items() if key.startswith("weights/")}
    return Checkpoint(head["name"], head["type"], head["family"], head["settings"], weights, datasets)


def _plain(variable: xr.Variable) -> tuple[np.ndarray | None, dict[str, Any]]:
    """Return an array that safetensors can hold (or None) and how to turn it back."""
    values = np.asarray(variable.values)
    entry: dict[str, Any] = {"dims": list(variable.dims), "attrs": dict(variable.attrs), "shape": list(values.shape)}
    if values.dtype.kind in "mM":
        nanoseconds = values.astype(f"{values.dtype.kind}8[ns]")
        return np.asarray(nanoseconds, order="C").view("int64"), entry | {"dtype": nanoseconds.dtype.str}
    if values.dtype.kind in "UO":
        strangers = [one for one in values.ravel() if not isinstance(one, str)]
        if strangers:
            raise ForecastError(
                "numbers, times or text in a checkpoint", f"{strangers[0]!r}", "keep it as one of these"
            )
        return None, entry | {"dtype": "text", "text": values.ravel().tolist()}
    return np.asarray(values, order="C"), entry | {"dtype": values.dtype.str}


def _rich(array: np.ndarray | None, entry: dict[str, Any]) -> xr.Variable:
    values = np.array(entry["text"], dtype=str) if array is None else array
    values = values.view(entry["dtype"]) if entry["dtype"][1] in "mM" else values
    return xr.Variable(entry["dims"], values.reshape(entry["shape"]), entry["attrs"])


def _listed(value: Any) -> Any:
    """Turn numpy's numbers and arrays, as attributes hold them, into plain ones."""
    return value.tolist()


def _span(values: np.ndarray) -> str:
    if values.dtype.kind in "OU":
        return f"{len(values)} series {', '.join(map(str, values[:3]))}"
    return f"{len(values)} from {values[0]:g} to {values[-1]:g}"
