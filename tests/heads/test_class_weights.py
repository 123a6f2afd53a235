"""Weights of categories, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.heads.class_weights import class_weights

TRUTH = np.array([0] * 6 + [1] * 3 + [3])


def test_none() -> None:
    assert class_weights("none", True, TRUTH, 4) is None


def test_balanced_outcomes_count_the_same_in_all() -> None:
    weights = class_weights("balanced", True, TRUTH, 4)
    assert weights is not None
    counts = np.array([6, 3, 0, 1])
    np.testing.assert_allclose((weights * counts)[[0, 1, 3]], 10 / 3, rtol=1e-6)
    assert weights[2] == 0


def test_balanced_labels_weigh_what_is_missing_against_what_is_there() -> None:
    truth = np.zeros((100, 4), np.float32)
    truth[:50, 0] = truth[:10, 1] = truth[:1, 2] = 1
    weights = class_weights("balanced", False, truth, 4)
    np.testing.assert_allclose(weights, [1, 9, 20, 20])  # never more than 20 times


def test_the_effective_number_by_hand() -> None:
    truth = np.array([0] * 2000 + [1] * 500 + [2])
    weights = class_weights("effective_number", True, truth, 3)
    assert weights is not None
    effective = (1 - 0.999 ** np.array([2000, 500, 1])) / (1 - 0.999)
    np.testing.assert_allclose(weights / weights[0], effective[0] / effective, rtol=1e-5)
    assert weights[truth].mean() == pytest.approx(1)


def test_it_is_gentler_than_balanced() -> None:
    truth = np.array([0] * 5000 + [1] * 50)
    balanced, gentle = (class_weights(kind, True, truth, 2) for kind in ("balanced", "effective_number"))
    assert balanced is not None
    assert gentle is not None
    assert 1 < gentle[1] / gentle[0] < balanced[1] / balanced[0]


def test_the_effective_number_of_labels() -> None:
    truth = np.zeros((3000, 3), np.float32)
    truth[:2000, 0] = truth[:500, 1] = 1
    weights = class_weights("effective_number", False, truth, 3)
    assert weights is not None
    assert weights[0] == 1
    assert 1 < weights[1] < weights[2] == 20


@given(
    st.lists(st.integers(-1, 4), max_size=30),
    st.sampled_from(["balanced", "effective_number"]),
    st.booleans(),
)
def test_weights_are_finite_and_never_negative(truth: list[int], kind: str, exclusive: bool) -> None:
    answers = np.array(truth, np.int64)
    if not exclusive:
        answers = (answers[:, None] == np.arange(5)).astype(np.float32)
    weights = class_weights(kind, exclusive, answers, 5)  # type: ignore[arg-type]
    assert weights is not None
    assert weights.dtype == np.float32
    assert weights.shape == (5,)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
