"""A pipeline file is refused at birth with the path of each wrong key; equal settings have equal digests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from forecast import config
from forecast.errors import ForecastError

ROOT = Path(__file__).parents[1]
SMALL: dict[str, Any] = {"name": "small", "source": {"type": "sine"}}


def parse(**sections: Any) -> config.Pipeline:
    return config.parse({**SMALL, **sections}, "small.toml")


def test_a_name_and_a_source_are_enough() -> None:
    pipeline = parse()
    assert pipeline.baselines[0] == "persistence" and pipeline.models == ()
    assert (pipeline.task.horizon, pipeline.training.k1, pipeline.schedule.cron) == ("1D", 24, "0 6 * * *")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"horizont": "5D"}, "horizont: Extra inputs"),
        ({"task": {"horizont": "5D"}}, "task.horizont: Extra inputs"),
        ({"training": {"k3": 1}}, "training.k3: Extra inputs"),
        ({"split": {"validation": "20%"}}, "split.validation: Extra inputs"),
        ({"training": {"k1": 9, "k2": 8}}, "training: k1 = 9 > k2 = 8"),
        ({"training": {"epochs": 0}}, "training.epochs: .*greater than or equal to 1"),
        ({"name": "Small Net"}, "name: .*match pattern"),
        ({"source": {}}, "source.type: Field required"),
        ({"source": {"type": "sinus"}}, "source 'sinus' is not known; known are grid_files.*sine"),
        ({"task": {"align": "end"}}, "known, seasons and align = 'end' are for scaling = 'series'"),
        (
            {"task": {"scaling": "series", "align": "end", "known": ["plan"]}},
            "nothing after an end that could be known",
        ),
        ({"task": {"scaling": "series", "calendar": "insolation"}}, "insolation, position and spread are for maps"),
        (
            {"task": {"scaling": "series", "quantiles": [0.1, 0.9]}, "models": [{"type": "lstm"}]},
            "pinball needs quantiles",
        ),
        ({"baselines": ["oracle"]}, "baseline 'oracle' is not known; known are arima.*climatology.*seasonal_naive"),
        ({"models": [{"type": "transformer"}]}, "model 'transformer' is not known; known are bigru.*slstm"),
        ({"models": [{"type": "lstm"}, {"type": "lstm"}]}, "forecasters must differ in name, lstm is there twice"),
        ({"models": [{"type": "lstm", "name": "linear"}]}, "linear is there twice"),
        ({"baselines": ["linear", "linear"]}, "linear is there twice"),
        ({"models": [{"type": "lstm", "name": "../lstm"}]}, "model name '../lstm' is not lower case letters"),
        ({"models": [{"type": "lstm", "training": {"epoch": 2}}]}, "training of lstm: epoch: Extra inputs"),
        ({"models": [{"type": "lstm", "training": {"k1": 99}}]}, "training of lstm: pipeline: k1 = 99 > k2 = 24"),
        ({"task": {"horizon": "-1D"}}, "task: horizon '-1D' must be a positive span"),
        ({"task": {"horizon": "soon"}}, "task: horizon 'soon' must be"),
        ({"task": {"horizon": "5"}}, "task: horizon '5' must be"),
        ({"task": {"quantiles": [0.5, 0.05]}}, "task: quantiles must ascend"),
        ({"task": {"quantiles": []}}, "task: quantiles must ascend"),
        ({"task": {"quantiles": [0.5, 1.0]}}, "task.quantiles.1: .*less than 1"),
        ({"task": {"members": 1}}, "task.members: .*greater than or equal to 2"),
        ({"task": {"targets": ["slp"], "covariates": ["air", "slp"]}}, "variables must differ in name, slp is there"),
        ({"verification": {"regions": {"azores": [45, 35, -35, -20]}}}, "region 'azores' must be .south, north"),
        ({"verification": {"regions": {"all": [35, 45, -35, -20]}}}, "not be called 'all'"),
        ({"verification": {"thresholds": {"slp": ["> 98000"]}}}, "verification.thresholds.slp.0"),
        ({"verification": {"windows": [1, 4]}}, "windows are odd, .4. are not"),
        ({"quality": {"limits": "ignore"}}, "quality.limits: .*'mask', 'flag' or 'refuse'"),
    ],
)
def test_a_wrong_key_is_refused_with_its_path(sections: dict[str, Any], words: str) -> None:
    with pytest.raises(ForecastError, match=rf"small.toml: (.*){words}") as caught:
        parse(**sections)
    assert caught.value.remedy.startswith("mend each key named")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"train": ["2007", "2001"], "validate": ["2008", "2008"]}, "train ends at 2001, before it begins at 2007"),
        (
            {"train": ["2001-01-01", "2007-06-30"], "validate": ["2007-01-01", "2007-12-31"]},
            "train ends .* after valid",
        ),
        ({"validate": ["2007", "2008-02"], "test": ["2008-01-01", "2008-12-31"]}, "validate ends .* after test begins"),
        ({"train": ["2001", "2009"], "test": ["2008", "2008"]}, "train ends at 2009, after test begins at 2008"),
        ({"validate": "0%"}, "validate = '0%' is not a positive span"),
        ({"test": "-3D"}, "test = '-3D' is not a positive span"),
        ({"test": "some"}, "test = 'some' is not a positive span"),
        ({"test": "60"}, "test = '60' is not a positive span"),
        ({"gap": "-1D"}, "gap = '-1D' is not a span"),
        ({"test": ["2008"]}, "split.test"),
    ],
)
def test_an_impossible_split_is_refused(split: dict[str, Any], words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        parse(split=split)


@pytest.mark.parametrize(
    "split",
    [
        {"train": ["2001-01-01", "2006"], "validate": ["2007-01-01", "2007-12-31"], "test": ["2008", "2008"]},
        {"validate": "60D", "test": "12.5%", "gap": "0h"},
        {"train": ["2001", "2006-02-30"], "validate": "360D", "test": ["2008-01-01", "2008-12-30"]},
    ],
)
def test_dates_of_any_calendar_spans_and_shares_make_a_split(split: dict[str, Any]) -> None:
    assert parse(split=split).split.test is not None


def test_every_broken_rule_is_named_at_once() -> None:
    with pytest.raises(ForecastError) as caught:
        parse(training={"k3": 1}, quality={"spike": "mask"})
    assert "training.k3" in caught.value.got and "quality.spike" in caught.value.got


def test_a_models_own_training_is_laid_over_the_section_and_is_no_option_of_the_network() -> None:
    pipeline = parse(
        training={"epochs": 9, "k1": 4, "k2": 8},
        models=[{"type": "lstm", "name": "deep", "layers": 2, "training": {"epochs": 3}}],
    )
    (model,) = pipeline.models
    assert (model.name, model.options) == ("deep", {"layers": 2})
    assert (pipeline.training_of(model).epochs, pipeline.training_of(model).k2) == (3, 8)
    assert pipeline.training.epochs == 9


def test_a_pipeline_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse().name = "other"


def test_equal_settings_have_equal_digests_in_any_process_and_others_do_not() -> None:
    models = [{"type": "gru", "hidden": 8, "layers": 2}]
    same = [{"layers": 2, "hidden": 8, "type": "gru"}]
    digest = parse(models=models).digest()
    assert len(digest) == 12 and digest == parse(models=same, training={"epochs": 30}).digest()
    assert digest != parse(models=models, training={"seed": 1}).digest()
    scored = {"thresholds": {"slp": [98000, "< 96000"]}, "regions": {"azores": [35, 45, -35, -20]}}
    assert digest == parse(models=models, verification=scored).digest()  # nothing need be trained anew for it
    assert digest != parse(models=[{**models[0], "hidden": 9}]).digest()
    code = f"from forecast import config; print(config.parse({ {**SMALL, 'models': models} }, '').digest())"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == digest, done.stderr


def test_relative_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "pipeline.toml"
    file.parent.mkdir()
    text = 'name = "a"\n[source]\ntype = "grid_files"\npaths = ["slp.*.nc", "../{name}.nc", "{root}/x.nc"]\n'
    file.write_text(text.replace("{root}", str(tmp_path)))
    options = config.load(file).source.options
    assert options["paths"] == [f"{file.parent}/slp.*.nc", f"{file.parent}/../{{name}}.nc", f"{tmp_path}/x.nc"]
    file.write_text('name = "a"\n[source]\ntype = "noaa_psl"\ncache = "kept"\n')
    assert config.load(file).source.options["cache"] == f"{file.parent}/kept"
    file.write_text('name = "a"\n[source]\ntype = "series_table"\npaths = "~/a.csv"\n')
    assert config.load(file).source.options["paths"] == str(Path.home() / "a.csv")


def test_a_missing_file_and_a_file_that_is_not_toml_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match=r"(?s)a pipeline file.*nothing at .*gone.toml.*forecast init"):
        config.load(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text("name = \n")
    with pytest.raises(ForecastError, match=r"(?s)a TOML file.*bad.toml: .*line 1.*mend the line"):
        config.load(tmp_path / "bad.toml")


@pytest.mark.parametrize("file", sorted((ROOT / "forecast" / "examples").glob("*.toml")), ids=lambda file: file.stem)
def test_every_example_is_a_sound_pipeline(file: Path) -> None:
    assert config.load(file).name == file.stem
