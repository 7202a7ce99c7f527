"""Several networks of one kind that differ in their seed only; together they forecast the mean.

Drawn from other weights and shown the data in another order, networks err partly on their own: the mean of N with
errors of variance v and correlation r has an error of variance v (r + (1 - r) / N) (Hansen & Salamon 1990, IEEE
Transactions on Pattern Analysis and Machine Intelligence 12(10); Lakshminarayanan et al. 2017, NeurIPS 30).

Of quantiles the mean is taken level by level, not those of the mixture of the networks' distributions, which is wider
(Lichtendahl, Grushka-Cockayne & Winkler 2013, Management Science 59(7), 1594-1611). Parameters of a likelihood have no
such mean: those of all networks are said, network by network, and outputs.py takes the mean of their quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecast.models.base import Model, Shape, State, create


class Ensemble(Model):
    """N networks side by side; the state of network n is ``n.NAME`` of its own ``NAME``.

    Args:
        networks: of one kind, shape and options; one at least.

    Attributes:
        networks: they themselves.
    """

    kinds: ClassVar[tuple[str, ...]] = ("series", "map")

    def __init__(self, networks: list[Model]) -> None:
        super().__init__(networks[0].shape, networks[0].options)
        self.networks = nn.ModuleList(networks)
        self.aligned, self.context = networks[0].aligned, networks[0].context

    def initial(self, streams: int, context: Tensor | None = None) -> State:
        """See the contract."""
        return joined(network.initial(streams, context) for network in self._each())

    def advance(self, x: Tensor, future: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See the contract: the mean of the networks; parameters of a likelihood (B, T, L, N K), network by network."""
        y, after = self.each(x, future, state)
        return torch.cat(list(y), dim=3) if self.shape.likelihood else y.mean(dim=0), after

    def each(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> tuple[Tensor, State]:
        """Show the networks apart.

        Args:
            x: as in ``forward``.
            future: alike.
            state: alike.

        Returns:
            y (N, B, T, L, K[, H, W]), and the state after step T.
        """
        before = [None if state is None else own(state, number) for number in range(len(self.networks))]
        found = [network(x, future, own) for network, own in zip(self._each(), before, strict=True)]
        return torch.stack([y for y, _ in found]), joined(after for _, after in found)

    def trace(self, x: Tensor, future: Tensor | None = None, state: State | None = None) -> dict[str, Tensor]:
        """See the contract; the names of network n begin with ``networkn.``."""
        traced: dict[str, Tensor] = {}
        for number, network in enumerate(self._each()):
            shown = network.trace(x, future, None if state is None else own(state, number))
            traced |= {f"network{number}.{name}": value for name, value in shown.items()}
        return traced

    def recurrent_weights(self) -> dict[str, Tensor]:
        """See the contract; named as in ``trace``."""
        return {
            f"network{number}.{name}": weight
            for number, network in enumerate(self._each())
            for name, weight in network.recurrent_weights().items()
        }

    def _each(self) -> Iterator[Model]:
        for network in self.networks:
            assert isinstance(network, Model)
            yield network


def assemble(member: type[Model], shape: Shape, options: Mapping[str, Any], networks: int | None = None) -> Model:
    """Build what a checkpoint's weights fit: one model, or an ensemble.

    Args:
        member: the class, as the registry gives it.
        shape: sizes from the data and the task.
        options: the member's options.
        networks: how many an ensemble has; None: one model by itself.
    """
    if networks is None:
        return create(member, shape, options)
    return Ensemble([create(member, shape, options) for _ in range(networks)])


def own(state: State, number: int) -> State:
    """Return the part of an ensemble's state that is the network's of that number."""
    start = f"{number}."
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


def joined(states: Iterator[State]) -> State:
    """Return the ensemble's state, of those of its networks one after another."""
    return {f"{number}.{name}": value for number, state in enumerate(states) for name, value in state.items()}
