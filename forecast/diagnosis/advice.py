"""Plain advice with numbers: each rule reads the findings and says what is wrong and what would mend it, or nothing.

The thresholds are rules of thumb, each with its reason; the numbers stand in the sentence, so that a reader may judge
otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from forecast.diagnosis.findings import Diagnosis

CUT = 0.1  # of lag 0: where truncation at k2 throws away more than a tenth, what lies beyond k2 could still be learned
EXPLODING = 10.0  # times lag 0: an order of magnitude, so that the farthest step decides the update
GROWING = 1.02  # a step: what is small at the start of a day of 24 steps is 1.6 times as large at its end
IDLE = 0.9  # share of a gate's values at one end: it is a constant that costs weights
DEAD = 0.1  # share of units: a tenth of the layer is paid for and says nothing
CLIPPED = 0.25  # share of updates: clipping is for rare jumps (Pascanu et al. 2013), beyond it sets the step's length
# Update over weight: about 1e-3 is healthy (Karpathy, CS231n notes). A factor of 10 below; 30 above, since Adam moves a
# weight by about its rate, 3e-3 here, whatever its size, and the smallest weights, of heads, are of order 0.1.
SLOW, FAST = 1e-4, 3e-2
HEAVY = 3.0  # times the first epoch's norm: products that large drive tanh and logistic gates to their bounds


def advise(found: Diagnosis) -> list[str]:
    """Return what to do about the findings, the gravest first; if nothing is wrong, one sentence that says so."""
    if found.strange:
        return [
            f"{found.strange} is not finite: everything after it is lost; mend the data there, or train again with "
            "a lower learning_rate or clip_norm"
        ]
    said = [sentence for rule in RULES for sentence in rule(found)]
    return said or [_sound(found)]


def _told(found: Diagnosis) -> list[str]:
    return [f"{found.learning.note}: lower learning_rate or clip_norm"] if found.learning.note else []


def _explodes(found: Diagnosis) -> list[str]:
    gradient = [size for size in found.flow.gradient[: _k2(found)] if not math.isnan(size)]
    if found.flow.by != "state" or not gradient or max(gradient) < EXPLODING:
        return []
    lag = gradient.index(max(gradient))
    keep = "" if found.learning.clip_norm else "set clip_norm, "
    return [
        f"gradient grows to {max(gradient):.2g} times that of lag 0 at lag {lag} ({found.flow.rate:.3g} a step): "
        f"{keep}begin with smaller recurrent weights, or lower k2 or learning_rate"
    ]


def _vanishes(found: Diagnosis) -> list[str]:
    reach, k2 = found.flow.reach, found.learning.k2
    if found.flow.by != "state" or math.isnan(reach) or (k2 is not None and reach >= k2):
        return []
    seen = f"gradient falls below 1e-6 beyond lag {reach:.0f}"
    if found.context > 1 and not found.radii:
        return [f"{seen}: the model has no memory but its last {found.context} steps; raise context to reach further"]
    remedy = "raise the forget bias" if found.half_lives else "choose a gated layer (lstm, gru)"
    if found.half_lives:
        longest = max(lives[-1] for lives in found.half_lives.values())
        seen += f", the longest half-life of a unit is {longest:.3g} steps"
    if k2 is None:
        return [f"{seen}: {remedy} to reach further"]
    return [f"{seen}, while k2 is {k2}: {remedy} to use it, or lower k2 to {max(1, int(reach))}, which teaches as much"]


def _cut(found: Diagnosis) -> list[str]:
    k2, gradient = found.learning.k2, found.flow.gradient
    remembers = found.context == 1 or bool(found.radii)  # else its state is what it read: no weight leads to it
    if found.flow.by != "state" or k2 is None or k2 >= len(gradient) or not remembers:
        return []
    if not CUT < gradient[k2] < EXPLODING:
        return []
    end = f"it falls below 1e-6 beyond lag {found.flow.reach:.0f}" if found.flow.reach > 0 else "it goes on beyond"
    return [f"gradient is still {gradient[k2]:.2g} of lag 0 at k2 = {k2}, where training cuts it ({end}): raise k2"]


def _grows(found: Diagnosis) -> list[str]:
    if not found.growth > GROWING:
        return []
    largest = max(found.radii, key=lambda name: found.radii[name], default="")
    of = f"spectral radius {found.radii[largest]:.2f} of {largest}, and " if largest else ""
    return [
        f"{of}small changes of the state grow {found.growth:.3f} a step: forecasts depend on where the state began; "
        "begin with smaller recurrent weights, or raise weight_decay"
    ]


def _idle(found: Diagnosis) -> list[str]:
    said, open_memory = [], any(gate.high > IDLE / 2 for gate in found.gates.values() if gate.half_lives)
    for name, gate in found.gates.items():
        for share, where, state in ((gate.low, "below 0.1", "shut"), (gate.high, "above 0.9", "open")):
            keeps = state == "open" and bool(gate.half_lives)
            counterpart = state == "shut" and open_memory and name.endswith("input gate")  # as chrono begins
            if share > IDLE and not keeps and not counterpart:
                remedy = "lower learning_rate, or begin with smaller weights; or leave that gate out"
                said.append(f"{share:.2f} of {name} is {where}: the gate is always {state}; {remedy}")
    return said


def _dead(found: Diagnosis) -> list[str]:
    return [
        f"{layer.dead} of {layer.count} units of {name or 'the hidden layer'} never move: lower learning_rate, choose "
        "an activation that does not die (leaky_relu, elu), or fewer units"
        for name, layer in found.units.items()
        if layer.dead > DEAD * layer.count
    ]


def _clipped(found: Diagnosis) -> list[str]:
    learning = found.learning
    if not learning.clipped_share > CLIPPED:
        return []
    by = "clip_value" if learning.clip_norm is None and learning.clip_value is not None else "clip_norm"
    limit = learning.clip_value if by == "clip_value" else learning.clip_norm
    at = "" if limit is None else f" at {limit:g}"
    usual = "" if math.isnan(learning.usual_gradient) else f" (the usual norm is {learning.usual_gradient:.2g})"
    return [
        f"{learning.clipped_share:.2f} of updates were clipped{at}: {by}, not the gradient, sets "
        f"their length; raise {by}{usual}, or lower learning_rate if the loss jumps"
    ]


def _updates(found: Diagnosis) -> list[str]:
    said = []
    for wrong, side, remedy in (
        (lambda ratio: ratio > FAST, f"above {FAST:g}", "lower"),
        (lambda ratio: ratio < SLOW, f"below {SLOW:g}", "raise"),
    ):
        known = [f"{name} by {ratio:.1e}" for name, ratio in found.learning.ratios.items() if wrong(ratio)]
        if known:
            said.append(f"an update changes {', '.join(known)} of its weights ({side}): {remedy} learning_rate")
    return said


def _heavy(found: Diagnosis) -> list[str]:
    return [
        f"weights of {name} grew {growth:.1f} times in training: raise weight_decay, or stop earlier"
        for name, growth in found.learning.growths.items()
        if growth > HEAVY
    ]


def _sound(found: Diagnosis) -> str:
    flow, parts = found.flow, []
    if flow.gradient and flow.by == "state":
        last = len(flow.gradient) - 1
        far = f"reaches all {last} lags looked at" if math.isnan(flow.reach) else f"reaches lag {flow.reach:.0f}"
        parts.append(f"the gradient {far} ({flow.rate:.3g} a step)")
    if not math.isnan(found.growth):
        parts.append(f"small changes of the state go by a factor {found.growth:.3f} a step")
    if found.half_lives:
        parts.append(f"the longest half-life is {max(lives[-1] for lives in found.half_lives.values()):.3g} steps")
    if not math.isnan(found.dead):
        parts.append(f"{found.dead:.2f} of units are dead")
    if found.learning.clipped:
        parts.append(f"{found.learning.clipped_share:.2f} of updates were clipped")
    return f"nothing wrong: {', '.join(parts)}" if parts else "nothing wrong"


def _k2(found: Diagnosis) -> int | None:
    return None if found.learning.k2 is None else found.learning.k2 + 1


RULES: tuple[Callable[[Diagnosis], list[str]], ...] = (
    _told, _explodes, _vanishes, _cut, _grows, _idle, _dead, _clipped, _updates, _heavy,
)  # fmt: skip
