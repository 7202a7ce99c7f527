"""Global models: one recurrent network for all series of a competition, on its official split, beside baselines.

``python -m tests.benchmarks global_models`` runs ``forecast run`` on each of five competitions with nothing but the
official horizon and split said: an LSTM, an ensemble of three, an MLP, and the usual baselines. ``--statistics`` adds
Theta, ETS and ARIMA, an hour of CPU time; ``--only m3_yearly ...`` chooses among the competitions, ``--quick`` leaves
the ensemble out. Settings were chosen on the h steps before each official test span (docs/log.md), which is read once.

Published: Chronos-Bolt (Base) from Ansari et al. 2024 and its model card's table of results, as MASE with the season's
naive forecast as scale, like here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.schema import SERIES
from tests.benchmarks.competitions import competition

ROOT = Path(__file__).parents[2]
MAIN = "import sys; from forecast.cli import main; sys.argv = ['forecast', *sys.argv[1:]]; main()"
# MASE on the official test span.
PUBLISHED = {
    "m3_monthly": {"Chronos-Bolt-base": 0.851},
    "m3_quarterly": {"Chronos-Bolt-base": 1.289},
    "m3_yearly": {"Chronos-Bolt-base": 2.907},
    "tourism_monthly": {"Chronos-Bolt-base": 1.528},
    "tourism_quarterly": {"Chronos-Bolt-base": 1.756},
}
USUAL = ("persistence", "seasonal_naive", "drift", "linear")
STATISTICS = ("theta", "ets", "arima")
COLUMNS = ("mase", "smape", "wql", "msis", "coverage_80", "coverage_90")
ENSEMBLE = '[[models]]\ntype = "lstm"\nname = "three_lstm"\nensemble = 3\n'
TEXT = """
name = "{name}"
[source]
type = "series_table"
paths = ["{name}.csv"]
id = "series"
time = ""
units = {{ value = "1" }}
[task]
scaling = "series"
align = "end"
horizon = {h}
quantiles = [0.05, 0.1, 0.5, 0.9, 0.95]
[split]
validate = {h}
test = {h}
[[models]]
type = "lstm"
[[models]]
type = "mlp"
"""


def write(name: str, folder: Path, *, quick: bool, statistics: bool) -> Path:
    """Write a competition's table, in long form and without dates, and its pipeline; return the pipeline's path.

    Args:
        name: of the competition.
        folder: where.
        quick: whether the ensemble is left out.
        statistics: whether Theta, ETS and ARIMA are among the baselines.
    """
    data = competition(name)
    values = data["value"].values
    rows = [
        pd.DataFrame({"series": str(one), "value": column[np.isfinite(column)]})
        for one, column in zip(data[SERIES].values, values.T, strict=True)
    ]
    pd.concat(rows).to_csv(folder / f"{name}.csv", index=False)
    text = TEXT.format(name=name, h=data.attrs["h"]) + ("" if quick else ENSEMBLE)
    if statistics:
        text = f"baselines = {json.dumps([*USUAL, *STATISTICS])}\n{text}"
    (folder / f"{name}.toml").write_text(text)
    return folder / f"{name}.toml"


def run(file: Path, home: Path) -> tuple[dict[str, dict[str, float]], str, float, float]:
    """Run a pipeline in a process of its own.

    Args:
        file: the pipeline.
        home: where it keeps its things.

    Returns:
        forecaster -> score -> number; the champion; CPU seconds; peak resident memory, MB.
    """
    words = [sys.executable, "-c", MAIN, "run", str(file), "--json", "--home", str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`forecast run {file.name}` failed with {process.returncode}")
    found = json.loads(text)
    overall = {name: one for name, one in found["overall"]["value"].items() if isinstance(one, dict)}
    return overall, found["champion"], used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def main(words: list[str]) -> None:
    """Run the competitions named in ``words``, all five by default, and print their tables."""
    options, names = [word for word in words if word.startswith("--")], [word for word in words if word in PUBLISHED]
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PUBLISHED:
            file = write(name, Path(folder), quick="--quick" in options, statistics="--statistics" in options)
            found, champion, seconds, memory = run(file, Path(folder) / "home")
            print(f"{name}: {seconds:.0f} CPU seconds, {memory:.0f} MB, champion {champion}")
            print(f"  {'':20}" + "".join(f"{column:>13}" for column in COLUMNS))
            for forecaster, scores in found.items():
                print(f"  {forecaster:20}" + "".join(f"{scores[column]:>13.4f}" for column in COLUMNS))
            for forecaster, score in PUBLISHED[name].items():
                print(f"  {forecaster:20}{score:>13.4f}  (published)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
