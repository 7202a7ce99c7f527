"""How a model learns: the ``[training]`` section of a pipeline. No torch here, so that reading a file stays fast."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOSS_OF_SERIES = "pinball"
"""Of tables of series, where nobody says; what else is usual there follows from their size (stages/panels.py)."""


class Training(BaseModel):
    """How models learn. Steps are steps of the data; a chunk is the stretch that one update sees (k2 >= k1).

    Every key can be overridden by a model of its own: ``[[models]] type = "lstm", training = { epochs = 5 }``.

    Attributes:
        mode: stateful: a network walks each series from its beginning, in chunks of k1, its state carried on; windows:
            it sees windows of k1 steps, drawn from all series in a new order each epoch, each from a fresh state. Of
            tables of series (scaling "series") only; None: stateful.
        k1: steps from one update to the next.
        k2: steps that the gradient reaches back, and that are run again for each update.
        streams: parallel stretches of the data, one batch.
        epochs: passes over the training span at most.
        patience: epochs without a better early-stopping loss after which it ends.
        optimiser: adamw (Loshchilov & Hutter 2019), or sgd, steps along the gradient.
        momentum: of sgd: share of the last step that is taken again (Polyak 1964).
        learning_rate: peak step.
        schedule: one cycle (up, then down to nothing over ``epochs``), or constant.
        warmup: share of the cycle that goes up.
        weight_decay: share of the weights, times the learning rate, that each update takes away; weights only.
        clip_norm: largest norm of the gradient; None: unclipped.
        clip_value: largest size of one of its elements; None: unclipped.
        average: decay of the moving average of the weights, which is then what is kept; 0: no average. Hourly
            temperatures an hour ahead lose a tenth of their error to it.
        loss: squared; pinball, of the task's quantiles; student_t, or negative_binomial for counts of series, whose
            quantiles are then the forecast; for classes and bits see losses.py.
        multistep: how a series network reaches beyond the next step: direct, every lead said at once; or recursive, the
            next step learned alone and its own forecasts read, one after another, a hundred sample paths of them.
        balance: whether each lead's cost is taken relative to the error of damped persistence at that lead, so that
            a short lead, whose error is small, counts as much as a long one.
        lead_weights: weights of the first leads in the loss beside that, the last one repeated; empty: even.
        shift: whether each epoch deals the data to the streams from another step on.
        seed: equal seeds, equal weights.
        max_gap: missing steps that a stretch bridges.
        spin_up: steps from a zero state before an output counts in training.
        cold_start: steps from a zero state before a forecast counts where no state is stored: enough to forget where
            it began to 1e-5 of the spread. A trained GRU took 32, an LSTM 128, a ConvLSTM under 512.
        save_every: chunks between two writes of the training checkpoint within an epoch; it is written after each
            epoch as well. A write of a small network takes some milliseconds.
        memory: of observations, such as "500 MB": those that take more are read from the archive block by block, and
            baselines that have to hold them learn from what fits. A process holds about half as much again.
        precision: of the products in training: float32, or bfloat16 (torch.autocast), whose sums, state, loss and
            weights stay float32. It pays where the processor has that arithmetic; others only imitate it, slowly. Early
            stopping judges in float32, as forecasts are made.
        compile: whether the gates of map networks' single steps are compiled (torch.compile), which wants a C++
            compiler; whole chunks are swept by kernels of our own, which it leaves as they are.
        checkpointing: whether the backward pass of map networks' recurrent layers computes gates again instead of
            finding them in memory: the same gradients, in some half of the memory, for the gates' products once more.
        threads: of torch; None: 1 for series, whose steps are too small to share, and torch's own choice for maps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    mode: Literal["stateful", "windows"] | None = None
    k1: int = Field(24, ge=1)
    k2: int = Field(24, ge=1)
    streams: int = Field(16, ge=1)
    epochs: int = Field(30, ge=1)
    patience: int = Field(8, ge=1)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    momentum: float = Field(0.0, ge=0, lt=1)
    learning_rate: float = Field(3e-3, gt=0)
    schedule: Literal["one_cycle", "constant"] = "one_cycle"
    warmup: float = Field(0.15, gt=0, lt=1)
    weight_decay: float = Field(1e-4, ge=0)
    clip_norm: float | None = Field(1.0, gt=0)
    clip_value: float | None = Field(None, gt=0)
    average: float = Field(0.99, ge=0, lt=1)
    loss: Literal["squared", "pinball", "student_t", "negative_binomial", "binary_cross_entropy", "cross_entropy"] = (
        "squared"
    )
    multistep: Literal["direct", "recursive"] = "direct"
    balance: bool = True
    lead_weights: tuple[Annotated[float, Field(ge=0)], ...] = ()
    shift: bool = True
    seed: int = 0
    max_gap: int = Field(0, ge=0)
    spin_up: int = Field(64, ge=0)
    cold_start: int = Field(512, ge=1)
    save_every: int = Field(1000, ge=1)
    memory: str = Field("2 GB", pattern=r"^[0-9]+(\.[0-9]+)? ?[MG]B$")
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    checkpointing: bool = False
    threads: int | None = Field(None, ge=1)

    @property
    def bytes(self) -> int:
        """The memory in bytes."""
        return int(float(self.memory[:-2]) * {"M": 1e6, "G": 1e9}[self.memory[-2]])

    @model_validator(mode="after")
    def _sound(self) -> Training:
        if self.k1 > self.k2:
            raise ValueError(f"k1 = {self.k1} > k2 = {self.k2}: an update cannot come later than its own stretch")
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"momentum = {self.momentum} is sgd's: adamw has its own")
        return self
