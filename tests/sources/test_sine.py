"""The sine: its values, its noise, its options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.sources.sine import Sine


def test_a_quarter_period_is_one_and_half_a_period_is_zero() -> None:
    data = Sine(period=8, periods=2).fetch()
    root = np.sqrt(0.5)
    expected = [0, root, 1, root, 0, -root, -1, -root] * 2
    np.testing.assert_allclose(data.sine[:, 0], expected, atol=1e-12)


def test_the_axis_is_hourly_from_2000_by_default() -> None:
    data = Sine(periods=2).fetch()
    assert data.sizes["time"] == 50
    assert [str(time)[:13] for time in data.time.values[[0, 49]]] == ["2000-01-01T00", "2000-01-03T01"]
    assert str(Sine(step="1D", start="1999-12-31").fetch().time.values[1])[:10] == "2000-01-01"


def test_a_span_of_a_longer_record_is_the_same_noise_and_all() -> None:
    short, long = Sine(periods=3, noise=0.3).fetch("2000-01-01T05"), Sine(periods=9, noise=0.3).fetch()
    np.testing.assert_array_equal(short.sine.values, long.sine.values[5:75])


def test_noise_has_the_deviation_asked_for_and_follows_the_seed() -> None:
    clean, one, two = (Sine(noise=noise, seed=seed).fetch().sine for noise, seed in ((0, 1), (0.5, 1), (0.5, 2)))
    assert float((one - clean).std()) == pytest.approx(0.5, rel=0.05)
    assert not np.array_equal(one, two)


@pytest.mark.parametrize(
    "options", [{"period": 2}, {"periods": 0}, {"noise": -1}, {"step": "0h"}, {"step": "often"}, {"start": "soon"}]
)
def test_an_impossible_option_is_refused_at_birth(options: dict[str, Any]) -> None:
    with pytest.raises(ForecastError, match=rf"options of Sine(.|\n)*{next(iter(options))}: "):
        Sine(**options)
