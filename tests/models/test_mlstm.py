"""mLSTM: the same at once, in chunks and step by step; gradients; how it begins."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Shape, State, create
from forecast.models.layer import Layer
from forecast.models.mlstm import MLSTM
from tests.models.cells import held, layer, noise


@pytest.mark.parametrize("head_norm", [False, True])
def test_the_gradients_of_the_mlstm_are_the_numerical_ones(head_norm: bool) -> None:
    ours, x = layer(MLSTM, hidden=4, heads=2, head_norm=head_norm), noise(2, 5, 3).requires_grad_()
    state = {name: part.requires_grad_() for name, part in held(ours).items()}
    weights = list(ours.parameters())

    def swept(x: Tensor, *parts: Tensor) -> tuple[Tensor, ...]:
        h, last = ours(x, dict(zip("cnm", parts, strict=False)))
        return h, *last.values()

    assert torch.autograd.gradcheck(swept, (x, *state.values(), *weights), fast_mode=True)


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@pytest.mark.parametrize("head_norm", [False, True])
def test_the_mlstm_is_the_same_at_once_in_chunks_and_step_by_step(
    dtype: torch.dtype, bound: float, head_norm: bool
) -> None:
    ours, x = layer(MLSTM, dtype, heads=2, head_norm=head_norm), noise(2, 150, 3, dtype=dtype)  # over two stretches
    outputs, last, gradients = results(ours, x, [150], ours.unroll)
    for sizes in ([150], [1, 62, 64, 23]):
        h, state, given = results(ours, x, sizes, ours)
        for got, wanted in zip([h, *state.values()], [outputs, *last.values()], strict=True):
            assert (got - wanted).abs().max() <= bound * wanted.abs().max()
        for got, wanted in zip(given, gradients, strict=True):  # sums of 300 steps' worth of roundings
            assert (got - wanted).abs().max() <= 10 * bound * wanted.abs().max()


def results(ours: Layer, x: Tensor, sizes: list[int], sweep: Any) -> tuple[Tensor, State, tuple[Tensor, ...]]:
    """Outputs, the last state, and the weights' gradients, of chunks of these sizes with their state carried."""
    state, parts = held(ours, dtype=x.dtype), []
    for part in x.split(sizes, dim=1):
        h, state = sweep(part, state)
        parts.append(h)
    outputs = torch.cat(parts, dim=1)
    total = (outputs * noise(*outputs.shape, seed=3, dtype=x.dtype)).sum()
    return outputs, state, torch.autograd.grad(total, list(ours.parameters()))


def test_the_gates_of_the_mlstm_begin_as_the_authors_have_them() -> None:
    torch.manual_seed(0)
    seen = MLSTM.layer(3, MLSTM.Options(hidden=400, heads=100)).seen
    assert not seen.weight[1600:].any() and seen.bias[1600:1700].std().item() == pytest.approx(0.1, rel=0.2)
    torch.testing.assert_close(seen.bias[1700:], torch.linspace(3, 6, 100))


def test_heads_of_unequal_size_are_refused() -> None:
    with pytest.raises(ForecastError, match="6 hidden units make no 4 equal heads: change one of the two"):
        create(MLSTM, Shape(inputs=1, leads=1), {"hidden": 6})
