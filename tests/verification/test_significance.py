"""Diebold & Mariano's test: against its formula, against scores, its size on equal forecasts; false discoveries."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scores.stats.statistical_tests import diebold_mariano as of_scores

from forecast import schema, verification
from forecast.errors import ForecastError
from forecast.schema import LEAD, REFERENCE
from forecast.verification.significance import _test
from tests.worlds import forecasts, observations, random_maps

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def by_hand(d: np.ndarray, steps: int, lags: int, kernel: str) -> tuple[float, float]:
    """Return statistic and p of one whole series, written out."""
    n, mean = len(d), d.mean()
    variance = 0.0
    for i in range(n):
        for j in range(n):
            k = abs(i - j)
            if k <= lags:
                share = 1 - k / (lags + 1) if kernel == "bartlett" else 1.0
                variance += share * (d[i] - mean) * (d[j] - mean) / n
    correction = (n + 1 - 2 * steps + steps * (steps - 1) / n) / n
    statistic = np.sqrt(correction) * mean / np.sqrt(variance / n)
    return statistic, 2 * (1 - stats.t.cdf(abs(statistic), n - 1))


@pytest.mark.parametrize("kernel", ["bartlett", "uniform"])
def test_each_cell_agrees_with_the_formula_written_out(kernel):
    a, observed, met = random_maps(1, gaps=False)
    b = random_maps(2, gaps=False)[0]
    found = verification.diebold_mariano(a, b, observed, over=(), kernel=kernel)
    assert found["p"].dims == (LEAD, "lat", "lon")
    for lead in range(3):
        d = ((a.values - met) ** 2 - (b.values - met) ** 2)[:, lead, 1, 2]
        lags = max(3, 2 * lead) if kernel == "bartlett" else lead
        statistic, p = by_hand(d, lead + 1, lags, kernel)
        np.testing.assert_allclose(found["statistic"][lead, 1, 2], statistic, **CLOSE)
        np.testing.assert_allclose(found["p"][lead, 1, 2], p, **CLOSE)
        np.testing.assert_allclose(found["difference"][lead, 1, 2], d.mean(), **CLOSE)
    assert (found["times"] == 24).all()


def test_uniform_weights_are_those_of_scores():
    a, observed, met = random_maps(1, gaps=False)
    b = random_maps(2, gaps=False)[0]
    weights = schema.area_weights(observed)
    found = verification.diebold_mariano(a, b, observed, over=("lat", "lon"), weights=weights, kernel="uniform")
    squares = ((a - met) ** 2 - (b - met) ** 2).weighted(weights).mean(("lat", "lon"))
    series = squares.transpose(LEAD, REFERENCE).assign_coords(h=(LEAD, [1, 2, 3])).reset_coords(drop=True)
    series = series.assign_coords(h=(LEAD, [1, 2, 3]))
    expected = of_scores(series, LEAD, "h", method="HLN", statistic_distribution="t")
    np.testing.assert_allclose(found["statistic"], expected["dm_test_stat"], **CLOSE)
    below = expected["confidence_gt_0"]
    np.testing.assert_allclose(found["p"], 2 * np.minimum(below, 1 - below), **CLOSE)


@pytest.mark.parametrize(("steps", "persistence"), [(1, 0.0), (1, 0.5), (5, 0.0)])
def test_equal_forecasts_are_told_apart_in_about_a_twentieth_of_all_cases(steps, persistence):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(400 + steps, 2000))
    for at in range(1, len(noise)):
        noise[at] += persistence * noise[at - 1]
    series = sum(noise[lag : lag + 360] for lag in range(steps))  # errors of a lead overlap by steps - 1
    share = float((_test(series, steps, "bartlett", None)["p"] < 0.05).mean())
    assert 0.03 < share < 0.085


def test_the_better_forecast_has_a_negative_difference_and_a_small_p():
    rng = np.random.default_rng(0)
    observed = observations(rng.normal(size=(203, 2)))
    met = np.stack([observed.values[1 + lead : 201 + lead] for lead in range(3)], axis=1)
    good, bad = (forecasts(met + spread * rng.normal(size=met.shape), observed) for spread in (0.5, 1.0))
    found = verification.diebold_mariano(good, bad, observed, over="series")
    assert (found["difference"] < 0).all() and (found["statistic"] < -3).all() and (found["p"] < 0.01).all()
    swapped = verification.diebold_mariano(bad, good, observed, over="series")
    np.testing.assert_allclose(swapped["statistic"], -found["statistic"], **CLOSE)
    same = verification.diebold_mariano(good, good, observed, over="series")
    assert same["p"].isnull().all() and (same["difference"] == 0).all()


def test_missing_times_count_nothing_and_neighbours_keep_their_distance():
    d = np.random.default_rng(0).normal(size=60)
    holed = d.copy()
    holed[::7] = np.nan
    found = _test(holed[:, None], 2, "uniform", 1)
    known = np.isfinite(holed)
    about = np.where(known, holed - np.nanmean(holed), 0.0)
    n = known.sum()
    variance = ((about**2).sum() + 2 * (about[1:] * about[:-1]).sum()) / n
    correction = (n + 1 - 4 + 2 / n) / n
    expected = np.nanmean(holed) * np.sqrt(correction / (variance / n))
    np.testing.assert_allclose(found["statistic"], expected, **CLOSE)
    assert found["times"].item() == n


def test_a_lead_counts_in_steps_of_the_reference_times():
    a, observed, _ = random_maps(1, gaps=False)
    b = random_maps(2, gaps=False)[0]
    every_other = {REFERENCE: slice(None, None, 2)}
    found = verification.diebold_mariano(a.isel(every_other), b.isel(every_other), observed, over=(), kernel="uniform")
    daily = verification.diebold_mariano(
        a.isel(every_other), b.isel(every_other), observed, over=(), kernel="uniform", bandwidth=0
    )
    np.testing.assert_allclose(found["p"][:2], daily["p"][:2], **CLOSE)  # leads of 1 and 2 days are within one step
    assert not np.allclose(found["p"][2], daily["p"][2])


def test_false_discoveries_are_held_at_twice_the_level():
    p = xr.DataArray([[0.001, 0.03, 0.06, 0.9, np.nan], [0.06, 0.5, 0.6, 0.7, 0.8]], dims=(LEAD, "series"))
    found = verification.discoveries(p)
    # Benjamini & Hochberg at 0.1: of 4 tested, 0.001 <= 0.025, 0.03 <= 0.05, 0.06 <= 0.075; of 5, 0.06 > 0.02
    assert found.values.tolist() == [[True, True, True, False, False], [False] * 5]
    assert found.attrs["false_discovery_rate"] == 0.1
    rng = np.random.default_rng(0)
    chance = xr.DataArray(rng.random((200, 300)), dims=(LEAD, "series"))
    assert float(verification.discoveries(chance).any("series").mean()) < 0.16
    with pytest.raises(ForecastError, match=r"a level in \(0, 0.5\)"):
        verification.discoveries(p, level=0.5)


def test_one_time_is_refused():
    a, observed, _ = random_maps(1, gaps=False)
    with pytest.raises(ForecastError, match="2 reference times or more"):
        verification.diebold_mariano(a.isel({REFERENCE: [0]}), a.isel({REFERENCE: [0]}), observed, over=())
