"""A family's member is imported when it is asked for; an unknown name is answered with the known ones."""

from __future__ import annotations

import importlib
import sys

import pytest

from forecast.baselines import BASELINES
from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.registry import member
from forecast.sources import SOURCES

TABLE = {"path": "pathlib:Path", "colour": "colorsys:rgb_to_hls"}


def test_a_member_is_imported_only_when_asked_for() -> None:
    sys.modules.pop("colorsys", None)
    assert member("thing", TABLE, "path").__name__ == "Path" and "colorsys" not in sys.modules
    assert member("thing", TABLE, "colour") is importlib.import_module("colorsys").rgb_to_hls


def test_an_unknown_name_is_answered_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ForecastError, match=r"(?s)a thing among colour, path.*'color'.*did you mean 'colour'\?"):
        member("thing", TABLE, "color")
    with pytest.raises(ForecastError, match=r"(?s)'zzz'.*do choose a name from this list"):
        member("thing", TABLE, "zzz")


@pytest.mark.parametrize("table", [BASELINES, MODELS, SOURCES])
def test_every_name_in_a_registry_leads_to_a_class(table: dict[str, str]) -> None:
    assert all(isinstance(member("member", table, name), type) for name in table)
