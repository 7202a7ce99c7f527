"""Attention against its equations, written out output by output, and the window that it looks through."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from forecast.models.attention import Attention, Score
from forecast.models.base import State

SCORES: tuple[Score, ...] = ("additive", "multiplicative", "dot")
B, N, H = 2, 4, 3


def random(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(score: Score) -> Attention:
    torch.manual_seed(1)
    attention = Attention(H, score, N).double()
    for value in attention.parameters():  # the bias too, so that it has its place
        nn.init.normal_(value, std=0.5)
    return attention


@torch.no_grad()
def score(attention: Attention, s: Tensor, h: Tensor) -> float:
    if attention.score == "additive":
        inner = attention.query.weight @ s + attention.key.weight @ h + attention.key.bias
        return float(attention.sum.weight[0] @ torch.tanh(inner))
    return float(s @ (attention.key.weight @ h) if attention.score == "multiplicative" else s @ h / math.sqrt(3))


def looked(attention: Attention, h: Tensor, s: Tensor, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor, State]:
    """Contexts (B, T, H) and weights (B, T, n), chunk by chunk, from states s (B, T, H)."""
    state, contexts, weights = attention.initial(B, h), [], []
    for chunk, asked in zip(h.split(sizes, dim=1), s.split(sizes, dim=1), strict=True):
        past, state = attention.recall(chunk, state)
        c, a = attention(asked.flatten(0, 1), past)
        contexts.append(c.unflatten(0, (B, -1)))
        weights.append(past.windows(a).unflatten(0, (B, -1)))
    return torch.cat(contexts, dim=1), torch.cat(weights, dim=1), state


@pytest.mark.parametrize("name", SCORES)
def test_weights_are_the_softmax_of_the_scores_and_the_context_is_the_mean_under_them(name: Score) -> None:
    attention, h, s = build(name), random(B, 7, H), random(B, 7, H, seed=1)
    contexts, weights, _ = looked(attention, h, s, (7,))
    for stream in range(B):
        for step in range(7):
            window = h[stream, max(0, step + 1 - N) : step + 1]
            exponents = [math.exp(score(attention, s[stream, step], one)) for one in window]
            expected = torch.tensor([one / sum(exponents) for one in exponents], dtype=torch.float64)
            got = weights[stream, step]
            torch.testing.assert_close(got[N - len(window) :], expected)
            assert not got[: N - len(window)].any()
            torch.testing.assert_close(contexts[stream, step], expected @ window)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("sizes", [(1,) * 11, (5, 6), (2, 9), (10, 1)])
def test_a_carried_memory_gives_what_one_unbroken_run_gives(name: Score, sizes: tuple[int, ...]) -> None:
    attention, h, s = build(name), random(B, 11, H), random(B, 11, H, seed=1)
    contexts, weights, state = looked(attention, h, s, (11,))
    parts = looked(attention, h, s, sizes)
    torch.testing.assert_close(parts[0], contexts, atol=1e-14, rtol=0)
    torch.testing.assert_close(parts[1], weights, atol=1e-14, rtol=0)
    assert torch.equal(parts[2]["memory"], state["memory"]) and torch.equal(parts[2]["real"], state["real"])
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(B, 11, dtype=torch.float64))


def test_the_memory_keeps_the_last_outputs_and_says_which_are_real() -> None:
    attention, h = build("dot"), random(B, 5, H)
    _, early = attention.recall(h[:, :2], attention.initial(B, h))
    assert early["real"].tolist() == [[0, 1, 1]] * B
    assert torch.equal(early["memory"][:, 1:], h[:, :2]) and not early["memory"][:, 0].any()
    _, later = attention.recall(h[:, 2:], early)
    assert later["real"].all() and torch.equal(later["memory"], h[:, 2:])


@pytest.mark.parametrize("name", SCORES)
def test_blocks_that_are_filled_up_change_no_gradient(name: Score) -> None:
    attention, h, s = build(name), random(B, 5, H).requires_grad_(), random(B, 5, H, seed=1)
    slopes = []
    for sizes in ((5,), (1,) * 5):
        contexts, weights, _ = looked(attention, h, s, sizes)
        slopes.append(torch.autograd.grad((contexts * random(B, 5, H, seed=2)).sum(), (h, *attention.parameters())))
        assert weights.isfinite().all()
    for whole, stepwise in zip(*slopes, strict=True):
        torch.testing.assert_close(whole, stepwise)
