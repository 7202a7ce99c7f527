"""The file that a search writes: comments stay, what changed says what stood there, nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from forecast import config
from forecast.errors import ForecastError
from forecast.stages.tuned import free, write

TEXT = """
# my pipeline
name = "one"

[source]
type = "series_table"
paths = ["data.csv"]   # from the office

[training]
epochs = 5

[[models]]
type = "lstm"
hidden = 24  # by feel
training = { k1 = 4, k2 = 4 }

[[models]]
type = "mlp"

[models.training]
learning_rate = 0.01  # quick
"""
BEST = {
    "lstm": ({"hidden": 64, "training.k1": 4, "training.k2": 8}, {"hidden": 24, "training.k1": 4, "training.k2": 4}),
    "mlp": ({"context": 12, "training.learning_rate": 0.002}, {"context": None, "training.learning_rate": 0.01}),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "one.toml").write_text(TEXT)
    return tmp_path / "one.toml"


def written(file: Path, output: Path) -> str:
    write(file, output, config.load(file), BEST, ["lstm: 9 trials"])
    return output.read_text()


def test_values_change_where_they_stand_and_say_what_stood_there(file: Path) -> None:
    text = written(file, file.with_name("new.toml"))
    assert text.startswith("# Written by `forecast tune`\n# lstm: 9 trials\n# The rest is one.toml.\n\n# my pipeline\n")
    assert "hidden = 64 # tuned, before: 24; by feel\n" in text
    assert "training = {k1 = 4, k2 = 8} # tuned, before: k2 4\n" in text
    assert "learning_rate = 0.002 # tuned, before: 0.01; quick\n" in text
    assert "context = 12 # tuned, before: what a rule chose\n" in text
    assert 'paths = ["data.csv"]   # from the office\n' in text and "epochs = 5" in text


def test_what_is_written_is_read_as_the_same_pipeline_with_other_values(file: Path) -> None:
    written(file, file.with_name("new.toml"))
    before, after = config.load(file), config.load(file.with_name("new.toml"))
    lstm, mlp = after.models
    assert (lstm.options, after.training_of(lstm).k2, after.training_of(lstm).epochs) == ({"hidden": 64}, 8, 5)
    assert (mlp.options, after.training_of(mlp).learning_rate) == ({"context": 12}, 0.002)
    assert after.model_copy(update={"models": ()}) == before.model_copy(update={"models": ()})
    assert file.read_text() == TEXT


def test_in_another_folder_the_source_is_found_all_the_same(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    written(file, tmp_path / "other" / "new.toml")
    assert config.load(tmp_path / "other" / "new.toml").source == config.load(file).source


def test_a_search_replaces_what_a_search_wrote_and_nothing_else(file: Path) -> None:
    output = file.with_name("new.toml")
    assert written(file, output) == written(file, output)
    output.write_text(TEXT)
    for mine in (output, file, file.parent):
        with pytest.raises(ForecastError, match=r"has written, or a new one\n.*a file of yours\n.*another --output"):
            free(file, mine)
    with pytest.raises(ForecastError, match="an output in a folder that is there"):
        free(file, file.parent / "none" / "new.toml")
    assert output.read_text() == TEXT
