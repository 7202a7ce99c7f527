"""How a model learns: the ``[training]`` section of a pipeline. No torch here, so that reading a file stays fast."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Training(BaseModel):
    """How models learn. Steps are steps of the data; a chunk is the stretch that one update sees (k2 >= k1).

    Every key can be overridden by a model of its own: ``[[models]] type = "lstm", training = { epochs = 5 }``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    k1: int = Field(24, ge=1)
    k2: int = Field(24, ge=1)
    streams: int = Field(16, ge=1)
    epochs: int = Field(30, ge=1)
    patience: int = Field(8, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    weight_decay: float = Field(1e-4, ge=0)
    clip_norm: float | None = Field(1.0, gt=0)
    clip_value: float | None = Field(None, gt=0)
    average: float = Field(0.0, ge=0, lt=1)
    loss: Literal["squared", "pinball", "binary_cross_entropy", "cross_entropy"] = "squared"
    seed: int = 0
    max_gap: int = Field(0, ge=0)
    spin_up: int = Field(64, ge=0)
    threads: int = Field(2, ge=1)

    @model_validator(mode="after")
    def _sound(self) -> Training:
        if self.k1 > self.k2:
            raise ValueError(f"k1 = {self.k1} > k2 = {self.k2}: an update cannot come later than its own stretch")
        return self
