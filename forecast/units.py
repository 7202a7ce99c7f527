"""Units of measurement as CF demands them: UDUNITS' spellings, conversions, and what a person reads.

The library is cf-units, which carries UDUNITS-2 itself: what it knows, and how it is written, is
https://docs.unidata.ucar.edu/udunits/current/. Temperatures convert with their offset, decibels with their logarithm.
"""

from __future__ import annotations

import numpy as np
from cf_units import Unit

from forecast.errors import ForecastError

# What files write and UDUNITS does not know, or takes for a unit that no map is in: millibarns and coulombs.
MEANT = {
    "mb": "hPa", "C": "degC", "deg C": "degC", "gpm": "m", "fraction": "1", "(0 - 1)": "1", "0-1": "1", "-": "1",
    "unitless": "1", "dimensionless": "1",
}  # fmt: skip
# One spelling of each of these: "degK" and "kelvin" are K. Any other unit stays as it is written.
SPELLINGS = ("Pa", "hPa", "K", "degC", "degF", "%", "m", "m s-1")
READABLE = {"Pa": ("hPa", 0.01), "degF": ("°F", 1.0), "degC": ("°C", 1.0), "mile hour-1": ("mph", 1.0), "1": ("", 1.0)}


def spelled(text: str) -> str:
    """Return a unit in its usual spelling; one that UDUNITS does not know, or none, as it is.

    >>> spelled("Pascals"), spelled("mb"), spelled("m/s"), spelled("parrots")
    ('Pa', 'hPa', 'm s-1', 'parrots')
    """
    text = MEANT.get(text.strip(), text.strip())
    unit = _unit(text)
    return text if unit is None else next((name for name in SPELLINGS if Unit(name) == unit), text)


def convert(values: np.ndarray, has: str, wants: str, what: str) -> np.ndarray:
    """Return values in another unit, in their own precision; the very same array where the units are equal.

    Args:
        values: floating-point numbers in the unit ``has``, any shape.
        has: the unit they are in.
        wants: the unit wanted.
        what: what they are and where they came from, for the message.

    Raises:
        ForecastError: a unit that UDUNITS does not know, or two of different dimensions.
    """
    has, wants = spelled(has), spelled(wants)
    if has == wants:
        return values
    old, new = _unit(has), _unit(wants)
    if old is None or new is None:
        unknown = [repr(text) for text, unit in ((has, old), (wants, new)) if unit is None]
        raise ForecastError(
            f"units that UDUNITS knows, to bring {what} from {has!r} to {wants!r}",
            f"{' and '.join(unknown)}, which it does not",
            "write the unit as UDUNITS does (m s-1, hPa, degC) in the file, or in source.units",
        )
    if not old.is_convertible(new):
        raise ForecastError(
            f"{what} in a unit that converts to {wants!r}",
            f"{has!r}, which is of another dimension",
            "mend the unit in the file, or in source.units",
        )
    return np.asarray(old.convert(values, new))


def readable(units: str) -> tuple[str, float]:
    """Return the symbol a person reads for a unit, and the factor that brings values to it: Pa are shown as hPa."""
    return READABLE.get(units, (units, 1.0))


def _unit(text: str) -> Unit | None:
    try:
        unit = Unit(text)
    except ValueError:
        return None
    return None if unit.is_unknown() or unit.is_no_unit() or unit.is_time_reference() else unit
