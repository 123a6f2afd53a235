"""In how many groups of near-duplicates a category stands."""

from __future__ import annotations

import numpy as np

from shelfwise.decision.category_groups import groups_of_each_category, groups_of_each_label


def test_copies_count_once() -> None:
    given = np.array([2, 2, 2, 0, 0, 5])
    groups = np.array([7, 7, 9, -1, 7, 3])
    assert groups_of_each_category(given, groups).tolist() == [2, 2, 2, 2, 2, 1]
    assert groups_of_each_category(given[:0], groups[:0]).tolist() == []


def test_labels_of_sets() -> None:
    given = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0]], bool)
    assert groups_of_each_label(given, np.array([4, 4, 8])).tolist() == [2, 1, 0]
    assert groups_of_each_label(given[:0], np.zeros(0, np.int64)).tolist() == [0, 0, 0]
