"""The value of the nearest point so far, and who can say it."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.studies.base import Case, opened
from forecast.studies.nearest import NETWORKS, Nearest, searches


def test_what_is_asked_for_is_the_value_of_the_nearest_point_so_far() -> None:
    x, y = searches(50, 20, np.random.default_rng(0))
    for points, said in zip(x, y, strict=True):
        assert said.tolist() == [points[: t + 1][points[: t + 1, 0].argmin(), 1] for t in range(20)]
    assert x[..., 0].min() >= 0 and x[..., 0].max() <= 1 and -1 <= x[..., 1].min() < 0
    assert x[..., 1].var() == pytest.approx(1 / 3, abs=0.02)


def test_a_case_is_deterministic_and_its_measures_are_points_of_its_curve() -> None:
    study = opened(Nearest, {"sequences": 512, "epochs": 6})
    found = {case: study.run(case) for case in (Case("LSTM", 0), Case("MLP on 8 points", 0))}
    lstm = found[Case("LSTM", 0)]
    assert study.run(Case("LSTM", 0)) == lstm != study.run(Case("LSTM", 1))
    assert lstm["error"][0] < 0.8 < lstm["error"][31]  # the first point is soon said, the nearest of 32 is not
    assert [lstm[f"error_{n}"] for n in (8, 32, 128)] == [lstm["error"][n - 1] for n in (8, 32, 128)]
    drawn = study.curves(found)
    assert drawn is not None and drawn["at"].values[[0, -1]].tolist() == [1, 128]
    assert drawn["curve"].sel(network="LSTM", seed=0).values.tolist() == lstm["error"]


def test_the_length_learned_is_drawn_and_every_network_is_a_case() -> None:
    study = opened(Nearest, {})
    assert list(study.measures) == ["error_32", "error_8", "error_128"]
    assert len(study.cases(2)) == 2 * len(NETWORKS)
    assert study.references()[0].values == {"error_32": 1.0, "error_8": 1.0, "error_128": 1.0}
