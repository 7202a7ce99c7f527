"""The smallest pipeline that walks the whole path: two stations, a daily temperature, one epoch. Some seconds a run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

NAME = "tiny"
DAYS = 800
TOML = """
name = "tiny"
[source]
type = "series_table"
paths = ["stations.csv"]
id = "station"
units = { temp = "degC" }
[task]
horizon = "2D"
[split]
validate = "90D"
test = "90D"
[training]
k1 = 5
k2 = 5
streams = 4
epochs = 1
spin_up = 10
[[models]]
type = "rnn"
hidden = 4
[schedule]
cron = "0 6 * * *"
"""


def stations(days: int = DAYS) -> pd.DataFrame:
    """Return daily temperatures of two stations, a slow swing and some weather, in long form."""
    rng, day = np.random.default_rng(0), np.arange(DAYS)
    frames = []
    for place, mean in (("north", 5.0), ("south", 15.0)):
        values = mean + 8 * np.sin(2 * np.pi * day / 180) + rng.normal(0, 1, DAYS).cumsum() * 0.3
        time = pd.date_range("2020-01-01", periods=DAYS).strftime("%Y-%m-%d")
        frames.append(pd.DataFrame({"station": place, "time": time, "temp": values.round(2)})[:days])
    return pd.concat(frames)


def write(folder: Path, days: int = DAYS) -> Path:
    """Write the table and the pipeline into a folder and return the pipeline's path."""
    stations(days).to_csv(folder / "stations.csv", index=False)
    (folder / "tiny.toml").write_text(TOML)
    return folder / "tiny.toml"


def environment(**changed: str) -> dict[str, str]:
    """Return this process's environment with the packages of this checkout first."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **changed}


def python(*words: str, cwd: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, elsewhere."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, env=environment(**changed), capture_output=True, text=True, timeout=240)
