"""The generator: a word that needs a memory, a file, and what stands beside them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.studies.base import Case, Study, opened
from forecast.studies.generator import Generator, counted, read

WORDS = "the cat sat on the mat. " * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cat.txt"
    path.write_text(WORDS)
    return path


def writer(file: Path, **options: object) -> Study:
    return opened(Generator, {"text": str(file), "epochs": 2, "steps": 12, **options})


@pytest.mark.parametrize("network", ["LSTM", "GRU", "RNN"])
def test_a_memory_tells_the_first_l_from_the_second(network: str) -> None:
    found = opened(Generator, {"epochs": 60}).run(Case(network, 0, "hello"))
    assert found["said"] == "ello" and found["errors"] == 0 and 1 <= found["epochs"] <= 60


def test_without_a_memory_one_l_is_missed() -> None:
    found = opened(Generator, {"epochs": 60}).run(Case("MLP, one symbol", 0, "hello"))
    assert found["errors"] == 1 and math.isnan(found["epochs"]) and found["said"] == "elll"


def test_a_file_is_continued_in_its_own_characters_alike_for_a_seed(file: Path) -> None:
    study = writer(file, prompt="the c", temperature="0.5")
    case, again = study.cases(2)[0], study.cases(2)[1]
    found = study.run(case)
    assert len(found["said"]) == 12 and set(found["said"]) <= set(WORDS)
    assert study.run(case) == pytest.approx(found, nan_ok=True) and study.run(again)["said"] != found["said"]
    assert study.remarks({case: found, again: {"said": "x"}}) == f"\n\nLSTM goes on:\nthe c|{found['said']}"


def test_bits_are_those_of_the_last_tenth_which_counting_finds_hard_and_learning_easy(file: Path) -> None:
    study = writer(file, epochs=20)
    single, paired = (one.values["bits"] for one in study.references())
    assert study.run(study.cases(1)[0])["bits"] < paired < single < math.log2(len(set(WORDS)))


def test_counting_is_as_counted_by_hand() -> None:
    codes = np.array([0, 1, 0, 1, 0, 0, 1])  # counted: 0 1 0 1 0; judged: 0 1, the pairs 0 0 and 0 1
    single, paired = counted(codes, cut=5, alphabet=2)
    shares = 4 / 7, 3 / 7  # (3 + 1) / (5 + 2), (2 + 1) / (5 + 2)
    assert single == pytest.approx(-(math.log2(shares[0]) + math.log2(shares[1])) / 2)
    pairs = (0 + shares[0]) / 3, (2 + shares[1]) / 3  # after 0 came 1 twice
    assert paired == pytest.approx(-(math.log2(pairs[0]) + math.log2(pairs[1])) / 2)


def test_the_word_has_no_references_and_no_remarks_a_file_its_name(file: Path) -> None:
    word = opened(Generator, {})
    assert word.references() == () and word.remarks({}) == ""
    assert {case.setting for case in writer(file).cases(1)} == {"cat.txt"}


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    path = tmp_path / "mark.txt"
    path.write_bytes(b"\xef\xbb\xbf" + WORDS.encode())
    assert read(path) == WORDS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"a text file that can be read\n.*none.txt: No such file"),
        (b"", r"at least 500 characters\n.*0 in .*none.txt\n.*longer"),
        (b"caf\xe9 " * 200, r"a text file in UTF-8\n.*byte 3 is none of it\n.*iconv"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "none.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ForecastError, match=said):
        opened(Generator, {"text": path})


def test_a_prompt_of_other_characters_is_refused(file: Path) -> None:
    with pytest.raises(ForecastError, match=r"a prompt of the \d+ characters of the text\n.*'X' in 'the X'"):
        writer(file, prompt="the X")
