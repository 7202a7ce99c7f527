"""A bidirectional LSTM as an encoder of the past.

    forward   a_t = LSTM(x_t, a_{t-1})      t = 1 ... T, from the carried state
    backward  b_t = LSTM'(x_t, b_{t+1})     t = T ... 1, from zero at the chunk's end
    y_T = head(a_T, b_1)

Schuster & Paliwal 1997, Bidirectional recurrent neural networks, IEEE Trans. Signal Processing 45(11): the two
directions are not joined before the output. Both summaries have read the whole chunk, nothing later, so the forecast
at the chunk's end looks at the past alone. Only the forward state carries to the next chunk, and only the last step
of a chunk has a forecast (``aligned = False``): earlier ones are NaN.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from forecast.models.base import Model, Options, Shape, State
from forecast.models.heads import Direct
from forecast.models.lstm import LSTM
from forecast.models.recurrent import RecurrentOptions, carry, stack


class BiLSTM(Model):
    """Two LSTM stacks, one a direction; state ``h`` and ``c`` of the forward one, each (B, layers, hidden)."""

    Options: ClassVar[type[Options]] = RecurrentOptions
    aligned: ClassVar[bool] = False

    def __init__(self, shape: Shape, options: RecurrentOptions) -> None:
        super().__init__(shape, options)
        self.onward = stack(LSTM, shape.inputs, options)
        self.reverse = stack(LSTM, shape.inputs, options)
        self.dropout = nn.Dropout(options.dropout)
        self.head = Direct(shape, 2 * options.hidden, options.residual)

    def advance(self, x: Tensor, future: Tensor | None, state: State | None) -> tuple[Tensor, State]:
        """See the contract; y is NaN before the last step."""
        a, state = carry(self.onward, LSTM.memory, x, state)
        b, _ = carry(self.reverse, LSTM.memory, x.flip(1), None)
        h = torch.cat([a[:, -1:], b[:, -1:]], dim=-1)
        last = self.head(self.dropout(h), x[:, -1:], None if future is None else future[:, -1:])
        unseen = last.new_full((len(x), x.shape[1] - 1, *last.shape[2:]), torch.nan)
        return torch.cat([unseen, last], dim=1), state
