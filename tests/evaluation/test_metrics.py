"""Metrics against scikit-learn, against cases worked by hand, and against what must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import brier_score_loss, f1_score, precision_score, recall_score

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation import metrics

NAMES = ["a", "b", "c", "d"]
FLAT = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=40)
MATRIX = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12).flatmap(
    lambda shape: st.tuples(hnp.arrays(bool, shape), hnp.arrays(bool, shape))
)
SURE = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def averages(counts: metrics.CategoryCounts) -> dict[str, float]:
    return {
        "micro": metrics.micro_f1(counts),
        "macro": metrics.macro_f1(counts),
        "weighted": metrics.weighted_f1(counts),
    }


@given(FLAT)
@settings(deadline=None)
def test_single_label_f1_equals_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    counts = metrics.count_categories(truth, predicted)
    for average, value in averages(counts).items():
        assert value == pytest.approx(f1_score(truth, predicted, average=average, zero_division=0))
    order = list(counts.categories)
    expected = {"labels": order, "average": None, "zero_division": 0}
    assert counts.precision == pytest.approx(precision_score(truth, predicted, **expected))
    assert counts.recall == pytest.approx(recall_score(truth, predicted, **expected))
    assert metrics.micro_f1(counts) == pytest.approx(metrics.accuracy(truth, predicted))


@given(MATRIX)
@settings(deadline=None)
def test_multi_label_f1_equals_scikit_learn(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = matrices
    counts = metrics.count_label_matrix(truth, predicted)
    if truth.shape[1] > 1:  # scikit-learn reads one column as a single-label problem
        for average, value in averages(counts).items():
            assert value == pytest.approx(f1_score(truth, predicted, average=average, zero_division=0))
        precision = precision_score(truth, predicted, average="micro", zero_division=0)
        assert metrics.micro_precision(counts) == pytest.approx(precision)
        recall = recall_score(truth, predicted, average="micro", zero_division=0)
        assert metrics.micro_recall(counts) == pytest.approx(recall)


@given(MATRIX)
def test_label_sets_and_label_matrices_count_alike(matrices: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = matrices
    as_sets = [[np.flatnonzero(row).tolist() for row in matrix] for matrix in matrices]
    from_sets = metrics.count_label_sets(*as_sets)
    from_matrix = metrics.count_label_matrix(truth, predicted)
    assert metrics.micro_f1(from_sets) == pytest.approx(metrics.micro_f1(from_matrix))
    assert metrics.weighted_f1(from_sets) == pytest.approx(metrics.weighted_f1(from_matrix))


@given(FLAT, st.randoms(use_true_random=False), st.integers(2, 4))
def test_order_and_duplication_of_all_products_change_nothing(pairs, random, times) -> None:
    truth, predicted = zip(*pairs, strict=True)
    shuffled = list(pairs) * times
    random.shuffle(shuffled)
    again = metrics.count_categories(*zip(*shuffled, strict=True))
    assert averages(again) == pytest.approx(averages(metrics.count_categories(truth, predicted)))


def test_a_case_worked_by_hand() -> None:
    # shoes: 3 true, 2 found, 3 predicted; bags: 1 true, 0 found, 1 predicted
    counts = metrics.count_categories(["s", "s", "s", "b"], ["s", "s", "b", "s"])
    assert counts.f1 == pytest.approx([2 / 3, 0])
    assert averages(counts) == pytest.approx({"micro": 1 / 2, "macro": 1 / 3, "weighted": 1 / 2})


def test_no_prediction_costs_recall_and_no_precision() -> None:
    counts = metrics.count_categories(["a", "a"], ["a", None])
    assert counts.categories == ("a",)
    assert (metrics.micro_precision(counts), metrics.micro_recall(counts)) == (1.0, 0.5)
    assert metrics.micro_f1(counts) == pytest.approx(2 / 3)


def test_one_category_and_no_positives() -> None:
    assert averages(metrics.count_categories([1, 1], [1, 1])) == {"micro": 1, "macro": 1, "weighted": 1}
    nothing = metrics.count_label_matrix(np.zeros((3, 2)), np.zeros((3, 2)))
    assert averages(nothing) == {"micro": 0, "macro": 0, "weighted": 0}
    assert metrics.macro_f1(metrics.count_label_sets([], [])) == 0


def test_the_most_frequent_category_does_not_depend_on_order() -> None:
    assert metrics.most_frequent({"b": 3, "a": 3, "c": 1}) == "a"
    assert metrics.most_frequent({"a": 3, "b": 3, "c": 1}) == "a"
    with pytest.raises(ShelfwiseError, match="at least one category"):
        metrics.most_frequent({})


def test_calibration_error_worked_by_hand() -> None:
    # (.8, 1]: 2 products, mean .95, half right: off .45 · 2/4; (.4, .6]: mean .5, half right: off 0
    confidence, right = np.array([0.9, 1.0, 0.5, 0.5]), np.array([True, False, True, False])
    assert metrics.expected_calibration_error(confidence, right, bins=5) == pytest.approx(0.225)


def test_bins_are_open_below_and_closed_above() -> None:
    count, _, _ = metrics.confidence_bins(np.array([0.0, 0.5, 0.51, 1.0]), np.zeros(4, dtype=bool), 2)
    assert count.tolist() == [2, 2]


@given(SURE)
@settings(deadline=None)
def test_calibration_error_and_brier_stay_in_range(pairs: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(column) for column in zip(*pairs, strict=True))
    assert 0 <= metrics.expected_calibration_error(confidence, right) <= 1
    expected = brier_score_loss(right, confidence, pos_label=True)
    assert metrics.brier_score(confidence, right) == pytest.approx(expected)
    perfect = right.astype(float)
    assert metrics.expected_calibration_error(perfect, right) == 0
    assert metrics.brier_score(perfect, right) == 0


@pytest.mark.parametrize("wrong", [1.01, -0.1, np.nan, np.inf])
def test_a_confidence_outside_its_range_is_refused(wrong: float) -> None:
    with pytest.raises(ShelfwiseError, match="product 1"):
        metrics.brier_score(np.array([0.5, wrong]), np.array([True, True]))


def test_unequal_lengths_are_refused_by_name() -> None:
    with pytest.raises(ShelfwiseError, match="truth 2, predicted 1"):
        metrics.accuracy(["a", "b"], ["a"])
    with pytest.raises(ShelfwiseError, match="one shape"):
        metrics.count_label_matrix(np.ones((2, 3)), np.ones((2, 2)))


def test_the_bootstrap_agrees_with_drawing_products_one_by_one() -> None:
    generator = np.random.default_rng(5)
    right = generator.random(200) < 0.8
    low, high = metrics.bootstrap_interval(right, np.ones(200), resamples=4000)
    drawn = right[generator.integers(0, 200, (4000, 200))].mean(axis=1)
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.012)
    assert low < right.mean() < high


@given(hnp.arrays(bool, st.integers(1, 50)), st.integers(0, 9))
@settings(deadline=None, max_examples=25)
def test_the_bootstrap_repeats_itself_and_ignores_order(right: np.ndarray, seed: int) -> None:
    weights = np.ones(len(right))
    first = metrics.bootstrap_interval(right, weights, resamples=50, seed=seed)
    assert first == metrics.bootstrap_interval(right[::-1], weights, resamples=50, seed=seed)
    assert 0 <= first[0] <= first[1] <= 1


def test_the_bootstrap_of_a_certain_thing_has_no_width() -> None:
    assert metrics.bootstrap_interval(np.ones(9), np.ones(9)) == (1.0, 1.0)
    assert metrics.bootstrap_interval(np.zeros(0), np.zeros(0)) == (0.0, 0.0)


def test_adaptive_calibration_error_by_hand() -> None:
    confidence = np.array([0.2, 0.4, 0.9, 0.9, 0.95, 0.99])
    right = np.array([False, True, True, True, True, False])
    # Two bins of three: the 0.9s fall into one bin, since they are equal.
    low, high = abs(0.2 + 0.4 + 0.9 + 0.9 - 3), abs(0.95 + 0.99 - 1)
    assert metrics.adaptive_calibration_error(confidence, right, bins=2) == pytest.approx((low + high) / 6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40), st.integers(1, 20))
def test_adaptive_calibration_error_is_a_share_and_at_least_the_overall_gap(pairs, bins: int) -> None:
    confidence = np.array([pair[0] for pair in pairs], float)
    right = np.array([pair[1] for pair in pairs], bool)
    found = metrics.adaptive_calibration_error(confidence, right, bins)
    assert 0 <= found <= 1 + 1e-9
    if pairs:
        assert found >= abs(confidence.mean() - right.mean()) - 1e-9
