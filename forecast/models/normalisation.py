"""Batch normalisation over streams and steps.

    (a - mean) / sqrt(variance + 1e-5) w + b        Ioffe & Szegedy 2015, ICML

Mean and variance are those of the chunk while training, and their running averages when forecasting. Whatever the
chunk holds enters them: steps that are masked in the loss, the filling at the end of a stretch, and, with k1 < k2,
steps that are run again.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class StepNorm(nn.BatchNorm1d):
    """Batch normalisation of (B, T, C); a single row, which has no variance, goes by the running averages."""

    def forward(self, h: Tensor) -> Tensor:
        """Normalise h (B, T, C)."""
        rows = h.flatten(0, 1)
        if self.training and len(rows) == 1:
            rows = functional.batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias)
        else:
            rows = super().forward(rows)
        return rows.unflatten(0, h.shape[:2])
