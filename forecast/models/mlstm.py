"""The mLSTM: long short-term memory that stores values by keys in a matrix, without memory mixing.

Beck et al. 2024, xLSTM: extended long short-term memory, NeurIPS, arXiv 2405.04517, eqs 19-27 (their numbers on the
right), a head at a time, d its width, s: the logistic function:

    C_t = f_t C_{t-1} + i_t v_t k_t'                  cell, d x d              (19)
    n_t = f_t n_{t-1} + i_t k_t                       normaliser               (20)
    h_t = o_t C_t q_t / max(|n_t . q_t|, 1)                                    (21)
    q_t = W_q x_t + b_q                               query                    (22)
    k_t = (W_k x_t + b_k) / sqrt(d)                   key                      (23)
    v_t = W_v x_t + b_v                               value                    (24)
    i_t = exp(a_t),  a_t = w_i . x_t + b_i            input gate, a number     (25)
    f_t = s(w_f . x_t + b_f)                          forget gate, a number    (26)
    o_t = s(W_o x_t + b_o)                            output gate              (27)

kept as multiples of exp(m) with m_t = max(log f_t + m_{t-1}, a_t), as in the sLSTM; the 1 of eq. 21 becomes exp(-m_t).
Two points follow the authors' code: (26) may be exponential in the paper, and (23) leaves b_k unscaled there.

Nothing of h goes back into the gates, so a stretch of S steps can be done at once (the paper's appendix on the parallel
form; here begun from a carried state C_0, n_0, m_0 as in the authors' chunkwise form): with F_tj the sum of log f over
the steps j + 1 ... t,

    D_tj = F_tj + a_j for j <= t, else -inf           m_t = max(F_t0 + m_0, max_j D_tj)
    P_tj = exp(D_tj - m_t) q_t . k_j                  g_t = exp(F_t0 + m_0 - m_t)
    h_t = o_t (sum_j P_tj v_j + g_t C_0 q_t) / max(|sum_j P_tj + g_t n_0 . q_t|, exp(-m_t))

A small number is added to the denominator, as in the authors' code, since n . q may vanish where m is large.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from forecast.models.base import Options, State
from forecast.models.initialisation import Draw, draw
from forecast.models.layer import Gates, Layer
from forecast.models.recurrent import Recurrent
from forecast.models.slstm import HeadedOptions

EPSILON = 1e-6  # added to the denominator (authors' code)
STRETCH = 64  # steps done at once: the work grows with its square (the authors' chunks are as long)
FLOOR = -80.0  # exp(-m) is finite in float32 from here on; below, h is 0 to rounding all the same


class MLSTMOptions(HeadedOptions):
    """Options of the mLSTM.

    Attributes:
        heads: matrices a layer, each with one input and one forget gate.
        head_norm: whether each head's output is brought to mean 0 and variance 1 before the output gate, with a gain a
            unit, as in the authors' cell.
        input_weights: how the weights of queries, keys, values and the output gate are drawn.
    """

    heads: int = Field(4, ge=1)
    head_norm: bool = False
    input_weights: Draw = "glorot_uniform"


class MLSTMLayer(Layer):
    """One layer; state ``c`` (heads, d, d), values by keys, ``n`` (heads, d) and ``m`` (heads,)."""

    def __init__(self, inputs: int, options: Any) -> None:
        super().__init__(inputs, options)
        self.heads, self.units = options.heads, self.hidden // options.heads
        self.sizes = {"c": (self.heads, self.units, self.units), "n": (self.heads, self.units), "m": (self.heads,)}
        self.widths = [self.hidden] * 4 + [self.heads] * 2
        self.seen = nn.Linear(inputs, sum(self.widths))
        if options.head_norm:
            self.gain = nn.Parameter(torch.ones(self.hidden))
        dense, gates = self.seen.weight.data.split([4 * self.hidden, 2 * self.heads])
        draw(dense, options.input_weights, 4)
        nn.init.zeros_(gates)
        nn.init.zeros_(self.seen.bias)
        *_, a, f = self.seen.bias.data.split(self.widths)
        nn.init.normal_(a, std=0.1)
        f.copy_(torch.linspace(3, 6, self.heads))

    def drive(self, x: Tensor) -> Tensor:
        """Queries, keys, values, output gates, input exponents, forget gates (before s) of x (B, T, C)."""
        return self.seen(x)

    def step(self, drive: Tensor, state: State) -> tuple[Tensor, State, Gates]:
        """See the contract; the recurrent form, eqs 19-21. Input exponent and forget gate are one number a head."""
        (q, k, v, o, a, log), (c, n, m) = self._parts(drive), self._wide(state, drive)
        before, m = log + m, torch.maximum(log + m, a)
        kept, new = torch.exp(before - m), torch.exp(a - m)
        c = kept[..., None, None] * c + new[..., None, None] * v[..., :, None] * k[..., None, :]
        n = kept[..., None] * n + new[..., None] * k
        h = self._read((c @ q[..., None])[..., 0], (n * q).sum(-1), m, o)
        gates = {"input exponent": a, "forget gate": torch.exp(log), "output gate": o}
        return h.to(drive.dtype), self._narrow((c, n, m), state), gates

    def sweep(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """See the contract; the parallel form, stretch by stretch."""
        drive, outputs = self.drive(x), []
        memory = self._wide(state, drive)
        for stretch in drive.split(STRETCH, dim=1):
            h, memory = self._stretch(stretch, memory)
            outputs.append(h)
        return torch.cat(outputs, dim=1).to(drive.dtype), self._narrow(memory, state)

    def _stretch(self, drive: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Advance over drive (B, S, rows) at once. Axes of what follows: B, heads, t, j, d."""
        *wide, a, log = self._parts(drive)
        q, k, v, o = (part.transpose(1, 2) for part in wide)
        a, log, (c, n, m) = a.transpose(1, 2), log.transpose(1, 2), memory
        steps = len(a[0, 0])
        later = torch.ones(steps, steps, dtype=torch.bool, device=a.device).tril(-1)
        sums = torch.where(later, log[..., None], 0).cumsum(2)  # F_tj, each summed by itself: no differences
        entering = torch.where(later.t(), -torch.inf, sums + a[..., None, :])  # D
        carried = log.cumsum(2) + m[..., None]  # F_t0 + m_0
        levels = torch.maximum(carried, entering.amax(3))
        held, weights = torch.exp(carried - levels), torch.exp(entering - levels[..., None])
        mixed = weights * (q @ k.transpose(2, 3))
        values = mixed @ v + held[..., None] * (q @ c.transpose(2, 3))
        sizes = mixed.sum(3) + held * (q @ n[..., None])[..., 0]
        h = self._read(*(part.transpose(1, 2) for part in (values, sizes, levels, o)))
        last = weights[:, :, -1, :, None]
        c = held[:, :, -1, None, None] * c + (last * v).transpose(2, 3) @ k
        n = held[:, :, -1, None] * n + (last * k).sum(2)
        return h, (c, n, levels[:, :, -1])

    def _parts(self, drive: Tensor) -> tuple[Tensor, ...]:
        """Take apart drive (..., rows): q, k, v, o (..., heads, d), a, log f (..., heads), in float32 at least."""
        *wide, a, f = drive.to(torch.promote_types(drive.dtype, torch.float32)).split(self.widths, dim=-1)
        q, k, v, o = (part.unflatten(-1, (self.heads, self.units)) for part in wide)
        return q, k / math.sqrt(self.units), v, torch.sigmoid(o), a, functional.logsigmoid(f)

    def _read(self, values: Tensor, sizes: Tensor, levels: Tensor, o: Tensor) -> Tensor:
        """Eq. 21 of values C q (..., heads, d), sizes n . q and levels m (..., heads): h (..., H)."""
        floor = torch.exp(-levels.clamp(min=FLOOR))
        h = values / (torch.maximum(sizes.abs(), floor) + EPSILON)[..., None]
        if self.options.head_norm:
            flat = h.flatten(-2).flatten(0, -2)
            h = functional.group_norm(flat, self.heads, self.gain.to(flat.dtype)).view_as(h)
        return (o * h).flatten(-2)

    @staticmethod
    def _wide(state: State, drive: Tensor) -> tuple[Tensor, ...]:
        wide = torch.promote_types(drive.dtype, torch.float32)
        return tuple(state[name].to(wide) for name in "cnm")

    @staticmethod
    def _narrow(memory: tuple[Tensor, ...], state: State) -> State:
        return {name: part.to(state[name].dtype) for name, part in zip("cnm", memory, strict=True)}


class MLSTM(Recurrent):
    """mLSTM layers; state ``c`` (B, layers, heads, d, d), ``n`` (B, layers, heads, d), ``m`` (B, layers, heads)."""

    Options: ClassVar[type[Options]] = MLSTMOptions
    layer: ClassVar[type[Layer]] = MLSTMLayer
