"""From past errors to intervals and members: what the errors of a span not learned from say about the next forecast.

    error = forecast's own spread x usual size here at this time of the year x a number from one distribution

The usual size is local and smooth (scale.py); the numbers are pooled over groups of cells, lead by lead, so that few
days say much, and their conformal order statistics make the level right (ranks.py). Members share out the same
distribution among the error fields of past days (fields.py).
"""

from __future__ import annotations

from forecast.calibration.calibration import ABOVE, BELOW, Calibration

__all__ = ["ABOVE", "BELOW", "Calibration"]
