"""Where the state begins, for every registered model: zero, learned, or from a context; and how streams begin anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forecast.errors import ForecastError
from forecast.models.base import Shape, reset
from tests.models.small import CASES, SERIES, build, each, forecasts, inputs, takes

WITH_CONTEXT = replace(SERIES, context=3)
beginning = pytest.mark.parametrize("name", sorted({name for name, _ in CASES if takes(name, "initial")}))


@each
def test_the_state_begins_at_zero_in_the_weights_own_dtype(name: str, shape: Shape) -> None:
    model = build(name, shape)
    for tensor in model.initial(3).values():
        assert len(tensor) == 3 and tensor.dtype == torch.float64 and not tensor.any()
    assert all(tensor.dtype == torch.bfloat16 for tensor in model.bfloat16().initial(1).values())


@each
def test_no_state_is_the_initial_state(name: str, shape: Shape) -> None:
    model = build(name, shape, **({"initial": "learned"} if takes(name, "initial") else {}))
    for value in model.parameters():
        torch.nn.init.normal_(value, generator=torch.Generator().manual_seed(value.numel()))
    x, future = inputs(shape, steps=3)
    (y, state), (expected, last) = model(x, future), model(x, future, model.initial(2))
    assert torch.equal(forecasts(model, y), forecasts(model, expected))
    assert all(torch.equal(state[key], value) for key, value in last.items())
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in model.initial(2).items()
    }


@each
def test_reset_begins_the_marked_streams_anew_and_touches_no_other(name: str, shape: Shape) -> None:
    model = build(name, shape)
    _, state = model(*inputs(shape, steps=3))
    initial = {key: torch.full_like(value, 0.5) for key, value in state.items()}
    for key, tensor in reset(state, torch.tensor([True, False]), initial).items():
        assert torch.equal(tensor[0], initial[key][0]) and torch.equal(tensor[1], state[key][1])


@each
def test_a_stream_that_begins_anew_forgets_what_it_read(name: str, shape: Shape) -> None:
    model = build(name, shape)
    x, future = inputs(shape, steps=3)
    _, state = model(*inputs(shape, steps=3, seed=1))
    y, _ = model(x, future, reset(state, torch.tensor([True, False]), model.initial(2)))
    first, _ = model(x, future)
    torch.testing.assert_close(forecasts(model, y)[0], forecasts(model, first)[0], atol=1e-12, rtol=0)
    assert not torch.allclose(forecasts(model, y)[1], forecasts(model, first)[1])


@beginning
def test_a_learned_state_is_the_same_for_all_streams_has_a_gradient_and_is_saved(name: str) -> None:
    model = build(name, SERIES, initial="learned")
    learned = {key: value for key, value in model.named_parameters() if "learned" in key}
    for value in learned.values():
        torch.nn.init.normal_(value, generator=torch.Generator().manual_seed(value.numel()))
    assert learned and set(learned) <= set(model.state_dict())
    assert all(torch.equal(tensor[0], tensor[1]) for tensor in model.initial(2).values())
    x, future = inputs(SERIES, steps=3)
    forecasts(model, model(x, future)[0]).square().sum().backward()
    assert all(value.grad is not None and value.grad.any() for value in learned.values())


@beginning
def test_the_learned_state_has_a_gradient_in_the_streams_that_begin_anew_only(name: str) -> None:
    model = build(name, SERIES, initial="learned")
    x, future = inputs(SERIES, steps=3)
    _, state = model(*inputs(SERIES, steps=3, seed=1))
    begun = {key: value.detach().requires_grad_() for key, value in model.initial(2).items()}
    state = {key: value.detach() for key, value in state.items()}
    y, _ = model(x, future, reset(state, torch.tensor([True, False]), begun))
    forecasts(model, y).square().sum().backward()
    assert all(value.grad is None or not value.grad[1].any() for value in begun.values())
    assert any(value.grad is not None and value.grad[0].any() for value in begun.values())


@beginning
def test_a_state_from_a_context_follows_each_streams_own(name: str) -> None:
    model = build(name, WITH_CONTEXT, initial="context")
    x, future = inputs(SERIES, steps=3, streams=1)
    x, future = x.expand(2, -1, -1), None if future is None else future.expand(2, -1, -1, -1)
    context = torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]], dtype=torch.float64, requires_grad=True)
    y = forecasts(model, model(x, future, model.initial(2, context))[0])
    assert not torch.allclose(y[0], y[1])
    swapped = forecasts(model, model(x, future, model.initial(2, context.flip(0)))[0])
    torch.testing.assert_close(swapped.flip(0), y, atol=1e-12, rtol=0)
    (gradient,) = torch.autograd.grad(y[0].square().sum(), context)
    assert gradient[0].any() and not gradient[1].any()


@beginning
def test_a_context_of_zeros_begins_where_zero_does(name: str) -> None:
    model = build(name, WITH_CONTEXT, initial="context")
    assert not any(value.any() for value in model.initial(2, torch.zeros(2, 3, dtype=torch.float64)).values())


@beginning
@pytest.mark.parametrize(("given", "got"), [(None, "None"), ((2, 2), r"\(2, 2\)"), ((1, 3), r"\(1, 3\)")])
def test_a_context_that_is_missing_or_of_another_shape_is_refused(
    name: str, given: tuple[int, int] | None, got: str
) -> None:
    model = build(name, WITH_CONTEXT, initial="context")
    context = None if given is None else torch.zeros(given, dtype=torch.float64)
    with pytest.raises(ForecastError, match=rf"a context \(2, 3\)(.|\n)*got {got}"):
        model.initial(2, context)


@beginning
def test_a_forward_pass_without_the_context_that_the_state_begins_from_is_refused(name: str) -> None:
    with pytest.raises(ForecastError, match=r"None(.|\n)*call model.initial\(streams, context\) and pass the state"):
        build(name, WITH_CONTEXT, initial="context")(*inputs(SERIES, steps=2))


@beginning
def test_a_state_from_a_context_where_the_data_have_none_is_refused(name: str) -> None:
    with pytest.raises(ForecastError, match='data without one(.|\n)*choose initial = "zero" or "learned"'):
        build(name, SERIES, initial="context")
