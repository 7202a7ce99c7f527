"""Reber's grammar: drawn strings, short trainings, and what they are held against."""

from __future__ import annotations

import math

import pytest

from forecast.studies.base import Case, opened
from forecast.studies.grammar import memoryless
from forecast.studies.reber import GRAMMAR, LEAST, NETWORKS, Reber, drawn


def test_a_seed_draws_strings_to_learn_from_and_others_to_be_judged_on() -> None:
    learned, unseen = drawn(GRAMMAR, LEAST, 3)
    assert (len(set(learned)), len(set(unseen)), len(set(learned) | set(unseen))) == (400, 100, 500)
    assert min(map(len, learned + unseen)) == 30 and drawn(GRAMMAR, LEAST, 3) == (learned, unseen)
    assert drawn(GRAMMAR, LEAST, 4)[0] != learned


def test_without_a_memory_a_network_comes_to_the_best_that_there_is_without_one() -> None:
    study = opened(Reber, {"epochs": 4})
    case = Case("MLP, 20 units", 0)
    found = study.run(case)
    assert found["distance"] == pytest.approx(0, abs=0.15) and found["strings"] == 100
    best = next(reference for reference in study.references() if reference.source.startswith("computed"))
    assert best.values["positions"] == memoryless(drawn(GRAMMAR, LEAST, 0)[1], GRAMMAR) == pytest.approx(2.6, abs=0.3)


def test_the_last_two_symbols_always_tell_what_may_come_next() -> None:
    pairs: dict[str, set[str]] = {}
    for string in drawn(GRAMMAR, LEAST, 0)[0]:
        for place, legal in enumerate(GRAMMAR.legal(string)):
            pairs.setdefault(string[max(0, place - 1) : place + 1], set()).add(legal)
    assert len(pairs) > 15 and all(len(sets) == 1 for sets in pairs.values())


def test_a_memory_soon_says_more_than_any_network_without_one() -> None:
    study = opened(Reber, {"epochs": 10})
    found = study.run(Case("RNN, 4 units", 0))
    assert found["positions"] < 2.3 and math.isnan(found["distance"])


def test_equal_cases_give_equal_figures_and_every_network_is_a_case() -> None:
    study = opened(Reber, {"epochs": 1})
    assert study.run(Case("MLP, 4 units", 1)) == study.run(Case("MLP, 4 units", 1))
    assert len(study.cases(2)) == 2 * len(NETWORKS)
