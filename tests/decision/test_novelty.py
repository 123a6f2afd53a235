"""Novelty: signals worked out by hand, a rule that finds what differs, and what it must never do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shelfwise.decision.novelty import (
    LEAST_PRODUCTS,
    NoveltyRule,
    fit_novelty_rule,
    score_signals,
    signal_names,
)

NAMES = signal_names(["one"], False, [])


def made(products: int = 400, gap: float = 2.0, share: float = 0.02) -> NoveltyRule | None:
    """A rule from three signals, of which the first tells new products apart and the last is noise."""
    random = np.random.default_rng(0)
    known = random.standard_normal((products, 3))
    as_new = known + np.array([gap, gap / 2, 0.0])
    kinds, groups = np.arange(products) % 7, np.arange(products) // 2
    return fit_novelty_rule(NAMES, known, as_new, kinds, groups, share, seed=0)


RULE = made()


class TestSignals:
    def test_names_are_in_the_order_of_columns(self) -> None:
        assert signal_names(["title", "image"], True, ["words"]) == [
            "doubt title",
            "doubt image",
            "doubt",
            "disagreement",
            "unfamiliarity",
            "distance words",
            "spread words",
        ]

    def test_two_classifiers_by_hand(self) -> None:
        one, other = np.array([[0.5, 0.5]]), np.array([[0.9, 0.1]])
        signals = score_signals(np.log([one, other]), np.ones((2, 1), bool), np.array([[0.8, 0.2]]), True)
        mixed = np.array([0.7, 0.3])
        entropy = [-(p * np.log(p)).sum() for p in (one[0], other[0], mixed)]
        wanted = [-np.log(0.5), -np.log(0.9), -np.log(0.8), entropy[2] - (entropy[0] + entropy[1]) / 2]
        np.testing.assert_allclose(signals[0], wanted)

    def test_classifiers_that_agree_do_not_differ(self) -> None:
        said = np.log(np.full((3, 2, 4), 0.25))
        assert score_signals(said, np.ones((3, 2), bool), np.full((2, 4), 0.25), True)[:, 4] == pytest.approx(
            0
        )

    def test_an_absent_classifier_is_not_read(self) -> None:
        said = np.log([[[0.5, 0.5]], [[0.9, 0.1]]])
        here = np.array([[True], [False]])
        signals = score_signals(said, here, np.array([[0.5, 0.5]]), True)
        said[1] = np.nan
        np.testing.assert_array_equal(signals, score_signals(said, here, np.array([[0.5, 0.5]]), True))
        assert np.isnan(signals[0, 1])
        assert signals[0, 3] == 0  # nobody to differ from

    def test_labels_by_themselves(self) -> None:
        said = np.array([[[2.0, -3.0]]])
        [signals] = score_signals(said, np.ones((1, 1), bool), 1 / (1 + np.exp(-said[0])), False)
        assert signals[0] == pytest.approx(np.log1p(np.exp(-2.0)))
        assert signals[1] == pytest.approx(signals[0])


class TestRule:
    def test_finds_what_tells_new_products_apart(self) -> None:
        rule = made()
        assert rule is not None
        assert rule.separation > 0.9
        assert rule.weights[0] > rule.weights[1] > rule.weights[2] >= 0

    def test_the_share_of_known_products_flagged_is_the_one_asked_for(self) -> None:
        fresh = np.random.default_rng(1).standard_normal((20_000, 3))
        for share in (0.02, 0.1):
            rule = made(4_000, share=share)
            assert rule is not None
            assert rule.flags(rule.novelty(fresh)).mean() == pytest.approx(share, rel=0.3)

    def test_share_zero_flags_nothing_and_still_tells(self) -> None:
        rule = made(share=0.0)
        assert rule is not None
        far = rule.novelty(np.full((1, 3), 9.0))
        assert far[0] > 0.5
        assert not rule.flags(far).any()

    def test_too_few_products_or_kinds_teach_nothing(self) -> None:
        assert made(LEAST_PRODUCTS - 1) is None
        signals = np.zeros((100, 3))
        assert fit_novelty_rule(NAMES, signals, signals, np.arange(100) % 2, np.arange(100), 0.02, 0) is None
        one_group = np.zeros(100, np.int64)
        assert fit_novelty_rule(NAMES, signals, signals, np.arange(100) % 5, one_group, 0.02, 0) is None

    def test_a_signal_that_is_not_there_says_nothing(self) -> None:
        rule = made()
        assert rule is not None
        without = np.array([[np.nan, 0.5, 0.5]])
        average = np.array([[rule.means[0], 0.5, 0.5]])
        np.testing.assert_array_equal(rule.novelty(without), rule.novelty(average))

    def test_a_signal_that_never_varies_weighs_nothing(self) -> None:
        random = np.random.default_rng(0)
        known = np.column_stack([random.standard_normal(200), np.full(200, np.nan), np.ones(200)])
        as_new = known + np.array([3.0, 0.0, 0.0])
        rule = fit_novelty_rule(NAMES, known, as_new, np.arange(200) % 5, np.arange(200), 0.02, 0)
        assert rule is not None
        assert rule.weights[1:].tolist() == [0.0, 0.0]
        assert np.isfinite(rule.novelty(np.full((1, 3), 1e9))).all()

    def test_the_same_products_give_the_same_rule(self) -> None:
        one, other = made(), made()
        assert one is not None
        assert other is not None
        assert (one.bias, one.weights.tolist()) == (other.bias, other.weights.tolist())

    @settings(deadline=None)
    @given(arrays(np.float64, (5, 3), elements=st.floats(-1e6, 1e6)), st.floats(0, 10))
    def test_novelty_is_a_share_and_never_falls_as_a_signal_rises(
        self, signals: np.ndarray, more: float
    ) -> None:
        rule = RULE
        assert rule is not None
        novelty, higher = rule.novelty(signals), rule.novelty(signals + np.array([more, 0, 0]))
        assert ((novelty >= 0) & (novelty <= 1)).all()
        assert (higher >= novelty - 1e-9).all()
