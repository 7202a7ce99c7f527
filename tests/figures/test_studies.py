"""The figures of a study: every seed is drawn where it belongs, beside what it stands beside."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from forecast.figures import curves, frames, study_boxes

ERRORS = {"rnn": [1.0, 2.0, 6.0], "lstm": [0.01, np.inf, 0.02]}


def words(figure: Figure) -> str:
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def dots(figure: Figure, panel: int, marker: str = "o") -> list[tuple[list[float], list[float]]]:
    lines = [line for line in figure.axes[panel].lines if line.get_marker() == marker]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        {"network": network, "setting": setting, "source": "", "seed": seed, "wrong": value, "rmse": np.nan}
        for setting in ("short", "long")
        for network, values in ERRORS.items()
        for seed, value in enumerate(values)
    ]
    rows += [{"network": "rnn", "setting": "real", "source": "", "seed": 0, "wrong": np.nan, "rmse": 3.0}]
    rows += [{"network": "rnn", "setting": "long", "source": "Elman 1990", "wrong": 4.0}]
    return pd.DataFrame(rows)


def test_every_seed_is_a_dot_in_its_row_and_panel_and_a_run_that_blew_up_a_cross(table: pd.DataFrame) -> None:
    figure = study_boxes(table, {"wrong": "strings wrong", "rmse": "RMSE, degF"}, "Wrong")
    for panel in (0, 1):
        assert dots(figure, panel) == [([1, 2, 6], [0, 0, 0]), ([0.01, 0.02], [1, 1])]
        assert dots(figure, panel, "x") == [([1], [1])]
    said = words(figure)
    assert all(name in said for name in ("Wrong", "short", "long", "real", "rnn", "lstm", "Elman 1990"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["2", "0.02"]  # the medians


def test_a_panel_shows_the_first_measure_that_its_setting_has(table: pd.DataFrame) -> None:
    figure = study_boxes(table, {"wrong": "strings wrong", "rmse": "RMSE, degF"})
    assert [panel.get_xlabel() for panel in figure.axes[1:]] == ["strings wrong, log axis", "RMSE, degF"]
    assert dots(figure, 2) == [([3], [0])]


def test_a_reference_is_a_dashed_line_in_the_panel_of_its_setting_alone(table: pd.DataFrame) -> None:
    figure = study_boxes(table, {"wrong": "strings wrong"})
    dashed = [[line for line in panel.lines if line.get_linestyle() == "--"] for panel in figure.axes]
    assert [len(lines) for lines in dashed] == [0, 1, 0] and list(dashed[1][0].get_xdata()) == [4, 4]
    assert dots(figure, 1, "D") == [([4], [2])]


@pytest.mark.parametrize(
    ("values", "scale"),
    [([1, 2, 3], "linear"), ([1, 5, 100], "log"), ([0, 1, 100], "symlog"), ([-1, 1, 100], "linear")],
)
def test_values_over_decades_are_drawn_on_a_log_axis_which_begins_at_0_where_some_are_0(
    values: list[float], scale: str
) -> None:
    table = pd.DataFrame({"network": "rnn", "setting": "", "source": "", "seed": range(3), "wrong": values})
    assert study_boxes(table, {"wrong": "strings wrong"}).axes[0].get_xscale() == scale


def test_curves_are_drawn_over_the_truth_piece_by_piece() -> None:
    at = np.array([1.0, 2.0, 9.0, 10.0])
    lines = np.arange(2 * 3 * 4.0).reshape(2, 3, 4)
    study = xr.Dataset(
        {
            "curve": (("network", "seed", "point"), lines, {"valid_min": -1, "valid_max": 30}),
            "truth": ("point", 2 * at),
        },
        {
            "network": ["rnn", "lstm"],
            "at": ("point", at, {"long_name": "time", "units": "periods"}),
            "window": ("point", ["first", "first", "last", "last"]),
        },
        {"title": "Runs"},
    )
    figure = curves(study)
    np.testing.assert_allclose([line.get_ydata() for line in figure.axes[0].lines], [[2, 4], *lines[0, :, :2]])
    np.testing.assert_allclose([line.get_ydata() for line in figure.axes[3].lines], [[18, 20], *lines[1, :, 2:]])
    assert figure.axes[3].get_ylim() == (-1, 30)
    assert all(name in words(figure) for name in ("Runs", "rnn", "lstm", "first", "last", "Time, periods", "3 seeds"))


def test_curves_without_truth_may_have_a_log_axis() -> None:
    study = xr.Dataset(
        {"curve": (("network", "seed", "point"), np.ones((1, 1, 2)), {"log": True})},
        {"network": ["rnn"], "at": ("point", [1.0, 2.0], {"long_name": "lag", "units": "steps"})},
        {"title": "Gradients"},
    )
    figure = curves(study)
    assert figure.axes[0].get_yscale() == "log" and "truth" not in words(figure)


def test_every_row_of_frames_is_named_and_drawn_on_one_scale() -> None:
    grey = {"long_name": "grey", "units": "1", "valid_min": 0.0, "valid_max": 1.0}
    values = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5) / 120
    shown = xr.Dataset(
        {"picture": (("row", "frame", "y", "x"), values, grey)},
        {"row": ["what came", "ConvLSTM"], "frame": ["read 9", "+1", "+2"]},
        {"title": "Frames"},
    )
    figure = frames(shown)
    assert all(name in words(figure) for name in ("Frames", "what came", "ConvLSTM", "read 9", "+2", "Grey"))
    images = [panel.images[0] for panel in figure.axes if panel.images]
    assert len(images) == 6
    np.testing.assert_array_equal(images[4].get_array(), values[1, 1])
    assert {image.get_clim() for image in images} == {(0.0, 1.0)}
