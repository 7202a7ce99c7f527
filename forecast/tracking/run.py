"""One run: everything that is logged about a pipeline, a model or a baseline while its block is open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import DatasetInput, InputTag, LoggedModelOutput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.time import get_current_time_millis

from forecast.errors import ForecastError
from forecast.tracking.connection import answered

BATCH_METRICS, BATCH_PARAMS = 1000, 100  # the most that MLflow takes in one request
DIGEST_LENGTH = 36  # the longest digest of a dataset that MLflow takes


@dataclass(frozen=True)
class Experiment:
    """Where runs go: the store's address and client, the experiment's id, the code's version."""

    uri: str
    client: MlflowClient
    id: str
    commit: str | None

    @contextmanager
    def open(
        self,
        name: str,
        tags: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        parent: str | None = None,
        resume: str | None = None,
    ) -> Iterator[Run]:
        """Open a run ``name`` under the run ``parent``, or ``resume`` one, with ``tags`` and ``params``."""
        given = {"mlflow.source.git.commit": self.commit, "mlflow.parentRunId": parent, **(tags or {})}
        text = {key: str(value) for key, value in given.items() if value is not None}
        with answered(self.uri):
            if resume is None:
                resume = self.client.create_run(self.id, tags=text, run_name=name).info.run_id
            else:
                self.client.update_run(resume, status="RUNNING")
        run = Run(self, resume)
        try:
            run.params(params or {})
            yield run
        except BaseException as error:
            self._end(run.id, "FAILED" if isinstance(error, Exception) else "KILLED", failing=True)
            raise
        self._end(run.id, "FINISHED", failing=False)

    def _end(self, run_id: str, status: str, failing: bool) -> None:
        try:
            with answered(self.uri):
                self.client.set_terminated(run_id, status)
        except ForecastError:
            if not failing:  # else the first error is the one to show
                raise


class Run:
    """An open run, made by ``Tracker.run`` or ``Run.child``.

    Attributes:
        id: MLflow's name of the run.

    Every method raises ForecastError when the store does not answer.
    """

    def __init__(self, experiment: Experiment, run_id: str) -> None:
        self._experiment, self.id = experiment, run_id
        self._uri, self._client = experiment.uri, experiment.client

    def child(
        self,
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        resume: str | None = None,
    ) -> AbstractContextManager[Run]:
        """Open a run beneath this one, for one model, baseline or trial.

        ``name``, ``tags``, ``params`` and ``resume`` are those of ``Tracker.run``.
        """
        return self._experiment.open(name, tags, params, self.id, resume)

    def params(self, values: Mapping[str, Any]) -> None:
        """Log a nested configuration: in ``values``, ``{"training": {"k1": 8}}`` becomes ``training.k1 = 8``."""
        flat = [Param(key, value) for key, value in flatten(values).items()]
        with answered(self._uri):
            for first in range(0, len(flat), BATCH_PARAMS):
                self._client.log_batch(self.id, params=flat[first : first + BATCH_PARAMS])

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags: ``values`` by name, turned into text."""
        with answered(self._uri):
            self._client.log_batch(self.id, tags=[RunTag(name, str(value)) for name, value in values.items()])

    def metrics(self, rows: Iterable[Mapping[str, Any]], step: str = "epoch") -> None:
        """Log numbers, many at once.

        Args:
            rows: one mapping name -> number for each step; None, NaN and infinity are left out (MLflow would keep
                1.8e308 for infinity), so a curve has a gap there.
            step: the key of a row that counts the steps; rows without it count from 0.
        """
        now = get_current_time_millis()  # MLflow's own clock, as for the start and the end of the run
        logged = [
            Metric(name, float(value), now, int(row.get(step, place)))
            for place, row in enumerate(rows)
            for name, value in row.items()
            if name != step and value is not None and np.isfinite(value)
        ]
        with answered(self._uri):
            for first in range(0, len(logged), BATCH_METRICS):
                self._client.log_batch(self.id, metrics=logged[first : first + BATCH_METRICS])

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Log a table (scores by lead ...) that MLflow's page shows and compares between runs.

        Args:
            name: file name without its ending.
            frame: the rows; spans of time become text such as ``1 days 00:00:00``; the index is dropped.
        """
        spans = {str(column): frame[column].astype(str) for column in frame.select_dtypes("timedelta")}
        with answered(self._uri):
            self._client.log_table(self.id, frame.assign(**spans).reset_index(drop=True), f"{name}.json")

    def figure(self, name: str, figure: Any) -> None:
        """Log a matplotlib ``figure`` (a Figure) as ``figures/NAME.png``, ``name`` being without its ending."""
        with answered(self._uri):
            self._client.log_figure(self.id, figure, f"figures/{name}.png")

    def text(self, name: str, text: str) -> None:
        """Log ``text`` as ``NAME.txt``, ``name`` being without its ending."""
        with answered(self._uri):
            self._client.log_text(self.id, text, f"{name}.txt")

    def dataset(self, name: str, source: str, digest: str, context: str = "training") -> None:
        """Name the data that the run used, without copying them.

        Args:
            name: the archive's or the pipeline's name.
            source: where they came from, for a person to read.
            digest: the data version (the first 36 characters are kept).
            context: what they were used for.
        """
        data = MetaDataset(  # type: ignore[abstract]  # MLflow makes it so itself
            CodeDatasetSource({"description": source}), name=name, digest=digest[:DIGEST_LENGTH]
        )
        entry = DatasetInput(data._to_mlflow_entity(), [InputTag("mlflow.data.context", context)])
        with answered(self._uri):
            self._client.log_inputs(self.id, [entry])

    def model(self, folder: Path, name: str, tags: Mapping[str, Any] | None = None) -> str:
        """Keep a saved model with this run and register it.

        Args:
            folder: an MLflow model, as ``forecast.pyfunc.save`` writes it.
            name: the registered name, made on first use.
            tags: of the registered version: checkpoint, data_version ...

        Returns:
            The version, "1", "2" ..., for ``Tracker.promote``.

        Raises:
            ForecastError: the folder holds no model.
        """
        if not (folder / "MLmodel").is_file():
            raise ForecastError(
                "an MLflow model (MLmodel and its files)", str(folder), "write it with forecast.pyfunc.save"
            )
        text = {key: str(value) for key, value in (tags or {}).items()}
        with answered(self._uri):
            model = self._client.create_logged_model(self._experiment.id, name=name, source_run_id=self.id, tags=text)
            self._client.log_model_artifacts(model.model_id, str(folder))
            self._client.finalize_logged_model(model.model_id, "READY")
            self._client.log_outputs(self.id, [LoggedModelOutput(model.model_id, step=0)])
            self._name(name)
            place = model.artifact_location
            made = self._client.create_model_version(
                name, place, self.id, tags=text, model_id=model.model_id, await_creation_for=0
            )
        return str(made.version)

    def _name(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Join the keys of nested mappings and lists of mappings by dots; other values become text (JSON for lists).

    Args:
        values: the nest.
        prefix: what every key begins with.

    >>> flatten({"name": "a", "training": {"k1": 8}, "models": [{"type": "gru"}], "quantiles": [0.1, 0.9]})
    {'name': 'a', 'training.k1': '8', 'models.0.type': 'gru', 'quantiles': '[0.1, 0.9]'}
    """
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
            value = {str(place): item for place, item in enumerate(value)}
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + str(key)] = json.dumps(value) if isinstance(value, list | tuple) else str(value)
    return flat
