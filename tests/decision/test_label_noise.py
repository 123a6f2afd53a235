"""The noise in labels is found as large as it is, and wrong labels are told from hard ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.decision import label_noise
from shelfwise.decision.label_noise import fit_label_noise


def drawn(
    products: int, categories: int, share: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probabilities of true labels, labels of which a share is drawn blindly, and which those are."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(products, categories)) * 2.5
    probabilities = np.exp(scores)
    probabilities /= probabilities.sum(1, keepdims=True)
    labels = (probabilities.cumsum(1) > random.random((products, 1))).argmax(1)
    wrong = random.random(products) < share
    labels[wrong] = random.integers(categories, size=int(wrong.sum()))
    return probabilities, labels, wrong


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.4])
def test_the_share_is_found(share: float) -> None:
    probabilities, labels, _ = drawn(6_000, 30, share)
    noise = fit_label_noise(probabilities, labels)
    assert noise.share == pytest.approx(share, abs=0.015)
    assert noise.sharpness == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize("flat", [0.4, 2.0])
def test_temperature_and_noise_are_told_apart(flat: float) -> None:
    """Probabilities that are too meek or too bold are not taken for noise, nor the other way round."""
    probabilities, labels, _ = drawn(6_000, 30, 0.15)
    changed = probabilities**flat
    noise = fit_label_noise(changed / changed.sum(1, keepdims=True), labels)
    assert noise.share == pytest.approx(0.15, abs=0.02)
    assert noise.sharpness == pytest.approx(1 / flat, rel=0.1)


def test_the_probability_of_being_wrong_is_calibrated() -> None:
    probabilities, labels, wrong = drawn(20_000, 30, 0.2)
    said = fit_label_noise(probabilities, labels).wrong(probabilities, labels)
    for low, high in ((0.1, 0.4), (0.4, 0.7), (0.7, 0.95)):
        inside = (said >= low) & (said < high)
        assert wrong[inside].mean() == pytest.approx(said[inside].mean(), abs=0.05)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(1, 5), st.integers(0, 1_000))
def test_any_products(products: int, categories: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(categories), products)
    labels = random.integers(categories, size=products)
    noise = fit_label_noise(probabilities, labels)
    wrong = noise.wrong(probabilities, labels)
    assert wrong.shape == (products,)
    assert ((wrong >= 0) & (wrong <= 1)).all()
    if products:
        np.testing.assert_allclose(noise.expected(probabilities).sum(1), 1.0)


def test_labels_that_nothing_tells_are_no_noise() -> None:
    """Where classifiers know nothing, labels look the same whether they are drawn blindly or not: 5 % were said to be."""
    random = np.random.default_rng(0)
    even = np.full((500, 10), 0.1)
    assert fit_label_noise(even, random.integers(10, size=500)).share == 0
    guesses = random.dirichlet(np.full(10, 50.0), 500)
    assert fit_label_noise(guesses, random.integers(10, size=500)).share == 0


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, labels, _ = drawn(500, 30, 0.2)
    noise = fit_label_noise(probabilities, labels)
    whole = noise.wrong(probabilities, labels)
    monkeypatch.setattr(label_noise, "_AT_ONCE", 100)
    np.testing.assert_array_equal(noise.wrong(probabilities, labels), whole)
    expected = noise.expected(probabilities)[np.arange(500), labels]
    np.testing.assert_array_equal(noise.expected_of(probabilities, labels), expected)
