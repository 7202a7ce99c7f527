"""The pipelines that come with the package are sound."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from forecast import config
from forecast.stages.workspace import Workspace
from tests.cli.conftest import Call

EXAMPLES = sorted(Path(str(files("forecast.examples"))).glob("*.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_named_after_its_file_and_its_source_takes_its_options(file: Path, tmp_path: Path) -> None:
    pipeline = config.load(file)
    assert pipeline.name == file.stem and pipeline.models
    assert Workspace(tmp_path, pipeline).source.options


def test_the_hourly_example_passes_the_check(forecast: Call, tmp_path: Path) -> None:
    file = next(file for file in EXAMPLES if file.stem == "nyc_temperature")
    said = forecast("check", file, "--home", tmp_path)
    assert said.code == 0 and "temp [degF]" in said.out and "model bilstm" in said.out
