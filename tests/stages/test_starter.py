"""The first look at data: what is seen in files is written down and said; what cannot be read is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from forecast import config
from forecast.errors import ForecastError
from forecast.stages.starter import start
from tests.sources import written


def test_levels_are_told_and_one_is_chosen_aloud(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(9, 3, 4, 4)).astype("float32")
    starter = start("mine", [written.levels(tmp_path / "a.nc", values, [1000, 850, 500])])
    assert tomllib.loads(starter.text)["source"]["level"] == 500
    assert "level 500 hPa of those there are (hgt at 1000, 850, 500 hPa)" in " ".join(starter.guesses)
    assert "map data of hgt, slp, step 1D" in starter.guesses[0]


def test_a_projected_grid_is_told(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:4, 0:5]
    values = np.random.default_rng(0).normal(size=(9, 4, 5))
    starter = start("mine", [written.projected(tmp_path / "a.nc", 60.0 + rows, 5.0 + columns + rows, values)])
    assert starter.guesses[-1] == "a projected grid of 4 rows and 5 columns, kept as it is"


def test_a_record_of_winters_is_told(tmp_path: Path) -> None:
    days = np.concatenate([365 * year + np.arange(-31, 59) for year in range(1, 4)])
    values = np.random.default_rng(0).normal(size=(len(days), 4, 4))
    starter = start("mine", [written.regular(tmp_path / "a.nc", days, values)])
    assert starter.guesses[-1] == "only the months 1, 2, 12 of each year: the others stay gaps, and are not filled"
    assert "step 1D, 2001-12-01T00:00 to 2004-02-28T00:00" in starter.guesses[0]


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00time,x\n", b"time,x\n"])
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(ForecastError, match=r"(a readable CSV|a column of times)(.|\n)*a\.csv"):
        start("mine", [tmp_path / "a.csv"])


def test_a_pipeline_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_bytes('name = "é"'.encode("latin-1"))
    with pytest.raises(ForecastError, match=r"a TOML file(.|\n)*p\.toml: 'utf-8' codec"):
        config.load(tmp_path / "p.toml")
