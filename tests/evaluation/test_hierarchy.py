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
