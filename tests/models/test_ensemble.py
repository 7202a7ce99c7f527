"""Ensembles: the mean of networks that differ in their seed, each with a state of its own."""

from __future__ import annotations

import torch

from forecast.models.base import Shape, create
from forecast.models.ensemble import Ensemble, assemble
from tests.models.small import MAP, SERIES, build, inputs, kind, small


def three(name: str, shape: Shape) -> Ensemble:
    return Ensemble([build(name, shape, seed) for seed in range(3)]).double().eval()


def test_its_forecast_is_the_mean_of_its_networks() -> None:
    for name, shape in (("lstm", SERIES), ("convlstm", MAP)):
        ensemble = three(name, shape)
        x, future = inputs(shape, steps=5)
        alone = torch.stack([network(x, future)[0] for network in ensemble.networks])
        torch.testing.assert_close(ensemble(x, future)[0], alone.mean(0))
        assert torch.equal(ensemble.each(x, future)[0], alone) and not torch.equal(alone[0], alone[1])


def test_each_network_carries_its_own_state() -> None:
    ensemble = three("lstm", SERIES)
    x, future = inputs(SERIES, steps=6)
    whole, last = ensemble(x, future)
    first, state = ensemble(x[:, :4], future[:, :4])
    rest, after = ensemble(x[:, 4:], future[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, rest], dim=1), whole)
    assert {name.split(".")[0] for name in state} == {"0", "1", "2"}
    torch.testing.assert_close(after, last)


def test_what_is_assembled_takes_the_weights_that_were_saved() -> None:
    ensemble = three("gru", SERIES)
    again = assemble(kind("gru"), SERIES, small("gru"), 3).double().eval()
    again.load_state_dict(ensemble.state_dict())
    x, future = inputs(SERIES, steps=4)
    assert torch.equal(again(x, future)[0], ensemble(x, future)[0])
    assert not isinstance(assemble(kind("gru"), SERIES, small("gru")), Ensemble)


def test_what_its_networks_show_is_named_apart() -> None:
    ensemble, one = three("gru", SERIES), create(kind("gru"), SERIES, small("gru"))
    x, future = inputs(SERIES, steps=4)
    names = {f"network{number}.{name}" for number in range(3) for name in one.double().trace(x, future)}
    assert set(ensemble.trace(x, future)) == names
    assert set(ensemble.recurrent_weights()) == {
        f"network{n}.{name}" for n in range(3) for name in one.recurrent_weights()
    }
