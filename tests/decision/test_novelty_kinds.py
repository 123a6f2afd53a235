"""Kinds: the last name of a path wherever it stands, or the rarest label."""

from __future__ import annotations

import numpy as np

from shelfwise.decision.novelty_kinds import Kinds
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget((("Men", "Shoes"), ("Men", "Ties"), ("Women", "Shoes")))
LABELS = LabelTarget(("gift", "red", "soft"))
SETS = LabelTarget(("gift", "red", "soft"), ((0,), (0, 1), (2,)))


def test_paths_that_end_in_one_name_are_of_one_kind() -> None:
    truth = np.array([0, 1, 2, -1])
    kinds = Kinds(PATHS, truth)
    own = kinds.of(truth)
    assert own[0] == own[2] != own[1]
    assert own[3] == -1
    assert kinds.bearers(own[:2]).tolist() == [[True, False, True], [False, True, False]]
    assert kinds.answers(truth[:2]) == [(0,), (1,)]
    assert {kind: places.tolist() for kind, places in kinds.borne(truth[:3]).items()} == {0: [0, 2], 1: [1]}


def test_a_label_set_is_of_the_kind_of_its_rarest_label() -> None:
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]], np.float32)
    kinds = Kinds(LABELS, truth)
    assert kinds.of(truth).tolist() == [1, 0, 2, 2, -1]
    assert kinds.bearers(np.array([1])).tolist() == [[False, True, False]]
    assert kinds.answers(truth[:1]) == [(0, 1)]
    assert kinds.borne(truth)[0].tolist() == [0, 1, 3]


def test_sets_that_hold_the_label_go_with_it() -> None:
    truth = np.array([1, 0, 2, -1])
    kinds = Kinds(SETS, truth)
    assert kinds.of(truth).tolist() == [1, 0, 2, -1]
    assert kinds.bearers(np.array([0, 2])).tolist() == [[True, True, False], [False, False, True]]
    assert kinds.answers(truth[:1]) == [(0, 1)]
