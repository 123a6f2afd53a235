"""How good held-out answers are."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.learning.quality import Quality, as_answers
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget.from_truth([("a", "x"), ("a", "y"), ("b",)])
LABELS = LabelTarget.from_truth([("s", "t"), ("t", "u"), ("s",)], space="labels")


def test_quality_of_paths_and_labels() -> None:
    assert Quality(PATHS)(np.eye(3), np.array([0, 1, 0])) == pytest.approx(2 / 3)
    truth = np.array([[1, 0, 1], [0, 1, 0]], np.float32)
    assert Quality(LABELS)(truth * 4 - 2, truth) == 1.0
    assert Quality(PATHS)(np.zeros((0, 3)), np.zeros(0, np.int64)) == 0.0


def test_sets_as_wholes_are_compared_label_by_label() -> None:
    target = LabelTarget(("s", "t", "u"), sets=((0,), (1, 2)))
    assert as_answers(target, np.array([1, 0])).tolist() == [[0, 1, 1], [1, 0, 0]]
    sure = np.array([[-4.0, 4], [4, -4]])
    assert Quality(target)(sure, np.array([1, 0])) == 1.0
    # One threshold that gives every product every label: three of six are right.
    assert Quality(target)(sure, np.array([0, 1])) == pytest.approx(2 * 3 / (6 + 3))
