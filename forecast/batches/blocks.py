"""Values that lie in a file larger than memory: read in whole blocks of time, scaled, the last few blocks kept.

A block is read once and then cut in memory: some hundred random windows a block cost a fraction of a millisecond each,
where each window read by itself would cost a read of every chunk of the file that it touches. So whoever walks over
such values should ask for what lies near together: streams each walk through a part of their own, and windows are
shuffled block by block (``Streams``).

Suffixes: S tapes (series; one for maps), T steps, V variables, H W the grid.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from forecast import blocks, schema
from forecast.scaling import Scaling
from forecast.schema import TIME

# Of the memory allowed one part is a block, and half of all parts are kept: 32 blocks, two for each of 16 streams,
# which read past the end of a block what is to be forecast there.
PARTS = 64


class Blocks:
    """Scaled values (S, T, V[, H, W]), indexed as the tensor of them would be: ``values[tape, at]``.

    Args:
        observed: observations, unread.
        scaling: fitted on the training span.
        names: variables, in the order of the channels.
        memory: bytes that may be used, about.

    Attributes:
        shape: (S, T, V[, H, W]).
        steps: of a block.
    """

    def __init__(self, observed: xr.Dataset, scaling: Scaling, names: Sequence[str], memory: int) -> None:
        self._observed, self._names = observed[list(names)], list(names)
        self._scaling = Scaling({name: scaling.fitted[name] for name in names})
        space = tuple(observed.sizes[dim] for dim in schema.space_dims(observed))
        series, grid = (1, space) if schema.kind(observed) == "map" else (space[0], ())
        self.shape = torch.Size((series, observed.sizes[TIME], len(self._names), *grid))
        self.steps = blocks.length(self._observed, memory // PARTS)
        step = 4 * self.shape.numel() // self.shape[1]
        self._most = max(2, memory // (2 * step * self.steps))
        self._kept: OrderedDict[int, Tensor] = OrderedDict()

    def dim(self) -> int:
        """Return how many dimensions there are: 3 for series, 5 for maps."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: tuple[Tensor, Tensor] | tuple[Tensor, Tensor, slice]) -> Tensor:
        """Gather steps ``at`` of tapes, alike or broadcast; a third index cuts the variables."""
        variables = index[2] if len(index) == 3 else slice(None)
        tape, at = torch.broadcast_tensors(index[0], index[1])
        shape, tape, at = at.shape, tape.reshape(-1), at.reshape(-1)
        number = at.div(self.steps, rounding_mode="floor")
        touched = number.unique().tolist()
        if len(touched) == 1:
            found = self._block(touched[0])[tape, at - touched[0] * self.steps, variables]
        else:
            count = len(range(self.shape[2])[variables])
            found = torch.empty(len(at), count, *self.shape[3:])
            for one in touched:
                rows = (number == one).nonzero()[:, 0]
                found[rows] = self._block(one)[tape[rows], at[rows] - one * self.steps, variables]
        return found.unflatten(0, shape)

    def parts(self) -> Iterator[Tensor]:
        """Read everything once, in the order of time: (S, t, V[, H, W]) each."""
        for number in range(-(-self.shape[1] // self.steps)):
            yield self._read(number)

    def _block(self, number: int) -> Tensor:
        if number in self._kept:
            self._kept.move_to_end(number)
        else:
            while len(self._kept) >= self._most:
                self._kept.popitem(last=False)
            self._kept[number] = self._read(number)
        return self._kept[number]

    def _read(self, number: int) -> Tensor:
        part = self._observed.isel({TIME: slice(number * self.steps, (number + 1) * self.steps)})
        return stacked(self._scaling.apply(part.load()), self._names)


def stacked(scaled: xr.Dataset, names: Sequence[str]) -> Tensor:
    """Return scaled variables as one tensor (S, T, V[, H, W]), float32.

    Args:
        scaled: what ``Scaling.apply`` returned.
        names: variables, in the order of the channels.
    """
    dims = (TIME, *schema.space_dims(scaled))
    values = np.stack([scaled[name].transpose(*dims).values.astype("float32") for name in names], axis=1)
    grid = schema.kind(scaled) == "map"
    return torch.from_numpy(values[None] if grid else np.ascontiguousarray(np.moveaxis(values, 2, 0)))
