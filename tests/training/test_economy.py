"""Training in narrow products, with compiled gates and without keeping the gates: the same losses, less memory."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.batches import Frames, Streams
from forecast.models import convolution
from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.training.settings import Training
from forecast.training.tbptt import train
from forecast.training.walk import Walk

SHAPE = Shape(inputs=1, leads=2, grid=(4, 5))
PLAIN = Training(balance=False, k1=4, k2=8, streams=2, epochs=2, learning_rate=0.01, average=0.0)
FORMS = {"in tiles": {"hidden": [16]}, "step by step": {"hidden": [6], "peepholes": True}}
each = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def model(form: dict) -> ConvLSTM:
    return create(ConvLSTM, SHAPE, {"kernel": 3, "dropout": 0.3, **form}, seed=2)


def streams(dtype: torch.dtype = torch.float32) -> Streams:
    draw = torch.randn(1, 48, 1, 4, 5, generator=torch.Generator().manual_seed(1)).to(dtype)
    return Streams(Frames(draw.cumsum(1) * 0.3, targets=1, leads=2), [(0, 48)], 2, 4)


def losses(form: dict, **changed: object) -> list[float]:
    return train(model(form), streams(), None, PLAIN.model_copy(update=changed)).train


def kept(form: dict, checkpointing: bool) -> int:
    """Return the bytes that a chunk's graph holds for its backward pass."""
    sizes: dict[int, int] = {}

    def pack(one: Tensor) -> Tensor:
        sizes[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        return one

    net = model(form).train()
    net.stack.layers[0].checkpointing = checkpointing
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
        y, _ = net(torch.randn(2, 12, 1, 4, 5))
    return sum(sizes.values()) + 0 * y.numel()


@each
def test_gates_computed_again_on_the_way_back_give_the_same_losses_with_the_same_dropout(form: dict) -> None:
    assert losses(form, checkpointing=True) == pytest.approx(losses(form), rel=1e-6)


@each
def test_gates_computed_again_take_less_memory(form: dict) -> None:
    assert kept(form, True) < 0.75 * kept(form, False)


@each
def test_training_in_bfloat16_follows_training_in_float32(form: dict) -> None:
    narrow, wide = losses(form, precision="bfloat16"), losses(form)
    assert narrow != wide and narrow == pytest.approx(wide, rel=0.03)


def test_in_bfloat16_forecasts_and_state_stay_float32() -> None:
    walk = Walk(model(FORMS["step by step"]).train(), streams(), 8, precision="bfloat16")
    assert {window.y.dtype for window in walk} == {torch.float32}
    assert walk.kept is not None and {one.dtype for one in walk.kept.values()} == {torch.float32}


def test_compiled_gates_give_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = torch.compile(convolution._gates, backend="eager", fullgraph=True)  # wants no C++ compiler
    used: list[object] = []
    monkeypatch.setattr(convolution, "_compiled", lambda function: used.append(function) or traced)
    form = FORMS["step by step"]
    assert losses(form, compile=True, epochs=1) == pytest.approx(losses(form, epochs=1), rel=1e-6)
    assert set(used) == {convolution._gates}
