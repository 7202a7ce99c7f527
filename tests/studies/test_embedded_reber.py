"""The embedded grammar: where the errors are counted, how far the gradient reaches, and when a training begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from forecast.studies.base import Case, opened
from forecast.studies.embedded_reber import GRAMMAR, LAGS, LESS, NETWORKS, PLAINER, WHOLE, EmbeddedReber, judged
from forecast.studies.grammar import lesson

SHORT = {"epochs": 1, "copies": 1, "restarts": 1}
ONCE = "trained once, forget bias 1"


@pytest.fixture(scope="module")
def outcomes() -> dict[Case, Mapping[str, Any]]:
    study = opened(EmbeddedReber, SHORT)
    cases = (Case("LSTM, 20 units", 0, WHOLE), Case("RNN, 60 units", 0, WHOLE), Case(ONCE, 0, PLAINER))
    return {case: study.run(case) for case in cases}


def test_errors_at_the_last_symbol_but_one_are_counted_apart() -> None:
    test = lesson(["BTBTXSETE", "BPBTSXSEPE"], GRAMMAR)
    errors = torch.zeros(2, 9, dtype=torch.bool)
    errors[0, 6] = True  # B T B T X S E, then T
    assert judged(errors, test) == {"strings": 1.0, "outer": 1.0, "elsewhere": 0.0}
    errors[1, [2, 7]] = True
    assert judged(errors, test) == {"strings": 2.0, "outer": 2.0, "elsewhere": 1.0}
    errors[1, 7] = False
    assert judged(errors, test) == {"strings": 2.0, "outer": 1.0, "elsewhere": 1.0}


def test_a_network_that_has_not_learned_its_strings_begins_anew_as_often_as_it_may(outcomes: Any) -> None:
    restarts = {case.network: found["restarts"] for case, found in outcomes.items()}
    assert restarts == {"LSTM, 20 units": 1, "RNN, 60 units": 1, ONCE: 0}
    assert all(found["strings"] > 90 for found in outcomes.values())


def test_chrono_initialisation_carries_the_gradient_to_the_outer_symbol(outcomes: Any) -> None:
    chrono, _, plain = (np.array(found["gradient"]) for found in outcomes.values())
    assert len(chrono) == LAGS + 1 == 36 and chrono[0] == plain[0] == 1
    assert chrono[-1] > 0.1 > 0.05 > plain[-1]


def test_equal_cases_give_equal_figures(outcomes: Any) -> None:
    case = Case(ONCE, 0, PLAINER)
    assert opened(EmbeddedReber, SHORT).run(case) == outcomes[case]


def test_every_network_and_every_lesser_recipe_is_a_case_and_has_its_curve(outcomes: Any) -> None:
    study = opened(EmbeddedReber, {})
    assert len(study.cases(3)) == 3 * (len(NETWORKS) + len(LESS))
    drawn = study.curves(outcomes)
    assert drawn is not None and drawn["curve"].sizes == {"network": 3, "seed": 1, "point": LAGS + 1}
    assert drawn["curve"].sel(network=ONCE, seed=0).values.tolist() == outcomes[Case(ONCE, 0, PLAINER)]["gradient"]
