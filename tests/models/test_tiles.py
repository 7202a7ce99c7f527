"""The ConvLSTM's chunk kernel against the cell step by step, and the convolution in tiles against a plain one."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.autograd import grad, gradcheck
from torch.nn.functional import conv2d

from forecast.models.base import Shape, create
from forecast.models.convlstm import ConvLSTM
from forecast.models.convolution import MANY, Cell, tiles
from forecast.models.kernels import convlstm
from forecast.models.kernels.tiles import SIDE, matrices, transform

FORMS = {  # grid, circle, poles, kernel, recurrent kernel, dilation
    "square kernels": ((17, 9), False, (None, None), 5, 5, 1),
    "a narrow recurrent one, spread, on a circle": ((9, 14), True, (None, None), 5, 3, 2),
    "a narrow input, spread by three": ((6, 5), False, (None, None), 1, 3, 3),
    "seven wide": ((5, 7), False, (None, None), 7, 5, 1),
    "across the poles": ((6, 8), True, (0, 1), 3, 3, 1),
}


def made(form: tuple, hidden: int, dtype: torch.dtype) -> tuple[Cell, list[Tensor], tuple[Tensor, Tensor]]:
    """Return a cell, five maps of two streams, and a state."""
    grid, circle, poles, kernel, carried, dilation = form
    torch.manual_seed(0)
    shape = Shape(inputs=3, leads=1, grid=grid, periodic=circle, poles=poles)
    cell = Cell(3, hidden, shape, kernel=kernel, recurrent_kernel=carried, dilation=dilation).to(dtype)
    maps = [torch.randn(2, 3, *grid, dtype=dtype, requires_grad=True) for _ in range(5)]
    h, c = (torch.randn(2, hidden, *grid, dtype=dtype, requires_grad=True) for _ in "hc")
    return cell, maps, (h, c)


def told(cell: Cell, maps: list[Tensor], state: tuple[Tensor, Tensor], whole: bool) -> list[Tensor]:
    """Return what a cell makes of maps, in one piece or not, and all gradients of a loss that weighs each value."""
    assert cell._tiled(maps)
    hidden, cells = cell(maps, *state) if whole else cell(maps, *state, {})
    loss = sum(
        (torch.linspace(-1, 1, h.numel(), dtype=h.dtype) * (h - 2 * c).flatten()).sum()
        for h, c in zip(hidden, cells, strict=True)
    )
    return [*hidden, *cells, *grad(loss, [*maps, *state, *cell.parameters()])]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-5)], ids=["64", "32"])
def test_a_chunk_in_tiles_is_the_cell_step_by_step(dtype: torch.dtype, tolerance: float, form: tuple) -> None:
    given = made(form, MANY, dtype)
    for ours, plain in zip(told(*given, True), told(*given, False), strict=True):
        assert (ours - plain).abs().max() <= tolerance * plain.abs().max()


def test_the_kernels_gradient_is_that_of_differences() -> None:
    cell, maps, state = made(((3, 4), True, (None, None), 3, 3, 1), 2, torch.float64)
    laid = tiles(3, 4, 3, True, 1, (None, None))
    weights = cell.seen.weight, cell.carried.weight, cell.seen.bias
    assert gradcheck(
        lambda *given: convlstm(*given, laid),
        (torch.stack(maps[:2]).detach().requires_grad_(), *state, *weights),
        fast_mode=True,
    )


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
def test_a_tile_convolved_at_the_points_is_a_plain_convolution(kernel: int) -> None:
    torch.manual_seed(0)
    x, w = torch.randn(SIDE, SIDE, dtype=torch.float64), torch.randn(kernel, kernel, dtype=torch.float64)
    into, weigh, back = matrices(kernel, torch.float64)
    y = back @ ((weigh @ w @ weigh.T) * (into @ x @ into.T)) @ back.T
    torch.testing.assert_close(y, conv2d(x[None, None], w[None, None])[0, 0])
    out = torch.empty(len(back) ** 2, dtype=torch.float64)
    transform(back, x.flatten(), torch.empty(SIDE * SIDE, dtype=torch.float64), out)
    torch.testing.assert_close(out.view(len(back), -1), back @ x @ back.T)


def test_in_single_precision_a_convolution_in_tiles_is_right_to_1e_5_of_its_spread() -> None:
    cell, maps, state = made(FORMS["square kernels"], 48, torch.float32)
    exact = cell.double()([one.double() for one in maps], *(one.double() for one in state), {})
    rough = cell.float()(maps, *state)
    for ours, right in zip(rough[0] + rough[1], exact[0] + exact[1], strict=True):
        assert ((ours - right).square().mean() / right.var()).sqrt() < 1e-5


def test_every_cell_is_held_by_one_tile_and_what_tiles_read_is_handed_back_to_it() -> None:
    laid = tiles(6, 5, 3, False, 2, (None, None))
    assert laid.held[laid.own].tolist() == list(range(30))
    values = torch.randn(SIDE * SIDE * laid.tiles, 4, dtype=torch.float64)
    sums = torch.zeros(len(laid.held), 4, dtype=torch.float64).index_add_(0, laid.read, values)
    torch.testing.assert_close(laid.scatter(values), sums)


def test_streams_are_swept_in_groups_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    given = made(FORMS["square kernels"], MANY, torch.float64)
    whole = told(*given, True)
    monkeypatch.setattr(sys.modules[convlstm.__module__], "ROOM", 1)
    for apart, together in zip(told(*given, True), whole, strict=True):
        torch.testing.assert_close(apart, together)


def test_single_steps_narrow_cells_and_types_wide_kernels_and_peepholes_go_step_by_step() -> None:
    shape, one = Shape(inputs=2, leads=1, grid=(4, 5)), torch.zeros(1, 2, 4, 5)
    wide = {"kernel": 3, "recurrent_kernel": 3}
    cell = Cell(2, MANY, shape, **wide)
    assert cell._tiled([one] * 2) and not cell._tiled([one]) and not cell._tiled([one.half()] * 2)
    assert not Cell(2, MANY - 1, shape, **wide)._tiled([one] * 2)
    assert not Cell(2, MANY, shape, kernel=9, recurrent_kernel=3)._tiled([one] * 2)
    assert not Cell(2, MANY, shape, **wide, peepholes=True)._tiled([one] * 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert not cell._tiled([one] * 2)


def test_a_chunk_cut_in_two_gives_the_same_forecasts_and_a_graph_through_the_cut() -> None:
    model = create(ConvLSTM, Shape(inputs=1, leads=1, grid=(5, 6)), {"hidden": [MANY, MANY], "dropout": 0.0}).double()
    x = torch.randn(2, 6, 1, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole, _ = model(x)
    parts, state = [], None
    for start, stop in pairwise((0, 1, 4, 6)):
        y, state = model(x[:, start:stop], None, state)
        parts.append(y)
    joined = torch.cat(parts, dim=1)
    torch.testing.assert_close(joined, whole)
    weights = list(model.parameters())
    for a, b in zip(grad(joined.square().sum(), weights), grad(whole.square().sum(), weights), strict=True):
        torch.testing.assert_close(a, b)
