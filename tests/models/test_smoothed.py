"""The network upon smoothing: carried state, no look-ahead, missing steps, its place among the members, refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Model, Shape
from forecast.models.ensemble import assemble
from forecast.models.smoothed import Smoothed, smoothed

SHAPE = Shape(inputs=5, leads=6, outputs=6, future=2, targets=2)
INNER = ("mlp", "rnn", "lstm", "gru", "slstm", "mlstm", "seq2seq")


def build(kind: str = "gru", seasons: tuple[int, ...] = (4,), seed: int = 1, **own: object) -> Model:
    options = {"hidden": 4, "dropout": 0.0} | ({"heads": 2} if kind in ("slstm", "mlstm") else {})
    return smoothed(kind, SHAPE, options, seasons, seed, **{"skip": 7, **own}).double().eval()


def series(steps: int = 23, shape: Shape = SHAPE, streams: int = 3) -> tuple[Tensor, Tensor | None]:
    """Random walks, a tenth of whose steps are missing, the first three of the first stream among them."""
    draw = torch.Generator().manual_seed(7)
    x = torch.randn(streams, steps, shape.inputs, generator=draw, dtype=torch.float64).cumsum(dim=1)
    seen = torch.rand(streams, steps, shape.targets, generator=draw) > 0.1
    seen[0, :3] = False
    x[:, :, : shape.targets] *= seen
    x[:, :, shape.targets : 2 * shape.targets] = seen.double()
    future = torch.randn(streams, steps, shape.leads, shape.future, generator=draw, dtype=torch.float64)
    return x, future if shape.future else None


@pytest.mark.parametrize(
    ("kind", "seasons"), [*((kind, (4,)) for kind in INNER), ("lstm", ()), ("lstm", (5,)), ("lstm", (3, 6))]
)
def test_chunks_with_carried_state_give_what_one_unbroken_run_gives(kind: str, seasons: tuple[int, ...]) -> None:
    model, (x, future) = build(kind, seasons=seasons), series()
    assert future is not None
    whole, last = model(x, future)
    assert whole.shape == (3, 23, 6, 6) and whole.isfinite().all()
    kept, state = [], None
    for start, stop in ((0, 2), (2, 3), (3, 14), (14, 23)):
        y, state = model(x[:, start:stop], future[:, start:stop], state)
        kept.append(y)
    torch.testing.assert_close(torch.cat(kept, dim=1), whole, atol=1e-9, rtol=0)
    assert state is not None and list(state) == list(last)
    for name, value in last.items():
        torch.testing.assert_close(state[name], value, atol=1e-9, rtol=0)


@pytest.mark.parametrize("seasons", [(), (4,), (3, 6)])
def test_a_later_step_changes_no_earlier_forecast(seasons: tuple[int, ...]) -> None:
    model, (x, future) = build(seasons=seasons), series()
    before, _ = model(x, future)
    changed = x.clone()
    changed[:, 15:, :2], changed[:, 15:, 2:4] = 9.0, 1.0
    after, _ = model(changed, future)
    torch.testing.assert_close(after[:, :15], before[:, :15], atol=0, rtol=0)
    assert (after[:, 15:] - before[:, 15:]).abs().amin() > 0


def test_a_stream_begins_at_its_first_value_whatever_stands_before_it() -> None:
    model, (x, future) = build("mlp"), series()
    assert future is not None
    x[:, :, 2:4] = 1.0
    late = torch.cat([torch.zeros(3, 40, 5, dtype=torch.float64), x], dim=1)
    y, _ = model(late, torch.cat([future[:, :1].expand(-1, 40, -1, -1), future], dim=1))
    on_time, _ = model(x, future)
    torch.testing.assert_close(y[:, 63:], on_time[:, 23:], atol=1e-9, rtol=0)


def test_moving_a_series_moves_its_forecasts_as_far() -> None:
    model, (x, future) = build(), series()
    moved = x.clone()
    moved[:, :, :2] += 100 * x[:, :, 2:4]
    y, higher = model(x, future)[0], model(moved, future)[0]
    torch.testing.assert_close(higher[:, 8:], y[:, 8:] + 100, atol=1e-6, rtol=0)


def test_a_series_that_never_moves_is_forecast_to_stay() -> None:
    model, (x, future) = build("mlp", skip=0, added=False, seasons=()), series()
    for name, weight in model.named_parameters():
        torch.nn.init.zeros_(weight) if name.startswith("inner.head") else None
    x[:, :, 2:4] = 1.0
    y, _ = model(torch.cat([x[:, :1]] * 20, dim=1), future[:, :20] if future is not None else None)
    torch.testing.assert_close(y[:, :, :, 1::3], x[:, :1, None, :2].expand(3, 20, 6, 2), atol=1e-9, rtol=0)


def test_quantiles_never_cross() -> None:
    model, (x, future) = build(), series()
    y, _ = model(x, future)
    assert (y.unflatten(3, (2, 3)).diff(dim=4) > 0).all()


def test_every_weight_of_the_network_learns() -> None:
    model, (x, future) = build().train(), series()
    model(x, future)[0].square().mean().backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())


def test_an_ensemble_of_them_is_built_from_plain_options() -> None:
    plain = {"inner": "lstm", "inner_options": {"hidden": 3}, "seasons": [4]}
    model, (x, future) = assemble(Smoothed, SHAPE, plain, networks=2).double().eval(), series()
    y, _ = model(x, future)
    assert y.shape == (3, 23, 6, 6)


def test_a_bidirectional_network_forecasts_from_the_last_step() -> None:
    model, (x, future) = build("bilstm"), series()
    y, _ = model(x, future)
    assert not model.aligned and y[:, -1].isfinite().all() and y[:, :-1].isnan().all()


def test_what_the_network_within_shows_is_shown() -> None:
    model, (x, future) = build("lstm"), series()
    assert "layer0.forget gate" in model.trace(x, future)
    assert "layer0.candidate" in model.recurrent_weights()


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ForecastError, match="as many that say where they are seen"):
        smoothed("lstm", Shape(inputs=1, leads=2), {})
    with pytest.raises(ForecastError, match="lengths of seasons ascend and are above 1"):
        smoothed("lstm", Shape(inputs=2, leads=2), {}, (12, 4))
    with pytest.raises(ForecastError, match="a network for series within"):
        smoothed("convlstm", Shape(inputs=2, leads=2), {})
