"""Study: run an experiment of the literature, its trainings side by side; a table, figures and MLflow runs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecast.errors import ForecastError
from forecast.figures import Figure, curves, frames, study_boxes
from forecast.registry import member
from forecast.stages import gallery
from forecast.stages.workers import Outcome, outcomes
from forecast.stages.workspace import Report, silent
from forecast.studies import STUDIES
from forecast.studies.base import Case, Study, opened
from forecast.tracking import Run, Tracker


@dataclass(frozen=True)
class Studied:
    """What a study found.

    Attributes:
        title: what was measured, for a person.
        measures: name -> what it is.
        rows: one a setting and network, in the order of the cases, then the references of the setting: ``network``,
            ``setting``, ``source`` ("" for a network trained here), ``seeds``, ``MEASURE_median`` and ``MEASURE_worst``
            over the seeds (NaN where there is none, infinite where too few seeds have one) and ``cpu_seconds``, the
            median.
        cases: one a training: ``network``, ``setting``, ``seed``, each measure and ``cpu_seconds``.
        text: what it shows and what it does not.
        figure: the PNG.
        more: further ones.
        tracking_uri: where its runs are.
        neutral: measures of which neither end is better.
    """

    title: str
    measures: dict[str, str]
    rows: list[dict[str, Any]]
    cases: list[dict[str, Any]]
    text: str
    figure: Path
    more: tuple[Path, ...]
    tracking_uri: str
    neutral: tuple[str, ...] = ()


def study(
    home: Path,
    name: str,
    *,
    seeds: int = 5,
    options: Mapping[str, Any] | None = None,
    report: Report = silent,
    workers: int = 2,
    uri: str | None = None,
) -> Studied:
    """Run a study by name.

    Args:
        home: the folder of all pipelines.
        name: of the study, in STUDIES.
        seeds: repetitions with other random weights.
        options: the study's own; numbers may be text.
        report: progress.
        workers: processes; the results do not depend on how many.
        uri: MLflow's address; None is sqlite under ``home``.

    Raises:
        ForecastError: an unknown study or option, no seed, no worker, a case that refuses its input, or MLflow out
            of reach.
    """
    if seeds < 1 or workers < 1:
        raise ForecastError("at least 1 seed and 1 worker", f"{seeds} and {workers}", "ask for more")
    given = dict(options or {})
    experiment: Study = opened(member("study", STUDIES, name), given)
    home.mkdir(parents=True, exist_ok=True)
    address = uri or f"sqlite:///{home / 'mlflow.db'}"
    tracker = Tracker(address, f"study_{name}", artifact_root=None if uri else home / "mlartifacts")
    found: dict[Case, Outcome] = {}
    cases = experiment.cases(seeds)
    with tracker.run(name, tags={"study": name}, params={"seeds": seeds, **experiment.options.model_dump()}) as run:

        def done(case: Case, outcome: Outcome) -> None:
            found[case] = outcome
            _log_case(run, name, case, _measured(experiment, outcome))
            report(f"study {name}", len(found), len(cases))

        report(f"study {name}", 0, len(cases))
        outcomes(STUDIES[name], tuple(given.items()), cases, workers, done)
        values = {case: outcome.values for case, outcome in found.items()}
        text = "\n".join(filter(None, [experiment.text, experiment.remarks(values)]))
        table = tabulated(experiment, found)
        rows = summary(table, list(experiment.measures))
        drawn = _drawn(name, experiment, table, values)
        _log_whole(run, drawn, {"cases": table, "summary": pd.DataFrame(rows)}, text)
    first, *more = gallery.save(home / "studies", drawn)
    trained = table[table["source"] == ""].drop(columns="source").to_dict("records")
    more_drawn, neutral = tuple(more), experiment.neutral
    return Studied(experiment.title, experiment.measures, rows, trained, text, first, more_drawn, address, neutral)


def _measured(experiment: Study, outcome: Outcome) -> dict[str, float]:
    values = {name: float(outcome.values[name]) for name in experiment.measures}
    return values | {"cpu_seconds": outcome.cpu_seconds}


def tabulated(experiment: Study, found: Mapping[Case, Outcome]) -> pd.DataFrame:
    """Return one row a training, then one a reference: network, setting, source, seed, measures, cpu_seconds.

    Args:
        experiment: the study; its references have a ``source``, and no seed or cost.
        found: what came of each case.
    """
    rows = [
        {"network": case.network, "setting": case.setting, "source": "", "seed": case.seed}
        | _measured(experiment, outcome)
        for case, outcome in found.items()
    ]
    for one in experiment.references():
        known = {name: one.values.get(name, np.nan) for name in experiment.measures}
        rows.append({"network": one.network, "setting": one.setting, "source": one.source, **known})
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, measures: list[str]) -> list[dict[str, Any]]:
    """Return the rows of ``Studied``.

    Args:
        table: as ``tabulated`` returns it.
        measures: their names.
    """
    rows = []
    for setting, here in table.groupby("setting", sort=False):
        for (source, network), own in here.groupby(["source", "network"], sort=False):
            row = {"network": network, "setting": setting, "source": source, "seeds": 0 if source else len(own)}
            for name in measures:
                reached = own[name].fillna(np.inf) if own[name].notna().any() else own[name]  # never, for some seeds
                row |= {f"{name}_median": float(reached.median())}
                row |= {f"{name}_worst": np.nan if source else float(reached.max())}
            rows.append(row | {"cpu_seconds": float(own["cpu_seconds"].median())})
    return rows


def _drawn(
    name: str, experiment: Study, table: pd.DataFrame, values: Mapping[Case, Mapping[str, Any]]
) -> dict[str, Figure]:
    drawn = {name: study_boxes(table, experiment.measures, experiment.title)}
    lines, small = experiment.curves(values), experiment.pictures(values)
    drawn |= {} if lines is None else {f"{name}_curves": curves(lines)}
    return drawn | ({} if small is None else {f"{name}_frames": frames(small)})


def _log_case(parent: Run, name: str, case: Case, measured: Mapping[str, float]) -> None:
    known = {"network": case.network, "setting": case.setting, "seed": case.seed}
    with parent.child(str(case), tags={"study": name, **known}, params=known) as run:
        run.metrics([measured])


def _log_whole(run: Run, drawn: Mapping[str, Figure], tables: Mapping[str, pd.DataFrame], text: str) -> None:
    for title, figure in drawn.items():
        run.figure(title, figure)
    for title, table in tables.items():
        run.table(title, table)
    run.text("text", text)
