"""Most misclassified categories and most confused pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation import metrics, mistakes

A, B, C = ("Men", "Boots"), ("Men", "Sandals"), ("Women", "Boots")


def test_categories_are_ranked_by_the_share_missed_among_the_large_enough() -> None:
    truth = [A] * 4 + [B] * 2 + [C]
    predicted = [A, A, A, B, B, C, B]
    counts = metrics.count_categories(truth, predicted)

    def names(minimum: int, **options) -> list:
        found = mistakes.most_misclassified(counts, minimum=minimum, limit=5, **options)
        return [counts.categories[i] for i in found]

    assert names(1) == [C, B, A]
    assert names(2) == [B, A]
    assert names(5) == []
    assert names(1, known={A, B}) == [B, A]
    assert len(mistakes.most_misclassified(counts, minimum=1, limit=1)) == 1


def test_a_category_of_which_nothing_is_missed_is_not_listed() -> None:
    counts = metrics.count_categories([A, B], [A, A])
    found = mistakes.most_misclassified(counts, minimum=0, limit=5)
    assert [counts.categories[i] for i in found] == [B]


def test_confused_pairs_show_the_most_confident_products_first() -> None:
    truth, predicted = [A, A, B, A, A, C], [B, B, A, A, (), C]
    confidence = np.array([0.2, 0.8, 0.5, 0.9, 0.0, 0.9])
    pairs = mistakes.confused_paths(truth, predicted, confidence, limit=5, examples=1)
    assert [(p.truth, p.predicted, p.products, p.rows) for p in pairs] == [(A, B, 2, (1,)), (B, A, 1, (2,))]


def test_confused_labels_pair_the_missed_with_the_wrongly_given() -> None:
    truth = [("red", "shoe"), ("red",), ("shoe",)]
    predicted = [("shoe", "blue"), ("blue",), ()]
    pairs = mistakes.confused_labels(truth, predicted, np.array([0.1, 0.3, 0.0]))
    assert [(p.truth, p.predicted, p.products, p.rows) for p in pairs] == [(("red",), ("blue",), 2, (1, 0))]


@given(
    st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from([A, B, C, ()])), min_size=1, max_size=30)
)
def test_every_wrong_product_is_in_exactly_one_pair(pairs) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    found = mistakes.confused_paths(truth, predicted, np.zeros(len(truth)), limit=99, examples=99)
    rows = sorted(row for pair in found for row in pair.rows)
    assert rows == [row for row, (t, p) in enumerate(pairs) if p and t != p]
    assert all(pair.products == len(pair.rows) for pair in found)


def test_confidences_of_other_products_are_refused() -> None:
    with pytest.raises(ShelfwiseError, match="confidence 2"):
        mistakes.confused_paths([A], [B], np.zeros(2))
