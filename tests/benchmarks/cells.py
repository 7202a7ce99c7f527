"""A training step of our GRU and RNN beside torch's, and beside torch's LSTM, which alone is fused on a CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from forecast.models.kernels import forget_rnn, gru, rnn
from forecast.process import settle

Sweep = Callable[[Tensor], Tensor]
HIDDEN, ROUNDS, SECONDS = (32, 64, 128), 9, 0.01
BATCHES = ((1, 25), (4, 25), (32, 25), (256, 25), (1, 100), (32, 100))  # streams, steps


def _kernel(kernel: Callable[..., tuple[Tensor, Tensor]], layer: nn.RNNBase, x: Tensor) -> Tensor:
    drive = linear(x, layer.weight_ih_l0, layer.bias_ih_l0)
    return kernel(drive, x.new_zeros(len(x), layer.hidden_size), layer.weight_hh_l0, layer.bias_hh_l0)[0]


def _loop(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The GRU as a loop of torch's operations, its input product hoisted."""
    h, outputs = x.new_zeros(len(x), layer.hidden_size), []
    for drive in linear(x, layer.weight_ih_l0, layer.bias_ih_l0).unbind(1):
        (dr, dz, dn), (ur, uz, un) = drive.chunk(3, 1), linear(h, layer.weight_hh_l0, layer.bias_hh_l0).chunk(3, 1)
        r, z = torch.sigmoid(dr + ur), torch.sigmoid(dz + uz)
        n = torch.tanh(dn + r * un)
        h = n + z * (h - n)
        outputs.append(h)
    return torch.stack(outputs, 1)


def _forget_loop(layer: nn.RNNBase, x: Tensor) -> Tensor:
    """The same of the RNN with a forget gate; the layer lends two gates."""
    rows = 2 * layer.hidden_size
    h, outputs = x.new_zeros(len(x), layer.hidden_size), []
    for drive in linear(x, layer.weight_ih_l0[:rows], layer.bias_ih_l0[:rows]).unbind(1):
        f, u = (drive + linear(h, layer.weight_hh_l0[:rows])).chunk(2, 1)
        u = torch.tanh(u)
        h = u + torch.sigmoid(f) * (h - u)
        outputs.append(h)
    return torch.stack(outputs, 1)


def _forget(layer: nn.RNNBase, x: Tensor) -> Tensor:
    rows = 2 * layer.hidden_size
    drive = linear(x, layer.weight_ih_l0[:rows], layer.bias_ih_l0[:rows])
    return forget_rnn(drive, x.new_zeros(len(x), layer.hidden_size), layer.weight_hh_l0[:rows])[0]


def _ways(hidden: int) -> dict[str, tuple[nn.RNNBase, Sweep]]:
    """Return name -> a layer, whose weights get gradients, and the way over x (B, T, hidden)."""
    torch.manual_seed(0)
    lstm, gated, simple = (kind(hidden, hidden, batch_first=True) for kind in (nn.LSTM, nn.GRU, nn.RNN))
    return {
        "LSTM, torch": (lstm, lambda x: lstm(x)[0]),
        "GRU, torch": (gated, lambda x: gated(x)[0]),
        "GRU, loop": (gated, partial(_loop, gated)),
        "GRU, ours": (gated, partial(_kernel, gru, gated)),
        "GRU, reset before": (gated, partial(_kernel, partial(gru, reset_after=False), gated)),
        "RNN, torch": (simple, lambda x: simple(x)[0]),
        "RNN, ours": (simple, partial(_kernel, rnn, simple)),
        "forget RNN, loop": (gated, partial(_forget_loop, gated)),
        "forget RNN, ours": (gated, partial(_forget, gated)),
    }


def _step(layer: nn.RNNBase, sweep: Sweep, x: Tensor, times: int) -> float:
    """Return the CPU seconds of a forward and a backward pass, the mean of so many: busy neighbours count less."""
    begun = time.process_time()
    for _ in range(times):
        layer.zero_grad()
        sweep(x).backward(x)
    return (time.process_time() - begun) / times


def _row(hidden: int, streams: int, steps: int) -> list[float]:
    """Return the LSTM's step, ms, and the others' as multiples of it: medians of interleaved rounds."""
    ways, x = _ways(hidden), torch.randn(streams, steps, hidden)
    times = [max(1, round(SECONDS / min(_step(*way, x, 1) for _ in range(2)))) for way in ways.values()]
    rounds = [[_step(*way, x, n) for way, n in zip(ways.values(), times, strict=True)] for _ in range(ROUNDS)]
    ratios = zip(*([each / seconds[0] for each in seconds[1:]] for seconds in rounds), strict=True)
    return [1000 * median(seconds[0] for seconds in rounds), *map(median, ratios)]


def main() -> None:
    """Print a table: one row a shape, one column a way."""
    torch.set_num_threads(1)
    print("forward and backward over a chunk, as many inputs as units, one thread; multiples of the LSTM's time")
    names = list(_ways(1))
    print("units streams  steps   LSTM, ms" + "".join(f"{name:>19}" for name in names[1:]))
    for streams, steps in BATCHES:
        for hidden in HIDDEN:
            lstm, *ratios = _row(hidden, streams, steps)
            shape = f"{hidden:>5}{streams:>8}{steps:>7}{lstm:>11.2f}"
            print(shape + "".join(f"{ratio:>19.2f}" for ratio in ratios), flush=True)


if __name__ == "__main__":
    settle()
    main()
