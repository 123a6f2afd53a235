"""Label sets fused label by label: what classifiers say of sets, said of each label, and averaged with the fused sets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit

from shelfwise.fusion.label_wise import LabelWise, label_logits
from shelfwise.fusion.mean import Mean

MEMBERS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]], np.float32)
"""Three sets over three labels."""
ONE = np.log([[0.2, 0.7, 0.1]])
TWO = np.log([[0.6, 0.1, 0.3]])
BY_SET = np.array([[0.85, 0.4, 0.15]])


def test_the_log_odds_of_a_label_are_those_of_all_sets_that_hold_it() -> None:
    found = label_logits(MEMBERS, np.stack([ONE, TWO]))
    np.testing.assert_allclose(found[0, 0], logit([0.9, 0.7, 0.1]), rtol=1e-5)
    np.testing.assert_allclose(found[1, 0], logit([0.7, 0.1, 0.3]), rtol=1e-5)


def test_they_need_no_normalised_scores_and_stay_finite() -> None:
    np.testing.assert_allclose(
        label_logits(MEMBERS, ONE[None] + 3), label_logits(MEMBERS, ONE[None]), rtol=1e-5
    )
    assert np.isfinite(label_logits(MEMBERS, np.array([[[1e4, 0.0, 0.0]]]))).all()


def test_the_mean_of_both_views() -> None:
    wise = LabelWise(MEMBERS, Mean(exclusive=False), scale=2.0, shift=-0.5)
    said, present = np.stack([ONE, TWO]), np.ones((2, 1), bool)
    fused = Mean(exclusive=False).combine(label_logits(MEMBERS, said), present)
    expected = (BY_SET + expit(2 * fused - 0.5)) / 2
    np.testing.assert_allclose(wise.averaged(BY_SET, said, present), expected)


def test_where_a_classifier_is_absent_the_sets_alone_speak() -> None:
    wise = LabelWise(MEMBERS, Mean(exclusive=False), 1.0, 0.0)
    said = np.stack([np.repeat(ONE, 3, 0), np.repeat(TWO, 3, 0)])
    present = np.array([[True, True, False], [True, False, False]])
    by_set = np.concatenate([BY_SET, BY_SET, np.zeros((1, 3))])
    found = wise.averaged(by_set, said, present)
    assert (found[0] != BY_SET[0]).all()
    np.testing.assert_array_equal(found[1:], by_set[1:])


def test_random_labels_are_spread_over_the_sets() -> None:
    """A fifth of the products have any of the three sets: the first label is in two of them."""
    wise = LabelWise(MEMBERS, Mean(exclusive=False), 1.0, 0.0, random_labels=0.2)
    found = wise.averaged(BY_SET, ONE[None], np.ones((1, 1), bool))
    expected = 0.8 * np.array([0.9, 0.7, 0.1]) + 0.2 * np.array([2 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(found[0], (BY_SET[0] + expected) / 2, rtol=1e-5)


@pytest.mark.parametrize("classifiers", [1, 3])
def test_no_products(classifiers: int) -> None:
    wise = LabelWise(MEMBERS, Mean(exclusive=False), 1.0, 0.0)
    nothing = log_softmax(np.zeros((classifiers, 0, 3)), axis=2)
    assert wise.averaged(np.zeros((0, 3)), nothing, np.zeros((classifiers, 0), bool)).shape == (0, 3)
