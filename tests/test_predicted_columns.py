"""Predictions as columns: lists of different lengths end to end, and one object a product made of them."""

from __future__ import annotations

import numpy as np

from shelfwise.predicted_columns import ACCEPT, FAILED, REVIEW, InputColumns, Listed, PredictedColumns
from shelfwise.predictions import Alternative, Prediction
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget((("Home",), ("Home", "Lamps"), ("Toys", "Cars")))
LABELS = LabelTarget(("gift", "red", "soft"))
INPUTS = InputColumns(
    ("title", "photo"),
    ("present", "absent", "failed", "failed: too dark"),
    np.array([[0, 3], [0, 1], [1, 1]]),
)


def listed(*rows: list[tuple[int, float]]) -> Listed:
    """One list of places and probabilities a product."""
    return Listed.of_rows(
        [np.array([place for place, _ in row], np.int64) for row in rows],
        [np.array([chance for _, chance in row], np.float64) for row in rows],
    )


class TestListed:
    def test_what_is_kept_stays_in_its_order(self) -> None:
        kept = np.array([[True, False, True], [False, False, False], [False, True, False]])
        places, chances = np.arange(9).reshape(3, 3), np.arange(9).reshape(3, 3) / 10
        found = Listed.where(kept, places, chances)
        assert found.places.tolist() == [0, 2, 7]
        assert found.probabilities.tolist() == [0.0, 0.2, 0.7]
        assert found.spans == [(0, 2), (2, 2), (2, 3)]

    def test_products_left_out_have_empty_lists(self) -> None:
        found = listed([(4, 0.4)], [(5, 0.5), (6, 0.6)], [(7, 0.7)]).only(np.array([True, False, True]))
        assert (found.places.tolist(), found.spans) == ([4, 7], [(0, 1), (1, 1), (1, 2)])

    def test_no_products(self) -> None:
        assert Listed.of_rows([], []).spans == []
        assert Listed.where(np.zeros((0, 3), bool), np.zeros((0, 3)), np.zeros((0, 3))).spans == []


def test_paths_by_hand() -> None:
    lamps = PATHS.taxonomy.ancestors(("Home", "Lamps")).tolist()
    columns = PredictedColumns(
        PATHS,
        ["1", "2", "3"],
        np.array([ACCEPT, REVIEW, FAILED], np.int8),
        ["stopped at level 1", "confidence 0.500 is below 0.900", "no input"],
        np.array([0.9, 0.5, 0.0]),
        listed([(lamps[0], 0.9)], [(lamps[0], 0.9), (lamps[1], 0.5)], []),
        listed([(2, 0.05)], [(0, 0.3), (2, 0.1)], []),
        INPUTS,
        listed([(1, 0.9)], [(1, 0.5), (0, 0.3)], []),
        np.array([0.1, 0.2, 0.3]),
    )
    assert columns.failed.tolist() == [False, False, True]
    dark, absent = {"title": "present", "photo": "failed: too dark"}, {"title": "present", "photo": "absent"}
    assert columns.predictions() == [
        Prediction(
            "1",
            ("Home",),
            0.9,
            (0.9,),
            "accept",
            "stopped at level 1",
            (Alternative(("Toys", "Cars"), 0.05),),
            dark,
            set=(Alternative(("Home", "Lamps"), 0.9),),
            novelty=0.1,
        ),
        Prediction(
            "2",
            ("Home", "Lamps"),
            0.5,
            (0.9, 0.5),
            "review",
            "confidence 0.500 is below 0.900",
            (Alternative(("Home",), 0.3), Alternative(("Toys", "Cars"), 0.1)),
            absent,
            set=(Alternative(("Home", "Lamps"), 0.5), Alternative(("Home",), 0.3)),
            novelty=0.2,
        ),
        Prediction("3", (), 0.0, (), "failed", "no input", (), {"title": "absent", "photo": "absent"}),
    ]


def test_labels_by_hand_each_product_with_a_dictionary_of_its_own() -> None:
    columns = PredictedColumns(
        LABELS,
        ["1", "2", "3"],
        np.array([ACCEPT, ACCEPT, REVIEW], np.int8),
        ["", "", "no label is probable enough"],
        np.array([0.6, 0.7, 0.8]),
        listed([(1, 0.9), (0, 0.7)], [(2, 0.8)], []),
        listed([(2, 0.1)], [], [(0, 0.2)]),
        InputColumns(("title",), ("present",), np.zeros((3, 1), np.int64)),
    )
    first, second, third = columns.predictions()
    assert (first.answer, first.part_confidence) == (("red", "gift"), (0.9, 0.7))
    assert (second.answer, second.alternatives, second.set, second.novelty) == (("soft",), (), None, None)
    assert (third.answer, third.alternatives) == ((), (Alternative(("gift",), 0.2),))
    first.inputs["title"] = "changed"
    assert second.inputs == {"title": "present"}
