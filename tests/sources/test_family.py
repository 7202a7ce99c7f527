"""What every source promises: canonical data, attributes, spans with both ends, unknown options refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.registry import member
from forecast.schema import check_observations, time_step
from forecast.sources import SOURCES, base

LOCAL = sorted(set(SOURCES) - {"noaa_psl"})  # noaa_psl needs a server: its own tests give it one


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("sources")
    times = pd.date_range("2001-01-01", periods=10)
    maps = np.random.default_rng(0).normal(size=(10, 3, 4)).astype("float32")
    coords = {"time": times, "latitude": [3.0, 2.0, 1.0], "longitude": [350.0, 355.0, 0.0, 5.0]}
    data = xr.Dataset({"x": (("time", "latitude", "longitude"), maps, {"units": "m"})}, coords=coords)
    data.isel(time=[0, 1, 2, 5, 6, 7, 8, 9]).to_netcdf(folder / "maps.nc")
    pd.DataFrame({"time": times, "x": maps[:, 0, 0]}).drop(index=4).to_csv(folder / "table.csv", index=False)
    return {
        "grid_files": {"paths": str(folder / "maps.nc")},
        "series_table": {"paths": str(folder / "table.csv"), "units": {"x": "m"}},
        "simulated": {"years": 0.1},
        "sine": {"periods": 2},
    }


@pytest.fixture(params=LOCAL)
def source(request: pytest.FixtureRequest, options: dict[str, dict[str, Any]]) -> base.Source:
    return member("source", SOURCES, request.param)(**options.get(request.param, {}))


def test_observations_are_canonical_on_an_even_axis(source: base.Source) -> None:
    data = check_observations(source.fetch())
    assert (np.diff(data.time.values) == time_step(data).to_timedelta64()).all()
    assert set(source.targets) <= set(data.data_vars)


def test_attributes_say_what_where_from_and_on_which_terms(source: base.Source) -> None:
    attrs = source.fetch().attrs
    assert all(attrs[key] for key in ("title", "source", "licence"))
    assert (attrs.get("simulated") == "yes") is source.simulated


def test_a_span_is_that_part_of_the_whole(source: base.Source) -> None:
    whole = source.fetch()
    first, last = whole.time.values[[2, 7]]
    part = source.fetch(first, last)
    assert part.identical(whole.isel(time=slice(2, 8)))


def test_two_fetches_are_the_same(source: base.Source) -> None:
    assert source.fetch().identical(source.fetch())


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_an_unknown_option_and_a_bad_delay_are_refused_at_birth(name: str) -> None:
    kind = member("source", SOURCES, name)
    with pytest.raises(ForecastError, match=r"options of \w+: .*delay(.|\n)*colour: (.|\n)*mend \[source\]"):
        kind(colour="red")
    for delay in ("soon", "-1h"):
        with pytest.raises(ForecastError, match=f"delay: (.|\n)*'{delay}' is not a span of time"):
            kind(delay=delay)
