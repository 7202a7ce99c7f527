"""The encoder-decoder against its equations, lead by lead, and what it hears while it is taught."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from forecast.errors import ForecastError
from forecast.models.base import Model, Shape, create
from forecast.models.seq2seq import CELLS, Seq2Seq, taught_share
from tests.models.small import in_chunks

SHAPE = Shape(inputs=2, leads=3, outputs=1, future=2, targets=1)
PLAIN = Shape(inputs=1, leads=2)
CODES = Shape(inputs=1, leads=3, outputs=4, targets=0, symbols=4)
ATTENTION = ("none", "additive", "multiplicative", "dot")


def random(*sizes: int, seed: int = 0) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def build(shape: Shape = SHAPE, **options: object) -> Seq2Seq:
    given = {"hidden": 4, "dropout": 0.0, "memory": 3, "schedule": "constant", **options}
    model = create(Seq2Seq, shape, given, seed=1).double().eval()
    for number, value in enumerate(model.parameters()):  # biases and start symbols too, so that each has its place
        nn.init.normal_(value, std=0.4, generator=torch.Generator().manual_seed(number))
    assert isinstance(model, Seq2Seq)
    return model


def by_hand(model: Seq2Seq, x: Tensor, future: Tensor) -> Tensor:
    """The decoder's equations for the last step of one stream, simple recurrent cells."""
    decoder, cell, score = model.decoder, model.decoder.stack.layers[0], model.options.attention
    h, _ = model.stack(x, model.stack.initial(1))
    past = h[0, -3:]

    def look(s: Tensor) -> Tensor:
        if score == "additive":
            e = torch.tanh(s @ decoder.attention.query.weight.T + decoder.attention.key(past))
            e = e @ decoder.attention.sum.weight[0]
        else:
            e = past @ (decoder.attention.key.weight.T @ s) if score == "multiplicative" else past @ s / math.sqrt(4)
        return torch.softmax(e, dim=0) @ past

    s, u, r, said = torch.tanh(decoder.bridge["h"](h[0, -1])), x[0, -1, :1], torch.zeros(4).double(), []
    for lead in range(3):
        r = look(s) if score == "additive" else r
        read = torch.cat([u, future[0, -1, lead], *([] if score == "none" else [r])])
        s = torch.tanh(cell.seen(read) + cell.carried.weight @ s)
        out = torch.cat([s, r]) if score == "additive" else s
        if score in ("multiplicative", "dot"):
            out = r = torch.tanh(decoder.join(torch.cat([look(s), s])))
        u = decoder.head(out) + model.start.factor[lead] * x[0, -1, :1]
        said.append(u)
    return torch.stack(said)


@pytest.mark.parametrize("attention", ATTENTION)
def test_a_lead_follows_from_the_state_what_is_attended_to_and_the_lead_before(attention: str) -> None:
    model, x, future = build(cell="rnn", attention=attention), random(1, 5, 2), random(1, 5, 3, 2, seed=1)
    torch.testing.assert_close(model(x, future)[0][0, -1], by_hand(model, x, future))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("attention", ATTENTION)
def test_chunks_with_carried_state_give_one_unbroken_run_whatever_the_cell(cell: str, attention: str) -> None:
    model = build(cell=cell, attention=attention, layers=2, initial="learned")
    x, future = random(2, 9, 2), random(2, 9, 3, 2, seed=1)
    whole, last = model(x, future)
    parts, state = in_chunks(model, x, future, (1, 2, 6))
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-13, rtol=0)
    assert model.context == (1 if attention == "none" else 3)
    for key, value in last.items():
        torch.testing.assert_close(state[key], value, atol=1e-13, rtol=0)


def test_weights_come_by_lag_sum_to_one_and_leave_out_what_was_before_the_first_step() -> None:
    model, x, future = build(attention="additive"), random(2, 5, 2), random(2, 5, 3, 2, seed=1)
    y, weights, state = model.attend(x, future)
    assert torch.equal(y, model(x, future)[0]) and weights.shape == (2, 5, 3, 3)
    torch.testing.assert_close(weights.sum(dim=3), torch.ones(2, 5, 3, dtype=torch.float64))
    for step in range(5):
        assert (weights[:, step] > 0).sum(dim=2).eq(min(step + 1, 3)).all()
        assert (weights[:, step, :, : step + 1] > 0).all()
    again = model.attend(x[:, 3:], future[:, 3:], model(x[:, :3], future[:, :3])[1])[1]
    torch.testing.assert_close(again, weights[:, 3:])
    assert set(state) == {"h", "c", "memory", "real"}


def test_a_query_that_matches_one_output_finds_its_lag() -> None:
    model = build(PLAIN, cell="rnn", attention="dot", memory=4)
    x = torch.tensor([0.0, 5.0, 0.0, 0.0]).double().reshape(1, 4, 1)
    with torch.no_grad():
        for value in model.parameters():
            value.zero_()
        model.stack.layers[0].seen.weight += 3  # an output is 1 where x is 5, and 0 elsewhere
        model.decoder.stack.layers[0].seen.bias += 9  # the decoder asks for ones
    _, weights, _ = model.attend(x)
    e = math.exp(4 / math.sqrt(4))
    expected = torch.tensor([1, 1, e, 1]).double() / (e + 3)
    torch.testing.assert_close(weights[0, 3, 0], expected, atol=1e-6, rtol=0)


def test_the_share_of_truth_follows_its_schedule() -> None:
    assert [taught_share("constant", 0.6, done) for done in (0, 0.5, 1)] == [0.6] * 3
    assert [taught_share("linear", 0.6, done) for done in (0, 0.5, 1)] == [0.6, 0.3, 0]
    assert taught_share("inverse_sigmoid", 1, 0) == 16 / 17
    assert taught_share("inverse_sigmoid", 0.5, 0.16 * math.log(16)) == pytest.approx(0.25)
    assert taught_share("inverse_sigmoid", 1, 1) == pytest.approx(16 / (16 + math.exp(6.25)))


def taught(model: Model, truth: Tensor, steps: int = 4) -> tuple[Tensor, list[Tensor]]:
    """Outputs in training mode, and what the decoder's head said lead by lead."""
    said: list[Tensor] = []
    hook = model.decoder.head.register_forward_hook(lambda *call: said.append(call[2]))
    y, _ = model.train()(random(2, steps, 1), None, None, truth)
    hook.remove()
    return y, said


@pytest.mark.parametrize(("share", "told"), [(1.0, True), (0.0, False)])
def test_the_second_lead_hears_the_truth_or_itself(share: float, told: bool) -> None:
    truth = random(2, 4, 2, 1).requires_grad_()
    y, said = taught(build(PLAIN, share=share), truth)
    of_truth, of_said = torch.autograd.grad(y[:, :, 1].sum(), (truth, said[0]))
    assert (of_truth[:, :, 0] != 0).all() == told and (of_said != 0).all() != told
    assert not of_truth[:, :, 1].any()


def test_as_many_values_are_told_as_the_share_says() -> None:
    model, truth = build(PLAIN, share=0.8, schedule="linear"), random(2, 1000, 2, 1).requires_grad_()
    model.progress = 0.5
    torch.manual_seed(0)
    y, _ = taught(model, truth, steps=1000)
    (slope,) = torch.autograd.grad(y[:, :, 1].sum(), truth)
    assert (slope[:, :, 0] != 0).double().mean() == pytest.approx(0.4, abs=0.03)
    torch.manual_seed(0)
    assert torch.equal(taught(model, truth, steps=1000)[0], y)


def test_where_the_truth_is_missing_and_when_it_forecasts_it_hears_itself() -> None:
    model, truth = build(PLAIN), random(2, 4, 2, 1)
    alone = model(random(2, 4, 1))[0]
    assert torch.equal(model(random(2, 4, 1), None, None, truth)[0], alone)
    missing, _ = taught(model, torch.full_like(truth, torch.nan))
    torch.testing.assert_close(missing, alone)
    truth[0] = torch.nan
    partly, _ = taught(model, truth)
    torch.testing.assert_close(partly[0], alone[0])
    assert not torch.allclose(partly[1], alone[1])


def test_truth_of_other_steps_is_refused() -> None:
    with pytest.raises(ForecastError, match=r"truth \(2, 4, 2, 1\)(.|\n)*\(2, 3, 2, 1\)"):
        taught(build(PLAIN), random(2, 3, 2, 1))


def test_of_quantiles_the_truth_is_their_targets() -> None:
    shape = Shape(inputs=1, leads=2, outputs=3)
    y, _ = taught(build(shape), random(2, 4, 2, 1))
    assert y.shape == (2, 4, 2, 3)


@pytest.mark.parametrize("embedding", [None, 2])
def test_symbols_are_heard_one_hot_from_a_learned_start(embedding: int | None) -> None:
    model = build(CODES, cell="gru", embedding=embedding)
    x = torch.tensor([[0.0, 3, 1, 2], [2, 2, 0, 1]]).double().unsqueeze(2)
    y, _ = model(x)
    assert model.symbol.shape == (4,)
    (slope,) = torch.autograd.grad(y.sum(), model.symbol)
    assert slope.all()
    heard = nn.functional.one_hot(y.argmax(dim=3), 4).double()  # being told what it says itself changes nothing
    torch.testing.assert_close(model.train()(x, None, None, heard)[0], y)
    assert not torch.allclose(model(x, None, None, heard.roll(1, dims=3))[0], y)


def test_the_start_is_learned_on_request_and_where_no_input_is_a_target() -> None:
    assert build(PLAIN).symbol is None
    assert build(PLAIN, start="learned").symbol.shape == (1,)
    assert build(Shape(inputs=2, leads=1, outputs=3, targets=0)).symbol.shape == (3,)
    assert build(Shape(inputs=3, leads=1, outputs=3, targets=3), output="bits").symbol.shape == (3,)


def test_the_cells_own_options_reach_encoder_and_decoder_and_are_checked() -> None:
    model = build(cell="lstm", cell_options={"without": ["output gate"]})
    assert model.stack.layers[0].options.without == model.decoder.stack.layers[0].options.without == ("output gate",)
    with pytest.raises(ForecastError, match="cell_options.without: Extra inputs are not permitted"):
        build(cell="gru", cell_options={"without": []})
    with pytest.raises(ForecastError, match="hidden in cell_options: write it beside cell"):
        build(cell_options={"hidden": 3})


def test_weights_of_a_model_without_attention_are_refused() -> None:
    with pytest.raises(ForecastError, match='a model with attention(.|\n)*attention = "none"'):
        build(PLAIN, attention="none").attend(random(1, 2, 1))


def test_classes_are_told_by_their_numbers_or_one_hot() -> None:
    shape = Shape(inputs=1, leads=2, outputs=4, symbols=4, targets=0)
    model = create(Seq2Seq, shape, {"hidden": 5, "dropout": 0.0, "schedule": "constant"}, seed=1).double().train()
    codes = torch.tensor([[0.0, 3.0, 1.0]]).double().unsqueeze(2)
    numbers = torch.tensor([[[1.0, 2.0], [3.0, math.nan], [0.0, 1.0]]]).double().unsqueeze(3)
    one_hot = torch.nn.functional.one_hot(numbers[..., 0].nan_to_num().long(), 4).double()
    one_hot[0, 1, 1] = math.nan
    torch.manual_seed(0)
    told = model(codes, None, None, numbers)[0]
    torch.manual_seed(0)
    torch.testing.assert_close(model(codes, None, None, one_hot)[0], told)
    assert not torch.allclose(model(codes)[0], told)
