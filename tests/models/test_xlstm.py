"""sLSTM and mLSTM beside the authors' package, beside their equations without stabiliser, and worked by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from forecast.models.kernels import slstm
from forecast.models.layer import Layer
from forecast.models.mlstm import MLSTM
from forecast.models.slstm import SLSTM
from tests.models.cells import close, held, layer, noise, zeros
from tests.models.small import shaken

ABSENT = "the package xlstm (extra: test) is not installed"


# --- the authors' package -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [1, 4])
def test_the_slstm_is_the_cell_of_the_authors_package(heads: int) -> None:
    package = pytest.importorskip("xlstm.blocks.slstm.cell", reason=ABSENT)
    settings = {"backend": "vanilla", "dtype": "float32", "bias_init": "standard", "output_shape": "BSH"}
    cell = package.sLSTMCell(package.sLSTMCellConfig(hidden_size=8, num_heads=heads, **settings))
    ours, x = layer(SLSTM, torch.float32, heads=heads), noise(3, 12, 3, dtype=torch.float32)
    order = [1, 2, 0, 3]  # theirs: input, forget, candidate, output
    kernel = ours.weight_carried.unflatten(1, (4, -1))[:, order].flatten(1, 2).detach().requires_grad_()
    cell._parameters["_recurrent_kernel_"] = kernel
    with torch.no_grad():
        cell._bias_.zero_()
    drive = ours.drive(x).detach().unflatten(2, (4, 8))[:, :, order].flatten(2)
    state, theirs = zeros(ours, 3), None
    for part in (slice(0, 5), slice(5, 12)):
        h, state = ours(x[:, part], state)
        expected, theirs = cell(drive[:, part], theirs)
        close(h, expected, 1e-5)
        for name, value in zip("hcnm", theirs, strict=True):
            close(state[name], value, 1e-5)
    (given,) = torch.autograd.grad(h.square().sum(), [ours.weight_carried])
    (wanted,) = torch.autograd.grad(expected.square().sum(), [kernel])
    close(given.unflatten(1, (4, -1))[:, order].flatten(1, 2), wanted, 1e-5)


def authors_mlstm(ours: Layer, package: Any) -> Any:
    """Their cell with gates of its own, and the same gates as rows of ``seen``: theirs read q, k, v, which read x."""
    cell = shaken(package.mLSTMCell(package.mLSTMCellConfig(context_length=16, embedding_dim=8, num_heads=2)))
    with torch.no_grad():
        weight, bias = ours.seen.weight, ours.seen.bias
        for rows, gate in ((slice(32, 34), cell.igate), (slice(34, 36), cell.fgate)):
            weight[rows] = gate.weight @ weight[:24]
            bias[rows] = gate.weight @ bias[:24] + gate.bias
        if ours.options.head_norm:
            ours.gain.copy_(1 + cell.outnorm.weight)
        else:
            cell.outnorm = nn.Identity()
    return cell


@pytest.mark.parametrize("head_norm", [False, True])
def test_the_mlstm_is_the_cell_of_the_authors_package(head_norm: bool) -> None:
    package = pytest.importorskip("xlstm.blocks.mlstm.cell", reason=ABSENT)
    ours = layer(MLSTM, torch.float32, heads=2, head_norm=head_norm)
    cell, x = authors_mlstm(ours, package), noise(3, 12, 3, dtype=torch.float32)
    *qkv, o = ours.drive(x)[..., :32].split(8, dim=2)
    h, _ = ours(x, zeros(ours, 3))
    flat = cell(*qkv) if head_norm else cell(*qkv).reshape(3, 12, 8)
    close(h, torch.sigmoid(o) * flat, 1e-5)
    state, theirs = zeros(ours, 3), None
    for t in range(12):
        h, state = ours(x[:, t : t + 1], state)
        expected, theirs = cell.step(*(part[:, t : t + 1].clone() for part in qkv), theirs)
        close(h, torch.sigmoid(o[:, t : t + 1]) * expected.reshape(3, 1, 8), 1e-5)
    for name, value in zip("cnm", theirs, strict=True):
        close(state[name], value.transpose(2, 3) if name == "c" else value.reshape(state[name].shape), 1e-5)


def test_the_mlstm_from_a_carried_state_is_the_authors_chunkwise_form() -> None:
    package = pytest.importorskip("xlstm.blocks.mlstm.backends", reason=ABSENT)
    ours, x = layer(MLSTM, torch.float32, heads=2), noise(3, 12, 3, dtype=torch.float32)
    state = held(ours, 3, dtype=torch.float32)
    *parts, o, a, f = ours.drive(x).split(ours.widths, dim=2)
    q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in parts)
    k_first = state["c"].transpose(2, 3) * 2  # theirs scales the query by 1 / sqrt(d) = 1 / 2, ours the key
    theirs, last = package.chunkwise_simple(
        q, k, v, a.transpose(1, 2), f.transpose(1, 2), k_first, state["n"] * 2, state["m"],
        chunk_size=4, return_last_state=True,
    )  # fmt: skip
    h, after = ours(x, state)
    close(h, torch.sigmoid(o) * theirs.transpose(1, 2).flatten(2), 1e-5)
    close(after["c"], last[0].transpose(2, 3) / 2, 1e-5)
    close(after["n"], last[1] / 2, 1e-5)
    close(after["m"], last[2].reshape(3, 2), 1e-5)


# --- the equations --------------------------------------------------------------------------------------------------


def plain_slstm(drive: Tensor, exponential: bool) -> Tensor:
    """Eqs 8-14 without recurrence and without stabiliser, from zero."""
    c = n = torch.zeros_like(drive[:, 0].chunk(4, 1)[0])
    outputs = []
    for z, a, u, o in (row.chunk(4, 1) for row in drive.unbind(1)):
        f, i = torch.exp(u) if exponential else torch.sigmoid(u), torch.exp(a)
        c, n = f * c + i * torch.tanh(z), f * n + i
        outputs.append(torch.sigmoid(o) * c / n)
    return torch.stack(outputs, 1)


def plain_mlstm(q: Tensor, k: Tensor, v: Tensor, o: Tensor, a: Tensor, u: Tensor) -> Tensor:
    """Eqs 19-27 of one head without stabiliser, from zero; q, k, v, o (B, T, d), a, u (B, T)."""
    c, n, outputs, width = 0.0, 0.0, [], q.shape[2]
    for t in range(q.shape[1]):
        f, i, key = torch.sigmoid(u[:, t]), torch.exp(a[:, t]), k[:, t] / math.sqrt(width)
        c = f[:, None, None] * c + i[:, None, None] * v[:, t, :, None] * key[:, None, :]
        n = f[:, None] * n + i[:, None] * key
        size = (n * q[:, t]).sum(1).abs().clamp(min=1)
        outputs.append(torch.sigmoid(o[:, t]) * (c @ q[:, t, :, None])[..., 0] / size[:, None])
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("scale", [1, 80])
@pytest.mark.parametrize("form", ["sigmoid", "exponential"])
def test_the_stabiliser_changes_no_output_of_the_slstm_and_nothing_overflows(scale: int, form: str) -> None:
    drive = noise(2, 4, 32).sign() * torch.tensor([1, scale, scale, 1]).repeat_interleave(8)
    drive.requires_grad_()
    state, weight = torch.zeros(2, 8), torch.zeros(1, 32, 8)
    h, (_, c, n, m) = slstm(drive.float(), (state, state, state, state), weight, form == "exponential")
    close(h.double(), plain_slstm(drive, form == "exponential"), 1e-5)
    assert all(part.isfinite().all() for part in (c, n, m, *torch.autograd.grad(h.sum(), drive)))


@pytest.mark.parametrize("scale", [1, 80])
def test_the_stabiliser_changes_no_output_of_the_mlstm_and_nothing_overflows(scale: int) -> None:
    ours = layer(MLSTM, torch.float32, hidden=4, heads=1)
    drive = torch.cat([noise(2, 5, 16), scale * noise(2, 5, 2, seed=1).sign()], dim=2).requires_grad_()
    ours.seen = nn.Identity()
    *wide, a, u = drive.split([4, 4, 4, 4, 1, 1], dim=2)
    state = {"c": torch.zeros(2, 1, 4, 4), "n": torch.zeros(2, 1, 4), "m": torch.zeros(2, 1)}
    for sweep in (ours, ours.unroll):
        h, last = sweep(drive.float(), state)
        close(h.double(), plain_mlstm(*wide, a[..., 0], u[..., 0]), 1e-4)
        assert all(part.isfinite().all() for part in (*last.values(), *torch.autograd.grad(h.sum(), drive)))


# --- steps by hand --------------------------------------------------------------------------------------------------


def test_a_step_of_the_slstm_by_hand() -> None:
    ours = layer(SLSTM, hidden=1)
    nn.init.zeros_(ours.weight_carried)
    state = {"h": [[0.3]], "c": [[0.2]], "n": [[1.0]], "m": [[0.0]]}
    drive = torch.tensor([[0.5, 1.0, 0.0, 0.0]], dtype=torch.float64)  # candidate, input, forget, output
    # m = max(log 0.5 + 0, 1) = 1; i' = 1; f' = 0.5 / e = 0.183940; z = tanh 0.5 = 0.462117; o = 0.5
    # c = 0.183940 * 0.2 + 0.462117 = 0.498905; n = 1.183940; h = 0.5 * 0.498905 / 1.183940 = 0.210697
    h, after, gates = ours.step(drive, {name: torch.tensor(part).double() for name, part in state.items()})
    got = torch.cat([h, *(after[name] for name in "hcnm"), gates["forget gate"], gates["average"]], dim=1)
    expected = [0.210697, 0.210697, 0.498905, 1.183940, 1.0, 0.183940 / 1.183940, 0.421394]
    torch.testing.assert_close(got, torch.tensor([expected]).double(), atol=1e-6, rtol=0)


def test_what_the_mlstm_stores_by_a_key_is_read_by_that_key() -> None:
    ours, root = layer(MLSTM, hidden=2, heads=1), math.sqrt(2)
    stored = torch.tensor([[0, 0, root, 0, 4, 6, 0, 0, 0, 0]]).double()  # q, k, v, o, input, forget
    state = {"c": torch.eye(2).double()[None, None], "n": torch.ones(1, 1, 2).double(), "m": torch.zeros(1, 1).double()}
    _, after, _ = ours.step(stored, state)  # f = 0.5, i = 1, m = 0, k = (1, 0)
    torch.testing.assert_close(after["c"][0, 0], torch.tensor([[4.5, 0.0], [6.0, 0.5]]).double())
    torch.testing.assert_close(after["n"][0, 0], torch.tensor([1.5, 0.5]).double())
    for query, expected in (
        ([1, 0], [4.5 / 1.5, 6 / 1.5]),
        ([0, 1], [0.0, 0.5 / 1]),
    ):  # max(|n . q|, 1), here kept whole
        asked = torch.tensor([[*query, 0, 0, 0, 0, 0, 0, -80, 80]]).double()
        h, _, _ = ours.step(asked, after)
        torch.testing.assert_close(h, torch.tensor([expected]).double() / 2, atol=1e-5, rtol=0)  # o = 0.5
