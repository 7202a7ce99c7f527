"""Attention: what a decoder's state asks of the encoder's last outputs.

    e_j = v . tanh(W s + U h_j + b)       additive
    e_j = s . W h_j                       multiplicative
    e_j = s . h_j / sqrt(H)               dot
    a = softmax(e),  c = sum_j a_j h_j    the weights over the outputs, and their mean, the context

s is the decoder's state, h_j an output of the encoder. Additive: Bahdanau, Cho & Bengio 2015, ICLR, eqs 5-6 and
appendix A.1.2. Multiplicative: Luong, Pham & Manning 2015, EMNLP, eq. 8, "general". Dot: eq. 8, "dot", over sqrt(H) as
in Vaswani et al. 2017, NeurIPS, eq. 1.

The outputs attended to are a sliding window, the last n up to and with the present step, so that no state grows with
the record. What lies before the first step has no weight.

Suffixes: B streams, T steps, R rows (B x T), H units. Steps are taken in blocks of Q, which together see S = n - 1 + Q
outputs: scores that are products then need one a block, not one a row. G: blocks of all streams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecast.models.base import State
from forecast.models.initialisation import draw

Score = Literal["additive", "multiplicative", "dot"]


@dataclass(frozen=True)
class Past:
    """The outputs that the steps of a chunk attend to.

    Attributes:
        keys: of the outputs (G, S, H).
        h: the outputs (G, S, H).
        barred: what a step does not see, for it lies outside its window or before the first step (G, Q, S).
        streams: B.
        steps: T.
    """

    keys: Tensor
    h: Tensor
    barred: Tensor
    streams: int
    steps: int

    def blocks(self, s: Tensor) -> Tensor:
        """Turn rows s (R, H) into blocks (G, Q, H), the last of a stream filled up with zeros."""
        size = self.barred.shape[1]
        filled = functional.pad(s.unflatten(0, (self.streams, -1)), (0, 0, 0, -self.steps % size))
        return filled.reshape(-1, size, s.shape[1])

    def rows(self, c: Tensor) -> Tensor:
        """Turn blocks c (G, Q, H) into rows (R, H)."""
        return c.reshape(self.streams, -1, c.shape[2])[:, : self.steps].flatten(0, 1)

    def windows(self, a: Tensor) -> Tensor:
        """Take of weights a (G, Q, S) those of each row's own window, oldest output first: (R, n)."""
        size, seen = a.shape[1:]
        place = torch.arange(size, device=a.device)[:, None] + torch.arange(seen - size + 1, device=a.device)
        return self.rows(a.gather(2, place.expand(len(a), -1, -1)))


class Attention(nn.Module):
    """One score, softmax, and the mean, over a sliding window that is carried from chunk to chunk.

    State: ``memory`` (B, n - 1, H), the outputs before the chunk, oldest first; ``real`` (B, n - 1), 1 where there was
    one, 0 before the first step.

    Args:
        hidden: H.
        score: which.
        memory: n.
    """

    def __init__(self, hidden: int, score: Score, memory: int) -> None:
        super().__init__()
        self.hidden, self.score, self.memory = hidden, score, memory
        self.block = max(1, memory // 4) if score == "additive" else memory  # additive pays for what a row does not see
        if score != "dot":
            self.key = nn.Linear(hidden, hidden, bias=score == "additive")
            draw(self.key.weight, "glorot_uniform")
        if score == "additive":
            nn.init.zeros_(self.key.bias)
            self.query = nn.Linear(hidden, hidden, bias=False)
            self.sum = nn.Linear(hidden, 1, bias=False)
            draw(self.query.weight, "glorot_uniform")
            draw(self.sum.weight, "glorot_uniform")

    def initial(self, streams: int, like: Tensor) -> State:
        """Return an empty memory of B streams (``streams``), of the kind and place of ``like``."""
        places = self.memory - 1
        return {"memory": like.new_zeros(streams, places, self.hidden), "real": like.new_zeros(streams, places)}

    def recall(self, h: Tensor, state: State) -> tuple[Past, State]:
        """Put a chunk's outputs h (B, T, H) behind those of ``state``; return what its steps see and the next state."""
        streams, steps, n = len(h), h.shape[1], self.memory
        size = -(-steps // -(-steps // self.block))  # Q: as few blocks as there can be, as even as they can be
        outputs = torch.cat([state["memory"], h], dim=1)
        real = torch.cat([state["real"], h.new_ones(streams, steps)], dim=1)
        spare = -steps % size  # steps that fill up the last block; they see themselves, and nobody hears them
        padded, seen = functional.pad(outputs, (0, 0, 0, spare)), functional.pad(real, (0, spare), value=1.0)
        place = torch.arange(n - 1 + size, device=h.device)
        lag = place[n - 1 :, None] - place
        barred = (self._blocks(seen, size) == 0).unsqueeze(1) | (lag < 0) | (lag >= n)
        past = Past(self._blocks(self._keys(padded), size), self._blocks(padded, size), barred, streams, steps)
        return past, {"memory": outputs[:, steps:], "real": real[:, steps:]}

    def forward(self, s: Tensor, past: Past) -> tuple[Tensor, Tensor]:
        """Attend to the past from the decoder's states s (R, H); return c (R, H) and the weights a (G, Q, S)."""
        asked = past.blocks(s)
        if self.score == "additive":
            e = self.sum(torch.tanh(self.query(asked).unsqueeze(2) + past.keys.unsqueeze(1))).squeeze(3)
        else:
            e = torch.bmm(asked, past.keys.transpose(1, 2))
        a = torch.softmax(e.masked_fill(past.barred, -math.inf), dim=2)
        return past.rows(torch.bmm(a, past.h)), a

    def _keys(self, h: Tensor) -> Tensor:
        """What of the score depends on the outputs alone: U h + b, W h, or h / sqrt(H)."""
        return h / math.sqrt(self.hidden) if self.score == "dot" else self.key(h)

    def _blocks(self, values: Tensor, size: int) -> Tensor:
        """Cut values (B, steps, ...) into what each block sees: (G, S, ...)."""
        return values.unfold(1, self.memory - 1 + size, size).movedim(-1, 2).flatten(0, 1)
