"""How a series model reads its inputs: numbers as they are, symbols through an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from forecast.errors import ForecastError
from forecast.models.base import Shape


class Reading(nn.Module):
    """x (B, T, C) -> (B, T, width): the first channel's codes embedded where the shape has symbols, the rest kept.

    Args:
        shape: sizes; ``symbols`` says whether there is an alphabet.
        embedding: width of the learned vector of a symbol; None: one-hot.

    Attributes:
        width: channels after reading.
    """

    def __init__(self, shape: Shape, embedding: int | None) -> None:
        super().__init__()
        self.symbols = shape.symbols
        self.embed = nn.Embedding(shape.symbols, embedding) if shape.symbols and embedding else None
        self.width = shape.inputs - 1 + (embedding or shape.symbols) if shape.symbols else shape.inputs

    def forward(self, x: Tensor) -> Tensor:
        """Read x (B, T, C); a code that is not of the alphabet is refused."""
        if not self.symbols:
            return x
        given = x[:, :, 0]
        codes = given.long()
        strange = (codes < 0) | (codes >= self.symbols) | (codes != given)
        if strange.any():
            stream, step = strange.nonzero()[0].tolist()
            got = f"{given[stream, step].item():g} at stream {stream}, step {step}"
            remedy = "encode symbols by their place in the alphabet"
            raise ForecastError(f"codes from 0 to {self.symbols - 1}", got, remedy)
        known = functional.one_hot(codes, self.symbols).to(x.dtype) if self.embed is None else self.embed(codes)
        return known if x.shape[2] == 1 else torch.cat([known, x[:, :, 1:]], dim=2)
