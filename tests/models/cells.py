"""What the tests of sLSTM and mLSTM share: small layers with weights of their own, and states to begin from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from forecast.models.base import State
from forecast.models.layer import Layer
from tests.models.small import shaken


def noise(*sizes: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(sizes, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layer(member: Any, dtype: torch.dtype = torch.float64, hidden: int = 8, **options: Any) -> Layer:
    return shaken(member.layer(3, member.Options(hidden=hidden, **options))).to(dtype)  # type: ignore[return-value]


def zeros(one: Layer, streams: int = 2) -> State:
    weight = next(one.parameters())
    return {name: weight.new_zeros(streams, *size) for name, size in one.sizes.items()}


def held(one: Layer, streams: int = 2, **kinds: Any) -> State:
    """A state that is not zero, with n positive."""
    sizes = enumerate(one.sizes.items())
    return {key: noise(streams, *size, seed=9 + number, **kinds).abs() for number, (key, size) in sizes}


def close(got: Tensor, expected: Tensor, bound: float) -> None:
    torch.testing.assert_close(got, expected, rtol=bound, atol=bound * max(1.0, expected.abs().max().item()))
