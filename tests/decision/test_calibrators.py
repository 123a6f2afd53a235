"""Vector scaling and isotonic curves: better where scores are bent, cross-fitted, written down and read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax
from sklearn.isotonic import IsotonicRegression

from shelfwise.decision.calibrators import (
    CalibrationKind,
    CalibrationMaps,
    VectorScaling,
    cross_calibrated,
    fit_calibrator,
    read_calibrator,
)
from shelfwise.errors import ModelFolderError

KINDS: list[CalibrationKind] = ["vector", "isotonic"]


def exclusive(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities that are too sure, some outcomes more than others, and the true outcomes."""
    random = np.random.default_rng(seed)
    true = random.normal(0, 1.5, (count, 4))
    outcome = np.array([random.choice(4, p=row) for row in softmax(true, axis=1)])
    return log_softmax(true * [3.0, 2.0, 1.0, 4.0] + [1.0, -1.0, 0.0, 0.5], axis=1), outcome


def several(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    true = random.normal(0, 2, (count, 3))
    return true * [3.0, 0.5, 1.0] + [0.0, 1.0, -2.0], (random.random((count, 3)) < expit(true)).astype(
        np.float32
    )


@pytest.mark.parametrize("kind", KINDS)
def test_outcomes_become_more_probable(kind: CalibrationKind) -> None:
    logits, truth = exclusive(4_000)
    calibrator = fit_calibrator(kind, logits, truth, True)
    assert calibrator is not None
    new, answers = exclusive(4_000, 1)
    mapped = calibrator(new, True)
    np.testing.assert_allclose(np.exp(mapped).sum(1), 1)
    rows = np.arange(4_000)
    assert -mapped[rows, answers].mean() < -log_softmax(new, axis=1)[rows, answers].mean() - 0.1
    confidence, right = np.exp(mapped).max(1), mapped.argmax(1) == answers
    assert confidence.mean() == pytest.approx(right.mean(), abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_each_for_itself(kind: CalibrationKind) -> None:
    logits, truth = several(4_000)
    calibrator = fit_calibrator(kind, logits, truth, False)
    assert calibrator is not None
    new, answers = several(4_000, 1)
    probabilities = expit(calibrator(new, False))
    for label in range(3):
        for low in (0.0, 0.25, 0.5, 0.75):
            some = (probabilities[:, label] >= low) & (probabilities[:, label] < low + 0.25)
            assert probabilities[some, label].mean() == pytest.approx(answers[some, label].mean(), abs=0.08)


def test_an_isotonic_curve_is_scikit_learns() -> None:
    logits, truth = several(3_000)
    calibrator = fit_calibrator("isotonic", logits, truth, False)
    assert calibrator is not None
    grid = np.linspace(-6, 6, 50)
    ours = expit(calibrator(np.repeat(grid[:, None], 3, axis=1), False))
    for label in range(3):
        peer = IsotonicRegression(out_of_bounds="clip").fit(expit(logits[:, label]), truth[:, label])
        wanted = 0.99 * peer.predict(expit(grid)) + 0.01 * expit(grid)
        assert np.abs(ours[:, label] - wanted).mean() < 0.02


@given(st.integers(0, 50))
def test_the_order_of_exclusive_outcomes_stays_on_an_isotonic_curve(seed: int) -> None:
    calibrator = fit_calibrator("isotonic", *exclusive(300), True)
    assert calibrator is not None
    logits, _ = exclusive(20, seed)
    np.testing.assert_array_equal(calibrator(logits, True).argmax(1), logits.argmax(1))


def test_a_rare_outcome_keeps_to_what_it_was() -> None:
    logits, truth = exclusive(2_000)
    few = np.concatenate([np.flatnonzero(truth != 3), np.flatnonzero(truth == 3)[:2]])
    rare = fit_calibrator("vector", logits[few], truth[few], True)
    assert isinstance(rare, VectorScaling)
    assert abs(rare.scale[3] - 1) < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_a_products_own_answer_has_no_part_in_its_cross_fitted_probability(kind: CalibrationKind) -> None:
    logits, truth = exclusive(200)
    groups = np.arange(200) // 2
    _, before = cross_calibrated(kind, logits, truth, groups, True, 0)
    changed = truth.copy()
    changed[[10, 11]] = (truth[[10, 11]] + 1) % 4
    _, after = cross_calibrated(kind, logits, changed, groups, True, 0)
    np.testing.assert_array_equal(before[[10, 11]], after[[10, 11]])
    assert (before != after).any()


def test_nothing_to_learn_from() -> None:
    for kind in KINDS:
        for truth, one in ((np.full(5, -1), True), (np.zeros((0, 4)), False)):
            assert fit_calibrator(kind, np.zeros((len(truth), 4)), truth, one) is None
    assert fit_calibrator("temperature", *exclusive(50), True) is None


@pytest.mark.parametrize("kind", KINDS)
def test_comes_back_as_it_was(kind: CalibrationKind) -> None:
    logits, truth = exclusive(300)
    one = fit_calibrator(kind, logits, truth, True)
    assert one is not None
    maps = CalibrationMaps((None, one), one)
    assert maps.kinds == {"1": kind, "fused": kind}
    again = CalibrationMaps.read(maps.kinds, maps.arrays(), 2, 4)
    assert again.of_classifier(0) is None
    for found in (again.of_classifier(1), again.fused):
        assert found is not None
        np.testing.assert_array_equal(found(logits, True), one(logits, True))
    assert CalibrationMaps.read({}, {}, 2, 4).of_classifier(1) is None


def test_what_cannot_be_is_refused() -> None:
    arrays = {"scale": np.ones(4), "shift": np.zeros(4)}
    for kind, changed in (
        ("vector", {"scale": np.ones(4)}),
        ("vector", arrays | {"scale": np.ones(5)}),
        ("vector", arrays | {"shift": np.full(4, np.nan)}),
        ("vector", arrays | {"shift": np.zeros(4, int)}),
        ("isotonic", arrays),
        ("isotonic", {"curves": np.ones((2, 225))}),
        ("magic", arrays),
    ):
        with pytest.raises(ModelFolderError, match=f"of kind '{kind}'"):
            read_calibrator(kind, changed, 4)
    with pytest.raises(ModelFolderError, match="got one of '7'"):
        CalibrationMaps.read({"7": "vector"}, {}, 2, 4)
    with pytest.raises(ModelFolderError, match="belong to nothing"):
        CalibrationMaps.read({}, {"0/scale": np.ones(4)}, 2, 4)
