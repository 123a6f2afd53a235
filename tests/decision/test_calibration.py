"""Calibration: a known distortion of the scores is found and undone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from shelfwise.decision.calibration import fit_scale_and_shift, fit_temperature


def drawn_from(logits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """int64 [N]: truths that are as likely as ``logits`` say."""
    cumulated = softmax(logits, axis=1).cumsum(1)
    return (random.random((len(logits), 1)) > cumulated).sum(1).clip(max=logits.shape[1] - 1)


class TestTemperature:
    @pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5, 6.0])
    def test_a_known_temperature_is_found(self, temperature: float) -> None:
        random = np.random.default_rng(0)
        logits = random.normal(size=(8000, 5)) * 2
        truth = drawn_from(logits, random)
        assert fit_temperature(logits * temperature, truth) == pytest.approx(temperature, rel=0.08)

    def test_it_makes_the_truth_likelier_and_keeps_the_order(self) -> None:
        random = np.random.default_rng(1)
        logits = log_softmax(random.normal(size=(50, 4)) * 5, axis=1)
        truth = random.integers(0, 4, 50)
        found = fit_temperature(logits, truth)
        rows = np.arange(50)
        before = log_softmax(logits, axis=1)[rows, truth].mean()
        after = log_softmax(logits / found, axis=1)[rows, truth].mean()
        assert after >= before
        assert ((logits / found).argmax(1) == logits.argmax(1)).all()

    def test_adding_a_constant_changes_nothing(self) -> None:
        random = np.random.default_rng(2)
        logits, truth = random.normal(size=(200, 3)), random.integers(0, 3, 200)
        assert fit_temperature(logits + 100, truth) == pytest.approx(fit_temperature(logits, truth), rel=1e-4)

    def test_nothing_to_fit_on(self) -> None:
        assert fit_temperature(np.zeros((0, 3)), np.zeros(0, np.int64)) == 1.0

    def test_always_right_or_always_wrong_stays_finite(self) -> None:
        logits = np.array([[3.0, 0.0], [3.0, 0.0]])
        for truth in (0, 1):
            found = fit_temperature(logits, np.full(2, truth))
            assert 0.04 < found < 21


class TestScaleAndShift:
    @pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.4, -1.0), (2.5, 0.7)])
    def test_a_known_distortion_is_found(self, scale: float, shift: float) -> None:
        random = np.random.default_rng(3)
        logits = random.normal(size=20_000) * 2
        truth = random.random(20_000) < expit(scale * logits + shift)
        found = fit_scale_and_shift(logits, truth.astype(np.float64))
        assert found == pytest.approx((scale, shift), abs=0.08)

    def test_any_shape(self) -> None:
        random = np.random.default_rng(4)
        logits = random.normal(size=(300, 4)).astype(np.float32)
        truth = (random.random((300, 4)) < 0.4).astype(np.float32)
        assert fit_scale_and_shift(logits, truth) == fit_scale_and_shift(logits.ravel(), truth.ravel())

    @pytest.mark.parametrize("truth", [[], [0, 0, 0], [1, 1, 1]])
    def test_one_class_teaches_nothing(self, truth: list[int]) -> None:
        values = np.array(truth, np.float64)
        assert fit_scale_and_shift(np.arange(len(values), dtype=np.float64), values) == (1.0, 0.0)

    def test_separable_data_stay_finite(self) -> None:
        logits = np.array([-2.0, -1.0, 1.0, 2.0])
        scale, shift = fit_scale_and_shift(logits, (logits > 0).astype(np.float64))
        probabilities = expit(scale * logits + shift)
        assert ((probabilities > 0.05) & (probabilities < 0.95)).all()

    def test_more_is_never_made_to_mean_less(self) -> None:
        logits = np.linspace(-3, 3, 50)
        scale, shift = fit_scale_and_shift(logits, (logits < 0).astype(np.float64))
        assert scale == 0
        assert expit(shift) == pytest.approx(0.5, abs=0.02)

    def test_calibrated_on_average(self) -> None:
        random = np.random.default_rng(5)
        logits = random.normal(size=5000) * 3 + 1
        truth = (random.random(5000) < expit(0.3 * logits - 1)).astype(np.float64)
        scale, shift = fit_scale_and_shift(logits, truth)
        assert expit(scale * logits + shift).mean() == pytest.approx(truth.mean(), abs=0.002)
