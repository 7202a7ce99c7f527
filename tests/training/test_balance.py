"""Damped persistence over streams, and the leads balanced by it, by hand."""

from __future__ import annotations

import pytest
import torch

from forecast.batches import Streams
from forecast.training.balance import damped, lead_weights
from tests.training.made import QUICK, noise


def test_damped_persistence_is_the_lag_regression_and_the_error_it_leaves() -> None:
    seen = noise(steps=400, tapes=1)
    x = seen.values[0, :, 0]
    expected = [(x[:-lag] @ x[lag:] / (x[:-lag] @ x[:-lag])).item() for lag in (1, 2)]
    errors = [
        (x[lag:] - factor * x[:-lag]).square().mean().item() for lag, factor in zip((1, 2), expected, strict=True)
    ]
    factor, error = damped(Streams(seen, [(0, 400)], 1, 7))
    assert factor.flatten().tolist() == pytest.approx(expected, rel=1e-4) and factor.shape == (2, 1)
    assert error.tolist() == pytest.approx(errors, rel=1e-4)


def test_balanced_leads_weigh_against_the_error_of_damped_persistence() -> None:
    error = torch.tensor([1.0, 4.0])
    assert lead_weights(QUICK.model_copy(update={"balance": True}), error) == pytest.approx([1.6, 0.4])
    assert lead_weights(QUICK.model_copy(update={"balance": False}), error) == pytest.approx([1.0, 1.0])
    own = QUICK.model_copy(update={"balance": True, "lead_weights": (3.0, 4.0)})
    assert lead_weights(own, error) == pytest.approx([1.5, 0.5])
