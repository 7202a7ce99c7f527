"""The whole path, ingest to query, on simulated maps and on a made series: short, but nothing is left out."""

from __future__ import annotations

from pathlib import Path

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

COMMON = """
[task]
horizon = "{horizon}"
members = 4
[split]
validate = "{span}"
test = "{span}"
[training]
k1 = 8
k2 = 8
streams = 16
epochs = 1
spin_up = 24
cold_start = 48
"""
MAPS = (
    'name = "maps"\n[source]\ntype = "simulated"\nyears = 1.7\n'
    + COMMON.format(horizon="2D", span="40D")
    + '[[models]]\ntype = "convlstm"\nhidden = [4]\n[[models]]\ntype = "mlp"\nhidden = 8\n'
)
SERIES = (
    'name = "series"\n[source]\ntype = "sine"\nperiods = 40\nnoise = 0.05\nstep = "1h"\n'
    + COMMON.format(horizon="24h", span="6D")
    + '[[models]]\ntype = "gru"\nhidden = 8\n[[models]]\ntype = "bilstm"\nhidden = 8\n'
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def workspace(home: Path, text: str) -> Workspace:
    file = home / "pipeline.toml"
    file.write_text(text)
    return Workspace(home, config.load(file))


@pytest.mark.parametrize(
    ("text", "held_back", "leads", "family"), [(MAPS, "2002-09-13", 2, "convlstm"), (SERIES, "2000-02-11", 48, "gru")]
)
def test_from_observations_to_an_answer(home: Path, text: str, held_back: str, leads: int, family: str) -> None:
    place = workspace(home, text)
    before = pd.Timestamp(held_back) - place_step(place)
    first = ingest(place, end=before)
    trained = train(place)
    assert [one.family for one in trained.entries] == ["baseline"] * 5 + ["model"] * 2
    done = compare(place)
    (target,) = done.test
    names = [str(name) for name in done.test[target]["forecaster"].values]
    assert names[:5] == list(place.pipeline.baselines) and family in names
    assert bool(np.isfinite(done.test[target]["rmse"]).all()) and done.champion in names
    assert all(path.stat().st_size > 1000 for path in done.figures)

    issued = issue(place)
    assert issued.forecast.sizes["lead"] == leads and issued.forecast.attrs["simulated"] == "yes"
    assert verify(place).rows == []
    again = ingest(place, end=before)
    assert not again.receipt.changed and again.receipt.version == first.receipt.version
    assert ingest(place, end=held_back).receipt.new >= 1
    rows = verify(place).rows
    assert {row["forecaster"] for row in rows} == {"issued forecast", *names[:5]}
    assert all(np.isfinite(row["rmse"]) for row in rows)
    assert issue(place).forecast_id != issued.forecast_id

    reader = query.open(home, place.pipeline.name)
    assert len(reader.issues()) == 2
    latest = reader.latest()
    assert latest.targets == [target]
    answer = latest.at(45.0, 0.0) if latest.kind == "map" else latest.series(target)
    tomorrow = latest.tomorrow()
    assert tomorrow.data.sizes["lead"] in (1, 24) and bool(np.isfinite(answer[target]).all())
    low, high = (answer[f"{target}_quantile"].isel(quantile=at) for at in (0, -1))
    assert bool((low < high).all()) and answer[f"{target}_baseline"].sizes["baseline"] == 5


def place_step(place: Workspace) -> pd.Timedelta:
    return pd.Timedelta("1D") if place.pipeline.source.type == "simulated" else pd.Timedelta("1h")
