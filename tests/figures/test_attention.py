"""The attention map draws the weights it was given, oldest step at the left, and says what its axes are."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.errors import ForecastError
from forecast.figures import attention_map

WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


def weights(leads: object, lags: object) -> xr.DataArray:
    return xr.DataArray(WEIGHTS, {"lead": leads, "lag": lags}, ("lead", "lag"))


def words(figure: mpl.figure.Figure) -> str:
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_a_row_is_a_lead_and_the_newest_step_is_at_the_right() -> None:
    figure = attention_map(weights([1, 2], [0, 1, 2]).transpose(), title="Reversing")
    panel, mesh = figure.axes[0], figure.axes[0].collections[0]
    np.testing.assert_array_equal(mesh.get_array().reshape(2, 3), WEIGHTS)
    assert mesh.get_clim()[0] == 0
    assert panel.xaxis.get_inverted() and panel.yaxis.get_inverted()
    said = words(figure)
    for phrase in ("Reversing", "lead, steps", "lag, steps", "each row sums to 1", "even weights would be 0.33"):
        assert phrase in said


def test_times_are_named_by_their_unit() -> None:
    hours = [pd.to_timedelta(steps, "h").to_numpy("timedelta64[ns]") for steps in ([1, 2], [0, 1, 2])]
    said = words(attention_map(weights(*hours)))
    assert "lead, hours" in said and "lag, hours" in said


def test_weights_of_many_steps_are_refused() -> None:
    many = weights([1, 2], [0, 1, 2]).expand_dims(time=2)
    with pytest.raises(ForecastError, match=r"attention weights \(lead, lag\)(.|\n)*average over the others"):
        attention_map(many)
