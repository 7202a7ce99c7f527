"""One experiment of one tracking store: opening runs, finding them again, and naming the champion."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import mlflow.entities
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from forecast.errors import ForecastError
from forecast.tracking.connection import REFUSALS, answered, connect
from forecast.tracking.run import Experiment, Run

PAGE = 1000  # runs a request
COLUMNS = ["run_id", "name", "status", "parent", "start"]


class Tracker:
    """One experiment; the database and the experiment are made where there are none.

    Args:
        uri: a server (``http://host:port``) or a database (``sqlite:////absolute/path.db``, ``postgresql://...``).
        experiment: its name.
        artifact_root: folder of a new experiment's artifacts; None leaves the place to a server.
        commit: the code's version, put on every run where MLflow's page shows it.

    Raises:
        ForecastError: the address is none of these, nothing answers there, or the experiment is deleted.
    """

    def __init__(
        self, uri: str, experiment: str, *, artifact_root: Path | None = None, commit: str | None = None
    ) -> None:
        self.uri = uri
        self._client = connect(uri)
        with answered(uri):
            self._experiment = Experiment(
                uri, self._client, _experiment(self._client, experiment, artifact_root), commit
            )

    def run(
        self,
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        resume: str | None = None,
    ) -> AbstractContextManager[Run]:
        """Open the parent run of a pipeline; it ends FINISHED, FAILED on an error or KILLED on an interruption.

        Args:
            name: what the run is called in lists.
            tags: what runs are looked for by: pipeline, data_version, seed ...; values become text, None is left out.
            params: the configuration, nested as it is; keys are joined by dots.
            resume: id of a run that is gone on with (name and tags stay as they are); None: a new one.
        """
        return self._experiment.open(name, tags, params, resume=resume)

    def reopen(self, run_id: str) -> Run:
        """Return an ended run to add to (scores that came later); its end and status stay.

        Args:
            run_id: ``Run.id``.

        Raises:
            ForecastError: there is no such run.
        """
        with answered(self.uri):
            return Run(self._experiment, self._client.get_run(run_id).info.run_id)

    def runs(self, **tags: Any) -> pd.DataFrame:
        """List this experiment's runs whose tags have the given values, the newest first.

        Args:
            tags: tag -> value, such as ``pipeline="slp_north_atlantic"``.

        Returns:
            One row a run: run_id, name, status, parent ("" for a parent run), start (UTC), then a column for each
            ``params.*``, ``metrics.*`` (the newest value) and ``tags.*``; no row where no run fits.
        """
        wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        rows: list[dict[str, Any]] = []
        token: str | None = None
        newest = ["attributes.start_time DESC"]
        with answered(self.uri):
            while token != "":
                page = self._client.search_runs(
                    [self._experiment.id], wanted, max_results=PAGE, order_by=newest, page_token=token
                )
                rows += [_row(run) for run in page]
                token = page.token or ""
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=COLUMNS)

    def promote(self, model: str, version: str, alias: str = "champion") -> None:
        """Let ``models:/MODEL@ALIAS`` mean this version from now on.

        Args:
            model: registered name.
            version: what ``Run.model`` returned.
            alias: the role.

        Raises:
            ForecastError: there is no such version.
        """
        with answered(self.uri):
            self._client.set_registered_model_alias(model, alias, version)

    def promoted(self, model: str, alias: str = "champion") -> str | None:
        """Return the version of ``model`` that bears ``alias``, None where none does."""
        with answered(self.uri):
            try:
                return str(self._client.get_model_version_by_alias(model, alias).version)
            except MlflowException as error:
                if error.error_code not in REFUSALS:
                    raise
                return None


def _experiment(client: MlflowClient, name: str, artifact_root: Path | None) -> str:
    """Return the experiment's id, making it where there is none."""
    place = None if artifact_root is None else artifact_root.absolute().as_uri()
    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            return client.create_experiment(name, artifact_location=place)
        except MlflowException as error:
            known = client.get_experiment_by_name(name)  # another process may have been first
            if known is None:
                raise error
    if known.lifecycle_stage != "active":
        raise ForecastError(
            "an experiment in use",
            f"{name!r} is deleted",
            f"restore it (`mlflow experiments restore -x {known.experiment_id}`) or name another in [tracking]",
        )
    return known.experiment_id


def _row(run: mlflow.entities.Run) -> dict[str, Any]:
    return {
        "run_id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "parent": run.data.tags.get("mlflow.parentRunId", ""),
        "start": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
        **{f"params.{key}": value for key, value in run.data.params.items()},
        **{f"metrics.{key}": value for key, value in run.data.metrics.items()},
        **{f"tags.{key}": value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
    }
