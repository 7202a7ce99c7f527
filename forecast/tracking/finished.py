"""A run of the past, read again: its tags and parameters, its curves, its children, and the model that it kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
import mlflow.entities
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from forecast.errors import ForecastError
from forecast.tracking.connection import REFUSALS, answered, connect, shown

PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class Finished:
    """One run of a tracking store, only to be read.

    Attributes:
        uri: the store's address.
        client: of the store.
        run: as MLflow gives it.
    """

    uri: str
    client: MlflowClient
    run: mlflow.entities.Run

    @property
    def id(self) -> str:
        """MLflow's name of the run."""
        return str(self.run.info.run_id)

    @property
    def name(self) -> str:
        """What it is called in lists."""
        return str(self.run.info.run_name)

    @property
    def tags(self) -> dict[str, str]:
        """Tags by name."""
        return dict(self.run.data.tags)

    @property
    def params(self) -> dict[str, str]:
        """Parameters by name, joined by dots, as text."""
        return dict(self.run.data.params)

    @property
    def experiment(self) -> str:
        """The name of its experiment, for ``Tracker``."""
        with answered(self.uri):
            return str(self.client.get_experiment(self.run.info.experiment_id).name)

    def children(self) -> list[Finished]:
        """Return the runs beneath this one, the first first."""
        return _search(self.uri, self.client, [self.run.info.experiment_id], {PARENT: self.id}, "ASC")

    def curve(self, name: str) -> list[float]:
        """Return a metric's values in the order of their steps; empty where it was not logged."""
        with answered(self.uri):
            points = self.client.get_metric_history(self.id, name) if name in self.run.data.metrics else []
        return [point.value for point in sorted(points, key=lambda point: point.step)]

    def curves(self, prefix: str) -> dict[str, list[float]]:
        """Return the curves of all metrics whose name begins so, by the rest of their name."""
        names = [name for name in self.run.data.metrics if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.curve(name) for name in sorted(names)}

    def model(self, folder: Path) -> Path:
        """Fetch the model that the run kept (``Run.model``), into ``folder`` unless it lies on this machine.

        Raises:
            ForecastError: it kept none.
        """
        kept = self.run.outputs.model_outputs if self.run.outputs else []
        if not kept:
            raise ForecastError("a run that kept its model", f"{self.name!r} ({self.id}) kept none", "train it again")
        with answered(self.uri):
            place = self.client.get_logged_model(kept[-1].model_id).artifact_location
            return Path(mlflow.artifacts.download_artifacts(place, dst_path=str(folder), tracking_uri=self.uri))


def find(uri: str, run_id: str) -> Finished:
    """Return a run by its id.

    Args:
        uri: the store's address.
        run_id: 32 hexadecimal digits.

    Raises:
        ForecastError: there is no such run, or the store does not answer.
    """
    client = connect(uri)
    with answered(uri):
        try:
            return Finished(uri, client, client.get_run(run_id))
        except MlflowException as error:
            if error.error_code not in REFUSALS:
                raise
            remedy = "copy the id from `mlflow ui` or from what `forecast train` said, or name the pipeline"
            raise ForecastError(f"a run of the tracking store {shown(uri)}", repr(run_id), remedy) from error


def newest(uri: str, **tags: str) -> Finished | None:
    """Return the newest finished parent run, of any experiment, whose tags have the given values; None without one.

    Args:
        uri: the store's address.
        tags: tag -> value.
    """
    client = connect(uri)
    with answered(uri):
        experiments = [one.experiment_id for one in client.search_experiments()]
    runs = _search(uri, client, experiments, tags, "DESC")
    return next((run for run in runs if PARENT not in run.tags and run.run.info.status == "FINISHED"), None)


def _search(uri: str, client: MlflowClient, experiments: list[str], tags: dict[str, str], order: str) -> list[Finished]:
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    with answered(uri):
        found = client.search_runs(experiments, wanted, order_by=[f"attributes.start_time {order}"])
    return [Finished(uri, client, run) for run in found]
