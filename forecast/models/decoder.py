"""The decoder: from a summary of the past, one lead after the other, each hearing the one before.

    s_0 = tanh(W_b h_t + b_b)                              the bridge, for every part of the state (LSTM: h and c)
    s_l = layer([u_{l-1}; f_l], s_{l-1})                   without attention
    y_l = W_y s_l + b_y + start_l
    s_l = layer([u_{l-1}; f_l; c_l], s_{l-1})              additive: c_l attended to by s_{l-1}
    y_l = W_y [s_l; c_l] + b_y + start_l
    s_l = layer([u_{l-1}; f_l; r_{l-1}], s_{l-1})          multiplicative, dot: c_l attended to by s_l
    r_l = tanh(W_r [c_l; s_l]),  y_l = W_y r_l + b_y + start_l

u_l is what is heard of lead l: y_l itself (feedback.py), or the truth while being taught; u_0 is the start symbol, r_0
is 0. f_l are the features known beforehand of lead l, start_l is heads.Start. With the additive score the state before
the step asks and the cell reads the answer (Bahdanau et al. 2015, eqs 4-6); with the others the state after it asks,
and the answer joins the output and is fed to the next step (Luong et al. 2015, eq. 5, section 3.3). The bridge is
Bahdanau et al.'s (appendix A.2.2).

Suffixes: R rows (streams x steps, decoded side by side), L leads, K outputs, W heard, H units.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.models.attention import Attention, Past
from forecast.models.base import Shape, State
from forecast.models.feedback import Kind, heard, width
from forecast.models.heads import Residual, begin
from forecast.models.initialisation import draw
from forecast.models.layer import Layer, RecurrentOptions
from forecast.models.recurrent import Stack


class Lesson(NamedTuple):
    """What is told: truth (R, L, W), and where it is heard instead of the own output, told (R, L, W)."""

    truth: Tensor
    told: Tensor


class Decoder(nn.Module):
    """Layers of one kind, unrolled over the leads.

    Args:
        shape: sizes.
        layer: the kind of layer, with a state that any values may begin.
        options: hidden, layers, dropout, and the layer's own.
        kind: what the outputs are.
        attention: how the encoder's outputs are attended to, or None.
        start: what the outputs are added to.
    """

    def __init__(
        self,
        shape: Shape,
        layer: type[Layer],
        options: RecurrentOptions,
        kind: Kind,
        attention: Attention | None,
        start: Residual,
    ) -> None:
        super().__init__()
        self.shape, self.kind, self.attention, hidden = shape, kind, attention, options.hidden
        heard_width, embedding = width(shape, kind), options.embedding if kind == "classes" else None
        self.embed = nn.Linear(heard_width, embedding, bias=False) if embedding else None
        inputs = (embedding or heard_width) + shape.future + (hidden if attention else 0)
        self.stack = Stack(layer, inputs, options.model_copy(update={"initial": "zero"}))
        self.bridge = nn.ModuleDict({name: _dense(hidden, options.layers * hidden) for name in self.stack.sizes})
        self.late = attention is not None and attention.score != "additive"
        self.join = _dense(2 * hidden, hidden, bias=False) if self.late else None
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(2 * hidden if attention and not self.late else hidden, shape.outputs)
        begin(self.head, start)

    def forward(
        self,
        h: Tensor,
        first: Tensor,
        start: Tensor,
        future: Tensor | None,
        past: Past | None,
        lesson: Lesson | None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Forecast all leads.

        Args:
            h: the encoder's output that each row begins from (R, H).
            first: start symbol u_0 (R, W).
            start: what the outputs are added to (R, L, K).
            future: features of the leads (R, L, F), or None.
            past: what is attended to, or None.
            lesson: what is told, or None.

        Returns:
            y (R, L, K), and the attention's weights of each lead (see Past), none without it.
        """
        states = self._begun(h)
        u, r, said, weights = first, torch.zeros_like(h), list[Tensor](), list[Tensor]()
        for lead in range(self.shape.leads):
            if past is not None and not self.late:
                r, a = self.attention(states[-1]["h"], past)  # type: ignore[misc]
            inputs = [u if self.embed is None else self.embed(u)]
            inputs += [] if future is None else [future[:, lead]]
            states = self._step(torch.cat([*inputs, *([] if past is None else [r])], dim=1), states)
            s = states[-1]["h"]
            if past is not None and self.late:
                c, a = self.attention(s, past)  # type: ignore[misc]
                s = r = torch.tanh(self.join(torch.cat([c, s], dim=1)))  # type: ignore[misc]
            elif past is not None:
                s = torch.cat([s, r], dim=1)
            y = self.head(self.dropout(s)) + start[:, lead]
            said.append(y)
            weights += [] if past is None else [a]
            u = heard(y, self.shape, self.kind)
            if lesson is not None:
                u = torch.where(lesson.told[:, lead], lesson.truth[:, lead], u)
        return torch.stack(said, dim=1), weights

    def _begun(self, h: Tensor) -> list[State]:
        """The bridge: a state for each layer."""
        layers = len(self.stack.layers)
        parts = {name: torch.tanh(bridge(h)).chunk(layers, dim=1) for name, bridge in self.bridge.items()}
        return [{name: part[number] for name, part in parts.items()} for number in range(layers)]

    def _step(self, x: Tensor, states: list[State]) -> list[State]:
        """One lead through all layers."""
        after = []
        for number, (layer, state) in enumerate(zip(self.stack.layers, states, strict=True)):
            x = self.stack.dropout(x) if number else x
            x, state, _ = layer.step(layer.drive(x.unsqueeze(1)).squeeze(1), state)  # type: ignore[operator]
            after.append(state)
        return after


def _dense(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=bias)
    draw(linear.weight, "glorot_uniform")
    if bias:
        nn.init.zeros_(linear.bias)
    return linear
