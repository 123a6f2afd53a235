"""The label sets head: a set's score is the sum of its labels' and a bias of its own."""

from __future__ import annotations

import numpy as np
import torch

from shelfwise.heads.label_sets import LabelSetsHead
from shelfwise.taxonomy.targets import LabelTarget

TARGET = LabelTarget(("a", "b", "c"), ((0,), (0, 1), (2,)))


def test_probabilities_by_hand() -> None:
    head = LabelSetsHead(TARGET)
    with torch.no_grad():
        head.own.copy_(torch.tensor([0.0, 0.5, -0.25]))
        found = head.outcome_logits(torch.tensor([[1.0, -2.0, 0.5]])).exp().numpy()[0]
    totals = np.exp([1.0, 1.0 - 2.0 + 0.5, 0.5 - 0.25])
    np.testing.assert_allclose(found, totals / totals.sum(), rtol=1e-5)


def test_the_bias_of_a_set_is_learned() -> None:
    head = LabelSetsHead(TARGET)
    head.loss(torch.zeros(1, 3), torch.tensor([1])).backward()
    assert head.own.grad is not None
    assert head.own.grad[1] < 0 < head.own.grad[0]


def test_a_label_is_as_probable_as_the_sets_that_hold_it() -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(TARGET.label_probabilities(probabilities), [[0.7, 0.5, 0.3], [1, 0, 0]])
