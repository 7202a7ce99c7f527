"""Scaled series: level and change of each, logarithms where positive, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import scaling, schema
from forecast.errors import ForecastError
from forecast.scaling import LOCATION, SPREAD, Scaling, SeriesScaling

NAN = float("nan")


def panel(*columns: object, season: int = 1, names: str = "abcdefgh") -> xr.Dataset:
    table = np.stack([np.asarray(column, "float64") for column in columns], axis=1)
    coords = {"time": pd.date_range("2001-01-01", periods=len(table)), "series": list(names)[: len(columns)]}
    return xr.Dataset({"x": (("time", "series"), table, {"units": "m", "season": season})}, coords)


def fitted(data: xr.Dataset) -> dict[str, list[float]]:
    usual = SeriesScaling.fit(data, ["x"]).fitted["x"]
    return {key: usual[key].values.tolist() for key in (LOCATION, SPREAD)}


def test_a_series_is_scaled_by_its_mean_and_its_mean_change_over_a_season() -> None:
    found = fitted(panel([-1, 10, 1, 14], season=2))
    assert found == {"location": [6], "spread": [3]}  # |1 + 1| and |14 - 10|


def test_where_no_training_value_is_negative_the_square_root_is_scaled() -> None:
    found = fitted(panel([1, 9, 0, 4], [1, 3, 0, -2]))
    assert found == {"location": [1.5, 0.5], "spread": [7 / 3, 7 / 3]}


def test_series_begin_where_they_begin_and_have_gaps() -> None:
    found = fitted(panel([NAN, NAN, -4, 0, NAN, 2], [-4, 0, -4, 0, -4, 0]))
    np.testing.assert_allclose(found["location"], [-2 / 3, -2])
    np.testing.assert_allclose(found["spread"], [4, 4])


def test_without_a_pair_a_season_apart_or_without_a_change_there_neighbours_are_compared() -> None:
    found = fitted(panel([NAN, NAN, NAN, -1, 4], [-1, 0, -1, 0, -1], season=2))
    assert found["spread"] == [5, 1]


def test_what_never_changes_has_the_usual_share_of_its_level() -> None:
    # The others: 1 of a mean absolute value of 0.5, and 2 of 1: a share of 2. The root of 9 is 3.
    rows = [-1, 0, -1, 0], [-2, 0, -2, 0], [0, 0, 0, 0], [-7, -7, -7, -7], [9, 9, 9, 9], [NAN, NAN, -3, NAN]
    assert fitted(panel(*rows))["spread"] == [1, 2, 1, 14, 6, 6]
    assert fitted(panel([-7, -7], [0, 0], [9, 9]))["spread"] == [7, 1, 3]


def test_a_series_never_seen_in_training_is_taken_for_one_of_the_others() -> None:
    found = fitted(panel([-1, 1, -1, 1], [1, 7, 1, -5], [3, 3, 5, -1], [100, 400, 100, 400], [NAN] * 4))
    assert found["location"][4] == np.median(found["location"][:3])
    assert found["spread"][4] == np.median(found["spread"][:3])


def test_a_series_that_came_later_and_another_order_are_scaled_by_name() -> None:
    train = panel([-1, 1], [1, 7], [NAN, NAN], names="abn")
    known = SeriesScaling.fit(train, ["x"])
    other = panel([-1, 1], [1, 7], [3, 4], names="abz").isel(series=[2, 1, 0])
    scaled, usual = known.apply(other)["x"], known.apply(panel([-1, 1], [1, 7], [3, 4], names="abn"))["x"]
    np.testing.assert_allclose(scaled.values, usual.values[:, ::-1])
    np.testing.assert_allclose(known.undo(scaled, "x"), other["x"], rtol=1e-12)


def test_what_turns_negative_after_training_comes_back() -> None:
    known = SeriesScaling.fit(panel([1, 2, 1, 2]), ["x"])
    wild = panel([0, -5, 1e30, 1.5])
    scaled = known.apply(wild)["x"]
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(known.undo(scaled, "x"), wild["x"], rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.one_of(st.floats(-1e6, 1e6), st.floats(0.5, 10), st.just(NAN)), min_size=6, max_size=6),
        min_size=1,
        max_size=3,
    ).filter(lambda rows: np.isfinite(rows).any()),
    st.integers(1, 3),
)
def test_undo_returns_what_was_scaled_and_ascends(rows: list[list[float]], season: int) -> None:
    data = panel(*rows, season=season)
    known = SeriesScaling.fit(data, ["x"])
    scaled = known.apply(data)["x"]
    back = known.undo(scaled, "x")
    np.testing.assert_allclose(back, data["x"], rtol=1e-9, atol=1e-6)
    assert (back.dims, back.name, back.attrs["units"]) == (("time", "series"), "x", "m")
    assert not (known.undo(scaled + 0.1, "x").values < back.values).any()
    assert (known.fitted["x"][SPREAD].values > 0).all()


def test_only_the_training_span_is_learned_from_and_each_variable_by_its_own() -> None:
    data = panel([-1, 1, -1, 1000.0], [1, 2, 1, 2])
    data["y"] = -data["x"]
    known = SeriesScaling.fit(data.isel(time=slice(3)), ["x", "y"])
    scaled = known.apply(data)
    np.testing.assert_allclose(scaled["x"].values[:, 0], [-1 / 3, 2 / 3, -1 / 3, (1000 + 1 / 3) / 2])
    np.testing.assert_allclose(scaled["y"].values[:, 0], -scaled["x"].values[:, 0])


def test_the_precision_and_the_season_are_kept() -> None:
    data = panel([1, 2, 3], season=2).astype("float32")
    scaled = SeriesScaling.fit(data, ["x"]).apply(data)["x"]
    assert (scaled.dtype, scaled.attrs) == (np.dtype("float32"), {"units": "1", "season": 2})


@pytest.mark.parametrize("size", [1, 100, 2**24])
def test_blocks_of_series_change_nothing(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    data = panel(*np.random.default_rng(0).lognormal(size=(8, 20)))
    whole = SeriesScaling.fit(data, ["x"])
    monkeypatch.setattr("forecast.blocks.BYTES", size)
    parts = SeriesScaling.fit(data, ["x"])
    xr.testing.assert_allclose(parts.fitted["x"], whole.fitted["x"])
    xr.testing.assert_allclose(parts.apply(data), whole.apply(data))


def test_a_forecast_is_undone_whatever_its_dimensions() -> None:
    data = panel([1, 2, 3, 5], [-1, 0, 4, 2])
    known = SeriesScaling.fit(data, ["x"])
    scaled = known.apply(data)["x"].values
    forecast = xr.DataArray(
        np.stack([scaled, scaled], axis=1)[None],
        {"forecast_reference_time": [np.datetime64("2001", "ns")], "series": data["series"]},
        ("forecast_reference_time", "lead", "quantile", "series"),
    )
    back = known.undo(forecast, "x")
    assert back.dims == forecast.dims
    np.testing.assert_allclose(back[0, :, 1], data["x"], rtol=1e-12)


def test_a_saved_scaling_comes_back_as_the_class_that_it_was() -> None:
    data = panel([1, 2, 3, 5], [-1, 0, 4, 2])
    data["y"] = data["x"]
    for kind in (Scaling, SeriesScaling):
        known = kind.fit(data, ["x", "y"])
        again = scaling.restore(known.to_dataset())
        assert type(again) is kind
        xr.testing.assert_identical(again.apply(data), known.apply(data))


def test_unknown_variables_are_answered_in_words() -> None:
    data = panel([0, 2])
    with pytest.raises(ForecastError, match=r"observations of y[\s\S]+\['x'\][\s\S]+ingest it"):
        SeriesScaling.fit(data, ["y"])
    with pytest.raises(ForecastError, match=r"at least one observed value of x[\s\S]+none in the training span"):
        SeriesScaling.fit(data * np.nan, ["x"])
    with pytest.raises(ForecastError, match=r"a variable among x[\s\S]+'y'[\s\S]+fit the scaling with it"):
        SeriesScaling.fit(data, ["x"]).undo(data["x"], "y")
    assert schema.SERIES in SeriesScaling.fit(data, ["x"]).fitted["x"].dims


def test_the_way_back_gives_values_of_what_was_scaled() -> None:
    data = panel([1, 4, 9, 25], [-3, 0, 2, 8])
    made = SeriesScaling.fit(data, ["x"])
    a, b, p = made.back("x", data).T
    plain = a + b * made.apply(data)["x"].values
    np.testing.assert_allclose(np.sign(plain) * np.abs(plain) ** (1 / p), data["x"].values, rtol=1e-6)
