"""Truncated backpropagation through time against its definition, and trainings that end well whatever happens."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from forecast.batches import Frames, Streams
from forecast.errors import ForecastError
from forecast.models.base import Model, Shape, State, create, detach
from forecast.models.bilstm import BiLSTM
from forecast.models.convlstm import ConvLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.models.rnn import RNN
from forecast.training.losses import Objective
from forecast.training.settings import Training
from forecast.training.tbptt import damped, evaluate, lead_weights, train, windows

SHAPE = Shape(inputs=1, leads=2)


def noise(steps: int = 60, tapes: int = 2) -> Frames:
    """A red-noise tape: x_t = 0.8 x_{t-1} + e, float64."""
    draw = torch.randn(tapes, steps, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    values = [draw[:, 0]]
    for step in draw.unbind(1)[1:]:
        values.append(0.8 * values[-1] + 0.6 * step)
    return Frames(torch.stack(values, dim=1).unsqueeze(2), targets=1, leads=2)


def build(kind: type[Model] = LSTM, dropout: float = 0.0) -> Model:
    return create(kind, SHAPE, {"hidden": 4, "dropout": dropout}, seed=2).double()


def loss(y: Tensor, target: Tensor) -> Tensor:
    there = torch.isfinite(target)
    return (y - target)[there].square().mean()


def gradient(model: nn.Module) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("kind", [LSTM, RNN, MLP])
def test_k1_k2_and_length_alike_give_the_whole_gradient(kind: type[Model]) -> None:
    seen, model = noise(), build(kind)
    y, _ = model(seen.inputs(torch.arange(2), torch.zeros(2, dtype=torch.long), 60))
    loss(y, seen.truth(torch.arange(2), torch.zeros(2, dtype=torch.long), 60, (0, 60))).backward()
    expected = gradient(model)
    model.zero_grad()
    for y, target in windows(model, Streams(seen, [(0, 60)], streams=2, chunk=60), k2=60):
        cost, weight = Objective()(y, target)
        (cost / weight).backward()
    torch.testing.assert_close(gradient(model), expected, atol=1e-6, rtol=0)


def by_definition(model: Model, seen: Frames, k1: int, k2: int, step: float) -> list[float]:
    """Descend step by step: keep every state; at each update run the last k2 steps from the state before them."""
    length = seen.values.shape[1]
    tape, zero = torch.arange(1), torch.zeros(1, dtype=torch.long)
    x, target = seen.inputs(tape, zero, length), seen.truth(tape, zero, length, (0, length))
    states: dict[int, State | None] = {0: None}
    losses = []
    for stop in range(k1, length + 1, k1):
        start = max(0, stop - k2)
        state, outputs = states[start], []
        for at in range(start, stop):
            y, state = model(x[:, at : at + 1], None, state)
            states[at + 1] = detach(state)
            outputs.append(y)
        value = loss(torch.cat(outputs, dim=1)[:, -k1:], target[:, stop - k1 : stop])
        model.zero_grad()
        value.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter -= step * parameter.grad
        losses.append(value.item())
    return losses


@pytest.mark.parametrize(("k1", "k2"), [(1, 1), (1, 4), (2, 6), (3, 5), (4, 4), (5, 12)])
def test_k1_up_to_k2_follow_the_definition(k1: int, k2: int) -> None:
    seen = noise(steps=k1 * (30 // k1), tapes=1)
    slow, quick = build(), build()
    expected = by_definition(slow, seen, k1, k2, step=0.1)
    losses = []
    for y, target in windows(quick, Streams(seen, [(0, seen.values.shape[1])], streams=1, chunk=k1), k2):
        cost, weight = Objective()(y, target)
        if not weight:
            break
        quick.zero_grad()
        (cost / weight).backward()
        with torch.no_grad():
            for parameter in quick.parameters():
                if parameter.grad is not None:
                    parameter -= 0.1 * parameter.grad
        losses.append((cost / weight).item())
    assert len(losses) >= 5
    torch.testing.assert_close(losses, expected[: len(losses)], atol=1e-9, rtol=0)


def test_a_gap_cuts_state_and_gradient() -> None:
    seen, model = noise(steps=20, tapes=1), build()
    streams = Streams(seen, [(0, 6), (10, 16)], streams=1, chunk=3)
    outputs = [y.detach() for y, _ in windows(model, streams, k2=9)]
    alone = Streams(seen, [(10, 16)], streams=1, chunk=3)
    again = [y.detach() for y, _ in windows(model, alone, k2=9)]
    torch.testing.assert_close(outputs[2:], again, atol=1e-12, rtol=0)


def test_of_a_bidirectional_model_only_the_last_step_counts_and_the_forward_state_carries() -> None:
    seen, model = noise(steps=24, tapes=1), build(BiLSTM)
    streams = Streams(seen, [(0, 24)], streams=1, chunk=4)
    found = list(windows(model, streams, k2=8))
    x = seen.inputs(torch.arange(1), torch.zeros(1, dtype=torch.long), 24)
    _, before = model(x[:, :8])
    expected, _ = model(x[:, 8:16], None, before)
    torch.testing.assert_close(found[3][0], expected[:, -1:], atol=1e-12, rtol=0)
    assert found[3][0].shape == (1, 1, 2, 1) and found[3][1][0, 0, :, 0].tolist() == seen.values[0, 16:18, 0].tolist()


def test_a_bidirectional_window_that_crosses_a_beginning_does_not_count() -> None:
    seen, model = noise(steps=26, tapes=1), build(BiLSTM)
    streams = Streams(seen, [(0, 8), (12, 24)], streams=1, chunk=4, valid=(0, 26))
    targets = [torch.isfinite(target).any().item() for _, target in windows(model, streams, k2=8)]
    assert targets == [True, True, False, True, True]


QUICK = Training(
    balance=False, k1=5, k2=10, streams=4, epochs=6, patience=3, learning_rate=0.02, weight_decay=0.01, average=0.0
)


def data() -> tuple[Streams, Streams]:
    seen = noise(steps=200, tapes=2)
    return Streams(seen, [(0, 140)], 4, 5), Streams(seen, [(145, 200)], 2, 5)


def test_training_lowers_the_loss_and_keeps_the_best_weights() -> None:
    model, (learn, early) = build(), data()
    before = evaluate(model, early, Objective(), 10)
    history = train(model, learn, early, QUICK)
    assert history.early[history.best - 1] == min(history.early) < before
    assert evaluate(model, early, Objective(), 10) == pytest.approx(min(history.early), abs=1e-12)
    assert history.epochs == len(history.early) == len(history.gradient) and not model.training


@pytest.mark.parametrize("kind", [LSTM, BiLSTM, MLP])
def test_equal_seeds_end_in_equal_weights_and_others_do_not(kind: type[Model]) -> None:
    ends = []
    for seed in (4, 4, 5):
        model = build(kind, dropout=0.2)
        train(model, data()[0], None, QUICK.model_copy(update={"seed": seed, "epochs": 2}))
        ends.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])


def test_training_leaves_generator_and_threads_as_they_were() -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    train(build(), *data(), QUICK.model_copy(update={"epochs": 1, "threads": threads + 1}))
    assert torch.equal(torch.rand(1), expected) and torch.get_num_threads() == threads


class Killed(Exception):
    pass


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("updates", [3, 61, 100, 170])
def test_killed_at_any_update_it_resumes_to_the_same_losses(tmp_path: Path, average: float, updates: int) -> None:
    settings = QUICK.model_copy(update={"average": average, "patience": 6})
    whole = build(dropout=0.2)
    expected = train(whole, *data(), settings)
    model, left = build(dropout=0.2), [updates]

    def kill(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    hook = model.register_forward_hook(kill)
    with pytest.raises(Killed):
        train(model, *data(), settings, resume=tmp_path / "training.pt")
    hook.remove()
    fresh = build(dropout=0.2)
    history = train(fresh, *data(), settings, resume=tmp_path / "training.pt")
    assert history == expected
    for name, value in whole.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name])


def test_killed_while_it_writes_it_resumes_from_the_epoch_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(build(), *data(), QUICK)
    write, left = torch.save, [3]

    def torn(content: object, file: object) -> None:
        left[0] -= 1
        if not left[0]:
            file.write(b"half a file")  # type: ignore[attr-defined]
            raise Killed
        write(content, file)

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(Killed):
        train(build(), *data(), QUICK, resume=tmp_path / "training.pt")
    monkeypatch.undo()
    assert train(build(), *data(), QUICK, resume=tmp_path / "training.pt") == expected


def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    first = build()
    history = train(first, *data(), QUICK, resume=tmp_path / "training.pt")
    lines: list[dict[str, float]] = []
    again = build()
    assert train(again, *data(), QUICK, resume=tmp_path / "training.pt", report=lines.append) == history
    assert not lines
    assert torch.equal(next(again.parameters()), next(first.parameters()))


def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    train(build(), *data(), QUICK, resume=tmp_path / "training.pt")
    with pytest.raises(ForecastError, match=r"training checkpoint of this model(.|\n)*delete the file to begin anew"):
        train(build(), *data(), QUICK.model_copy(update={"seed": 9}), resume=tmp_path / "training.pt")


def test_a_loss_that_is_not_finite_stops_it_and_the_best_weights_stay() -> None:
    model, (learn, early) = build(), data()

    def spoil(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            nn.init.constant_(next(model.parameters()), math.nan)

    history = train(model, learn, early, QUICK, report=spoil)
    assert (history.stopped, history.epochs, history.finite) == ("not finite", 2, False)
    assert evaluate(model, early, Objective(), 10) == pytest.approx(min(history.early), abs=1e-12)


def test_a_training_that_only_spoils_keeps_the_weights_that_it_began_with() -> None:
    model, (learn, early) = build(), data()
    settings = QUICK.model_copy(update={"learning_rate": 50.0, "clip_norm": None, "schedule": "constant"})
    history = train(model, learn, early, settings)
    assert (history.best, history.epochs, history.stopped) == (0, 3, "patience")
    assert evaluate(model, early, Objective(), 10) == pytest.approx(history.initial)
    assert history.initial < min(history.early)


def test_it_stops_when_patience_runs_out() -> None:
    seen = noise(steps=80)
    learn, early = Streams(seen, [(0, 40)], 2, 5), Streams(seen, [(50, 80)], 2, 5)
    settings = Training(k1=5, k2=5, epochs=50, patience=2, learning_rate=5.0, schedule="constant", clip_norm=None)
    history = train(build(), learn, early, settings)  # steps far too long: it gets no better
    assert history.stopped == "patience" and history.epochs == history.best + 2


def test_each_epoch_is_reported() -> None:
    lines: list[dict[str, float]] = []
    train(build(), *data(), QUICK.model_copy(update={"epochs": 2, "patience": 9}), report=lines.append)
    assert [line["epoch"] for line in lines] == [1, 2]
    assert set(lines[0]) == {"epoch", "train_loss", "early_loss", "learning_rate", "gradient_norm"}


def test_chunks_of_another_length_are_refused() -> None:
    seen = noise()
    with pytest.raises(ForecastError, match=r"chunks of k1 = 5(.|\n)*got 7"):
        train(build(), Streams(seen, [(0, 60)], 2, 7), None, QUICK)


def test_early_streams_without_a_target_are_refused() -> None:
    seen = noise()
    early = Streams(seen, [(0, 60)], 2, 5, valid=(60, 61))
    with pytest.raises(ForecastError, match="early-stopping streams with a target"):
        train(build(), Streams(seen, [(0, 60)], 2, 5), early, QUICK)


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


def test_maps_learn_with_cell_weights() -> None:
    values = torch.randn(1, 60, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    seen = Frames(torch.cumsum(values, dim=1) / 5, targets=1, leads=2)
    learn = Streams(seen, [(0, 60)], 3, 5, weights=torch.tensor([[0.5], [1.0], [1.5]]))
    model = create(ConvLSTM, Shape(inputs=1, leads=2, grid=(3, 4)), {"hidden": [4], "kernel": 3})
    history = train(model, learn, None, QUICK.model_copy(update={"epochs": 8}))
    assert history.train[-1] < history.train[0] and history.best == 8
