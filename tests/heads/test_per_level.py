"""The per-level head: levels are independent, and only paths that exist share the probability."""

from __future__ import annotations

import numpy as np
import torch

from shelfwise.heads.per_level import PerLevelHead, PerLevelOptions
from shelfwise.taxonomy.targets import PathTarget


def softmax(values: list[float]) -> np.ndarray:
    exponents = np.exp(np.array(values))
    return exponents / exponents.sum()


def test_probabilities_by_hand() -> None:
    head = PerLevelHead(PathTarget((("a", "x"), ("a", "y"), ("b", "x"))))
    assert head.sizes == [2, 2]
    first, second = [0.3, -0.4], [1.0, 0.1]
    found = head.outcome_logits(torch.tensor([first + second])).exp().numpy()[0]
    (a, b), (x, y) = softmax(first), softmax(second)
    exist = np.array([a * x, a * y, b * x])  # b > y does not
    np.testing.assert_allclose(found, exist / exist.sum(), rtol=1e-5)


def test_a_short_path_ends_in_the_category_of_nothing_more() -> None:
    head = PerLevelHead(PathTarget((("a",), ("a", "x"), ("b", "x"))))
    assert head.sizes == [2, 2]  # level 2: nothing more, x
    scores = torch.tensor([[2.0, 0.0, 3.0, -3.0]])
    assert head.outcome_logits(scores).argmax(1).tolist() == [0]


def test_the_loss_is_the_sum_of_the_levels() -> None:
    head = PerLevelHead(PathTarget((("a", "x"), ("a", "y"), ("b", "x"))))
    first, second = [0.3, -0.4], [1.0, 0.1]
    found = head.loss(torch.tensor([first + second]), torch.tensor([1]))
    expected = -np.log(softmax(first)[0]) - np.log(softmax(second)[1])
    np.testing.assert_allclose(float(found), expected, rtol=1e-5)


def test_levels_can_weigh_differently() -> None:
    target = PathTarget((("a", "x"), ("a", "y"), ("b", "x")))
    head = PerLevelHead(target, PerLevelOptions(level_weights=[0.5, 2.0]))
    first, second = [0.3, -0.4], [1.0, 0.1]
    found = head.loss(torch.tensor([first + second]), torch.tensor([1]))
    expected = -0.5 * np.log(softmax(first)[0]) - 2 * np.log(softmax(second)[1])
    np.testing.assert_allclose(float(found), expected, rtol=1e-5)


def test_the_most_probable_path_exists_although_its_levels_disagree() -> None:
    target = PathTarget((("Men", "Ties"), ("Women", "Skirts")))
    head = PerLevelHead(target)
    # Level 1 says Men, level 2 says Skirts a little louder.
    logits = head.outcome_logits(torch.tensor([[2.0, 0.0, 2.5, 0.0]]))  # names sorted: Skirts, Ties
    assert target.outcomes[int(logits.argmax())] == ("Women", "Skirts")
