"""The noise in labels is found as large as it is, and wrong labels are told from hard ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.decision.label_noise import fit_label_noise, fit_yes_no_noise


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


def test_yes_and_no() -> None:
    random = np.random.default_rng(0)
    probabilities = 1 / (1 + np.exp(-random.normal(size=(3_000, 8)) * 3 + 2))
    labels = random.random(probabilities.shape) < probabilities
    assert fit_yes_no_noise(probabilities, labels).share < 0.02
    wrong = random.random(labels.shape) < 0.1
    rate = np.broadcast_to(labels.mean(0), labels.shape)
    mixed = np.where(wrong, random.random(labels.shape) < rate, labels)
    noise = fit_yes_no_noise(probabilities, mixed)
    assert noise.share == pytest.approx(0.1, abs=0.03)
    turned = mixed != labels
    assert (
        noise.wrong(probabilities, mixed)[turned].mean()
        > 5 * noise.wrong(probabilities, mixed)[~turned].mean()
    )
    assert fit_yes_no_noise(probabilities, np.ones_like(labels)).share == 0.0
