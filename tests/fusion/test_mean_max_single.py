"""The policies that learn nothing, against cases worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from tests.fusion.held_out import OUTCOMES, held_out

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.max import Max
from shelfwise.fusion.mean import Mean, mean_probabilities
from shelfwise.fusion.single import Single

P = np.array([[[0.7, 0.2, 0.1]], [[0.1, 0.6, 0.3]]])
BOTH = np.ones((2, 1), bool)


def test_the_mean_of_those_present() -> None:
    np.testing.assert_allclose(np.exp(Mean(True).combine(np.log(P), BOTH)), [[0.4, 0.4, 0.2]])
    first = Mean(True).combine(np.log(P), np.array([[True], [False]]))
    np.testing.assert_allclose(np.exp(first), P[0])


def test_the_weighted_mean() -> None:
    found = mean_probabilities(np.log(P), BOTH, np.array([3.0, 1.0]), True)
    np.testing.assert_allclose(found, [[0.55, 0.3, 0.15]])
    without_weight = mean_probabilities(np.log(P), np.array([[False], [True]]), np.array([1.0, 0.0]), True)
    np.testing.assert_allclose(without_weight, P[1])


def test_the_maximum_of_those_present() -> None:
    both = Max(True).combine(np.log(P), BOTH)
    np.testing.assert_allclose(np.exp(both), np.array([[0.7, 0.6, 0.3]]) / 1.6)


def test_labels_are_not_made_to_sum_to_one() -> None:
    odds = logit(P)
    np.testing.assert_allclose(expit(Mean(False).combine(odds, BOTH)), [[0.4, 0.4, 0.2]])
    np.testing.assert_allclose(expit(Max(False).combine(odds, BOTH)), [[0.7, 0.6, 0.3]])


def test_where_a_single_one_is_absent_the_others_mean_stands_in() -> None:
    held = held_out(True)
    fused = Single(True, 1).combine(held.logits, held.present)
    here = held.present[1]
    np.testing.assert_array_equal(fused[here], held.logits[1][here])
    np.testing.assert_array_equal(fused[~here], Mean(True).combine(held.logits, held.present)[~here])


@pytest.mark.parametrize("which", [None, "0", 3, -1, 1.0, True, [0]])
def test_a_state_that_does_not_fit_is_refused(which: Any) -> None:
    with pytest.raises(ModelFolderError, match="expected"):
        Single(True).load_state({"which": which}, {}, 3, OUTCOMES)
