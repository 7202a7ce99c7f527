"""A checkpoint as an MLflow model: a table of observations in, a table of the forecast out.

The model is this file itself (MLflow's "models from code") beside the checkpoint, so nothing is pickled. It forecasts
through ``predict`` like every other door. Tables are long, times are ISO 8601 text (in the calendar of the data):

    in   time, series | lat, lon, then a column for each variable in its unit; a step left out counts as missing
    out  forecast_reference_time, lead_hours, valid_time, series | lat, lon, then VAR, VAR_quantile_0.05 ... a target

The last time of the input is the reference: the last step observed.
"""

from __future__ import annotations

import forecast.tracking  # noqa: F401  (first: its settings must stand when MLflow is imported)

# isort: split
import logging
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cftime
import mlflow
import numpy as np
import pandas as pd
import xarray as xr
from mlflow.models import infer_signature, set_model
from mlflow.pyfunc import PythonModel

from forecast import checkpoint, schema
from forecast.errors import ForecastError
from forecast.predict import forecaster, predict
from forecast.schema import LEAD, QUANTILE, REFERENCE, TIME, VALID_TIME

logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)  # it tells each step of saving a model
logging.getLogger("mlflow.utils.requirements_utils").setLevel(logging.ERROR)  # it warns in a checkout not installed
PACKAGE = "forecast-pipeline"
SAME_PLACE = 1e-4  # degrees: coordinates that went through text still name their cell


class Served(PythonModel):
    """The model as MLflow loads it."""

    def load_context(self, context: Any) -> None:
        """Read the checkpoint that MLflow's ``context`` points to."""
        self.forecaster = forecaster(checkpoint.load(Path(context.artifacts["checkpoint"])))
        self.calendar = context.model_config["calendar"]

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Forecast once.

        Args:
            context: MLflow's, not needed after ``load_context``.
            model_input: observations as the module's page says.
            params: none are known.

        Raises:
            ForecastError: a column is missing, or the observations do not fit the checkpoint.
        """
        observed = to_dataset(model_input, self.forecaster.checkpoint, self.calendar)
        forecast, _ = predict(self.forecaster, observed, observed[TIME].values[-1])
        return forecast_table(forecast, self.forecaster.targets)


def save(path: Path, folder: Path, example: xr.Dataset) -> Path:
    """Write a checkpoint as an MLflow model, having made one forecast with it.

    Args:
        path: the checkpoint.
        folder: a new folder.
        example: canonical observations, long enough for one forecast; kept as the input example.

    Returns:
        ``folder``, for ``tracking.Run.model``.

    Raises:
        ForecastError: the example does not fit the checkpoint.
    """
    given = checkpoint.load(path)
    calendar = example[TIME].dt.calendar
    table = observed_table(example[list(given.settings["units"])])
    one = forecaster(given)
    forecast, _ = predict(one, to_dataset(table, given, calendar), example[TIME].values[-1])
    mlflow.pyfunc.save_model(
        folder,
        python_model=__file__,
        artifacts={"checkpoint": str(path)},
        model_config={"calendar": calendar},
        signature=infer_signature(table, forecast_table(forecast, one.targets)),
        input_example=table,
        pip_requirements=[_requirement()],
    )
    return folder


def _requirement() -> str:
    try:
        return f"{PACKAGE}=={version(PACKAGE)}"
    except PackageNotFoundError:  # run from a checkout that is not installed
        return PACKAGE


def observed_table(observed: xr.Dataset) -> pd.DataFrame:
    """Return canonical observations as the model's input table: a row for each time and cell.

    Args:
        observed: Dataset (time, series) or (time, lat, lon).
    """
    dims = [TIME, *schema.space_dims(observed)]
    table = observed.to_dataframe(dim_order=dims).reset_index()[[*dims, *map(str, observed.data_vars)]]
    values = {name: table[name].astype("float64") for name in map(str, observed.data_vars)}
    return table.assign(**{TIME: _text(table[TIME])}, **values)


def to_dataset(table: pd.DataFrame, given: checkpoint.Checkpoint, calendar: str) -> xr.Dataset:
    """Return the model's input table as canonical observations in the space of a checkpoint.

    Args:
        table: see the module's page.
        given: the checkpoint, which knows the variables, their units, the step and the space.
        calendar: of the data, as CF names it.

    Returns:
        Dataset on an even time axis, NaN where the table has no row.

    Raises:
        ForecastError: a column is missing, a row is given twice, or cells are not those of the checkpoint.
    """
    space = given.datasets["space"]
    dims, units = [TIME, *schema.space_dims(space)], given.settings["units"]
    if lacking := sorted({*dims, *units} - set(table.columns)):
        raise ForecastError(
            f"columns {', '.join([*dims, *units])}", f"no {', '.join(lacking)}", "add them to the table"
        )
    rows = table.assign(**{TIME: _times(table[TIME], calendar)}).set_index(dims)[[*units]]
    if rows.index.has_duplicates:
        twice = rows.index[rows.index.duplicated()][0]
        raise ForecastError("one row for each time and cell", f"{twice} more than once", "drop the repetition")
    data = rows.to_xarray()
    for dim in dims[1:]:
        data = _known_cells(data, dim, space[dim].values)
    data = data.assign_coords({name: one for name, one in schema.space_coords(space).items() if name not in dims})
    data = data.reindex({TIME: _axis(data[TIME].values, given.settings["step"])})
    for name, unit in units.items():
        data[name].attrs["units"] = unit
    return data.transpose(*dims)


def _known_cells(data: xr.Dataset, dim: str, known: np.ndarray) -> xr.Dataset:
    """Return the data with a dimension of space in the order and the very values of the checkpoint."""
    found = data[dim].values  # ascending, as the table's index was
    if dim == schema.SERIES:
        same = sorted(map(str, known)) == sorted(map(str, found))
    else:
        same = len(found) == len(known) and np.allclose(found, known, rtol=0, atol=SAME_PLACE)
    if not same:
        got = f"{len(found)} of {dim}: {', '.join(map(str, found[:3]))} ..."
        raise ForecastError(f"the {len(known)} cells of the checkpoint along {dim}", got, "send the cells of training")
    return data.sel({dim: known}) if dim == schema.SERIES else data.assign_coords({dim: known})


def forecast_table(forecast: xr.Dataset, targets: tuple[str, ...]) -> pd.DataFrame:
    """Return a forecast as the model's output table: a row for each lead and cell.

    Args:
        forecast: a forecast Dataset, as ``predict`` returns it.
        targets: its targets; members are left out (they are a file's matter, not a table's).
    """
    columns: dict[str, xr.DataArray] = {}
    for name in targets:
        columns[name] = forecast[name]
        for level in forecast[QUANTILE].values:
            column = forecast[f"{name}_{QUANTILE}"].sel({QUANTILE: level}, drop=True)
            columns[f"{name}_{QUANTILE}_{level:g}"] = column
    dims = [REFERENCE, LEAD, *schema.space_dims(forecast)]
    table = xr.Dataset(columns).to_dataframe(dim_order=dims).reset_index()
    head = {
        REFERENCE: _text(table[REFERENCE]),
        "lead_hours": table[LEAD] / pd.Timedelta("1h"),
        VALID_TIME: _text(table[VALID_TIME]),
    }
    cells = {dim: table[dim] for dim in dims[2:]}
    return pd.DataFrame({**head, **cells, **{name: table[name].astype("float64") for name in columns}})


def _text(times: pd.Series) -> pd.Series:
    return times.map(lambda time: time.isoformat())


def _times(texts: pd.Series, calendar: str) -> pd.Series:
    if calendar in ("standard", "gregorian", "proleptic_gregorian"):
        return pd.to_datetime(texts, format="ISO8601")
    parsed = {text: cftime.datetime(*map(int, re.findall(r"\d+", text)), calendar=calendar) for text in texts.unique()}
    return texts.map(parsed)


def _axis(times: np.ndarray, step: str) -> np.ndarray:
    """Return the even axis from the first time to the last."""
    one = pd.Timedelta(step)
    count = round(pd.Timedelta(times[-1] - times[0]) / one)
    return schema.valid_times(times[:1], np.arange(count + 1) * one.to_timedelta64())[0]


set_model(Served())
