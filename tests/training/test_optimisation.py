"""How weights move, by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from forecast.models.base import Model, Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.rnn import RNN
from forecast.training.optimisation import Average, Descent, Step, clip, layers, norms, rate
from forecast.training.settings import Training
from tests.tiny import environment


def test_one_cycle_rises_from_a_25th_to_the_peak_and_falls_to_nothing() -> None:
    settings = Training(learning_rate=1.0, warmup=0.3)
    found = [rate(settings, progress) for progress in (0, 0.15, 0.3, 0.65, 1)]
    assert found == pytest.approx([0.04, 0.52, 1.0, 0.500002, 4e-6])


def test_a_constant_rate_stays() -> None:
    assert rate(Training(learning_rate=0.5, schedule="constant"), 0.9) == 0.5


def test_clipping_by_norm_keeps_the_direction() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip([weight], Training(clip_norm=1.0)) == Step(5.0, True)
    torch.testing.assert_close(weight.grad, torch.tensor([0.6, 0.8]), atol=1e-5, rtol=0)


def test_clipping_by_value_cuts_each_element() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -0.1])
    assert clip([weight], Training(clip_norm=None, clip_value=0.5)).clipped
    assert weight.grad.tolist() == pytest.approx([0.5, -0.1])
    assert not clip([weight], Training(clip_norm=None, clip_value=0.5)).clipped


def test_clipping_by_norm_is_what_torch_does() -> None:
    weights = [nn.Parameter(torch.zeros(3, 4)), nn.Parameter(torch.zeros(5))]
    for size in (0.01, 10.0):
        for weight in weights:
            weight.grad = size * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
        expected = [nn.Parameter(weight.detach().clone()) for weight in weights]
        for copy, weight in zip(expected, weights, strict=True):
            copy.grad = weight.grad.clone()  # type: ignore[union-attr]
        norm = float(nn.utils.clip_grad_norm_(expected, 1.0))
        step = clip(weights, Training(clip_norm=1.0))
        assert step == Step(pytest.approx(norm), size == 10.0)  # type: ignore[arg-type]
        torch.testing.assert_close([w.grad for w in weights], [w.grad for w in expected])


def test_without_clipping_the_gradient_stays() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert clip([weight], Training(clip_norm=None)) == Step(5.0, False)
    assert weight.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("kind", "shape", "options", "count"),
    [
        (ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 3)), {"hidden": [2]}, 6),  # three weights, two biases, the damping
        (RNN, Shape(inputs=1, leads=1), {"hidden": 2, "normalise": "layer", "activation": "prelu"}, 9),  # gains, slope
    ],
)
def test_weights_of_products_decay_and_biases_gains_and_damping_do_not(
    kind: type[Model], shape: Shape, options: dict[str, object], count: int
) -> None:
    model = create(kind, shape, options)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    descent = Descent(model, Training(weight_decay=0.3))
    loss = sum(parameter.sum() for parameter in model.parameters()) * 0.0
    descent.update(loss, learning_rate=0.5)  # a gradient of 0: nothing moves but by decay
    after = model.state_dict()
    assert len(after) == count
    for name, value in before.items():
        kept = 1 - 0.5 * 0.3 if name.endswith("weight") and value.dim() > 1 else 1.0
        torch.testing.assert_close(after[name], kept * value)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_an_update_is_that_of_torchs_adamw(decay: float) -> None:
    ours, theirs = nn.Linear(3, 2, bias=False), nn.Linear(3, 2, bias=False)
    theirs.load_state_dict(ours.state_dict())
    descent = Descent(ours, Training(weight_decay=decay, clip_norm=None))
    reference = torch.optim.AdamW(theirs.parameters(), lr=0.1, betas=(0.9, 0.99), weight_decay=decay)
    x = torch.randn(5, 3)
    for _ in range(4):
        descent.update(ours(x).square().mean(), learning_rate=0.1)
        reference.zero_grad()
        theirs(x).square().mean().backward()
        reference.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_to_learn_imports_neither_torchs_compiler_nor_all_of_statistics() -> None:
    code = """
import sys
import torch
from forecast.training.optimisation import Descent
from forecast.training.settings import Training
from tests.tiny import environment
from forecast.training.tbptt import train
network = torch.nn.Linear(1, 1)
Descent(network, Training()).update(network(torch.ones(2, 1)).sum(), 0.1)
sys.exit(", ".join({"torch._dynamo", "scipy.stats", "sympy"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr


def test_plain_descent_steps_along_the_gradient_and_again_by_its_momentum() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    settings = Training(optimiser="sgd", momentum=0.5, weight_decay=0.0, clip_norm=None)
    descent = Descent(model, settings)
    for _ in range(2):
        descent.update(3 * model.weight.sum(), learning_rate=0.1)
    assert model.weight.item() == pytest.approx(1 - 0.1 * 3 - 0.1 * (3 + 0.5 * 3))


def test_momentum_is_of_plain_descent_only() -> None:
    with pytest.raises(ValidationError, match=r"momentum = 0.9 is sgd's"):
        Training(momentum=0.9)


def test_norms_are_those_of_each_module_that_holds_weights() -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 1, bias=False))
    nn.init.constant_(model[0].weight, 2.0)  # type: ignore[arg-type]
    nn.init.constant_(model[0].bias, 1.0)  # type: ignore[arg-type]
    nn.init.constant_(model[2].weight, 3.0)  # type: ignore[arg-type]
    assert norms(layers(model)) == pytest.approx({"0": (4 * 2 + 2) ** 0.5, "2": 18**0.5})


def test_gradients_lie_in_memory_as_their_weights_do() -> None:
    """Fused AdamW steps wrongly where the two differ, as channels-last maps could make them."""
    model = create(ConvLSTM, Shape(inputs=2, leads=2, grid=(5, 6)), {"hidden": [3, 3]})
    y, _ = model(torch.randn(2, 3, 2, 5, 6))
    y.square().mean().backward()
    for parameter in model.parameters():
        assert parameter.grad is not None and parameter.grad.stride() == parameter.stride()


def test_the_average_forgets_slowly_once_it_has_seen_enough() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, 0.5)
    nn.init.ones_(model.weight)
    average.update()  # kept share min(0.5, 2 / 11)
    assert average.now()["weight"].item() == pytest.approx(9 / 11)
    average.updates = 1000
    average.update()
    assert average.now()["weight"].item() == pytest.approx((9 / 11 + 1) / 2)


def test_without_a_decay_the_weights_themselves_are_judged() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, 0.0)
    nn.init.constant_(model.weight, 3.0)
    average.update()
    assert average.now()["weight"].item() == 3.0


def test_what_is_no_floating_number_is_not_averaged() -> None:
    model = nn.BatchNorm1d(1)
    average = Average(model, 0.9)
    model(torch.randn(4, 1))
    average.update()
    assert average.now()["num_batches_tracked"].item() == 1


def test_an_update_later_than_its_own_stretch_is_refused() -> None:
    with pytest.raises(ValidationError, match="k1 = 9 > k2 = 3: an update cannot come later than its own stretch"):
        Training(k1=9, k2=3)
