"""What can be said of a series at each step without a network: smoothed levels, trends and seasons, side by side.

Exponential smoothing chooses one set of coefficients for each series (Holt 1957; Winters 1960); here several fixed sets
run beside each other, so that a network may weigh them by what it has seen (after ES-RNN: Smyl 2020, International
Journal of Forecasting 36(1), 75-85, which learns the coefficients instead). A step at which the value is seen, d being
the value less its season, n the steps seen and a, b a set's coefficients, moves

    level     l <- l + max(a, 1 / n) (d - l)
    Holt's    p = l + s;  l <- p + max(a, 1 / n) (d - p);  s <- s + max(b, 1 / (n + m)) (l - l' - s)

l' being l before the step. So a start is the mean of what there is, and a trend must be seen for a season before it is
believed. Season j of length m: of the value m // 2 steps ago the centred mean over m steps and the seasons shorter than
m are taken away (the classical decomposition, Persons 1919), what is left moves the season at its phase by
max(g, 1 / (k + 1)), k the visits before; once every phase has been visited it counts, less its mean. ``steady`` is the
season with g small times the share 1 - noise / (visits variance) of it that is not chance (James & Stein 1961).

A step not seen is filled with level and season and moves neither level nor trend. Before its first value a stream
stands still. Nothing here is learned: no gradient passes.

Suffixes: N streams (each target its own), T steps, L leads, E levels, K trends, U seasons, M the longest season.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from forecast.models.base import State

LEVELS = (1.0, 0.6, 0.3, 0.1)  # a
HOLT = ((0.9, 0.3), (0.5, 0.1), (0.3, 0.05))  # (a, b)
DAMPED = ((0, 0.8), (1, 0.9), (1, 1.0), (2, 1.0))  # trends forecast: which of Holt's, and what a further lead is worth
SEASON = (0.12, 0.4)  # g
REFERENCE = 1  # the level that lags are told relative to
SHORT = 6  # lags told where there is no season
LONGEST = 24  # lags told at most


@dataclass(frozen=True)
class Said:
    """What is said at every step.

    Attributes:
        levels: (N, T, E): smoothed, and the mean over the last M steps.
        slopes: (N, T, K), a step; see ``reach``.
        seasons: (N, T, L, U): none, steady, slow, fast, and the last of the longest less its mean.
        lags: (N, T, W), newest first, less their season and the reference level.
        shares: (N, T, seasons), of the season that is not chance.
        age: (N, T), steps since the first value, itself included; 0 before it.
        values: (N, T), filled where not seen.
    """

    levels: Tensor
    slopes: Tensor
    seasons: Tensor
    lags: Tensor
    shares: Tensor
    age: Tensor
    values: Tensor


class Smoothing:
    """The smoothers of streams of one kind.

    Args:
        seasons: their lengths, ascending, each above 1; none: no season.
        leads: L.

    Attributes:
        reach: (L, K), how far a slope reaches at each lead.
        sizes: name -> shape of each part of the state of one stream.
    """

    def __init__(self, seasons: Sequence[int], leads: int) -> None:
        self.seasons, self.leads, self.longest = tuple(seasons), leads, max(seasons, default=1)
        self.lags = min(self.longest + 1, LONGEST) if seasons else SHORT
        self.kept = max(2 * self.longest + 1, self.lags)
        self.levels, self.trends = len(LEVELS) + 1, len(DAMPED) + 1 + bool(seasons)
        self.kinds = 5 if seasons else 1
        step = torch.arange(1, leads + 1, dtype=torch.float64)
        reach = [step if f == 1 else f * (1 - f**step) / (1 - f) for _, f in DAMPED]
        self.reach = torch.stack(reach + [step] * (self.trends - len(DAMPED)), dim=1)
        self.sizes: dict[str, tuple[int, ...]] = {
            "age": (),
            "seen": (),
            "first": (),
            "level": (len(LEVELS),),
            "holt": (len(HOLT),),
            "slope": (len(HOLT),),
            "values": (self.kept,),
            "plain": (self.lags,),
        }
        for m in self.seasons:
            self.sizes |= {f"season{m}": (2, m), f"visits{m}": (m,), f"noise{m}": (2,)}

    def run(self, values: Tensor, seen: Tensor, state: State) -> tuple[Said, State]:
        """Advance over values (N, T), 0 where they are not ``seen`` (bool), from a ``state``; return what is said."""
        said: list[dict[str, Tensor]] = []
        usable = [self._usable(m, state) for m in self.seasons]
        for value, there in zip(values.unbind(1), seen.unbind(1), strict=True):
            state = self._step(value, there, state, usable)
            usable = [self._usable(m, state) for m in self.seasons]
            said.append(self._said(state, usable))
        return Said(**{name: torch.stack([one[name] for one in said], dim=1) for name in said[0]}), state

    def _step(self, value: Tensor, there: Tensor, state: State, usable: list[tuple[Tensor, Tensor]]) -> State:
        started = there | (state["age"] > 0)
        fresh = started & (state["age"] == 0)
        now = sum((season[:, 0, 0] for season, _ in usable), torch.zeros_like(value))
        value = torch.where(there, value, torch.where(started, state["level"][:, REFERENCE] + now, 0.0))
        plain, n = value - now, state["seen"] + there
        after = {"age": state["age"] + started, "seen": n, "first": torch.where(fresh, plain, state["first"])}
        after |= _levels(plain, there, fresh, n, self.longest, state)
        for name, new in (("values", value), ("plain", plain)):
            moved = torch.cat([state[name][:, 1:], new.unsqueeze(1)], dim=1)
            after[name] = torch.where(fresh.unsqueeze(1), new.unsqueeze(1), moved)
        shorter: list[tuple[int, Tensor]] = []
        for m in self.seasons:
            after |= self._season(m, after, there, started, state, shorter)
        return after

    def _usable(self, m: int, state: State) -> tuple[Tensor, Tensor]:
        """Return the season of length m from the next step on, (N, 3, m): steady, slow, fast; and the steady share."""
        season, visits, (noise, count) = state[f"season{m}"], state[f"visits{m}"], state[f"noise{m}"].unbind(1)
        whole = (state["age"] >= 2 * m - m % 2).reshape(-1, 1, 1)
        season = torch.where(whole, season - season.mean(dim=2, keepdim=True), 0.0)
        mean_visits = visits.mean(dim=1).clamp(1, 2 / SEASON[0] - 1)
        variance = season[:, 0].square().mean(dim=1)
        share = (1 - noise / mean_visits / (variance + 1e-9)).clamp(min=0)
        share = torch.where(count >= 2, share, 0.5) * whole[:, 0, 0]
        return torch.cat([season[:, :1] * share.reshape(-1, 1, 1), season], dim=1), share

    def _season(
        self, m: int, after: State, there: Tensor, started: Tensor, state: State, shorter: list[tuple[int, Tensor]]
    ) -> State:
        """Move the season of length m by what is left of the value m // 2 steps ago, and turn it by a phase."""
        season, visits, noise = state[f"season{m}"], state[f"visits{m}"], state[f"noise{m}"]
        half, values = m // 2, after["values"]
        weight = values.new_ones(2 * half + 1)
        if m % 2 == 0:
            weight[0] = weight[-1] = 0.5
        left = values[:, -1 - half] - values[:, -1 - 2 * half :] @ weight / m
        for length, other in shorter:
            left = left - other[:, -half % length]
        at = -half % m
        moves = there & (after["age"] > 2 * half)
        gain = torch.maximum(1 / (visits[:, at] + 1).unsqueeze(1), values.new_tensor(SEASON)) * moves.unsqueeze(1)
        known = moves & (visits[:, at] > 0)
        share = torch.maximum(1 / (noise[:, 1] + 1), noise.new_tensor(0.03)) * known
        error = (left - season[:, 0, at]).square()
        noise = torch.stack([noise[:, 0] + share * (error - noise[:, 0]), noise[:, 1] + known], dim=1)
        season, visits = season.clone(), visits.clone()
        season[:, :, at] += gain * (left.unsqueeze(1) - season[:, :, at])
        visits[:, at] += moves
        shorter.append((m, season[:, 0]))
        turns = started.reshape(-1, 1, 1)
        season = torch.where(turns, season.roll(-1, dims=2), season)
        visits = torch.where(turns[:, 0], visits.roll(-1, dims=1), visits)
        return {f"season{m}": season, f"visits{m}": visits, f"noise{m}": noise}

    def _said(self, state: State, usable: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """Return what is said after a step, one row of `Said`."""
        m, values, plain, level = self.longest, state["values"], state["plain"], state["level"]
        age, slope = state["age"], state["slope"]
        mean = values[:, -m:].mean(dim=1)
        drift = (plain[:, -1] - state["first"]) / (age - 1 + max(2, m)).clamp(min=1)
        slopes = [slope[:, which] for which, _ in DAMPED] + [drift]
        seasons, shares = [plain.new_zeros(len(plain), 1, self.leads)], plain.new_zeros(len(plain), 0)
        if self.seasons:
            slopes.append(torch.where(age >= 2 * m, mean - values[:, -2 * m : -m].mean(dim=1), 0.0) / m)
            ahead = [_ahead(one, self.leads) for one, _ in usable]
            last = _ahead(values[:, -m:].unsqueeze(1), self.leads) - mean.reshape(-1, 1, 1)
            seasons += [torch.stack(ahead).sum(dim=0), last]
            shares = torch.stack([share for _, share in usable], dim=1)
        return {
            "levels": torch.cat([level, mean.unsqueeze(1)], dim=1),
            "slopes": torch.stack(slopes, dim=1),
            "seasons": torch.cat(seasons, dim=1).transpose(1, 2),
            "lags": plain.flip(1) - level[:, REFERENCE : REFERENCE + 1],
            "shares": shares,
            "age": age,
            "values": values[:, -1] * (age > 0),
        }


def _levels(plain: Tensor, there: Tensor, fresh: Tensor, n: Tensor, longest: int, state: State) -> State:
    """Move levels and trends by a value without its season, where there is one."""
    first, moves, count = fresh.unsqueeze(1), there.unsqueeze(1), n.clamp(min=1).unsqueeze(1)
    d, level, holt, slope = plain.unsqueeze(1), state["level"], state["holt"], state["slope"]
    flat, rising = plain.new_tensor([a for a, _ in HOLT]), plain.new_tensor([b for _, b in HOLT])
    expected = torch.where(first, d, holt + slope)
    new = expected + torch.maximum(flat, 1 / count) * (d - expected)
    bend = torch.maximum(rising, 1 / (count + longest)) * ~first
    return {
        "level": level + torch.maximum(plain.new_tensor(LEVELS), 1 / count) * (d - level) * moves,
        "holt": torch.where(moves, new, holt),
        "slope": torch.where(moves, slope + bend * (new - holt - slope), slope),
    }


def _ahead(cycle: Tensor, leads: int) -> Tensor:
    """Return (N, R, m), which begins at the next step, as (N, R, leads)."""
    m = cycle.shape[2]
    return cycle.repeat(1, 1, -(-leads // m))[:, :, :leads]
