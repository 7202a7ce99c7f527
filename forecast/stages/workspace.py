"""Where one pipeline keeps its things, and how to reach them; its stages take every path from here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from forecast.archive import Archive
from forecast.config import Pipeline
from forecast.registry import member
from forecast.sources import SOURCES
from forecast.sources.base import Source
from forecast.store import Store

Report = Callable[[str, int, int], None]
"""``report(what, done, total)``: called as work goes on, for progress bars and logs."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing of ``what`` is at ``done`` of ``total``."""


@dataclass(frozen=True)
class Workspace:
    """One pipeline and its folder.

    Attributes:
        home: the folder of all pipelines (absolute).
        pipeline: the configuration.
    """

    home: Path
    pipeline: Pipeline

    @property
    def folder(self) -> Path:
        """The pipeline's own folder."""
        return self.home / self.pipeline.name

    @property
    def models(self) -> Path:
        """Folder of checkpoints, ``NAME.safetensors``."""
        return self.folder / "models"

    @property
    def figures(self) -> Path:
        """Folder of figures."""
        return self.folder / "figures"

    @cached_property
    def archive(self) -> Archive:
        """What has been observed."""
        return Archive(self.folder / "archive")

    @cached_property
    def store(self) -> Store:
        """What has been forecast."""
        return Store(self.folder / "store")

    @cached_property
    def source(self) -> Source:
        """The source, its options checked."""
        source: Source = member("source", SOURCES, self.pipeline.source.type)(**self.pipeline.source.options)
        return source

    @property
    def tracking_uri(self) -> str:
        """MLflow's address: the one configured, or sqlite beside the pipelines."""
        return self.pipeline.tracking.uri or f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifact root when it is local."""
        return self.home / "mlartifacts"
