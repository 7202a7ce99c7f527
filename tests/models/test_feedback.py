"""What is heard of an output: the middle quantile, the likeliest class, the likelier bit; or one that is drawn."""

from __future__ import annotations

import math

import torch

from forecast.models.base import Shape
from forecast.models.feedback import drawn, heard, width


def sized(outputs: int, targets: int) -> Shape:
    return Shape(inputs=4, leads=1, outputs=outputs, targets=targets)


def test_of_quantiles_the_middle_one_is_heard() -> None:
    y = torch.tensor([[1.0, 2.0, 4.0, 10.0, 30.0, 90.0]])
    assert heard(y, sized(6, 2), "numbers").tolist() == [[2, 30]]
    assert heard(y, sized(6, 1), "numbers").tolist() == [[7]]  # the mean of the two middle ones of six
    assert heard(y, sized(6, 6), "numbers").tolist() == y.tolist()
    assert heard(y[:, :, None, None].expand(1, 6, 3, 2), sized(6, 2), "numbers").shape == (1, 2, 3, 2)


def test_outputs_that_are_no_inputs_are_heard_as_they_are() -> None:
    assert heard(torch.tensor([[1.0, 2.0]]), sized(2, 0), "numbers").tolist() == [[1, 2]]
    assert width(sized(2, 0), "numbers") == width(sized(2, 1), "classes") == width(sized(2, 1), "bits") == 2
    assert width(sized(6, 2), "numbers") == 2


def test_of_classes_the_most_probable_is_heard_and_of_bits_each_that_is_likelier_than_not() -> None:
    y = torch.tensor([[-3.0, 0.5, 0.2], [1.0, -1.0, 0.0]])
    assert heard(y, sized(3, 1), "classes").tolist() == [[0, 1, 0], [1, 0, 0]]
    assert heard(y, sized(3, 1), "bits").tolist() == [[0, 1, 1], [1, 0, 0]]


def test_classes_and_bits_are_drawn_with_their_probabilities_at_a_temperature() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.tensor([math.log(8.0), 0.0, -math.inf]).expand(20_000, 3)
    for temperature, first in ((1.0, 8 / 9), (3.0, 2 / 3)):  # 8^(1/3) = 2
        share = drawn(logits, "classes", temperature, generator).mean(dim=0)
        torch.testing.assert_close(share, torch.tensor([first, 1 - first, 0.0]), atol=0.01, rtol=0)
        share = drawn(logits, "bits", temperature, generator).mean(dim=0)
        torch.testing.assert_close(share, torch.tensor([first, 0.5, 0.0]), atol=0.015, rtol=0)
