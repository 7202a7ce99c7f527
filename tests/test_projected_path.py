"""The whole path, ingest to query, on a projected grid (y, x): networks, baselines, figures, files, the answer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from forecast import config, query
from forecast.stages.compare import compare
from forecast.stages.ingest import ingest
from forecast.stages.issue import issue
from forecast.stages.train import train
from forecast.stages.verify import verify
from forecast.stages.workspace import Workspace
from tests.fabricated import EAST, NORTH, projected

PIPELINE = """
name = "arctic"
baselines = ["persistence", "damped_persistence", "climatology", "linear"]
[source]
type = "grid_files"
paths = ["arctic.nc"]
variables = ["t2m"]
[task]
horizon = "2D"
members = 4
[split]
validate = "40D"
test = "40D"
[training]
k1 = 8
k2 = 8
streams = 8
epochs = 1
spin_up = 12
cold_start = 24
[[models]]
type = "convlstm"
hidden = [4]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    home = tmp_path_factory.mktemp("arctic")
    data = projected(500)
    data["crs"] = ((), 0, json.loads(data.attrs.pop("grid_mapping")))
    data["t2m"].attrs["grid_mapping"] = "crs"
    data.to_netcdf(home / "arctic.nc")
    (home / "pipeline.toml").write_text(PIPELINE)
    return Workspace(home, config.load(home / "pipeline.toml"))


def test_a_projected_grid_walks_the_whole_path(place: Workspace) -> None:
    last = pd.Timestamp("2005-01-01") + pd.Timedelta(days=497)
    ingest(place, end=last)
    archived = place.archive.load()
    assert archived["t2m"].dims == ("time", "y", "x") and archived["lat"].dims == ("y", "x")
    assert [one.name for one in train(place).entries][-1] == "convlstm"
    done = compare(place)
    assert bool(np.isfinite(done.test["t2m"]["rmse"]).all())
    assert all(path.stat().st_size > 1000 for path in done.figures)
    issued = issue(place)
    assert issued.forecast["t2m"].dims[2:] == ("y", "x") and "grid_mapping" in issued.forecast.attrs
    assert np.allclose(issued.forecast["lat"].values, NORTH)
    assert ingest(place).receipt.new == 2
    assert all(np.isfinite(row["rmse"]) for row in verify(place).rows)

    answer = query.open(place.home, "arctic").latest().at(NORTH[5, 8] + 0.3, EAST[5, 8])
    assert float(answer["lat"]) == pytest.approx(NORTH[5, 8])
    assert bool(np.isfinite(answer["t2m_observed"]).all()) and bool(np.isfinite(answer["t2m_skill"]).all())
    low, high = (answer["t2m_quantile"].isel(quantile=at) for at in (0, -1))
    assert bool((low < high).all())
