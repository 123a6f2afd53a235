"""Routing: the promise of a precision holds by the exact binomial interval, and ties are not torn apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from shelfwise.decision.routing import fit_accept_rule, products_needed

CONFIDENCES = st.one_of(st.sampled_from([0.2, 0.5, 0.9]), st.floats(0, 1))


def lower_bound(correct: int, accepted: int) -> float:
    """One-sided 95 % Clopper-Pearson bound, from scipy."""
    if not correct:
        return 0.0
    interval = binomtest(correct, accepted, alternative="greater").proportion_ci(0.95, method="exact")
    return float(interval.low)


def by_trying(confidence: np.ndarray, right: np.ndarray, precision: float) -> float:
    """The lowest threshold that keeps the promise; infinite where none does."""
    kept = [
        threshold
        for threshold in np.unique(confidence)
        if lower_bound(int(right[confidence >= threshold].sum()), int((confidence >= threshold).sum()))
        >= precision
    ]
    return float(min(kept, default=np.inf))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(CONFIDENCES, st.sampled_from([True, True, True, False])), max_size=40),
    st.sampled_from([0.3, 0.6, 0.8]),
)
def test_the_lowest_threshold_that_keeps_the_promise(
    pairs: list[tuple[float, bool]], precision: float
) -> None:
    confidence = np.array([pair[0] for pair in pairs], np.float64)
    right = np.array([pair[1] for pair in pairs], bool)
    rule = fit_accept_rule(confidence, right, precision)
    assert rule.threshold == by_trying(confidence, right, precision)
    assert rule.basis == len(pairs)
    assert rule.possible == bool(np.isfinite(rule.threshold))
    accepted = confidence >= rule.threshold
    if rule.possible:
        assert rule.held == pytest.approx(right[accepted].mean())
        assert rule.coverage == pytest.approx(accepted.mean())
        assert rule.held >= precision
    else:
        assert (rule.held, rule.coverage) == (0.0, 0.0)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(CONFIDENCES, st.booleans()), min_size=1, max_size=30), st.randoms())
def test_the_order_of_products_does_not_matter(pairs: list[tuple[float, bool]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        fit_accept_rule(np.array([p[0] for p in some]), np.array([p[1] for p in some]), 0.4)
        for some in (pairs, shuffled)
    )
    assert one == other


def test_all_right_is_promised_from_59_products_on() -> None:
    def rule(count: int) -> float:
        return fit_accept_rule(np.linspace(0.5, 1, count), np.ones(count, bool), 0.95).threshold

    assert rule(59) == 0.5
    assert rule(58) == np.inf


def test_one_confidence_for_all_is_accepted_whole_or_not_at_all() -> None:
    confidence = np.full(200, 0.7)
    right = np.arange(200) < 190
    assert fit_accept_rule(confidence, right, 0.9).threshold == 0.7
    assert fit_accept_rule(confidence, right, 0.94).threshold == np.inf


def test_wrong_answers_at_the_top_are_outweighed_below() -> None:
    confidence = np.linspace(1, 0.5, 400)
    right = np.ones(400, bool)
    right[0] = False
    rule = fit_accept_rule(confidence, right, 0.98)
    assert rule.threshold == 0.5
    assert rule.held == pytest.approx(399 / 400)


def test_nothing_ever_right_or_no_products() -> None:
    assert not fit_accept_rule(np.linspace(0, 1, 50), np.zeros(50, bool), 0.1).possible
    rule = fit_accept_rule(np.zeros(0), np.zeros(0, bool), 0.5)
    assert (rule.possible, rule.basis, rule.coverage) == (False, 0, 0.0)


def test_never_wrong_cannot_be_promised() -> None:
    assert not fit_accept_rule(np.ones(10_000), np.ones(10_000, bool), 1.0).possible


@pytest.mark.parametrize("precision", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
def test_products_needed_is_exact(precision: float) -> None:
    needed = products_needed(precision)
    assert lower_bound(needed, needed) >= precision > lower_bound(needed - 1, needed - 1)


def test_products_needed_for_certainty() -> None:
    with pytest.raises(ValueError, match="below 1"):
        products_needed(1.0)
