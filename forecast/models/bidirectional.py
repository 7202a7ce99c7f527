"""Bidirectional models as encoders of the past: two stacks, one a direction, joined at the output.

    forward   a_t = layer(x_t, a_{t-1})      t = 1 ... T, from the carried state
    backward  b_t = layer'(x_t, b_{t+1})     t = T ... 1, from the initial state at the chunk's end
    y_T = head(a_T, b_1)

Schuster & Paliwal 1997, Bidirectional recurrent neural networks, IEEE Trans. Signal Processing 45(11): the two
directions are not joined before the output. Both summaries have read the whole chunk, nothing later, so the forecast
at the chunk's end looks at the past alone. Only the forward state carries to the next chunk, and only the last step
of a chunk has a forecast (``aligned = False``): earlier ones are NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forecast.models.base import Shape, State
from forecast.models.heads import Direct
from forecast.models.layer import RecurrentOptions
from forecast.models.recurrent import Recurrent, Stack


class Bidirectional(Recurrent):
    """Two stacks of a member's layers; the state, ``trace`` and ``recurrent_weights`` are the forward one's."""

    aligned = False

    def __init__(self, shape: Shape, options: RecurrentOptions) -> None:
        super().__init__(shape, options)
        own = options.model_copy(update={"initial": "learned" if options.initial == "learned" else "zero"})
        self.reverse = Stack(self.layer, self.reading.width, own)
        self.head = Direct(shape, 2 * options.hidden, options.residual)

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract; y is NaN before the last step."""
        read = self.reading(x)
        a, state = self.stack(read, state)
        b, _ = self.reverse(read.flip(1), self.reverse.initial(len(x)))
        h = torch.cat([a[:, -1:], b[:, -1:]], dim=-1)
        last = self.head(self.dropout(h), x[:, -1:], None if future is None else future[:, -1:])
        unseen = last.new_full((len(x), x.shape[1] - 1, *last.shape[2:]), torch.nan)
        return torch.cat([unseen, last], dim=1), state
