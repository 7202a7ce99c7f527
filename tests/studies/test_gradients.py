"""The doctor sees gradients vanish, hold and explode at the rate that theory gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from forecast.diagnosis import radius
from forecast.studies.base import Case, opened
from forecast.studies.gradients import LINEAR, NETWORKS, OTHERS, RADII, Gradients, built


@pytest.fixture(scope="module")
def outcomes() -> dict[Case, Mapping[str, Any]]:
    study = opened(Gradients, {"lags": 120})
    names = {**dict.fromkeys(RADII, LINEAR), **dict.fromkeys(("LSTM, forget bias 0", "LSTM, forget bias 3"), OTHERS)}
    return {case: study.run(case) for case in (Case(name, 1, setting) for name, setting in names.items())}


def test_a_linear_network_vanishes_holds_and_explodes_at_the_predicted_rate(outcomes: Any) -> None:
    linear = {case.network: found for case, found in outcomes.items() if case.setting == LINEAR}
    for (name, size), fate in zip(RADII.items(), (3e-6, 1.0, 1e5), strict=True):
        found = linear[name]
        assert found["rate"] == pytest.approx(size, rel=0.005) and found["error"] < 0.005
        assert found["growth"] == pytest.approx(size, rel=1e-4) and found["predicted"] == size
        assert 0.05 < found["gradient"][-1] / size**120 < 20  # the eigenvector's share of the first gradient
        assert abs(math.log10(found["gradient"][120] / fate)) < 1.5
    assert [math.isnan(linear[name]["reach"]) for name in RADII][1:] == [True, True]


def test_an_open_forget_gate_carries_the_gradient_further(outcomes: Any) -> None:
    shut, opened_wide = (found for case, found in outcomes.items() if case.setting == OTHERS)
    assert 20 < shut["reach"] < 80 and math.isnan(opened_wide["reach"])
    assert 0.5 < shut["rate"] < 0.953 < opened_wide["rate"]  # the path through the gate alone: 0.5 and 0.953
    assert math.isnan(shut["error"])


def test_the_matrix_is_general_and_of_the_radius_named() -> None:
    model, size = built(Case("linear RNN, |λ| = 1.1", 4, LINEAR))
    weight = model.recurrent_weights()["layer0.candidate"]
    assert radius(weight) == pytest.approx(1.1, rel=1e-5) and size == 1.1
    assert not torch.allclose(weight @ weight.T, weight.T @ weight, atol=0.1)


def test_equal_cases_give_equal_figures() -> None:
    study = opened(Gradients, {"lags": 10})
    case = Case("GRU", 3, OTHERS)
    assert study.run(case)["gradient"] == study.run(case)["gradient"] != study.run(Case("GRU", 4, OTHERS))["gradient"]
    assert len(study.cases(2)) == 2 * (len(RADII) + len(NETWORKS))
    assert {case.setting for case in study.cases(1)} == {LINEAR, OTHERS}


def test_the_curves_are_the_gradients_over_the_predicted_power(outcomes: Any) -> None:
    drawn = opened(Gradients, {"lags": 120}).curves(outcomes)
    assert drawn is not None and drawn["curve"].sizes == {"network": 5, "seed": 1, "point": 121}
    first = drawn.sel(network="linear RNN, |λ| = 0.9", seed=1)
    np.testing.assert_allclose(first["truth"].values, 0.9 ** np.arange(121))
    np.testing.assert_allclose(first["curve"].values, next(iter(outcomes.values()))["gradient"])
    assert np.isnan(drawn["truth"].sel(network="LSTM, forget bias 0")).all()
