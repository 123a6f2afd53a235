"""From probabilities to one answer a product, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from shelfwise.decision.confidence import decide
from shelfwise.decision.thresholds import LabelThresholds
from shelfwise.ensemble import Calibration
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

PATHS = PathTarget((("a",), ("a", "x"), ("b",)))
LABELS = LabelTarget(("p", "q", "r"))
SETS = LabelTarget(("p", "q", "r"), ((0,), (0, 1), (2,)))


def calibration(threshold: float = 0.5, scale: float = 1.0, shift: float = 0.0) -> Calibration:
    return Calibration((1.0,), thresholds=LabelThresholds.shared(threshold), set_scale=scale, set_shift=shift)


class TestPaths:
    def test_the_most_probable_outcome(self) -> None:
        probabilities = np.array([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]])
        decided = decide(PATHS, probabilities, calibration())
        assert decided.chosen.tolist() == [1, 0]
        assert decided.confidence.tolist() == [0.5, 0.4]

    def test_of_equals_the_first(self) -> None:
        assert decide(PATHS, np.full((1, 3), 1 / 3), calibration()).chosen.tolist() == [0]

    def test_right(self) -> None:
        decided = decide(PATHS, np.eye(3), calibration())
        assert decided.right(np.array([0, 2, -1])).tolist() == [True, False, False]

    def test_no_products(self) -> None:
        decided = decide(PATHS, np.zeros((0, 3)), calibration())
        assert decided.chosen.shape == decided.confidence.shape == (0,)


class TestLabels:
    def test_labels_at_or_above_the_threshold(self) -> None:
        decided = decide(LABELS, np.array([[0.7, 0.69, 0.2]]), calibration(0.7))
        assert decided.chosen.tolist() == [[True, False, False]]

    def test_the_confidence_is_that_of_all_being_right_and_none_missing(self) -> None:
        decided = decide(LABELS, np.array([[0.9, 0.2, 0.4], [0.1, 0.2, 0.4]]), calibration())
        np.testing.assert_allclose(decided.confidence, [0.9 * 0.8 * 0.6, 0.9 * 0.8 * 0.6])
        np.testing.assert_allclose(decided.set_logits, logit([0.432, 0.432]))

    def test_it_is_corrected_by_what_held_out_products_showed(self) -> None:
        decided = decide(LABELS, np.array([[0.9, 0.2, 0.4]]), calibration(scale=2.0, shift=0.5))
        np.testing.assert_allclose(decided.confidence, expit(2 * logit(0.432) + 0.5))

    def test_right_takes_the_whole_set(self) -> None:
        decided = decide(LABELS, np.array([[0.9, 0.9, 0.1]] * 3), calibration())
        truth = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1]], np.float32)
        assert decided.right(truth).tolist() == [True, False, False]

    @given(st.lists(st.sampled_from([0.0, 1e-12, 0.3, 0.5, 1 - 1e-12, 1.0]), min_size=3, max_size=3))
    def test_certainties_stay_finite(self, row: list[float]) -> None:
        decided = decide(LABELS, np.array([row]), calibration())
        assert np.isfinite(decided.set_logits).all()
        assert 0 <= decided.confidence[0] <= 1


class TestKnownSets:
    def test_a_label_is_given_for_the_sets_that_hold_it(self) -> None:
        decided = decide(SETS, np.array([[0.4, 0.35, 0.25]]), calibration())
        assert decided.chosen.tolist() == [[True, False, False]]
        np.testing.assert_allclose(decided.probabilities, [[0.75, 0.35, 0.25]])

    def test_a_known_set_is_as_probable_as_it_is(self) -> None:
        decided = decide(SETS, np.array([[0.2, 0.7, 0.1]]), calibration())
        assert decided.chosen.tolist() == [[True, True, False]]
        assert decided.confidence[0] == pytest.approx(0.7)

    def test_a_set_that_training_never_saw(self) -> None:
        decided = decide(SETS, np.array([[0.3, 0.1, 0.6]]), calibration(0.35))
        assert decided.chosen.tolist() == [[True, False, True]]
        assert decided.confidence[0] == pytest.approx(0.4 * 0.9 * 0.6)

    def test_labels_that_are_fused_by_themselves(self) -> None:
        """They are given by their own probabilities; a known set's log-odds are the mean of both views."""
        by_label = np.array([[0.9, 0.6, 0.2], [0.9, 0.6, 0.8]])
        decided = decide(SETS, np.array([[0.9, 0.08, 0.02]] * 2), calibration(), by_label)
        assert decided.chosen.tolist() == [[True, True, False], [True, True, True]]
        assert decided.probabilities is by_label
        independent = logit([0.9 * 0.6 * 0.8, 0.9 * 0.6 * 0.8])
        np.testing.assert_allclose(decided.set_logits, [(independent[0] + logit(0.08)) / 2, independent[1]])

    def test_right_takes_the_whole_set(self) -> None:
        decided = decide(SETS, np.array([[0.2, 0.7, 0.1]] * 2), calibration())
        assert decided.right(np.array([[1, 1, 0], [1, 0, 0]])).tolist() == [True, False]
