"""sLSTM: memory mixed within heads only, gradients, streams begun anew, what is traced, how it begins."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from forecast.errors import ForecastError
from forecast.models.base import Shape, create
from forecast.models.kernels import slstm
from forecast.models.mlstm import MLSTM
from forecast.models.slstm import SLSTM
from tests.models.cells import close, held, layer, noise, zeros

FORMS = [(heads, form) for heads in (1, 2) for form in ("sigmoid", "exponential")]


def test_heads_of_the_slstm_mix_no_memory() -> None:
    ours, x = layer(SLSTM, heads=2), noise(2, 5, 3)
    state = held(ours)
    other = {**state, "h": state["h"] + torch.tensor([0.0] * 4 + [1.0] * 4).double()}  # of the second head alone
    for sweep in (ours.sweep, ours.unroll):
        (h, last), (changed, after) = sweep(x, state), sweep(x, other)
        assert torch.equal(h[..., :4], changed[..., :4]) and not torch.isclose(h[:, 0, 4:], changed[:, 0, 4:]).any()
        assert all(torch.equal(last[name][:, :4], after[name][:, :4]) for name in "hcnm")
    for weight in ours.recurrent_weights().values():
        assert weight.shape == (8, 8) and not weight[:4, 4:].any() and not weight[4:, :4].any() and weight.any()


def test_recurrent_weights_are_those_of_the_step() -> None:
    ours, state = layer(SLSTM, heads=2), held(layer(SLSTM))
    given = {**state, "h": state["h"].clone().requires_grad_()}
    weights = ours.recurrent_weights()
    a = ours.step(noise(2, 32), given)[2]["input exponent"]
    (gradient,) = torch.autograd.grad(a[:, 3].sum(), given["h"])
    close(gradient[0], weights["input exponent"][3], 1e-12)
    assert layer(MLSTM).recurrent_weights() == {}


@pytest.mark.parametrize(("heads", "form"), FORMS)
def test_the_gradients_of_the_slstm_are_the_numerical_ones(heads: int, form: str) -> None:
    state, (drive, weight) = held(layer(SLSTM, hidden=4)), (noise(2, 5, 16), noise(heads, 16 // heads, 4 // heads))

    def swept(drive: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        outputs, (h, c, n, m) = slstm(drive, (h, c, n, m), weight, form == "exponential")
        return outputs, h, c / n, n.log() + m  # of the state, what m leaves alone

    parts = [part.requires_grad_() for part in (drive, *state.values(), weight)]
    assert torch.autograd.gradcheck(swept, parts, fast_mode=True)
    zero = torch.zeros_like(state["c"]).detach()
    from_zero = [parts[0], parts[1], parts[5]]
    assert torch.autograd.gradcheck(lambda d, h, w: swept(d, h, zero, zero, zero, w)[:2], from_zero, fast_mode=True)


def test_a_stream_begun_anew_beside_a_carried_one_is_neither_empty_nor_mixed_up() -> None:
    ours = layer(SLSTM)
    x, state = noise(2, 4, 3), {name: part * torch.tensor([[0.0], [1.0]]) for name, part in held(ours).items()}
    with torch.no_grad():
        ours.seen.bias[8:16] = -200  # inputs so weak that a stabiliser above them would leave 0 / 0
    for sweep in (ours.sweep, ours.unroll):
        h, last = sweep(x, state)
        alone, after = sweep(x[:1], zeros(ours, 1))
        assert h.isfinite().all() and h[0].any()
        close(h[:1], alone, 1e-12)
        close(last["m"][:1], after["m"], 1e-12)


def test_a_bias_common_to_all_input_exponents_changes_nothing_in_the_slstm() -> None:
    ours, x = layer(SLSTM), noise(2, 6, 3)
    before, _ = ours(x, zeros(ours))
    with torch.no_grad():
        ours.seen.bias[8:16] += 3
    close(ours(x, zeros(ours))[0], before, 1e-12)


def test_what_the_slstm_traces_is_how_its_average_moves() -> None:
    ours, x = layer(SLSTM), noise(2, 6, 3)
    h, _, shown = ours.trace(x, zeros(ours))
    kept, average = shown["forget gate"], shown["average"]
    assert kept.min() == 0 and kept[:, 1:].min() > 0 and kept.max() < 1  # of nothing, nothing is kept
    close(h, shown["output gate"] * average, 1e-12)
    hidden = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
    z = torch.tanh(ours.drive(x)[..., :8] + hidden @ ours.recurrent_weights()["candidate"].t())
    close(average[:, 1:], kept[:, 1:] * average[:, :-1] + (1 - kept[:, 1:]) * z[:, 1:], 1e-12)


@pytest.mark.parametrize(
    ("bias", "expected"),
    [(2.0, [2.0] * 4), ("linear", [3.0, 4.0, 5.0, 6.0]), ("power law", [5.0, -3.6305, -5.6256, -7.0])],
)
def test_forget_biases_begin_as_asked_and_both_forms_forget_alike(bias: Any, expected: list[float]) -> None:
    for form in ("sigmoid", "exponential"):
        begun = SLSTM.layer(3, SLSTM.Options(hidden=8, heads=2, forget_bias=bias, forget=form)).seen.bias[16:24]
        forget = torch.exp(begun) if form == "exponential" else torch.sigmoid(begun)
        torch.testing.assert_close(forget, torch.sigmoid(torch.tensor(expected * 2)), atol=1e-4, rtol=1e-3)


def test_a_drive_that_does_not_fit_is_refused() -> None:
    state = torch.zeros(2, 4)
    with pytest.raises(ForecastError, match="stack the gates within each head"):
        slstm(torch.zeros(2, 3, 15), (state, state, state, state), torch.zeros(1, 16, 4))


def test_a_state_that_is_learned_has_no_negative_weight() -> None:
    model = create(SLSTM, Shape(inputs=1, leads=1), {"hidden": 4, "initial": "learned"})
    nn.init.constant_(model.stack.learned["n"], -1.0)
    nn.init.constant_(model.stack.learned["c"], -1.0)
    begun = model.initial(2)
    assert not begun["n"].any() and (begun["c"] == -1).all()
    y, _ = model(torch.zeros(2, 3, 1), None, begun)
    y.sum().backward()
    assert model.stack.learned["c"].grad.abs().min() > 0  # type: ignore[union-attr]
