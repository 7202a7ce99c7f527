"""A small pipeline of two stations every three hours, ingested, trained and compared once for all tests of stages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecast import config
from forecast.stages.compare import compare
from forecast.stages.ingest import ingest
from forecast.stages.train import train
from forecast.stages.workspace import Workspace

STEPS = 640
TEXT = """
name = "stations"
[source]
type = "series_table"
paths = ["stations.csv"]
id = "station"
delay = "3h"
units = { t2m = "K", dewp = "degF" }
[task]
targets = ["t2m"]
covariates = ["dewp"]
horizon = "6h"
members = 5
[training]
k1 = 8
k2 = 8
streams = 4
epochs = 2
spin_up = 40
cold_start = 40
[[models]]
type = "lstm"
hidden = 6
[[models]]
type = "mlp"
hidden = 6
context = 3
"""


def table() -> pd.DataFrame:
    """Return 80 days of t2m (K) and dewp (degF) at stations b and a, every 3 hours: a day's swing and red noise."""
    time = pd.date_range("2001-01-01", periods=STEPS, freq="3h")
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(STEPS, 2))
    for at in range(1, STEPS):
        noise[at] += 0.9 * noise[at - 1]
    frames = []
    for place, name in enumerate(("b", "a")):
        t2m = 280 + 4 * np.cos(2 * np.pi * (time.hour - 15) / 24) + noise[:, place]
        dewp = 40 + np.roll(noise[:, place], 1)
        frames.append(pd.DataFrame({"station": name, "time": time, "t2m": t2m, "dewp": dewp}))
    both = pd.concat(frames, ignore_index=True).round(3)
    gap = both["time"].between("2001-01-20", "2001-01-21") | ((both["station"] == "a") & (both["time"] == "2001-02-10"))
    return both[~gap]


class Place(Workspace):
    """A workspace whose file of observations can be written anew."""

    @property
    def file(self) -> Path:
        """The table that the source reads."""
        return Path(self.pipeline.source.options["paths"][0])

    def write(self, rows: pd.DataFrame) -> None:
        """Let the source hold these rows."""
        rows.to_csv(self.file, index=False)


def place_at(folder: Path, text: str = TEXT) -> Place:
    """Write a pipeline file into a folder and return its workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.toml").write_text(text)
    return Place(folder / "home", config.load(folder / "pipeline.toml"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch to one thread, as the small sizes here want it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a pipeline that was ingested (all but its last 8 days) and trained; only to be read."""
    place = place_at(tmp_path_factory.mktemp("trained"))
    place.write(table()[table()["time"] < "2001-03-14"])
    ingest(place)
    train(place)
    return place


@pytest.fixture(scope="session")
def compared(trained: Place) -> tuple[Place, Any]:
    """Return the pipeline and its comparison; only to be read."""
    return trained, compare(trained)


@pytest.fixture
def place(compared: tuple[Place, Any], tmp_path: Path) -> Place:
    """Return a copy of the compared pipeline, free to be changed (its runs in MLflow are left behind)."""
    given = compared[0]
    copy = place_at(tmp_path)
    shutil.copytree(given.folder, copy.folder)
    shutil.copy(given.file, copy.file)
    return copy
