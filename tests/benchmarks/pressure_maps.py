"""Pressure maps: `forecast run` on real maps where FORECAST_TEST_DATA holds them, beside the published figures.

``python -m tests.benchmarks.pressure_maps baselines`` leaves the networks out (a minute instead of an hour).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from forecast import config, schema
from forecast.backtest import backtest
from forecast.baselines import BASELINES
from forecast.checkpoint import load
from forecast.predict import forecaster
from forecast.stages.workspace import Workspace
from forecast.verification import paired, within

ROOT = Path(__file__).parents[2]
FILE = "ncep_slp_natl_2001_2008.nc"
MAIN = "import sys; from forecast.cli import main; sys.argv = ['forecast', *sys.argv[1:]]; main()"
LEADS = 5
TEST = ("2008-01-01", "2008-12-31")
RIVAL = "linear"
# Root mean square error in hPa by lead, 366 days of 2008, as the README of the data states it.
PUBLISHED = {
    "climatology": [9.190] * LEADS,
    "persistence": [6.401, 9.155, 10.378, 11.140, 11.687],
    "damped_persistence": [5.955, 7.873, 8.541, 8.860, 9.031],
    "linear": [4.624, 7.182, 8.214, 8.650, 8.904],
}
PUBLISHED_CRPS = {"climatology": [5.04] * 3, "persistence": [3.38, 4.95, 5.65], "linear": [2.46, 3.91, 4.50]}


def pipeline(data: Path, networks: bool) -> str:
    """Return the example's TOML with the file of ``data`` as its source, with or without its networks."""
    text = (ROOT / "forecast/examples/slp_north_atlantic.toml").read_text()
    source = f'[source]\ntype = "grid_files"\npaths = ["{data / FILE}"]\nvariables = ["slp"]\n\n'
    text, changed = re.subn(r"\[source\]\n.*?\n\n", lambda _: source, text, count=1, flags=re.DOTALL)
    assert changed, "the example has no [source]"
    return text if networks else re.split(r"\n\[\[models\]\]", text)[0]


def _row(name: str, values: list[float]) -> str:
    return f"{name:24}" + "".join(f"{value:>9.3f}" for value in values)


def _compare(scores: dict[str, dict[str, dict[str, float]]], score: str, published: dict[str, list[float]]) -> None:
    print(f"{score} [hPa] by lead, days{'':1}" + "".join(f"{lead:>9}" for lead in range(1, LEADS + 1)))
    for name, columns in scores.items():
        ours = [value / 100 for value in columns[score].values()]
        print(_row(name, ours))
        if name in published:
            print(_row("  published", published[name]))
            print(_row("  difference", [here - there for here, there in zip(ours, published[name], strict=False)]))


def _against(place: Workspace, names: list[str]) -> None:
    """Print how far below the rival's error each network's is by lead, with its interval by block bootstrap."""
    observed = place.archive.load(place.archive.version).load()
    truth = observed["slp"]
    forecasts = {
        name: within(backtest(forecaster(load(place.models / f"{name}.safetensors")), observed, TEST)["slp"], TEST)
        for name in (RIVAL, *names)
    }
    for name in names:
        found = paired(forecasts[name], forecasts[RIVAL], truth, weights=schema.area_weights(truth))
        for part in ("difference", "lower", "upper"):
            print(_row(f"{name} {part}", [float(value) / 100 for value in found[part].values]))


def main() -> None:
    """Run the pipeline in a folder of its own and compare."""
    data = Path(os.environ.get("FORECAST_TEST_DATA", ""))
    if not (data / FILE).is_file():
        print(f"skipped: no {FILE} in FORECAST_TEST_DATA")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "slp.toml"
        file.write_text(pipeline(data.resolve(), networks="baselines" not in sys.argv))
        words = [sys.executable, "-c", MAIN, "run", str(file), "--json", "--home", str(Path(folder) / "home")]
        begun = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        seconds, found = time.perf_counter() - begun, json.loads(done.stdout)
        scores = found["scores"]["slp"]
        _compare(scores, "rmse", PUBLISHED)
        _compare(scores, "crps", PUBLISHED_CRPS)
        networks = [name for name in scores if name not in BASELINES]
        print(f"networks' RMSE less that of {RIVAL} [hPa], interval of 95 %")
        _against(Workspace(Path(folder) / "home", config.load(file)), networks)
        print("share of 2008 between the outer quantiles")
        for name in networks:
            print(_row(name, list(scores[name]["coverage"].values())))
    print(f"champion: {found['champion']}; the whole run: {seconds:.0f} s")


if __name__ == "__main__":
    main()
