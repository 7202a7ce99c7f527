"""Sample paths: what is drawn is read next; live and past draw alike; the draws are from what the network says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from forecast.batches import Frames, Panel, run
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Model, Shape, create
from forecast.models.ensemble import Ensemble
from forecast.outputs import sample_paths
from forecast.registry import member

STEPS, AHEAD, LEVELS = 20, 4, (0.1, 0.5, 0.9)


def panel(series: int = 3, targets: int = 1, covariates: int = 0) -> Panel:
    """Noise with a calendar, something known beforehand and attributes; the second series begins at step 7."""
    draw = torch.Generator().manual_seed(0)
    values = torch.randn(series, STEPS, targets + covariates, generator=draw)
    if series > 1:
        values[1, :7] = torch.nan
    begin = torch.tensor([0, 7, 0])[:series]
    ways = torch.tensor([[[0.0, 1.0, 1.0]]]).expand(series, targets, 3)
    calendar, known = (
        torch.randn(STEPS + AHEAD, 2, generator=draw),
        torch.randn(series, STEPS + AHEAD, 1, generator=draw),
    )
    static = torch.randn(series, 2, generator=draw)
    return Panel(values, targets, AHEAD, calendar=calendar, begin=begin, known=known, static=static, ways=ways)


def network(
    data: Panel | Frames, outputs: int, kind: str = "lstm", likelihood: str = "", leads: int = 1, seed: int = 1
) -> Model:
    shape = Shape(data.channels, leads, outputs, data.future, targets=data.targets, likelihood=likelihood)
    return create(member("model", MODELS, kind), shape, {"hidden": 5}, seed).eval()


def part(data: Panel, stop: int) -> Panel:
    """The same, ended at a step, with what is told of the steps ahead."""
    assert isinstance(data.values, torch.Tensor) and data.calendar is not None and data.known is not None
    told = {"calendar": data.calendar[: stop + AHEAD], "known": data.known[:, : stop + AHEAD]}
    kept = {"begin": data.begin, "static": data.static, "ways": data.ways}
    return Panel(data.values[:, :stop], data.targets, AHEAD, **told, **kept)


def last(model: Model, data: Panel) -> np.ndarray:
    """Return what a network of one lead says after the last step, (outputs,), of one series."""
    return run(model, replace(data, leads=1))[0][0, -1, 0].double().numpy()


def test_what_a_network_says_is_what_it_reads_next() -> None:
    data = panel(1)
    model = network(data, 1)
    path, _ = sample_paths(model, part(data, 15), paths=1)
    assert isinstance(data.values, torch.Tensor)
    for lead in range(AHEAD):
        said = last(model, part(data, 15 + lead))
        assert path[0, 0, lead, 0, 0].item() == pytest.approx(said.item(), abs=1e-5)
        data.values[0, 15 + lead, 0] = path[0, 0, lead, 0, 0]


@pytest.mark.parametrize("kind", ["lstm", "mlp", "seq2seq"])
def test_live_draws_what_past_drew_from_the_same_reference(kind: str) -> None:
    data = panel()
    model = network(data, 3, kind)
    past, _ = sample_paths(model, data, steps=(12, 16), levels=LEVELS, paths=7)
    assert past.shape == (3, 4, AHEAD, 1, 7)
    for at in (12, 15):
        now, _ = sample_paths(model, part(data, at + 1), levels=LEVELS, paths=7)
        torch.testing.assert_close(now[:, 0], past[:, at - 12], rtol=1e-4, atol=1e-5)


def test_a_stored_state_goes_on_and_what_was_handed_in_is_left_alone() -> None:
    data = panel()
    model = network(data, 3)
    _, state = sample_paths(model, part(data, 15), levels=LEVELS, paths=5)
    kept = {name: value.clone() for name, value in state.items()}
    assert isinstance(data.values, torch.Tensor) and data.calendar is not None and data.known is not None
    rest = replace(data, values=data.values[:, 15:16], calendar=data.calendar[15:], known=data.known[:, 15:])
    mine, _ = sample_paths(model, rest, state, levels=LEVELS, paths=5)
    whole, _ = sample_paths(model, part(data, 16), levels=LEVELS, paths=5)
    torch.testing.assert_close(mine, whole, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(state[name], value) for name, value in kept.items())


def test_before_a_series_begins_nothing_is_drawn() -> None:
    data = panel()
    found, _ = sample_paths(network(data, 1), data, steps=(5, 9), paths=2)
    assert (
        torch.isnan(found[1, :2]).all() and torch.isfinite(found[1, 2:]).all() and torch.isfinite(found[[0, 2]]).all()
    )


def test_the_first_lead_is_drawn_from_the_distribution_that_the_network_says() -> None:
    data = panel(1)
    for likelihood, outputs in (("student_t", 3), ("negative_binomial", 2)):
        model = network(data, outputs, likelihood=likelihood)
        found = sample_paths(model, data, paths=2000)[0][0, 0, 0, 0].double().numpy()
        o = last(model, data)
        if likelihood == "student_t":
            said = stats.t(2 + np.exp(o[2]), o[0], 1e-3 + np.exp(o[1]))
        else:
            n, mean = 1 / (1e-6 + np.logaddexp(0, o[1])), 1e-6 + np.logaddexp(0, o[0])
            said = stats.nbinom(n, n / (n + mean))
            assert (found == found.round()).all() and (found >= 0).all()
        for level in LEVELS:
            assert np.mean(found <= said.ppf(level)) == pytest.approx(said.cdf(said.ppf(level)), abs=0.01)


def test_three_quantiles_are_drawn_from_as_a_two_piece_normal() -> None:
    data = panel(1)
    model = network(data, 3)
    found = np.sort(sample_paths(model, data, levels=LEVELS, paths=4000)[0][0, 0, 0, 0].double().numpy())
    low, middle, high = np.sort(last(model, data))
    np.testing.assert_allclose(np.quantile(found, LEVELS), [low, middle, high], atol=0.01)
    above = (high - middle) / stats.norm.ppf(0.9)
    assert np.quantile(found, 0.99) == pytest.approx(middle + above * stats.norm.ppf(0.99), abs=0.03)


def test_series_draw_each_its_own_and_seeds_differ() -> None:
    data = panel()
    data.values[:] = 0.0
    data.begin[:] = 0
    model = network(data, 3)
    one, again, other = (sample_paths(model, data, levels=LEVELS, paths=50, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    ranks = one[:, 0, 0, 0].argsort(dim=1).argsort(dim=1).double().numpy()
    assert abs(np.corrcoef(ranks)[0, 2]) < 1 - 1e-6 and not np.array_equal(ranks[0], ranks[2])


def test_each_network_of_an_ensemble_draws_paths_of_its_own() -> None:
    data = panel()
    networks = [network(data, 1, seed=seed) for seed in (1, 2)]
    together, state = sample_paths(Ensemble(networks), data, paths=4)
    for number, one in enumerate(networks):
        alone, last = sample_paths(one, data, paths=2)
        torch.testing.assert_close(together[..., number::2], alone)
        assert all(torch.equal(state[f"{number}.{name}"], value) for name, value in last.items())


def test_frames_without_flags_go_on_too_several_targets_and_leads_alike() -> None:
    draw = torch.Generator().manual_seed(3)
    values, calendar = torch.randn(2, STEPS, 2, generator=draw), torch.randn(STEPS + AHEAD, 2, generator=draw)
    values[0, 3, 1] = torch.nan
    data = Frames(values, 2, AHEAD, calendar=calendar, mask=True)
    found, _ = sample_paths(network(data, 6, leads=3), data, levels=LEVELS, paths=6)
    assert found.shape == (2, 1, AHEAD, 2, 6) and torch.isfinite(found).all()
    assert (found.std(dim=4) > 0).all()


def test_what_cannot_go_on_is_refused_in_words() -> None:
    data = panel(covariates=1)
    with pytest.raises(ForecastError, match=r"(?s)no covariates but those known.*1 known only of the past.*direct"):
        sample_paths(network(data, 1), data)
    data = panel()
    with pytest.raises(ForecastError, match=r"(?s)step by step.*BiLSTM, which reads its last steps both ways.*direct"):
        sample_paths(network(data, 1, "bilstm"), data)
    maps = Frames(torch.zeros(1, STEPS, 1, 3, 4), 1, 1)
    with pytest.raises(ForecastError, match=r"(?s)reads series step by step.*got maps"):
        sample_paths(network(data, 1), maps)
    with pytest.raises(ForecastError, match=r"(?s)a path at least.*\[0, 20\).*0 after \[19, 20\)"):
        sample_paths(network(data, 1), data, paths=0)
