"""The doctor's sheet draws each finding it was given, and says where there is none."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from forecast.figures import doctor_sheet

GATES = {"layer0.input gate": [0.5, 0.25, 0.25], "layer0.forget gate": [0.0, 0.0, 1.0]}
LIVES = {"layer0.forget gate": [math.inf, 2.0, 20.0]}
UPDATES = {"stack": [1e-3, 2e-3, math.nan], "head": [1e-2, 0.0, 1e-3], "fixed": [0.0, 0.0, 0.0]}


def words(figure: Figure) -> str:
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return "\n".join(text.get_text() for text in figure.findobj(mpl.text.Text))


def test_every_finding_is_drawn() -> None:
    gradient = [0.5**lag for lag in range(30)]
    figure = doctor_sheet(
        "lstm of run 1", gradient, k2=8, gates=GATES, half_lives=LIVES, updates=UPDATES, advice=["raise k2 " * 50]
    )
    flow, gates, lives, updates = figure.axes
    np.testing.assert_allclose(flow.lines[0].get_ydata(), gradient)
    assert [line.get_xdata()[0] for line in flow.lines[1:] if line.get_linestyle() == "--"] == [8]
    assert [patch.get_data().values.tolist() for patch in gates.patches if hasattr(patch, "get_data")] == list(
        GATES.values()
    )
    np.testing.assert_allclose(lives.lines[0].get_ydata(), [2.0, 20.0, 1e4])  # ascending; always open is at the top
    np.testing.assert_allclose(updates.lines[0].get_ydata(), UPDATES["stack"])
    assert len(updates.lines) == 2
    said = words(figure)
    for phrase in ("lstm of run 1", "by the state", "k2 = 8", "too little to learn by", "layer0.input gate", "head"):
        assert phrase in said
    assert "fixed" not in said and said.count("raise k2") > 40


def test_what_is_missing_is_said() -> None:
    said = words(doctor_sheet("gru", [1.0, 0.9], by="inputs"))
    for phrase in ("by the inputs", "no gates", "no gate that keeps the memory", "no training is remembered"):
        assert phrase in said
    assert "no gradient" in words(doctor_sheet("mlp", [])) and "k2" not in said


def test_a_gradient_that_stops_or_bursts_is_drawn() -> None:
    figure = doctor_sheet("mlp", [1.0, 0.5, 0.0, 0.0])
    assert figure.axes[0].lines[0].get_ydata().min() == 1e-12 and figure.axes[0].get_ylim()[0] == 1e-12
    assert doctor_sheet("rnn", [1.0, 1e9]).axes[0].get_ylim()[1] > 1e9
