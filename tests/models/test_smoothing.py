"""Smoothing by hand: levels, trends, seasons, naive forecasts, missing steps; and how simple forecasts are judged."""

from __future__ import annotations

import torch
from torch import Tensor

from forecast.models.base import State
from forecast.models.record import FIRST, Record
from forecast.models.smoothing import Said, Smoothing


def begun(sizes: dict[str, tuple[int, ...]], streams: int = 1) -> State:
    return {name: torch.zeros(streams, *size, dtype=torch.float64) for name, size in sizes.items()}


def said(values: list[float], seasons: tuple[int, ...] = (), leads: int = 3, missing: tuple[int, ...] = ()) -> Said:
    smoothing, x = Smoothing(seasons, leads), torch.tensor([values], dtype=torch.float64)
    seen = torch.ones_like(x, dtype=torch.bool)
    seen[:, list(missing)] = False
    return smoothing.run(x * seen, seen, begun(smoothing.sizes))[0]


def close(found: Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_level_begins_as_the_mean_and_goes_on_with_its_coefficient() -> None:
    levels = said([2.0, 4.0, 9.0, 1.0]).levels[0]
    close(levels[:, 0], [2, 4, 9, 1])  # a = 1: naive
    close(levels[:, 1], [2, 3.2, 6.68, 3.272])  # a = .6: 2 + .6 * 2, + .6 * 5.8, - .6 * 5.68
    close(levels[:, 3], [2, 3, 5, 4])  # a = .1: 1 / n is more


def test_a_missing_step_moves_neither_level_nor_trend() -> None:
    gap = said([2.0, 4.0, 0.0, 0.0, 9.0], missing=(2, 3))
    close(gap.levels[0, 1, :4] - gap.levels[0, 3, :4], [0, 0, 0, 0])
    close(gap.slopes[0, 1, :4] - gap.slopes[0, 3, :4], [0, 0, 0, 0])
    close(gap.values[0], [2, 4, 3.2, 3.2, 9])


def test_what_stands_before_the_first_value_is_not_there() -> None:
    late, on_time = said([0.0, 0.0, 5.0, 6.0], missing=(0, 1)), said([5.0, 6.0])
    for name in ("levels", "slopes", "lags", "age"):
        torch.testing.assert_close(getattr(late, name)[:, 2:], getattr(on_time, name))
    close(late.age[0], [0, 0, 1, 2])


def test_the_mean_and_the_last_season_are_the_seasonal_naive_forecast() -> None:
    values = [3.0, 7.0, 1.0, 9.0, 4.0, 8.0, 2.0, 5.0]
    one = said(values, seasons=(4,), leads=6)
    close(one.levels[0, -1, -1] + one.seasons[0, -1, :, 4], [4, 8, 2, 5, 4, 8])


def test_a_season_that_repeats_is_found_exactly_whether_its_length_is_even_or_odd() -> None:
    for cycle in ([1.0, -3.0, 2.0, 0.0], [1.0, -3.0, 2.0]):
        m = len(cycle)
        one = said([10 + value for value in cycle] * 5, seasons=(m,), leads=m)
        for kind in (1, 2, 3):
            close(one.seasons[0, -1, :, kind], cycle)
        close(one.shares[0, -1], [1])


def test_noise_is_not_taken_for_a_season() -> None:
    draw = torch.Generator().manual_seed(3)
    noise = torch.randn(20, 96, generator=draw, dtype=torch.float64)
    smoothing = Smoothing((12,), 1)
    shares = smoothing.run(noise, torch.ones_like(noise, dtype=torch.bool), begun(smoothing.sizes, 20))[0].shares
    assert shares[:, -1].mean() < 0.4


def test_two_seasons_that_lie_upon_each_other_are_found_together() -> None:
    short, long = [1.0, -1.0, 0.0], [0.0, 2.0, 0.0, 0.0, -2.0, 0.0]
    both = [short[step % 3] + long[step % 6] for step in range(6)]
    one = said([5 + value for value in both] * 8, seasons=(3, 6), leads=6)
    torch.testing.assert_close(one.seasons[0, -1, :, 2], torch.tensor(both, dtype=torch.float64), atol=0.2, rtol=0)


def test_a_straight_line_is_carried_on() -> None:
    one = said([float(step) for step in range(400)], leads=3)
    close(one.slopes[0, -1, 2:3].round(decimals=6), [1])  # Holt's second, undamped
    close(Smoothing((), 3).reach[:, 0], [0.8, 0.8 + 0.64, 0.8 + 0.64 + 0.512])


def test_a_simple_forecast_is_judged_by_what_came() -> None:
    smoothing = Smoothing((), 2)
    record, x = Record(smoothing), torch.tensor([[1.0, 4.0, 4.0]], dtype=torch.float64)
    seen = torch.ones_like(x, dtype=torch.bool)
    state = begun(record.sizes) | {"error": torch.full((1, 2, record.count), FIRST, dtype=torch.float64)}
    told, _ = smoothing.run(x, seen, begun(smoothing.sizes))
    errors, _ = record.run(x, seen, told, smoothing.reach, state)
    near, far = errors[0, :, :, 0].unbind(1)  # naive: missed by 3, then by 0; two steps ahead by 3
    close(near, [0.8, 0.8 / 2 + 3 / 2, 1.9 * 2 / 3])
    close(far, [0.8, 0.8, 0.8 / 2 + 3 / 2])
