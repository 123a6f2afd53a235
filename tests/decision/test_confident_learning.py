"""Confident learning: cases worked by hand, cleanlab as the oracle, and properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.decision.confident_learning import (
    confident_category,
    confident_joint,
    label_margin,
    label_set_quality,
    suspect_label_sets,
    suspect_labels,
    usual_confidence,
)


def made_up(products: int, categories: int, seed: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [N, K] that mostly favour the true category, and labels of which some are wrong."""
    random = np.random.default_rng(seed)
    true = random.integers(categories, size=products)
    scores = random.normal(size=(products, categories))
    scores[np.arange(products), true] += 2.5
    odds = np.exp(scores)
    given = true.copy()
    wrong = random.random(products) < noise
    given[wrong] = random.integers(categories, size=int(wrong.sum()))
    given[:categories] = np.arange(categories)
    return odds / odds.sum(1, keepdims=True), given


def test_a_case_worked_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]])
    given = np.array([0, 0, 0, 1, 1])
    np.testing.assert_allclose(usual_confidence(probabilities, given), [0.6, 0.75])
    assert confident_category(probabilities, given).tolist() == [0, 0, 1, -1, 1]
    assert suspect_labels(probabilities, given).tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(confident_joint(probabilities, given), [[2, 1], [0, 2]])
    np.testing.assert_allclose(label_margin(probabilities, given), [0.8, 0.4, -0.6, 0.2, 0.8])


@pytest.mark.parametrize("seed", range(4))
def test_cleanlab_finds_the_same(seed: int) -> None:
    count = pytest.importorskip("cleanlab.count")
    rank = pytest.importorskip("cleanlab.rank")
    probabilities, labels = made_up(400, 5, seed)
    joint, issues = count.compute_confident_joint(
        labels, probabilities, calibrate=True, return_indices_of_off_diagonals=True
    )
    np.testing.assert_allclose(
        confident_joint(probabilities, labels), joint, atol=1.0
    )  # cleanlab rounds to products
    assert set(np.flatnonzero(suspect_labels(probabilities, labels))) == set(issues)
    margins = rank.get_normalized_margin_for_each_label(labels, probabilities)
    np.testing.assert_allclose(label_margin(probabilities, labels), 2 * margins - 1, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 1_000))
def test_any_probabilities(products: int, categories: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(categories), products)
    labels = random.integers(categories, size=products)
    order = random.permutation(products)
    joint = confident_joint(probabilities, labels)
    np.testing.assert_allclose(joint.sum(1), np.bincount(labels, minlength=categories), atol=1e-6)
    moved = suspect_labels(probabilities[order], labels[order])
    np.testing.assert_array_equal(moved, suspect_labels(probabilities, labels)[order])


def test_a_category_without_products_takes_nothing() -> None:
    probabilities = np.array([[0.2, 0.1, 0.7], [0.1, 0.9, 0.0]])
    assert confident_category(probabilities, np.array([0, 1])).tolist() == [0, 1]
    assert not suspect_labels(probabilities, np.array([0, 1])).any()


def test_label_sets_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.95]])
    sets = np.array([[1, 0], [1, 0], [1, 1], [0, 1]], bool)
    wrong = suspect_label_sets(probabilities, sets)
    assert wrong.tolist() == [[False, False], [False, False], [True, False], [True, False]]
    quality = label_set_quality(probabilities, sets)
    assert set(np.argsort(quality)[:2]) == {2, 3}
    assert label_set_quality(np.ones((2, 0)), np.ones((2, 0), bool)).tolist() == [1.0, 1.0]
