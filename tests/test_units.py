"""Units: spellings, conversions with their offsets, and refusals, by values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.units import convert, readable, spelled


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        ("Pascals", "Pa"), ("pascal", "Pa"), ("millibars", "hPa"), ("mbar", "hPa"), ("mb", "hPa"), ("degK", "K"),
        (" Kelvin ", "K"), ("Celsius", "degC"), ("degrees_C", "degC"), ("deg C", "degC"), ("percent", "%"),
        ("m/s", "m s-1"), ("m s**-1", "m s-1"), ("gpm", "m"), ("(0 - 1)", "1"), ("kg kg-1", "kg kg-1"),
        ("mm day-1", "mm day-1"), ("parrots", "parrots"), ("", ""), ("days since 2001-01-01", "days since 2001-01-01"),
    ],
)  # fmt: skip
def test_a_unit_has_one_spelling_and_an_unknown_one_stays(written: str, usual: str) -> None:
    assert spelled(written) == usual


@pytest.mark.parametrize(
    ("value", "has", "wants", "expected"),
    [
        (1013.25, "hPa", "Pa", 101325.0), (0.0, "degC", "K", 273.15), (300.0, "K", "degC", 26.85),
        (212.0, "degF", "K", 373.15), (36.0, "km hour-1", "m s-1", 10.0), (86.4, "mm day-1", "m s-1", 1e-6),
        (50.0, "%", "1", 0.5), (9.80665, "m2 s-2", "J kg-1", 9.80665), (1.0, "dam", "gpm", 10.0),
    ],
)  # fmt: skip
def test_values_are_converted_with_factor_and_offset(value: float, has: str, wants: str, expected: float) -> None:
    for dtype in ("float32", "float64"):
        found = convert(np.array([value, np.nan], dtype), has, wants, "t")
        assert found.dtype == dtype and np.isnan(found[1])
        assert found[0] == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-12)


def test_equal_units_change_nothing() -> None:
    values = np.array([1.0])
    assert convert(values, "degK", "K", "t") is values
    assert convert(values, "parrots", "parrots", "t") is values


def test_unknown_units_and_other_dimensions_are_refused() -> None:
    with pytest.raises(ForecastError, match=r"bring t in a.nc from 'parrots' to 'K'\n(.|\n)*'parrots', which it does"):
        convert(np.zeros(1), "parrots", "K", "t in a.nc")
    with pytest.raises(ForecastError, match=r"t in a.nc in a unit that converts to 'K'\n(.|\n)*'Pa', which is of ano"):
        convert(np.zeros(1), "Pa", "K", "t in a.nc")


def test_a_person_reads_hectopascals() -> None:
    assert readable("Pa") == ("hPa", 0.01) and readable("K") == ("K", 1.0)
