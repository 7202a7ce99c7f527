"""A training that is killed goes on to the very losses that it would have had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from forecast.errors import ForecastError
from forecast.training.tbptt import train
from tests.training.made import QUICK, Killed, build, data


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("updates", [3, 61, 100, 170])
def test_killed_at_any_update_it_resumes_to_the_same_losses(tmp_path: Path, average: float, updates: int) -> None:
    settings = QUICK.model_copy(update={"average": average, "patience": 6})
    whole = build(dropout=0.2)
    expected = train(whole, *data(), settings)
    model, left = build(dropout=0.2), [updates]

    def kill(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    hook = model.register_forward_hook(kill)
    with pytest.raises(Killed):
        train(model, *data(), settings, resume=tmp_path / "training.pt")
    hook.remove()
    fresh = build(dropout=0.2)
    history = train(fresh, *data(), settings, resume=tmp_path / "training.pt")
    assert history == expected
    for name, value in whole.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name])


def test_killed_while_it_writes_it_resumes_from_the_epoch_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(build(), *data(), QUICK)
    write, left = torch.save, [3]

    def torn(content: object, file: object) -> None:
        left[0] -= 1
        if not left[0]:
            file.write(b"half a file")  # type: ignore[attr-defined]
            raise Killed
        write(content, file)

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(Killed):
        train(build(), *data(), QUICK, resume=tmp_path / "training.pt")
    monkeypatch.undo()
    assert train(build(), *data(), QUICK, resume=tmp_path / "training.pt") == expected


def test_a_finished_training_is_not_run_again(tmp_path: Path) -> None:
    first = build()
    history = train(first, *data(), QUICK, resume=tmp_path / "training.pt")
    lines: list[dict[str, float]] = []
    again = build()
    assert train(again, *data(), QUICK, resume=tmp_path / "training.pt", report=lines.append) == history
    assert not lines
    assert torch.equal(next(again.parameters()), next(first.parameters()))


def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    train(build(), *data(), QUICK, resume=tmp_path / "training.pt")
    with pytest.raises(ForecastError, match=r"training checkpoint of this model(.|\n)*delete the file to begin anew"):
        train(build(), *data(), QUICK.model_copy(update={"seed": 9}), resume=tmp_path / "training.pt")
