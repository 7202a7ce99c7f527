"""Spaces: what is searched, around what the pipeline says, and how a trial's values are written."""

from __future__ import annotations

import pytest

from forecast.errors import ForecastError
from forecast.models import MODELS
from forecast.models.base import checked
from forecast.registry import member
from forecast.training.settings import Training
from forecast.tuning import Choice, Range, first, nested, space
from forecast.tuning.spaces import SPACES

PRESENT = {f"training.{name}": value for name, value in Training().model_dump().items()}
LSTM = {"hidden": 24, "layers": 1, "dropout": 0.7}


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_has_a_space_of_keys_that_it_knows_and_begins_with_itself(kind: str) -> None:
    present = checked(member("model", MODELS, kind), {}).model_dump() | PRESENT
    axes = space(kind, present)
    assert {key for name in SPACES[kind] for key in name.split(", ")} <= set(present)
    for name, value in first(axes, present).items():
        axis = axes[name]
        assert value in axis.values if isinstance(axis, Choice) else axis.low <= value <= axis.high


@pytest.mark.parametrize("kind", MODELS)
def test_every_choice_of_a_space_is_one_that_the_model_takes(kind: str) -> None:
    present = checked(member("model", MODELS, kind), {}).model_dump() | PRESENT
    for name, axis in space(kind, present).items():
        for value in axis.values if isinstance(axis, Choice) else (axis.low, axis.high):
            laid = nested({name: value})
            Training(**laid.pop("training", {}))
            checked(member("model", MODELS, kind), laid)


def test_what_the_pipeline_says_is_among_the_values_however_unusual() -> None:
    axes = space("lstm", LSTM | PRESENT)
    assert axes["hidden"] == Choice((16, 32, 64, 128, 24))
    assert axes["dropout"] == Range(0.0, 0.7)
    assert axes["training.learning_rate"] == Range(3e-4, 3e-2, log=True)


def test_chunks_and_their_reach_are_multiples_of_the_pipelines_own() -> None:
    present = LSTM | PRESENT | {"training.k1": 1, "training.k2": 3}
    assert space("lstm", present)["training.k1, training.k2"] == Choice(((1, 2), (1, 3), (1, 6), (2, 6), (2, 12)))
    assert first(space("lstm", present), present)["training.k1, training.k2"] == (1, 3)


def test_no_chunk_reaches_beyond_the_training_span_unless_the_pipelines_own_does() -> None:
    present = LSTM | PRESENT | {"training.k1": 20, "training.k2": 20}
    assert space("lstm", present, longest=39)["training.k1, training.k2"] == Choice(((10, 10), (20, 20)))
    assert space("lstm", present, longest=12)["training.k1, training.k2"] == Choice(((10, 10), (20, 20)))
    assert space("bilstm", present, longest=40)["training.k2"] == Choice((20, 40))


def test_a_value_that_a_rule_decides_stays_among_those_tried() -> None:
    present = LSTM | PRESENT | {"hidden": None, "training.learning_rate": None, "training.k1": None}
    axes = space("lstm", present)
    assert axes["hidden"] == Choice((16, 32, 64, 128, None))
    rates = axes["training.learning_rate"]
    assert isinstance(rates, Choice) and rates.values[:2] == (None, 0.0003) and rates.values[-1] == 0.03
    assert "training.k1, training.k2" not in axes  # nothing to multiply


def test_a_key_that_is_kept_is_not_searched_nor_what_goes_with_it() -> None:
    axes = space("lstm", LSTM | PRESENT, keep=["training.k2", "hidden"])
    assert set(axes) == {"layers", "dropout", "training.learning_rate", "training.weight_decay", "training.streams"}


def test_a_strange_key_and_nothing_left_to_search_are_refused() -> None:
    with pytest.raises(
        ForecastError, match=r"keys of lstm that are searched: training.l[\s\S]+'hiden'\n.*--keep hiden"
    ):
        space("lstm", LSTM | PRESENT, keep=["hiden"])
    with pytest.raises(ForecastError, match=r"a key of lstm to search\n.*all of them kept\n.*leave out one --keep"):
        space("lstm", {"hidden": 24}, keep=["hidden"])


def test_values_are_laid_out_as_a_models_section_has_them() -> None:
    assert nested({"hidden": (24, 24), "training.k1, training.k2": (4, 8), "training.learning_rate": 0.01}) == {
        "hidden": (24, 24),
        "training": {"k1": 4, "k2": 8, "learning_rate": 0.01},
    }
