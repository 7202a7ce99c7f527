"""Observations that take more than the memory allowed: the same networks, and baselines that say what they saw."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.batches.blocks import Blocks
from forecast.stages.fit import fit_model, framed
from forecast.stages.ingest import ingest
from forecast.stages.learn import fit_baseline
from forecast.stages.problem import Problem, pose
from forecast.stages.workspace import silent
from tests.stages.conftest import TEXT, Place, place_at, table

SMALL = 'memory = "0.004 MB"'


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Place]:
    """The same pipeline with and without enough memory."""
    made = []
    for text in (TEXT, TEXT.replace("[training]", f"[training]\n{SMALL}")):
        place = place_at(tmp_path_factory.mktemp("place"), text)
        place.write(table())
        ingest(place)
        made.append(place)
    return made[0], made[1]


@pytest.fixture
def problems(places: tuple[Place, Place]) -> tuple[Problem, Problem]:
    return pose(places[0]), pose(places[1])


def test_networks_learn_the_same_from_blocks(places: tuple[Place, Place], problems: tuple[Problem, Problem]) -> None:
    weights = []
    for place, problem in zip(places, problems, strict=True):
        one = place.pipeline.models[0]
        problem.held(place.pipeline.training.bytes)
        weights.append(fit_model(place, problem, one, place.pipeline.training_of(one), silent).weights)
    for name, values in weights[0].items():
        np.testing.assert_allclose(weights[1][name], values, atol=1e-4)


def test_what_does_not_fit_is_left_in_the_archive(
    places: tuple[Place, Place], problems: tuple[Problem, Problem]
) -> None:
    fits, large = (problem.held(place.pipeline.training.bytes) for place, problem in zip(places, problems, strict=True))
    assert fits and not large
    data, _ = framed(places[1].pipeline, problems[1])
    assert isinstance(data.values, Blocks) and not problems[1].observed["t2m"].variable._in_memory
    assert not isinstance(framed(places[0].pipeline, problems[0])[0].values, Blocks)


def test_baselines_that_must_hold_their_data_learn_from_the_newest_and_say_so(
    places: tuple[Place, Place], problems: tuple[Problem, Problem]
) -> None:
    memory = [place.pipeline.training.bytes for place in places]
    whole, part = (fit_baseline(problem, "climatology", one) for problem, one in zip(problems, memory, strict=True))
    assert not whole.note and not part.note
    for name, values in whole.datasets["fitted:t2m"].items():
        np.testing.assert_allclose(part.datasets["fitted:t2m"][name], values, rtol=1e-10)
    pairs = zip(problems, memory, strict=True)
    whole, part = (fit_baseline(problem, "damped_persistence", one) for problem, one in pairs)
    assert not whole.note and "fitted on the newest" in part.note
    assert not np.allclose(part.datasets["fitted:t2m"]["factor"], whole.datasets["fitted:t2m"]["factor"])
