"""Net gradients (the error's gradient at the net inputs of each gate) in closed form, against autograd.

Written from the chain rule as recursions from the last step to the first, in the notation of Zaki & Meira 2020, Data
Mining and Machine Learning, 2nd edition, chapter 26: phi forget gate, kappa input gate, omega output gate, u candidate,
c internal memory, h hidden state, delta net gradient. The error is the sum over all steps of E(o_t), o_t = V h_t; U are
the recurrent weights of each gate. A step's hidden state acts on its own output and on the next step's net inputs:

    delta_h_t = V^T delta_o_t + sum over gates of U^T delta_{t+1} [+ what the next state takes over directly]
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from forecast.models.base import Shape, create
from forecast.models.layer import Layer
from tests.models.small import kind, shaken

STEPS, STREAMS, UNITS = 7, 2, 4
Deltas = dict[str, Tensor]


class Run:
    """One pass of a layer by its own steps: what it went through, and autograd's gradients at every net input."""

    def __init__(self, name: str) -> None:
        options = {"hidden": UNITS, "layers": 1, "dropout": 0.0}
        model = shaken(create(kind(name), Shape(inputs=3, leads=1), options), std=1.0)
        layer: Layer = model.stack.layers[0].double()
        draw = torch.Generator().manual_seed(2)
        self.layer, self.x = layer, torch.randn(STREAMS, STEPS, 3, generator=draw, dtype=torch.float64)
        self.out_weight = torch.randn(5, UNITS, generator=draw, dtype=torch.float64)
        self.truth = torch.randn(STREAMS, STEPS, 5, generator=draw, dtype=torch.float64)
        self.begun = {key: 2 * torch.randn(STREAMS, UNITS, generator=draw, dtype=torch.float64) for key in layer.sizes}
        self.net = layer.drive(self.x).detach().requires_grad_()  # a gradient here is one at the net input
        state, self.states, self.gates = self.begun, [self.begun], []
        for net in self.net.unbind(1):
            _, state, gates = layer.step(net, state)
            self.states.append(state)
            self.gates.append(gates)
            for value in state.values():
                value.retain_grad()
        self.h = torch.stack([state["h"] for state in self.states[1:]], dim=1)
        self.error(self.h).backward()
        delta_o = (self.h @ self.out_weight.T - self.truth).detach()
        self.from_outputs = (delta_o @ self.out_weight).unbind(1)  # V^T delta_o
        self.blocks = {name: weight.detach() for name, weight in layer.recurrent_weights().items()}
        self.deltas: dict[str, list[Tensor]] = {}

    def error(self, h: Tensor) -> Tensor:
        return (h @ self.out_weight.T - self.truth).square().sum() / 2

    def before(self, t: int, part: str = "h") -> Tensor:
        return self.states[t][part].detach()

    def after(self, t: int, part: str = "h") -> Tensor:
        return self.states[t + 1][part].detach()

    def gate(self, t: int, name: str) -> Tensor:
        return self.gates[t][name].detach()

    def arriving(self, t: int, later: Deltas) -> Tensor:
        """V^T delta_o_t + sum over gates of U^T delta_{t+1}."""
        return self.from_outputs[t] + sum(later[name] @ weight for name, weight in self.blocks.items() if later)

    def closed_form(self, step: Callable[[Run, int, Deltas], Deltas]) -> dict[str, Tensor]:
        """Carry a recursion from the last step to the first: gate -> (B, T, H)."""
        later: Deltas = {}
        found: list[Deltas] = []
        for t in reversed(range(STEPS)):
            later = step(self, t, later)
            found.insert(0, later)
        return {name: torch.stack([each[name] for each in found], dim=1) for name in found[0]}

    def autograd(self) -> dict[str, Tensor]:
        assert self.net.grad is not None
        return dict(zip(self.blocks, self.net.grad.chunk(len(self.blocks), dim=2), strict=True))


def rnn(run: Run, t: int, later: Deltas) -> Deltas:
    return {"candidate": run.arriving(t, later) * (1 - run.after(t) ** 2)}


def candidate(run: Run, t: int) -> Tensor:
    """u_t, from h_t = phi_t h_{t-1} + (1 - phi_t) u_t."""
    phi = run.gate(t, "forget gate")
    return (run.after(t) - phi * run.before(t)) / (1 - phi)


def forget_rnn(run: Run, t: int, later: Deltas) -> Deltas:
    phi, u, h = run.gate(t, "forget gate"), candidate(run, t), run.arriving(t, later)
    if later:
        h = h + later["state"] * run.gate(t + 1, "forget gate")
    gate = h * (run.before(t) - u) * phi * (1 - phi)
    return {"forget gate": gate, "candidate": h * (1 - phi) * (1 - u**2), "state": h}


def lstm(run: Run, t: int, later: Deltas, *, slope: str = "1 - tanh(c)^2", passed: int = 1) -> Deltas:
    """With delta_c_t = delta_h_t omega_t (1 - tanh(c_t)^2) + delta_c_{t+1} phi_{t+1}, or what is often printed."""
    names = ("input gate", "forget gate", "output gate")
    (kappa, phi, omega), c = (run.gate(t, name) for name in names), run.after(t, "c")
    u = (c - phi * run.before(t, "c")) / kappa
    delta_h, rise = run.arriving(t, later), 1 - (c.tanh() if slope == "1 - tanh(c)^2" else c) ** 2
    delta_c = delta_h * omega * rise
    if later:
        delta_c = delta_c + later["cell"] * run.gate(t + passed, "forget gate")
    return {
        "input gate": delta_c * u * kappa * (1 - kappa),
        "forget gate": delta_c * run.before(t, "c") * phi * (1 - phi),
        "candidate": delta_c * kappa * (1 - u**2),
        "output gate": delta_h * c.tanh() * omega * (1 - omega),
        "cell": delta_c,
    }


each = pytest.mark.parametrize(("name", "recursion"), [("rnn", rnn), ("forget_rnn", forget_rnn), ("lstm", lstm)])


@each
def test_the_net_gradients_are_those_of_autograd(name: str, recursion: Callable[..., Deltas]) -> None:
    run = Run(name)
    found = run.closed_form(recursion)
    for gate, expected in run.autograd().items():
        torch.testing.assert_close(found[gate], expected, atol=1e-10, rtol=0)


@each
def test_the_weights_gradients_of_a_whole_sweep_follow_from_the_net_gradients(
    name: str, recursion: Callable[..., Deltas]
) -> None:
    run = Run(name)
    layer, found = run.layer, run.closed_form(recursion)
    delta = torch.cat([found[gate] for gate in run.blocks], dim=2)
    weights = (layer.seen.weight, layer.carried.weight, layer.seen.bias)
    for_seen, for_carried, for_bias = torch.autograd.grad(run.error(layer(run.x, run.begun)[0]), weights)
    last = torch.stack([run.before(t) for t in range(STEPS)], dim=1)
    torch.testing.assert_close(for_seen, torch.einsum("btg,btc->gc", delta, run.x), atol=1e-10, rtol=0)
    torch.testing.assert_close(for_carried, torch.einsum("btg,bth->gh", delta, last), atol=1e-10, rtol=0)
    torch.testing.assert_close(for_bias, delta.sum((0, 1)), atol=1e-10, rtol=0)


def test_the_gradient_at_the_internal_memory_is_that_of_autograd() -> None:
    run = Run("lstm")
    expected = torch.stack([state["c"].grad for state in run.states[1:]], dim=1)
    torch.testing.assert_close(run.closed_form(lstm)["cell"], expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("slope", "passed"), [("1 - c^2", 0), ("1 - c^2", 1), ("1 - tanh(c)^2", 0)], ids=["both", "slope", "gate"]
)
def test_the_form_often_printed_with_1_less_c_squared_and_the_same_steps_forget_gate_is_not(
    slope: str, passed: int
) -> None:
    run = Run("lstm")
    found = run.closed_form(lambda run, t, later: lstm(run, t, later, slope=slope, passed=passed))
    error, expected = torch.cat([found[gate] for gate in run.blocks], dim=2), run.net.grad
    assert (error - expected).abs().max() > 0.05 * expected.abs().max()
