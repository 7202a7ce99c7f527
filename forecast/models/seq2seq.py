"""Sequence to sequence: an encoder reads the past, a decoder says the leads one after the other.

Sutskever, Vinyals & Le 2014, NeurIPS; Cho et al. 2014, EMNLP; with attention Bahdanau et al. 2015, ICLR, and Luong et
al. 2015, EMNLP. The equations are in decoder.py and attention.py.

Every step is an issue time: from the encoder's output at every step a decoder is unrolled over all leads, those of all
streams and steps side by side. It begins from that output through a learned map (the bridge) rather than from a copy of
the encoder's state, since the encoder's fused sweep gives the state after the last step alone. It attends to the
encoder's last ``memory`` outputs up to its step, which are carried in the state, so chunks with carried state are one
unbroken run and a long record costs no more memory than a short one.

While it is trained the decoder hears the truth of the lead before instead of its own output for a share of the values,
each drawn by itself (teacher forcing: Williams & Zipser 1989; scheduled sampling: Bengio et al. 2015, NeurIPS). With
p the share of the training that is done:

    constant          share
    linear            share (1 - p)
    inverse_sigmoid   share k / (k + exp(100 p / k)),  k = 16: half of it after 44 % of the training

Where the truth is missing it hears itself; when it forecasts it always does.

Cost: a chunk is L steps of B x T rows one after the other, forward and backward, and keeps of the order of
B x T x L x layers x 10 H numbers for the backward pass; additive attention B x T x L x n x H more, the other scores
B x T x L x n. With 48 leads, 64 units and n = 24 an update takes about 20 times that of a direct head, 35 times with
attention, 70 times with the additive one (one CPU thread).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn import functional

from forecast.errors import ForecastError
from forecast.models.attention import Attention, Past, Score
from forecast.models.base import Model, Options, Shape, State
from forecast.models.decoder import Decoder, Lesson
from forecast.models.feedback import Kind, width
from forecast.models.forget_rnn import ForgetRNN
from forecast.models.gru import GRU
from forecast.models.heads import Start
from forecast.models.layer import RecurrentOptions
from forecast.models.lstm import LSTM
from forecast.models.reading import Reading
from forecast.models.recurrent import Recurrent, Stack
from forecast.models.rnn import RNN

Schedule = Literal["constant", "linear", "inverse_sigmoid"]

CELLS: dict[str, type[Recurrent]] = {"rnn": RNN, "forget_rnn": ForgetRNN, "lstm": LSTM, "gru": GRU}
DECAY = 16.0  # k


class Seq2SeqOptions(RecurrentOptions):
    """Options of the encoder and decoder.

    Attributes:
        cell: the layers of both.
        cell_options: options of these layers beyond those here, as the member of that name has them.
        attention: how the decoder attends to the encoder's outputs.
        memory: n, how many of them it attends to.
        start: what the decoder hears before the first lead: the last targets observed, or a learned vector (always the
            latter for classes, bits, and targets that are no inputs).
        schedule: how the share of truth that the decoder hears changes during training.
        share: that share at first.
        output: what the outputs are; None: classes where the inputs are symbols, else numbers.
    """

    cell: Literal["rnn", "forget_rnn", "lstm", "gru"] = "lstm"
    cell_options: dict[str, Any] = Field(default_factory=dict)
    attention: Literal["none"] | Score = "multiplicative"
    memory: int = Field(24, ge=2, le=10_000)
    start: Literal["last", "learned"] = "last"
    schedule: Schedule = "linear"
    share: float = Field(1.0, ge=0, le=1)
    output: Kind | None = None

    @model_validator(mode="after")
    def _sound(self) -> Seq2SeqOptions:
        both = sorted(set(self.cell_options) & set(RecurrentOptions.model_fields))
        if both:
            raise ValueError(f"{', '.join(both)} in cell_options: write it beside cell, for encoder and decoder alike")
        try:
            self.layer()
        except ValidationError as error:
            lines = [f"cell_options.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            raise ValueError("; ".join(lines)) from error
        return self

    def layer(self) -> RecurrentOptions:
        """Return the options of the layers."""
        shared = {name: getattr(self, name) for name in RecurrentOptions.model_fields}
        return CELLS[self.cell].Options(**shared, **self.cell_options)  # type: ignore[return-value]


def taught_share(schedule: Schedule, share: float, progress: float) -> float:
    """Return the share of truth that the decoder hears.

    Args:
        schedule: how it changes.
        share: at first.
        progress: share of the training done.
    """
    if schedule == "linear":
        return share * (1 - progress)
    return share if schedule == "constant" else share * DECAY / (DECAY + math.exp(100 * progress / DECAY))


class Seq2Seq(Model):
    """Encoder and decoder; the state is the encoder's, and with attention ``memory`` and ``real`` (see Attention)."""

    Options: ClassVar[type[Options]] = Seq2SeqOptions
    taught = True

    def __init__(self, shape: Shape, options: Seq2SeqOptions) -> None:
        super().__init__(shape, options)
        self.kind: Kind = options.output or ("classes" if shape.symbols else "numbers")
        self.width = width(shape, self.kind)
        layer, own = CELLS[options.cell].layer, options.layer()
        self.reading = Reading(shape, options.embedding)
        self.stack = Stack(layer, self.reading.width, own, shape.context)
        attention = None
        if options.attention != "none":
            attention = Attention(options.hidden, options.attention, options.memory)
            self.context = options.memory
        self.start = Start(shape, options.residual if self.kind == "numbers" else "none")
        self.decoder = Decoder(shape, layer, own, self.kind, attention, self.start.kind)
        learned = options.start == "learned" or self.kind != "numbers" or not shape.targets
        self.symbol = nn.Parameter(torch.zeros(self.width)) if learned else None

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        attention = self.decoder.attention
        empty = {} if attention is None else attention.initial(streams, self.blank())
        return self.stack.initial(streams, context) | empty

    def advance(
        self, x: Tensor, future: Tensor | None, state: State, truth: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """See the contract.

        Args:
            x: see the contract.
            future: alike.
            state: alike.
            truth: (B, T, L, targets), numbers of classes (B, T, L, 1) or a distribution over them (B, T, L, K), or bits
                (B, T, L, K); NaN where missing. Heard in training mode only.
        """
        y, _, _, state = self._forecast(x, future, state, truth if self.training else None)
        return y, state

    def attend(
        self, x: Tensor, future: Tensor | None = None, state: State | None = None
    ) -> tuple[Tensor, Tensor, State]:
        """Advance as ``forward`` does and say what was attended to.

        Args:
            x: as in ``forward``.
            future: alike.
            state: alike.

        Returns:
            y, the weights (B, T, L, n), and the state after step T. ``weights[b, t, l, j]`` is that of the encoder's
            output j steps before step t in the forecast of lead l from there; they sum to 1 over j.

        Raises:
            ForecastError: as ``forward``; or the model has no attention.
        """
        if self.decoder.attention is None:
            raise ForecastError("a model with attention", 'attention = "none"', "choose another attention, train again")
        self._check(x, future, state)
        y, past, weights, state = self._forecast(x, future, self.initial(len(x)) if state is None else state, None)
        assert past is not None
        by_lag = torch.stack([past.windows(a).flip(1) for a in weights], dim=1)
        return y, by_lag.unflatten(0, x.shape[:2]), state

    @torch.no_grad()
    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; the encoder's layers."""
        state = self.initial(len(x)) if state is None else state
        return self.stack.trace(self.reading(x), {name: state[name] for name in self.stack.sizes})[2]

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract; the encoder's layers."""
        return self.stack.recurrent_weights()

    def _forecast(
        self, x: Tensor, future: Tensor | None, state: State, truth: Tensor | None
    ) -> tuple[Tensor, Past | None, list[Tensor], State]:
        """Return y (B, T, L, K), what was attended to with which weights, lead by lead, and the state after step T."""
        h, after = self.stack(self.reading(x), {name: state[name] for name in self.stack.sizes})
        past = None
        if self.decoder.attention is not None:
            past, remembered = self.decoder.attention.recall(h, state)
            after = after | remembered
        start = self.start(x.new_zeros(*x.shape[:2], self.shape.leads, self.shape.outputs), x)
        first = x[:, :, : self.width] if self.symbol is None else self.symbol.expand(*x.shape[:2], self.width)
        ahead = None if future is None or not self.shape.future else future.flatten(0, 1)
        lesson = self._lesson(x, truth)
        y, weights = self.decoder(h.flatten(0, 1), first.flatten(0, 1), start.flatten(0, 1), ahead, past, lesson)
        return y.unflatten(0, x.shape[:2]), past, weights, after

    def _lesson(self, x: Tensor, truth: Tensor | None) -> Lesson | None:
        """Draw which values of the truth are told."""
        if truth is None:
            return None
        wanted = (*x.shape[:2], self.shape.leads, self.width)
        if self.kind == "classes" and truth.shape[3] == 1:
            truth = _one_hot(truth, self.width)
        if tuple(truth.shape) != wanted:
            raise ForecastError(f"truth {wanted}", f"{tuple(truth.shape)}", "pass the targets of the same steps")
        share = taught_share(self.options.schedule, self.options.share, self.progress)
        told = (torch.rand(*wanted[:3], 1, device=x.device) < share) & truth.isfinite()
        return Lesson(truth.flatten(0, 1), told.flatten(0, 1))


def _one_hot(classes: Tensor, count: int) -> Tensor:
    """Return the classes numbered in (..., 1) as (..., count), NaN where they are."""
    known = functional.one_hot(classes[..., 0].nan_to_num().long(), count).to(classes.dtype)
    return known.where(classes.isfinite(), torch.nan)
