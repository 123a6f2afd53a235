"""Curves over confidence: ties, order, and cases worked by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.evaluation import curves

# Few different values, so that ties are the rule.
PAIRS = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30)


def columns(pairs) -> tuple[np.ndarray, np.ndarray]:
    confidence, right = zip(*pairs, strict=True)
    return np.array(confidence), np.array(right)


def test_accuracy_by_coverage_worked_by_hand() -> None:
    curve = curves.accuracy_by_coverage(np.array([0.5, 0.9, 0.5, 0.1]), np.array([True, True, False, False]))
    assert curve.confidence.tolist() == [0.9, 0.5, 0.1]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.value == pytest.approx([1, 2 / 3, 1 / 2])


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_products_means_nothing(pairs, random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    one, other = (curves.accuracy_by_coverage(*columns(p)) for p in (pairs, shuffled))
    assert one.coverage.tolist() == other.coverage.tolist()
    assert one.value == pytest.approx(other.value)
    areas = [curves.area_under_risk_coverage(*columns(p)) for p in (pairs, shuffled)]
    assert areas[0] == pytest.approx(areas[1])


@given(PAIRS)
def test_the_curve_ends_at_everything_accepted(pairs) -> None:
    confidence, right = columns(pairs)
    curve = curves.accuracy_by_coverage(confidence, right)
    assert curve.coverage[-1] == 1
    assert curve.value[-1] == pytest.approx(right.mean())
    assert (np.diff(curve.coverage) > 0).all()
    assert (np.diff(curve.confidence) < 0).all()


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.7]), st.booleans()), min_size=1, max_size=6))
def test_ties_count_as_the_mean_over_all_their_orders(pairs) -> None:
    confidence, right = columns(pairs)
    areas = []
    for order in itertools.permutations(range(len(pairs))):
        if (np.diff(confidence[list(order)]) <= 0).all():
            wrong = np.cumsum(~right[list(order)])
            areas.append((wrong / np.arange(1, len(pairs) + 1)).mean())
    assert curves.area_under_risk_coverage(confidence, right) == pytest.approx(np.mean(areas))


def test_risk_coverage_of_the_best_the_worst_and_a_blind_ranking() -> None:
    right = np.array([True, True, False, False])
    best = curves.area_under_risk_coverage(np.array([0.9, 0.8, 0.2, 0.1]), right)
    blind = curves.area_under_risk_coverage(np.full(4, 0.5), right)
    worst = curves.area_under_risk_coverage(np.array([0.1, 0.2, 0.8, 0.9]), right)
    assert best == pytest.approx((0 + 0 + 1 / 3 + 2 / 4) / 4)
    assert blind == pytest.approx(0.5)
    assert best < blind < worst
    assert curves.area_under_risk_coverage(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_reliability_bins_leave_out_the_empty_ones() -> None:
    bins = curves.reliability_bins(np.array([0.05, 0.95, 0.97]), np.array([False, True, False]), bins=10)
    assert [(b.lower, b.upper, b.products, b.accuracy) for b in bins] == [(0, 0.1, 1, 0), (0.9, 1, 2, 0.5)]
    assert bins[1].mean_confidence == pytest.approx(0.96)


@given(st.integers(1, 400), st.integers(2, 50))
def test_a_thinned_curve_keeps_its_ends(size: int, points: int) -> None:
    confidence = np.linspace(1, 0, size)
    curve = curves.accuracy_by_coverage(confidence, confidence > 0.5)
    thin = curves.thin(curve, points)
    assert len(thin.value) <= max(points, 1)
    assert (thin.coverage[0], thin.coverage[-1]) == (curve.coverage[0], curve.coverage[-1])
    assert thin.value[-1] == curve.value[-1]
    assert set(thin.coverage) <= set(curve.coverage)


def test_ratio_by_coverage_gives_micro_f1_and_survives_an_empty_denominator() -> None:
    curve = curves.ratio_by_coverage(np.array([0.9, 0.1]), np.array([0.0, 2.0]), np.array([0.0, 4.0]))
    assert curve.value.tolist() == [0.0, 0.5]


@given(PAIRS, st.sampled_from([0.3, 0.5, 0.75, 1.0]))
def test_coverage_at_precision_is_the_largest_that_holds_it(pairs, precision: float) -> None:
    confidence, right = columns(pairs)
    held = [0.0]
    for threshold in np.unique(confidence):
        accepted = confidence >= threshold
        if right[accepted].mean() >= precision:
            held.append(float(accepted.mean()))
    assert curves.coverage_at_precision(confidence, right, precision) == pytest.approx(max(held))
