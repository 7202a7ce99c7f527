"""The scoreboard fits a terminal of a hundred columns whole, and says whether two forecasters differ."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from forecast.cli import scoreboard, show

NAMES = ["persistence", "damped", "climatology", "seasonal_naive", "linear", "local_linear", "mlp", "convlstm"]
LEADS = pd.to_timedelta(np.arange(1, 7), "D").values


@pytest.fixture
def scores() -> xr.Dataset:
    rng = np.random.default_rng(0)
    about = {"units": "Pa", "definition": "what it means"}
    shape = (len(NAMES), len(LEADS))
    values = {name: (("forecaster", "lead"), rng.uniform(400, 1200, shape), about) for name in ("rmse", "crps")}
    values["coverage"] = (("forecaster", "lead"), rng.uniform(0.8, 0.95, shape), about | {"units": "1"})
    values["skill"] = (("baseline", "forecaster", "lead"), rng.normal(size=(2, *shape)), about)
    values["nominal"] = (("forecaster",), np.full(len(NAMES), 0.9))
    coords = {"forecaster": NAMES, "lead": LEADS, "baseline": ["persistence", "climatology"]}
    return xr.Dataset(values, coords)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_column_is_lost_and_a_hundred_columns_hold_them_side_by_side(
    scores: xr.Dataset, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=out, width=width, highlight=False))
    scoreboard.scoreboard("slp", scores, champion="convlstm", title="2008")
    said = out.getvalue()
    assert all(len(line.rstrip()) <= width for line in said.splitlines()[1:]) and "…" not in said
    for name in ("rmse", "crps"):
        values = scores[name].values if name == "rmse" else scores[name].mean("lead").values
        assert all(format(0.01 * value, ".3f" if name == "rmse" else ".2f") in said for value in values.ravel())
    assert (said.count("convlstm\N{NO-BREAK SPACE}◄") == 1) == (width >= 100)


def test_a_difference_has_its_interval_and_the_p_of_its_test() -> None:
    row = {"difference": [-43.5, 1.0], "lower": [-51.1, -9.0], "upper": [-35.5, 11.0], "p": [0.00001, 0.8214]}
    attrs = {"a": "convlstm", "b": "linear", "level": 0.95}
    interval = xr.Dataset({name: ("lead", value) for name, value in row.items()}, {"lead": LEADS[:2]}, attrs)
    interval["difference"].attrs["units"] = "Pa"
    first, second = scoreboard.differences("slp", interval)
    assert first == (
        "slp at 1 d: RMSE of convlstm - linear = -0.435 hPa, 95 % interval -0.511 to -0.355, Diebold-Mariano p < 0.001"
    )
    assert second.endswith("interval -0.090 to +0.110, Diebold-Mariano p = 0.821")
