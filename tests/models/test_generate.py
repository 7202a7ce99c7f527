"""Free running feeds each output back as the next input, from where the observations, or a context, left the state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from forecast.errors import ForecastError
from forecast.models.base import Model, Shape, create
from forecast.models.bilstm import BiLSTM
from forecast.models.convlstm import ConvLSTM
from forecast.models.generate import generate
from forecast.models.lstm import LSTM
from forecast.models.seq2seq import Seq2Seq

ONE = Shape(inputs=1, leads=2, outputs=3)
LETTERS = Shape(inputs=1, leads=1, outputs=4, targets=0, symbols=4)
BITS = Shape(inputs=3, leads=1, outputs=3, targets=0)


def build(kind: type[Model], shape: Shape, **options: object) -> Model:
    return create(kind, shape, {"hidden": 5, "residual": "none", **options}, seed=2).double().eval()


def numbers(*sizes: int) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("kind", [LSTM, Seq2Seq])
def test_the_middle_quantile_of_the_first_lead_is_the_next_input(kind: type[Model]) -> None:
    model, x = build(kind, ONE), numbers(2, 6, 1)
    said = generate(model.train(), x, 4)
    assert not model.training
    for step in range(4):
        whole = model(torch.cat([x, said[:, :step]], dim=1))[0]
        torch.testing.assert_close(said[:, step], whole[:, -1, 0, 1:2])


def test_maps_go_on_too() -> None:
    model = build(ConvLSTM, Shape(inputs=1, leads=1, grid=(3, 4)), hidden=[2], kernel=3)
    x = numbers(2, 3, 1, 3, 4)
    said = generate(model, x, 2)
    torch.testing.assert_close(said[:, 1], model(torch.cat([x, said[:, :1]], dim=1))[0][:, -1, 0])


@pytest.mark.parametrize("window", [1, 3, 20])
def test_a_model_that_is_not_aligned_reads_a_window_from_the_state_carried_to_it(window: int) -> None:
    model, x = build(BiLSTM, Shape(inputs=1, leads=1)), numbers(2, 6, 1)
    said = generate(model, x, 4, window=window)
    for step in range(4):
        read = torch.cat([x, said[:, :step]], dim=1)
        before = read[:, :-window]
        state = model(before)[1] if before.shape[1] else None
        torch.testing.assert_close(said[:, step], model(read[:, -window:], None, state)[0][:, -1, 0])


def test_symbols_come_out_as_codes_the_most_probable_each_time() -> None:
    model, seen = build(LSTM, LETTERS, embedding=2), torch.tensor([[0.0, 3, 1], [2, 2, 0]], dtype=torch.float64)
    said = generate(model, seen.unsqueeze(2), 5)
    assert said.shape == (2, 5, 1) and set(said.unique().tolist()) <= {0, 1, 2, 3}
    read = torch.cat([seen.unsqueeze(2), said], dim=1)
    assert torch.equal(model(read)[0][:, 2:-1, 0].argmax(dim=2), said[:, :, 0].long())


def test_bits_are_each_likelier_than_not() -> None:
    model, seen = build(LSTM, BITS), (numbers(2, 4, 3) > 0).double()
    said = generate(model, seen, 3, kind="bits")
    read = torch.cat([seen, said], dim=1)
    assert torch.equal((model(read)[0][:, 3:-1, 0] > 0).double(), said)


def test_drawing_follows_its_generator_and_grows_certain_in_the_cold() -> None:
    model, seen = build(LSTM, LETTERS), torch.zeros(8, 2, 1, dtype=torch.float64)
    drawn = [
        generate(model, seen, 6, choose="sample", generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    cold = generate(model, seen, 6, choose="sample", temperature=1e-6)
    assert torch.equal(cold, generate(model, seen, 6))


def test_one_to_many_begins_from_a_context() -> None:
    shape = Shape(inputs=1, leads=1, context=2)
    model, first = build(LSTM, shape, initial="context"), torch.zeros(3, 1, 1, dtype=torch.float64)
    state = model.initial(3, numbers(3, 2))
    said = generate(model, first, 3, state=state)
    y, after = model(first, None, state)
    torch.testing.assert_close(said[:, 0], y[:, 0, 0])
    torch.testing.assert_close(said[:, 1], model(said[:, :1], None, after)[0][:, 0, 0])
    assert len(said[:, 0].unique()) == 3


def test_what_cannot_be_fed_back_is_refused() -> None:
    covariate = build(LSTM, Shape(inputs=2, leads=1))
    with pytest.raises(ForecastError, match=r"inputs are what it forecasts(.|\n)*2 inputs, 0 future(.|\n)*covariates"):
        generate(covariate, numbers(1, 2, 2), 1)
    calendar = build(LSTM, Shape(inputs=1, leads=1, future=2))
    with pytest.raises(ForecastError, match="2 future features"):
        generate(calendar, numbers(1, 2, 1), 1)
    tags = build(LSTM, Shape(inputs=1, leads=1, outputs=2, targets=0, symbols=4))
    with pytest.raises(ForecastError, match="2 outputs as classes"):
        generate(tags, torch.zeros(1, 2, 1), 1)


def test_no_step_and_nothing_to_draw_from_are_refused() -> None:
    model, letters = build(LSTM, Shape(inputs=1, leads=1)), build(LSTM, LETTERS)
    with pytest.raises(ForecastError, match="at least 1 step(.|\n)*got 0"):
        generate(model, numbers(1, 2, 1), 0)
    with pytest.raises(ForecastError, match="numbers at temperature 1"):
        generate(model, numbers(1, 2, 1), 1, choose="sample")
    with pytest.raises(ForecastError, match="classes at temperature 0"):
        generate(letters, torch.zeros(1, 2, 1), 1, choose="sample", temperature=0)
