"""What every study keeps: its cases, what comes of one, and what it says."""

from __future__ import annotations

import pickle
import re
from collections import Counter

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.registry import member
from forecast.studies import STUDIES
from forecast.studies.base import Study, opened

QUICK = {"epochs": 1, "lags": 10}


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest) -> Study:
    """Each study, as quick as its options allow."""
    kind = member("study", STUDIES, request.param)
    return opened(kind, {key: value for key, value in QUICK.items() if key in kind.Options.model_fields})


def test_it_says_what_it_measures_and_what_it_shows_and_what_not(study: Study) -> None:
    assert study.title and "What it shows." in study.text and "What it does not show." in study.text
    assert study.measures and all(re.fullmatch(r"[a-z0-9_]+", name) and text for name, text in study.measures.items())


def test_its_cases_are_the_same_each_time_and_each_network_has_every_seed_once(study: Study) -> None:
    cases = study.cases(2)
    assert cases == study.cases(2) and len(set(cases)) == len(cases) and set(study.cases(1)) <= set(cases)
    seeds = Counter((case.setting, case.network) for case in cases)
    assert set(seeds.values()) == {2} and {case.seed for case in cases} == {0, 1}


def test_a_case_gives_every_measure_the_same_again_and_passes_between_processes(study: Study) -> None:
    case = study.cases(1)[0]
    first, again = study.run(case), study.run(case)
    assert all(isinstance(first[name], float | int) for name in study.measures)
    np.testing.assert_equal({**pickle.loads(pickle.dumps(first))}, {**again})


def test_its_references_are_measured_as_its_cases_are(study: Study) -> None:
    settings = {case.setting for case in study.cases(1)}
    for one in study.references():
        assert one.setting in settings and one.source and set(one.values) <= set(study.measures)


def test_an_unknown_option_is_refused_with_the_known_ones(study: Study) -> None:
    known = ", ".join(study.Options.model_fields)
    expected = f"options of this study among {known}" if known else "this study has none"
    with pytest.raises(ForecastError, match=f"(?s){expected}.*nonsense: Extra inputs"):
        opened(type(study), {"nonsense": 1})
