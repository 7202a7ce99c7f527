"""The chunk kernels against torch's own layers and against the equations, step by step; what callers may rely on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck

from forecast.errors import ForecastError
from forecast.models.kernels import forget_rnn, gru, rnn

Kernel = Callable[..., tuple[Tensor, Tensor]]
Step = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def after(d: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    (dr, dz, dn), (ur, uz, un) = d.chunk(3, 1), (h @ weight.T + bias).chunk(3, 1)
    r, z = torch.sigmoid(dr + ur), torch.sigmoid(dz + uz)
    return (1 - z) * torch.tanh(dn + r * un) + z * h


def before(d: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    (dr, dz, dn), (wr, wz, wn), (br, bz, bn) = d.chunk(3, 1), weight.chunk(3), bias.chunk(3)
    r, z = torch.sigmoid(dr + h @ wr.T + br), torch.sigmoid(dz + h @ wz.T + bz)
    return (1 - z) * torch.tanh(dn + (r * h) @ wn.T + bn) + z * h


def plain(d: Tensor, h: Tensor, weight: Tensor, bias: Tensor, activation: str = "tanh") -> Tensor:
    return getattr(torch, activation)(d + h @ weight.T + bias)


def forgetting(d: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    f, u = (d + h @ weight.T + bias).chunk(2, 1)
    return torch.sigmoid(f) * h + (1 - torch.sigmoid(f)) * torch.tanh(u)


CASES: dict[str, tuple[Kernel, Step, int]] = {
    "gru-after": (gru, after, 3),
    "gru-before": (partial(gru, reset_after=False), before, 3),
    "rnn-tanh": (rnn, plain, 1),
    "rnn-relu": (partial(rnn, activation="relu"), partial(plain, activation="relu"), 1),
    "forget_rnn": (forget_rnn, forgetting, 2),
}
each = pytest.mark.parametrize(("kernel", "step", "gates"), CASES.values(), ids=CASES)


def arguments(
    gates: int, sizes: tuple[int, int, int] = (3, 5, 4), dtype: torch.dtype = torch.float64
) -> tuple[Tensor, ...]:
    """Return drive, h0, weight, bias for B, T, H."""
    streams, steps, units = sizes
    shapes = [(streams, steps, gates * units), (streams, units), (gates * units, units), (gates * units,)]
    draw = torch.Generator().manual_seed(0)
    scale = 1 / units**0.5
    drawn = [torch.randn(shape, generator=draw, dtype=torch.float64).to(dtype) for shape in shapes]
    return tuple(part.mul_(scale if k > 1 else 1).requires_grad_() for k, part in enumerate(drawn))


def unrolled(step: Step, drive: Tensor, h: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    states = []
    for d in drive.unbind(1):
        h = step(d, h, weight, bias)
        states.append(h)
    return torch.stack(states, 1), h


def scalar(h: Tensor, last: Tensor) -> Tensor:
    """A loss in which each element of h and last has a weight of its own."""
    weights = torch.arange(1.0, h.numel() + 1, dtype=h.dtype).reshape(h.shape) / h.numel()
    return (h * weights).sum() - 2 * (last * weights[:, 0]).sum()


def close(ours: object, theirs: object, tolerance: float) -> None:
    """Equal relative to the scale of each tensor."""
    for a, b in zip(ours, theirs, strict=True):  # type: ignore[call-overload]
        assert (a - b).abs().max() <= tolerance * b.abs().max().clamp_min(1e-30)


@each
@pytest.mark.parametrize("sizes", [(3, 7, 4), (1, 1, 1), (2, 1, 3), (1, 6, 2)], ids=str)
def test_outputs_and_gradients_are_those_of_the_equations(kernel: Kernel, step: Step, gates: int, sizes) -> None:
    parts = arguments(gates, sizes)
    ours, theirs = kernel(*parts), unrolled(step, *parts)
    close(ours, theirs, 1e-10)
    close(grad(scalar(*ours), parts), grad(scalar(*theirs), parts), 1e-10)


@each
def test_gradients_pass_a_numerical_check(kernel: Kernel, step: Step, gates: int) -> None:
    assert gradcheck(kernel, arguments(gates))


@pytest.mark.parametrize("name", ["gru-after", "rnn-tanh", "rnn-relu"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-10)])
def test_outputs_and_gradients_are_those_of_torch(name: str, dtype: torch.dtype, tolerance: float) -> None:
    kernel, _, gates = CASES[name]
    fused = {"gru-after": torch.gru, "rnn-tanh": torch.rnn_tanh, "rnn-relu": torch.rnn_relu}[name]
    _, h0, weight, bias = arguments(gates, (32, 25, 32), dtype)
    x = torch.randn(32, 25, 6, generator=torch.Generator().manual_seed(1), dtype=dtype)
    seen = [torch.full((len(bias), 6), 0.1, dtype=dtype), torch.full_like(bias, 0.2)]
    for part in seen:
        part.requires_grad_()
    h, last = fused(x, h0[None], [seen[0], weight, seen[1], bias], True, 1, 0.0, False, False, True)
    ours = kernel(torch.nn.functional.linear(x, *seen), h0, weight, bias)
    parts = (*seen, h0, weight, bias)
    close(ours, (h, last[0]), tolerance)
    close(
        grad(scalar(*ours), parts), grad(scalar(h, last[0]), parts), 3 * tolerance if dtype == torch.float32 else 1e-10
    )


@each
def test_two_halves_with_the_state_handed_on_are_the_whole(kernel: Kernel, step: Step, gates: int) -> None:
    drive, h0, *weights = arguments(gates)
    first, state = kernel(drive[:, :2], h0, *weights)
    second, last = kernel(drive[:, 2:], state, *weights)
    halves, whole = (torch.cat((first, second), 1), last), kernel(drive, h0, *weights)
    close(halves, whole, 1e-14)
    parts = (drive, h0, *weights)
    close(grad(scalar(*halves), parts), grad(scalar(*whole), parts), 1e-12)


@each
def test_memory_may_lie_in_any_order(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    strided = [
        part.detach().repeat_interleave(2, -1)[..., ::2].transpose(0, -1).contiguous().transpose(0, -1).requires_grad_()
        for part in parts
    ]
    assert not any(part.is_contiguous() for part in strided[:3])
    close(grad(scalar(*kernel(*strided)), strided), grad(scalar(*kernel(*parts)), parts), 1e-14)


@each
def test_nothing_handed_in_is_written_to(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    copies = [part.detach().clone() for part in parts]
    scalar(*kernel(*parts)).backward()
    assert all(torch.equal(part, copy) for part, copy in zip(parts, copies, strict=True))


@each
def test_gradients_go_where_they_are_asked_for(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    whole = grad(scalar(*kernel(*parts)), parts)
    for chosen in range(4):
        some = [part.detach().requires_grad_(k == chosen) for k, part in enumerate(parts)]
        close(grad(scalar(*kernel(*some)), some[chosen]), [whole[chosen]], 1e-14)


@each
def test_either_result_alone_may_be_used(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    h, last = kernel(*parts)
    expected = grad(h[:, -1].square().sum(), parts, retain_graph=True)
    close(grad(last.square().sum(), parts), expected, 1e-14)


@each
def test_without_biases_they_are_zero(kernel: Kernel, step: Step, gates: int) -> None:
    *parts, bias = arguments(gates)
    ours, theirs = kernel(*parts), kernel(*parts, torch.zeros_like(bias))
    close((*ours, *grad(scalar(*ours), parts)), (*theirs, *grad(scalar(*theirs), parts)), 1e-14)


@each
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_gradients_values_are_the_same(kernel: Kernel, step: Step, gates: int, mode) -> None:
    parts = arguments(gates)
    with mode():
        h, last = kernel(*parts)
    assert not h.requires_grad and not last.requires_grad
    close((h, last), kernel(*parts), 0)


@each
def test_values_and_gradients_can_be_changed_in_place_afterwards(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    results = kernel(*parts)
    for part in (*results, *grad(scalar(*results), parts)):
        part.detach().add_(1)  # an optimiser's step: refused for tensors made in inference mode


@each
def test_a_result_changed_in_place_before_the_backward_pass_is_noticed(kernel, step: Step, gates: int) -> None:
    h, _ = kernel(*arguments(gates))
    h.detach().mul_(2)
    with pytest.raises(RuntimeError, match="modified inplace"):
        h.sum().backward()


@each
def test_a_second_derivative_is_refused(kernel: Kernel, step: Step, gates: int) -> None:
    parts = arguments(gates)
    (first,) = grad(scalar(*kernel(*parts)).square(), parts[0], create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        first.sum().backward()


@each
def test_bfloat16_stays_near_float32(kernel: Kernel, step: Step, gates: int) -> None:
    wide = arguments(gates, (4, 9, 8), torch.float32)
    narrow = [part.detach().bfloat16().requires_grad_() for part in wide]
    ours, theirs = kernel(*narrow), kernel(*wide)
    assert ours[0].dtype == torch.bfloat16
    close(ours, theirs, 0.03)
    close(grad(scalar(*ours), narrow), grad(scalar(*theirs), wide), 0.05)


@each
def test_under_autocast_the_drive_sets_the_precision_and_gradients_keep_the_weights(kernel, step, gates: int) -> None:
    parts = arguments(gates, dtype=torch.float32)
    expected = (*kernel(*parts), *grad(scalar(*kernel(*parts)), parts))
    with torch.autocast("cpu", torch.bfloat16):
        h, last = kernel(*parts)
        close((h, last, *grad(scalar(h, last), parts)), expected, 0)
        h, last = kernel(parts[0].bfloat16(), *parts[1:])
        gradients = grad(scalar(h, last), parts)
    assert h.dtype == last.dtype == torch.bfloat16
    assert all(part.dtype == torch.float32 for part in gradients)


@each
def test_no_step_leaves_the_device_of_its_inputs(kernel: Kernel, step: Step, gates: int) -> None:
    parts = [part.detach().to("meta").requires_grad_() for part in arguments(gates)]  # mixing devices raises
    h, last = kernel(*parts)
    gradients = grad(h.sum() + last.sum(), parts)
    assert all(g.device.type == "meta" and g.shape == part.shape for g, part in zip(gradients, parts, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda d, h, w, b: (d[:, :, 1:], h, w, b),
        lambda d, h, w, b: (d[:, 0], h, w, b),
        lambda d, h, w, b: (d, h[:2], w, b),
        lambda d, h, w, b: (d, h, w[:, 1:], b),
        lambda d, h, w, b: (d, h, w, b[1:]),
        lambda d, h, w, b: (d[:, :0], h, w, b),
        lambda d, h, w, b: (d[:0], h[:0], w, b),
    ],
    ids=["width", "no time", "streams", "units", "bias", "no step", "no stream"],
)
@each
def test_shapes_that_do_not_fit_are_refused(kernel: Kernel, step: Step, gates: int, change) -> None:
    with pytest.raises(ForecastError, match=rf"drive \(B, T, {gates}H\), state \(B, H\)") as caught:
        kernel(*change(*arguments(gates)))
    assert caught.value.remedy == "stack the gates as torch does"


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ForecastError, match="expected activation tanh or relu\n     got 'elu'\n      do choose one"):
        rnn(*arguments(1), activation="elu")
