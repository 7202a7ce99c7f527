"""A training that is killed, at whatever step, goes on to the very losses that it would have had."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from forecast.errors import ForecastError
from forecast.models.base import Model
from forecast.models.bilstm import BiLSTM
from forecast.models.lstm import LSTM
from forecast.models.mlp import MLP
from forecast.training.progress import History
from forecast.training.settings import Training
from forecast.training.tbptt import train
from tests.tiny import environment
from tests.training.made import QUICK, Killed, build, data

ROOT = Path(__file__).parents[2]
BRIEF = QUICK.model_copy(update={"epochs": 3, "save_every": 4})  # 14 updates an epoch


def dies_after(model: nn.Module, calls: int) -> list[int]:
    """Let a model raise at its n-th call; return the calls that are left."""
    left = [calls]

    def count(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    model.register_forward_hook(count)
    return left


def resumed(path: Path, settings: Training, make: Callable[[], Model], lives: list[int]) -> tuple[Model, History]:
    """Train to the end through several deaths, each after so many calls of the model, every life a new process's."""
    for calls in lives:
        model = make()
        dies_after(model, calls)
        with pytest.raises(Killed):
            train(model, *data(), settings, resume=path)
    model = make()
    return model, train(model, *data(), settings, resume=path)


@pytest.mark.parametrize(
    ("make", "more", "lives"),
    [
        (partial(build, LSTM, 0.2), {"k2": 5}, [35]),
        (partial(build, LSTM, 0.2), {"k2": 12, "average": 0.9}, [21, 11, 27]),
        (partial(build, LSTM, 0.2), {"optimiser": "sgd", "momentum": 0.9}, [33]),
        (partial(build, LSTM, 0.2, normalise="batch"), {"k2": 12, "average": 0.9}, [21, 30]),
        (partial(build, BiLSTM, 0.2), {"k2": 12}, [60, 31]),
        (partial(build, MLP, 0.2), {"save_every": 1}, [22, 9]),
    ],
)
def test_killed_at_any_update_it_resumes_to_the_same_losses(
    tmp_path: Path, make: Callable[[], Model], more: dict[str, object], lives: list[int]
) -> None:
    settings = Training(**{**BRIEF.model_dump(), **more})
    whole = make()
    expected = train(whole, *data(), settings)
    model, history = resumed(tmp_path / "training.pt", settings, make, lives)
    assert history == expected
    for name, value in whole.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_it_goes_on_from_the_last_write_within_the_epoch(tmp_path: Path) -> None:
    settings = BRIEF.model_copy(update={"epochs": 1, "k2": 5, "shift": False})
    learn, _ = data()
    model = build()
    dies_after(model, 11)  # at the 11th update; written down after the 8th
    with pytest.raises(Killed):
        train(model, learn, None, settings, resume=tmp_path / "training.pt")
    model = build()
    left = dies_after(model, 1000)
    train(model, learn, None, settings, resume=tmp_path / "training.pt")
    assert len(learn) == 14 and 1000 - left[0] == 14 - 8


def test_killed_between_epochs_it_resumes_to_the_same_losses(tmp_path: Path) -> None:
    expected = train(build(dropout=0.2), *data(), BRIEF)

    def kill(line: dict[str, float]) -> None:
        if line["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        train(build(dropout=0.2), *data(), BRIEF, resume=tmp_path / "training.pt", report=kill)
    assert train(build(dropout=0.2), *data(), BRIEF, resume=tmp_path / "training.pt") == expected


PROGRAM = """
import os, signal, sys
from pathlib import Path
from tests.training.made import build, data
from tests.training.test_resume import BRIEF
from forecast.training.tbptt import train

left = [51]

def shoot(*_):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

model = build(dropout=0.2)
model.register_forward_hook(shoot)
train(model, *data(), BRIEF, resume=Path(sys.argv[1]))
"""


def test_a_process_that_is_shot_resumes_to_the_same_losses(tmp_path: Path) -> None:
    path = tmp_path / "training.pt"
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], cwd=ROOT, env=environment(), timeout=240)
    assert done.returncode == -signal.SIGKILL and path.exists()
    expected = train(build(dropout=0.2), *data(), BRIEF)
    assert train(build(dropout=0.2), *data(), BRIEF, resume=path) == expected


def test_killed_while_it_writes_it_resumes_from_the_write_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(build(), *data(), BRIEF)
    write, left = torch.save, [6]

    def torn(content: object, file: object) -> None:
        left[0] -= 1
        if not left[0]:
            file.write(b"half a file")  # type: ignore[attr-defined]
            raise Killed
        write(content, file)

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(Killed):
        train(build(), *data(), BRIEF, resume=tmp_path / "training.pt")
    monkeypatch.undo()
    assert train(build(), *data(), BRIEF, resume=tmp_path / "training.pt") == expected


def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    first = build()
    history = train(first, *data(), BRIEF, resume=tmp_path / "training.pt")
    lines: list[dict[str, float]] = []
    again = build()
    assert train(again, *data(), BRIEF, resume=tmp_path / "training.pt", report=lines.append) == history
    assert not lines
    assert torch.equal(next(again.parameters()), next(first.parameters()))


def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    train(build(), *data(), BRIEF, resume=tmp_path / "training.pt")
    with pytest.raises(ForecastError, match=r"training checkpoint of this model(.|\n)*delete the file to begin anew"):
        train(build(), *data(), BRIEF.model_copy(update={"seed": 9}), resume=tmp_path / "training.pt")


def test_how_often_it_is_written_may_change(tmp_path: Path) -> None:
    history = train(build(), *data(), BRIEF, resume=tmp_path / "training.pt")
    seldom = BRIEF.model_copy(update={"save_every": 100})
    assert train(build(), *data(), seldom, resume=tmp_path / "training.pt") == history
