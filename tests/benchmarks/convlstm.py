"""A training step of our ConvLSTM beside the common public cell: one convolution over the concatenation, float32.

That cell is written here as it is widely copied (ndrplz/ConvLSTM_pytorch): x and h concatenated, one convolution to
all gates each step, edges of zeros. Ours replicates edges, which the public cell is spared in the timing; for the
comparison of outputs, which comes first, it pads as ours does. Kernels are 5 x 5 for input and recurrence, so that both
do the same mathematics. A step is forward and backward over a chunk of 8; times are the process's CPU seconds on one
thread (busy neighbours count less), the clock's on two; rounds are interleaved, ratios are medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from forecast.models.base import Shape
from forecast.models.convolution import Cell
from forecast.process import settle

STEPS, KERNEL, ROUNDS = 8, 5, 5
GRIDS, STREAMS, HIDDEN, LAYERS = ((17, 33), (32, 64)), (4, 16), (32, 48, 64), (1, 2)
Sweep = Callable[[Tensor], Tensor]


class Public(nn.Module):
    """The common cell."""

    def __init__(self, inputs: int, hidden: int, padding: str = "zeros") -> None:
        super().__init__()
        self.hidden = hidden
        self.conv = nn.Conv2d(inputs + hidden, 4 * hidden, KERNEL, padding=KERNEL // 2, padding_mode=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Read (B, T, C, H, W) from a state of zeros; return the hidden maps, alike."""
        h = c = x.new_zeros(len(x), self.hidden, *x.shape[3:])
        outputs = []
        for step in range(x.shape[1]):
            combined = self.conv(torch.cat([x[:, step], h], dim=1))
            i, f, o, g = torch.split(combined, self.hidden, dim=1)
            i, f, o, g = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(g)
            c = f * c + i * g
            h = o * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class Ours(nn.Module):
    """Our cell, read alike."""

    def __init__(self, inputs: int, hidden: int, grid: tuple[int, int], peepholes: bool = False) -> None:
        super().__init__()
        shape = Shape(inputs=inputs, leads=1, grid=grid)
        self.cell = Cell(inputs, hidden, shape, kernel=KERNEL, recurrent_kernel=KERNEL, peepholes=peepholes)

    def forward(self, x: Tensor) -> Tensor:
        """Read (B, T, C, H, W) from a state of zeros; return the hidden maps, alike."""
        zero = x.new_zeros(len(x), self.cell.hidden, *x.shape[3:])
        return torch.stack(self.cell(list(x.unbind(1)), zero, zero)[0], dim=1)


def same(hidden: int, grid: tuple[int, int]) -> float:
    """Return the largest difference of outputs at equal weights and equal edges."""
    torch.manual_seed(0)
    public, ours = Public(hidden, hidden, "replicate"), Ours(hidden, hidden, grid)
    with torch.no_grad():
        i, f, o, g = public.conv.weight.chunk(4)
        weight = torch.cat([i, f, g, o])
        ours.cell.seen.weight.copy_(weight[:, :hidden])
        ours.cell.carried.weight.copy_(weight[:, hidden:])
        i, f, o, g = public.conv.bias.chunk(4)
        ours.cell.seen.bias.copy_(torch.cat([i, f, g, o]))
        x = torch.randn(2, STEPS, hidden, *grid)
        return (public(x) - ours(x)).abs().max().item()


def stacked(kind: Callable[[], nn.Module], layers: int) -> nn.Module:
    """Return layers of a kind, one upon the other."""
    torch.manual_seed(0)
    return nn.Sequential(*(kind() for _ in range(layers)))


def seconds(net: nn.Module, x: Tensor, narrow: bool = False) -> float:
    """Return the seconds of a forward and a backward pass."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    begun = clock()
    net.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
        y = net(x)
    y.float().square().mean().backward()
    return clock() - begun


def held(net: nn.Module, x: Tensor) -> float:
    """Return the MB that a chunk's graph holds for its backward pass."""
    sizes: dict[int, int] = {}

    def pack(one: Tensor) -> Tensor:
        sizes[one.untyped_storage().data_ptr()] = one.untyped_storage().nbytes()
        return one

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda one: one):
        y = net(x)
    total = sum(sizes.values()) / 1e6
    del y
    return total


def ratios(nets: list[nn.Module], x: Tensor, narrow: int | None = None) -> list[float]:
    """Return the first net's ms and the others' multiples of it; the one numbered ``narrow`` runs in bfloat16."""
    rounds = [[seconds(net, x, at == narrow) for at, net in enumerate(nets)] for _ in range(ROUNDS + 1)][1:]
    by_net = zip(*([one / each[0] for one in each[1:]] for each in rounds), strict=True)
    return [1000 * median(each[0] for each in rounds), *map(median, by_net)]


def table() -> None:
    """Print one row a shape."""
    print("grid     streams  hidden  layers  threads  public, ms  ours")
    for grid in GRIDS:
        for streams in STREAMS:
            for hidden in HIDDEN:
                for layers, threads in ((1, 1), (2, 1), (1, 2)):
                    torch.set_num_threads(threads)
                    x = torch.randn(streams, STEPS, hidden, *grid)
                    kinds = (lambda: Public(hidden, hidden), lambda: Ours(hidden, hidden, grid))  # noqa: B023
                    first, ratio = ratios([stacked(kind, layers) for kind in kinds], x)
                    size = f"{grid[0]}x{grid[1]}"
                    print(f"{size:9}{streams:7}{hidden:8}{layers:8}{threads:9}{first:12.0f}{ratio:6.2f}", flush=True)


def settings() -> None:
    """Print what each setting costs and holds, at 48 channels, 4 streams and the smaller grid."""
    torch.set_num_threads(1)
    grid, hidden = GRIDS[0], 48
    x = torch.randn(4, STEPS, hidden, *grid)
    names = ["public", "public, channels last", "ours", "ours, checkpointing", "ours, step by step",
             "  + compile", "  + checkpointing", "  + bfloat16"]  # fmt: skip
    nets = [stacked(lambda: Public(hidden, hidden), 1) for _ in range(2)]
    nets[1].to(memory_format=torch.channels_last)
    nets += [stacked(lambda: Ours(hidden, hidden, grid), 1) for _ in range(2)]
    nets += [stacked(lambda: Ours(hidden, hidden, grid, peepholes=True), 1) for _ in range(4)]
    for at in (3, 6):
        nets[at][0].cell.checkpointing = True
    nets[5][0].cell.compiled = True
    shown = [1.0, *ratios(nets, x, narrow=7)[1:]]
    for name, net, ratio in zip(names, nets, shown, strict=True):
        print(f"{name:24}{ratio:6.2f} of the public cell's time, {held(net, x):7.1f} MB held")


def main() -> None:
    """Print whether outputs are the same, the settings, and the table."""
    print(
        f"outputs at equal weights and edges differ by {max(same(hidden, GRIDS[0]) for hidden in HIDDEN):.1e} at most"
    )
    settings()
    table()


if __name__ == "__main__":
    settle()
    main()
