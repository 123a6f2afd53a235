"""Scores of paths: unequal depths, failed products, and credit for what is right above the mistake."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation import hierarchy

NAME = st.sampled_from(["a", "b", "c"])
PATH = st.lists(NAME, min_size=1, max_size=4).map(tuple)
MAYBE = st.one_of(PATH, st.just(()))
PAIRS = st.lists(st.tuples(PATH, MAYBE), min_size=1, max_size=25)

TRUTH = [("Men", "Shoes", "Boots"), ("Men", "Shoes"), ("Women", "Bags")]


def test_a_level_below_a_paths_end_is_a_value_of_its_own() -> None:
    predicted = [("Men", "Shoes"), ("Men", "Shoes"), ("Women", "Bags", "Totes")]
    assert hierarchy.level_accuracy(TRUTH, predicted, 3) == pytest.approx([1, 1, 1 / 3])
    assert hierarchy.whole_path_accuracy(TRUTH, predicted) == pytest.approx(1 / 3)


def test_a_failed_product_is_wrong_on_every_level() -> None:
    predicted = [(), (), TRUTH[2]]
    assert hierarchy.level_accuracy(TRUTH, predicted, 3) == pytest.approx([1 / 3] * 3)


def test_a_level_compares_its_own_name_only() -> None:
    assert hierarchy.level_accuracy([("Men", "Shoes")], [("Women", "Shoes")], 2) == [0, 1]


def test_hierarchical_score_worked_by_hand() -> None:
    # shared: Men, Shoes = 2 · Men = 1 · nothing = 0; true 3 + 2 + 2 = 7; predicted 3 + 1 + 2 = 6
    predicted = [("Men", "Shoes", "Sandals"), ("Men",), ("Men", "Bags")]
    score = hierarchy.hierarchical_score(TRUTH, predicted)
    assert (score.precision, score.recall, score.f1) == pytest.approx((3 / 6, 3 / 7, 6 / 13))
    assert hierarchy.mean_common_depth(TRUTH, predicted) == pytest.approx(1.0)


def test_hierarchical_score_of_nothing_but_failures() -> None:
    score = hierarchy.hierarchical_score([("a",)], [()])
    assert (score.precision, score.recall, score.f1) == (0, 0, 0)


@given(PAIRS)
@settings(deadline=None)
def test_hierarchical_score_equals_its_definition_on_ancestor_sets(pairs) -> None:
    def ancestors(path: tuple[str, ...]) -> set[tuple[str, ...]]:
        return {path[:end] for end in range(1, len(path) + 1)}

    truth, predicted = map(list, zip(*pairs, strict=True))
    shared = sum(len(ancestors(t) & ancestors(p)) for t, p in pairs)
    score = hierarchy.hierarchical_score(truth, predicted)
    assert score.recall == pytest.approx(shared / sum(len(ancestors(t)) for t in truth))
    assert 0 <= score.f1 <= 1
    # A whole path right gives all the credit; so the hierarchical recall is never below its share of levels.
    exact = sum(len(t) for t, p in pairs if t == p) / sum(map(len, truth))
    assert score.recall >= exact - 1e-12


@given(PAIRS)
@settings(deadline=None)
def test_level_scores_hold_together(pairs) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    depth = hierarchy.deepest(truth, predicted)
    levels = hierarchy.level_accuracy(truth, predicted, depth)
    assert hierarchy.whole_path_accuracy(truth, predicted) <= min(levels) + 1e-12
    for level, value in enumerate(hierarchy.level_weighted_f1(truth, predicted, depth)):
        true_values = [repr(v) for v in hierarchy.level_values(truth, level)]
        values = [repr(v) for v in hierarchy.level_values(predicted, level)]
        assert value == pytest.approx(f1_score(true_values, values, average="weighted", zero_division=0))
    assert hierarchy.hierarchical_score(truth, truth).f1 == 1


def test_a_product_without_a_true_path_is_refused() -> None:
    with pytest.raises(ShelfwiseError, match="product 1 has none"):
        hierarchy.whole_path_accuracy([("a",), ()], [("a",), ()])


class TestAsHiClassDefinesIt:
    """Sets of a category and its ancestors, the root excluded, summed over products: what ``hiclass.metrics`` (5.0.8) calls
    ``average="micro"``. The figures were worked out by hand and are those it returns for the same nodes."""

    def score(
        self, truth: list[tuple[str, ...]], predicted: list[tuple[str, ...]]
    ) -> tuple[float, float, float]:
        found = hierarchy.hierarchical_score(truth, predicted)
        return found.precision, found.recall, found.f1

    def test_unequal_depths(self) -> None:
        truth = [("Men", "Shoes", "Boots"), ("Men", "Shoes"), ("Women", "Bags"), ("Women", "Bags", "Totes")]
        predicted = [("Men", "Shoes", "Sandals"), ("Men", "Shoes", "Boots"), ("Men", "Bags"), ("Women",)]
        # |∩| 2 + 2 + 0 + 1 = 5; predicted 3 + 3 + 2 + 1 = 9; true 3 + 2 + 2 + 3 = 10
        assert self.score(truth, predicted) == pytest.approx((5 / 9, 5 / 10, 10 / 19))

    def test_all_right_and_all_wrong(self) -> None:
        assert self.score([("a", "x"), ("b",)], [("a", "x"), ("b",)]) == (1, 1, 1)
        assert self.score([("a", "x")], [("b", "y")]) == (0, 0, 0)

    def test_a_prediction_above_the_truth_loses_recall_only(self) -> None:
        assert self.score([("a", "x", "p")], [("a",)]) == pytest.approx((1, 1 / 3, 0.5))

    def test_a_prediction_below_the_truth_loses_precision_only(self) -> None:
        assert self.score([("a",)], [("a", "x", "p")]) == pytest.approx((1 / 3, 1, 0.5))

    def test_the_same_name_elsewhere_is_another_node(self) -> None:
        assert self.score([("Men", "Shoes")], [("Women", "Shoes")]) == (0, 0, 0)


class TestTreeErrors:
    def test_by_hand(self) -> None:
        # Boots for sandals: up 1, down 1; Men for Men > Shoes: down 1; Men > Bags for Women > Bags: up 2, down 2; right: 0
        truth = [("Men", "Shoes", "Boots"), ("Men", "Shoes"), ("Women", "Bags"), ("Women", "Bags")]
        predicted = [("Men", "Shoes", "Sandals"), ("Men",), ("Men", "Bags"), ("Women", "Bags")]
        found = hierarchy.tree_errors(truth, predicted)
        assert found.distance == pytest.approx((2 + 1 + 4 + 0) / 4)
        assert found.distance_of_mistakes == pytest.approx((2 + 1 + 4) / 3)
        assert found.common_depth == pytest.approx((2 + 1 + 0 + 2) / 4)
        assert found.common_depth_of_mistakes == pytest.approx((2 + 1 + 0) / 3)
        assert found.mistakes == 3

    def test_without_mistakes(self) -> None:
        found = hierarchy.tree_errors([("a", "x")], [("a", "x")])
        assert (found.distance, found.common_depth, found.mistakes) == (0, 2, 0)
        assert found.distance_of_mistakes is None
        assert found.common_depth_of_mistakes is None

    def test_a_failed_product_never_left_the_root(self) -> None:
        found = hierarchy.tree_errors([("a", "x")], [()])
        assert (found.distance_of_mistakes, found.common_depth_of_mistakes) == (2, 0)

    def test_of_no_products(self) -> None:
        assert hierarchy.tree_errors([], []).distance == 0

    @given(PATH, PATH, PATH)
    @settings(deadline=None)
    def test_the_distance_is_a_metric(self, a, b, c) -> None:
        distance = hierarchy.tree_distance
        assert (distance(a, b) == 0) == (a == b)
        assert distance(a, b) == distance(b, a)
        assert distance(a, c) <= distance(a, b) + distance(b, c)

    @given(PAIRS)
    @settings(deadline=None)
    def test_distance_and_hierarchical_score_count_the_same(self, pairs) -> None:
        """Every step is a category that one of the two paths has alone."""
        truth, predicted = map(list, zip(*pairs, strict=True))
        found = hierarchy.tree_errors(truth, predicted)
        categories = sum(map(len, truth)) + sum(map(len, predicted))
        assert found.distance * len(pairs) == pytest.approx(
            categories * (1 - hierarchy.hierarchical_score(truth, predicted).f1)
        )
        assert found.common_depth == pytest.approx(hierarchy.mean_common_depth(truth, predicted))
