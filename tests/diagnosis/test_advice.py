"""Each rule speaks with its numbers where its threshold is passed, and is silent where it is not."""

from __future__ import annotations

import math

import pytest

from forecast.diagnosis import Diagnosis, Flow, Gate, Learning, Units, diagnose
from forecast.diagnosis.advice import advise
from tests.diagnosis.planted import Flaw, Linear2, windows

K2 = Learning(k2=20)
HALF_LIFE = {"layer0.forget gate": Gate(0, 0, (), (1.5, 2.5))}


def decay(factor: float, lags: int = 60) -> Flow:
    return Flow(tuple(factor**lag for lag in range(lags)))


CASES = {
    "not finite": (Diagnosis("the output of `head` at step 3"), "the output of `head` at step 3 is not finite: "),
    "lost": (
        Diagnosis(learning=Learning(note="the loss was not finite in epoch 3: the weights of epoch 2 were kept")),
        "the loss was not finite in epoch 3: the weights of epoch 2 were kept: lower learning_rate",
    ),
    "vanishes, gated": (
        Diagnosis(flow=decay(0.4), learning=K2, gates=HALF_LIFE),
        "gradient falls below 1e-6 beyond lag 15, the longest half-life of a unit is 2.5 steps, while k2 is 20: "
        "raise the forget bias to use it, or lower k2 to 15",
    ),
    "vanishes, plain": (
        Diagnosis(flow=decay(0.4), learning=K2),
        "gradient falls below 1e-6 beyond lag 15, while k2 is 20: choose a gated layer (lstm, gru)",
    ),
    "vanishes, k2 not known": (
        Diagnosis(flow=decay(0.4), gates=HALF_LIFE),
        "beyond lag 15, the longest half-life of a unit is 2.5 steps: raise the forget bias to reach further",
    ),
    "no recurrence": (Diagnosis(flow=decay(0.4), context=16), "no memory but its last 16 steps; raise context"),
    "cut": (
        Diagnosis(flow=decay(0.9, 200), learning=K2),
        "gradient is still 0.12 of lag 0 at k2 = 20, where training cuts it (it falls below 1e-6 beyond lag 131): "
        "raise k2",
    ),
    "cut, without an end": (Diagnosis(flow=decay(0.99), learning=K2), "still 0.82 of lag 0 at k2 = 20, where training"),
    "explodes": (
        Diagnosis(flow=decay(1.2), learning=K2),
        "gradient grows to 38 times that of lag 0 at lag 20 (1.2 a step): set clip_norm, begin with smaller",
    ),
    "explodes, clipped": (
        Diagnosis(flow=decay(1.2), learning=Learning(k2=20, clip_norm=1.0)),
        "at lag 20 (1.2 a step): begin with smaller recurrent weights, or lower k2",
    ),
    "grows": (
        Diagnosis(growth=1.05, radii={"layer0.candidate": 1.8, "layer1.candidate": 1.0}),
        "spectral radius 1.80 of layer0.candidate, and small changes of the state grow 1.050 a step: ",
    ),
    "grows, no matrix": (Diagnosis(growth=1.05), "small changes of the state grow 1.050 a step: forecasts depend"),
    "shut": (
        Diagnosis(gates={"layer0.input gate": Gate(0.95, 0, ())}),
        "0.95 of layer0.input gate is below 0.1: the gate is always shut; lower learning_rate",
    ),
    "open": (
        Diagnosis(gates={"layer0.output gate": Gate(0, 0.92, ())}),
        "0.92 of layer0.output gate is above 0.9: the gate is always open; ",
    ),
    "dead": (Diagnosis(units={"layer0": Units(16, 3)}), "3 of 16 units of layer0 never move: lower learning_rate"),
    "clipped": (
        Diagnosis(learning=Learning(clip_norm=1.0, clipped=[0.5, 0.34], gradient=[9.0, 2.3, 2.1])),
        "0.42 of updates were clipped at 1: clip_norm, not the gradient, sets their length; raise clip_norm (the "
        "usual norm is 2.3), or lower learning_rate",
    ),
    "fast": (
        Diagnosis(learning=Learning(updates={"head": [0.1, 0.04, 0.001], "seen": [1.0], "carried": [3e-2]})),
        "an update changes head by 4.0e-02, seen by 1.0e+00 of its weights (above 0.03): lower learning_rate",
    ),
    "slow": (
        Diagnosis(learning=Learning(updates={"head": [1e-5, math.nan]})),
        "an update changes head by 1.0e-05 of its weights (below 0.0001): raise learning_rate",
    ),
    "heavy": (
        Diagnosis(learning=Learning(norms={"head": [2.0, 5.0, 8.0]})),
        "weights of head grew 4.0 times in training: raise weight_decay",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_passed_threshold_is_told_with_its_numbers(case: str) -> None:
    found, words = CASES[case]
    said = advise(found)
    assert len(said) == 1 and words in said[0], said


SOUND = Diagnosis(
    flow=decay(0.7),
    growth=0.97,
    radii={"layer0.candidate": 1.8},
    gates={"layer0.forget gate": Gate(0, 0.95, (), (2.0, 30.0)), "layer0.input gate": Gate(0.92, 0, ())},
    units={"layer0": Units(20, 1)},
    learning=Learning(20, 1.0, [0.1], [0.5], {"head": [1e-3]}, {"head": [2.0, 3.0]}),
)


def test_where_nothing_is_wrong_that_is_said_with_the_numbers() -> None:
    assert advise(SOUND) == [
        "nothing wrong: the gradient reaches lag 38 (0.7 a step), small changes of the state go by a factor 0.970 a "
        "step, the longest half-life is 30 steps, 0.05 of units are dead, 0.10 of updates were clipped"
    ]
    assert "reaches all 9 lags looked at (1 a step)" in advise(Diagnosis(flow=decay(1.0, 10)))[0]
    assert advise(Diagnosis(flow=Flow((1.0, 50.0, math.nan), "inputs"))) == ["nothing wrong"]


def test_each_number_has_a_name_in_mlflow() -> None:
    assert SOUND.metrics() == pytest.approx(
        {
            "doctor/not_finite": 0,
            "doctor/gradient_reach": 38,
            "doctor/gradient_lags": 59,
            "doctor/gradient_rate": 0.7,
            "doctor/growth": 0.97,
            "doctor/dead": 0.05,
            "doctor/clipped": 0.1,
            "doctor/radius/layer0.candidate": 1.8,
            "doctor/low/layer0.forget gate": 0,
            "doctor/high/layer0.forget gate": 0.95,
            "doctor/low/layer0.input gate": 0.92,
            "doctor/high/layer0.input gate": 0,
            "doctor/half_life/layer0.forget gate": 16,
            "doctor/half_life_longest/layer0.forget gate": 30,
            "doctor/update_ratio/head": 1e-3,
            "doctor/weight_growth/head": 1.5,
        }
    )
    assert Diagnosis("the loss").metrics() == {"doctor/not_finite": 1}


def test_an_examination_finds_what_was_planted() -> None:
    found = diagnose(Linear2([[0.4, 0.0], [0.0, 0.4]], [1.0, 1.0]), *windows(steps=30), spin_up=5, learning=K2)
    assert found.flow.rate == pytest.approx(0.4) and found.growth == pytest.approx(0.4)
    assert found.radii == {"candidate": pytest.approx(0.4)} and not found.gates and not found.units
    assert len(found.flow.gradient) == 25 and found.advice[0].startswith("gradient falls below 1e-6 beyond lag 15, wh")
    broken = Linear2([[0.4, 0.0], [0.0, 0.4]], [1.0, 1.0], Flaw(lambda h: h * math.nan, first=7))
    sick = diagnose(broken, *windows(steps=30), spin_up=5)
    assert sick.strange == "the output of `part` at step 7" and sick.metrics() == {"doctor/not_finite": 1}
    assert sick.advice[0].startswith("the output of `part` at step 7 is not finite") and not sick.flow.gradient
