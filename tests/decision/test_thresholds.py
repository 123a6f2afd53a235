"""The threshold of label sets, against trying every threshold there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shelfwise.decision.thresholds import best_micro_f1_threshold

SCORES = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))
PAIRS = st.lists(st.tuples(SCORES, st.booleans()), min_size=1, max_size=20)


def micro_f1(probabilities: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    given_labels = probabilities >= threshold
    return float(2 * (given_labels & (truth > 0)).sum() / max(given_labels.sum() + (truth > 0).sum(), 1))


@given(PAIRS, st.sampled_from([np.float32, np.float64]))
@example([(0.5, True), (float(np.nextafter(0.5, 0)), False)], np.float64)
@example([(float(np.nextafter(0.5, 1)), True), (0.5, False)], np.float64)
@example([(0.5, True), (float(np.nextafter(np.float32(0.5), np.float32(0))), False)], np.float32)
@example([(5e-324, True), (0.0, False)], np.float64)
@example([(0.0, True)], np.float32)
def test_no_other_threshold_does_better(pairs: list[tuple[float, bool]], dtype: type) -> None:
    probabilities = np.array([[score] for score, _ in pairs], dtype)
    truth = np.array([[hit] for _, hit in pairs], np.float32)
    found = best_micro_f1_threshold(probabilities, truth)
    assert 0 <= found <= 1
    if not truth.any():
        assert found == 0.5
        return
    best = max(micro_f1(probabilities, truth, float(score)) for score in np.unique(probabilities))
    assert micro_f1(probabilities, truth, found) == pytest.approx(best)


def test_it_lies_half_way_to_the_next_lower_probability() -> None:
    probabilities = np.array([[0.9, 0.6], [0.2, 0.1]])
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1], [0, 0]])) == pytest.approx(0.4)


def test_equal_probabilities_stay_on_one_side() -> None:
    probabilities = np.array([[0.8, 0.3, 0.3, 0.3, 0.3]])
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1, 0, 0, 0]])) > 0.3
    assert best_micro_f1_threshold(probabilities, np.array([[1, 1, 1, 0, 0]])) <= 0.3


def test_no_positive_and_no_products() -> None:
    assert best_micro_f1_threshold(np.array([[0.4]]), np.array([[0]])) == 0.5
    assert best_micro_f1_threshold(np.zeros((0, 3)), np.zeros((0, 3))) == 0.5


def test_everything_is_positive() -> None:
    probabilities = np.array([[0.4, 0.01]])
    assert (probabilities >= best_micro_f1_threshold(probabilities, np.ones((1, 2)))).all()
