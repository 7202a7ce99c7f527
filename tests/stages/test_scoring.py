"""What is to be scored is held against the data before anything is trained; two forecasters' difference has its p."""

from __future__ import annotations

import numpy as np
import pytest

from forecast import config, schema, verification
from forecast.errors import ForecastError
from forecast.stages import scoring
from forecast.stages.problem import _scorable
from tests.worlds import observations, random_maps

MAPS = observations(np.zeros((4, 3, 3))).to_dataset(name="slp")


def pipeline(**section: object) -> config.Pipeline:
    return config.parse({"name": "maps", "source": {"type": "grid_files"}, "verification": section}, "")


def test_thresholds_of_what_is_no_target_are_refused() -> None:
    _scorable(pipeline(thresholds={"slp": [98000]}, regions={"box": [30, 60, 0, 5]}), MAPS, ("slp",))
    with pytest.raises(ForecastError, match=r"(?s)thresholds of targets among slp.*'psl'.*\[verification\] thresholds"):
        _scorable(pipeline(thresholds={"psl": [98000]}), MAPS, ("slp",))


def test_what_is_no_threshold_and_windows_wider_than_the_map_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(ForecastError, match=r"a threshold as a number(.|\n)*'< 1.2.3'"):
        _scorable(pipeline(thresholds={"slp": ["< 1.2.3"]}), MAPS, ("slp",))
    _scorable(pipeline(windows=[3]), MAPS, ("slp",))
    with pytest.raises(ForecastError, match=r"windows of at most 3 cells(.|\n)*got 5(.|\n)*\[verification\] windows"):
        _scorable(pipeline(windows=[1, 5]), MAPS, ("slp",))


def test_a_region_outside_the_domain_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"(?s)a cell in region 'box'.*\[verification\] regions"):
        _scorable(pipeline(regions={"box": [-30, -20, 0, 5]}), MAPS, ("slp",))


def test_a_difference_holds_the_bootstrap_and_the_test_of_the_same_two() -> None:
    a, observed, _ = random_maps(1)
    b = random_maps(2)[0]
    span = ("2007-12-28", "2008-01-15")
    found = scoring.differing({"a": a, "b": b}, "a", "b", observed, span)
    assert (found.attrs["a"], found.attrs["b"]) == ("a", "b")
    inside = [verification.within(one, span) for one in (a, b)]
    weights = schema.area_weights(observed)
    expected = verification.diebold_mariano(*inside, observed, over=("lat", "lon"), weights=weights)
    np.testing.assert_array_equal(found["p"], expected["p"])
    bootstrap = verification.paired(*inside, observed, weights=weights)
    np.testing.assert_array_equal(found["lower"], bootstrap["lower"])
