"""Tables of series as networks see them: channels, what is known beforehand, and series that begin late."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from forecast import axes
from forecast.batches import Panel, Streams, panel, run
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import Shape, create
from forecast.registry import member
from forecast.scaling import SeriesScaling

STEPS, LEADS = 30, 3


@pytest.fixture
def table() -> xr.Dataset:
    rng = np.random.default_rng(1)
    times = np.datetime64("2001-01-01", "ns") + np.arange(STEPS) * np.timedelta64(1, "D")
    variables = {
        name: (("time", "series"), 10 + rng.normal(size=(STEPS, 3)), {"units": "1"}) for name in ("sales", "web")
    }
    variables["holiday"] = (("time", "series"), rng.integers(0, 2, (STEPS, 3)).astype(float), {"units": "1"})
    data = xr.Dataset(variables, {"time": times, "series": ["a", "b", "c"]})
    data["sales"][:7, 1], data["sales"][12, 0], data["web"][20, 2] = np.nan, np.nan, np.nan
    return data


def framed(table: xr.Dataset, **told: object) -> Panel:
    scaling = SeriesScaling.fit(table, ["sales", "web", "holiday"])
    return panel(table, scaling, ["sales"], ["web"], LEADS, known=["holiday"], **told)  # type: ignore[arg-type]


def test_channels_are_targets_their_presence_covariates_alike_known_calendar_attributes(table: xr.Dataset) -> None:
    kind = xr.DataArray([0.0, 1.0, 1.0], dims="series", attrs={"categories": '["shop", "web"]'})
    size = xr.DataArray([1.0, 2.0, 3.0], dims="series")
    seen = framed(table, static=xr.Dataset({"kind": kind, "size": size}))
    x = seen.inputs(torch.tensor([0, 2]), torch.tensor([12, 20]), 2)
    assert x.shape == (2, 2, seen.channels) and seen.channels == 2 + 2 + 1 + 2 + 3
    assert x[0, 0, :2].tolist() == [0, 0] and x[0, 1, 1] == 1, "the target is missing on step 12 of the first series"
    assert x[1, 0, 2:4].tolist() == [0, 0] and x[1, 1, 3] == 1, "the covariate on step 20 of the third"
    assert x[0, 0, -3:].tolist() == pytest.approx([1, 0, -(1.5**0.5)]) and x[1, 0, -3:-1].tolist() == [0, 1]


def test_what_is_known_beforehand_is_told_of_the_steps_ahead_and_0_beyond(table: xr.Dataset) -> None:
    ahead = table.isel(time=slice(28, 30))
    seen = framed(table.isel(time=slice(0, 28)), ahead=ahead, calendar="none")
    whole = framed(table, calendar="none")
    told = seen.futures(torch.tensor([1]), torch.tensor([26]), 2)
    assert told is not None and told.shape == (1, 2, LEADS, 1)
    scaled = SeriesScaling.fit(table, ["holiday"])
    first = SeriesScaling.fit(table.isel(time=slice(0, 28)), ["holiday"])
    values = (first.apply(ahead)["holiday"].values[:, 1], scaled.apply(table)["holiday"].values[27, 1])
    assert told[0, 1, :2, 0].tolist() == pytest.approx(values[0].tolist(), rel=1e-6) and told[0, 1, 2, 0] == 0
    later = whole.futures(torch.tensor([1]), torch.tensor([26]), 1)
    assert later is not None and later[0, 0, 0, 0].item() == pytest.approx(values[1], rel=1e-6)


def test_numbered_steps_have_no_calendar(table: xr.Dataset) -> None:
    numbered = table.assign_coords(time=axes.integer_times(np.arange(STEPS))).assign_attrs(axis="integer")
    assert framed(table).calendar is not None and framed(numbered).calendar is None


def test_a_series_that_begins_late_is_forecast_as_if_it_stood_alone(table: xr.Dataset) -> None:
    seen = framed(table)
    model = create(member("model", MODELS, "lstm"), Shape(seen.channels, LEADS, 2, seen.future), {"hidden": 5})
    together, state = run(model, seen, steps=(5, STEPS), chunk=8)
    assert state == {} and seen.begin.tolist() == [0, 7, 0]
    assert torch.isnan(together[1, :2]).all(), "before it begins nothing is said"
    one, _ = run(model, _only(seen, 1, 7), steps=(0, STEPS - 7), chunk=50)
    torch.testing.assert_close(together[1, 2:], one[0])
    whole, state = run(model, _only(seen, 0, 0), steps=(5, STEPS))
    torch.testing.assert_close(together[0], whole[0])
    assert state, "where all begin with the frames, the state goes on"


def _only(seen: Panel, tape: int, start: int) -> Panel:
    """Return one series of a panel from a step on."""
    assert isinstance(seen.values, torch.Tensor) and seen.known is not None and seen.calendar is not None
    return Panel(
        values=seen.values[[tape], start:],
        targets=1,
        leads=LEADS,
        calendar=seen.calendar[start:],
        known=seen.known[[tape], start:],
        begin=torch.zeros(1, dtype=torch.int64),
    )


def test_the_first_steps_of_a_stretch_may_be_read_without_targets(table: xr.Dataset) -> None:
    seen = framed(table)
    pieces = np.array([[0, 0, STEPS], [1, 7, STEPS]])
    chunk = Streams(seen, pieces, streams=2, chunk=STEPS, warm=4, whole=True)[0]
    targets = torch.isfinite(chunk.y).any(dim=(2, 3))
    assert targets[0].nonzero().ravel().tolist() == list(range(4, STEPS - 1))
    assert targets[1].nonzero().ravel().tolist() == list(range(4, STEPS - 7 - 1))


def test_a_variable_that_is_not_there_is_refused(table: xr.Dataset) -> None:
    scaling = SeriesScaling.fit(table, ["sales"])
    with pytest.raises(ForecastError, match=r"(?s)variables \['price'\].*no price among.*mend the task"):
        panel(table, scaling, ["price"])


def test_each_row_has_its_series_own_way_back(table: xr.Dataset) -> None:
    seen = framed(table)
    assert seen.ways is not None
    torch.testing.assert_close(seen.back(torch.tensor([1, 0])), seen.ways[[1, 0]])
    a, b, p = seen.ways[:, 0].float().T
    plain = a[:, None] + b[:, None] * seen.values[:, :, 0]
    value = plain.sign() * plain.abs() ** (1 / p[:, None])
    np.testing.assert_allclose(value.numpy(), table["sales"].values.T, rtol=1e-5)
