"""What the doctor found in one model: plain numbers, ready for MLflow, a table and a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from forecast.diagnosis.flow import Flow
from forecast.diagnosis.gates import Gate, Units
from forecast.diagnosis.learning import Learning


@dataclass(frozen=True)
class Diagnosis:
    """Findings about one model on some windows of data.

    Attributes:
        strange: the first tensor that is not finite, in words; "" where all are. Else nothing more was looked at.
        flow: the gradient by lag.
        growth: factor a step of the product of step Jacobians; NaN if not looked at.
        radii: recurrent matrix -> spectral radius.
        gates: gate -> how it stands.
        units: layer -> its units, how many are dead.
        learning: how the training went.
        context: steps that the model needs to have read, itself included; more than 1 for one without recurrence.
        advice: what to do, with the numbers that say so.
    """

    strange: str = ""
    flow: Flow = field(default_factory=Flow)
    growth: float = math.nan
    radii: Mapping[str, float] = field(default_factory=dict)
    gates: Mapping[str, Gate] = field(default_factory=dict)
    units: Mapping[str, Units] = field(default_factory=dict)
    learning: Learning = field(default_factory=Learning)
    context: int = 1
    advice: Sequence[str] = ()

    @property
    def half_lives(self) -> dict[str, list[float]]:
        """Gate that keeps the memory -> half-life of each unit, steps, ascending."""
        return {name: sorted(gate.half_lives) for name, gate in self.gates.items() if gate.half_lives}

    @property
    def dead(self) -> float:
        """Share of hidden units that never move; NaN where none are shown."""
        count = sum(layer.count for layer in self.units.values())
        return sum(layer.dead for layer in self.units.values()) / count if count else math.nan

    def metrics(self) -> dict[str, float]:
        """Return every number under a name for MLflow, ``doctor/...``; what was not found or is infinite is left out.

        doctor/gradient_reach    last lag where the gradient is 1e-6 of lag 0 or more
        doctor/gradient_lags     lags looked at
        doctor/gradient_rate     its factor a step, over the farther half of the lags
        doctor/growth            factor a step of the product of step Jacobians
        doctor/radius/MATRIX     spectral radius of W_hh
        doctor/low|high/GATE     share of a gate's values below 0.1, above 0.9
        doctor/half_life/GATE    median over units, steps; and doctor/half_life_longest/GATE
        doctor/dead              share of hidden units that never move
        doctor/clipped           share of clipped updates
        doctor/update_ratio/LAYER, doctor/weight_growth/LAYER
        doctor/not_finite        1 where something is not finite
        """
        found = {
            "not_finite": float(bool(self.strange)),
            "gradient_reach": self.flow.reach,
            "gradient_lags": float(len(self.flow.gradient) - 1) if self.flow.gradient else math.nan,
            "gradient_rate": self.flow.rate,
            "growth": self.growth,
            "dead": self.dead,
            "clipped": self.learning.clipped_share,
        }
        found |= {f"radius/{name}": value for name, value in self.radii.items()}
        for name, gate in self.gates.items():
            found |= {f"low/{name}": gate.low, f"high/{name}": gate.high}
        for name, lives in self.half_lives.items():
            found |= {f"half_life/{name}": median(lives), f"half_life_longest/{name}": lives[-1]}
        found |= {f"update_ratio/{name}": value for name, value in self.learning.ratios.items()}
        found |= {f"weight_growth/{name}": value for name, value in self.learning.growths.items()}
        return {f"doctor/{name}": value for name, value in found.items() if math.isfinite(value)}
