"""Sets that belong to another product are told from sets with labels that nothing tells."""

from __future__ import annotations

import numpy as np
import pytest

from shelfwise.decision import label_set_noise
from shelfwise.decision.label_set_noise import SetNoise, fit_set_noise

PRODUCTS, LABELS = 1_500, 40
EVERY = np.ones(LABELS, bool)


def shop(blind: float, knowing: float = 4.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of labels, sets of which a share is another product's, and which. Each set has three labels that the
    probabilities tell and one that they do not."""
    random = np.random.default_rng(seed)
    right = np.zeros((PRODUCTS, LABELS), bool)
    for part in range(3):
        right[np.arange(PRODUCTS), 10 * part + random.integers(0, 10, PRODUCTS)] = True
    right[np.arange(PRODUCTS), 30 + random.integers(0, 10, PRODUCTS)] = True
    told = right * (np.arange(LABELS) < 30)
    odds = np.log(0.1 / 0.9) + knowing * (told - 0.1 * (np.arange(LABELS) < 30))
    probabilities = 1 / (1 + np.exp(-odds - random.normal(0, 1, odds.shape)))
    planted = random.random(PRODUCTS) < blind
    given = right.copy()
    given[planted] = right[random.permutation(PRODUCTS)[: planted.sum()]]
    return probabilities.astype(np.float32), given, planted


def found(blind: float, knowing: float = 4.0) -> tuple[SetNoise, np.ndarray]:
    probabilities, given, planted = shop(blind, knowing)
    return fit_set_noise(probabilities, given, EVERY), planted


@pytest.mark.parametrize("blind", [0.05, 0.1, 0.2])
def test_sets_of_others_are_found_and_what_is_claimed_holds(blind: float) -> None:
    noise, planted = found(blind)
    assert 0.5 * blind < noise.share < 1.1 * blind
    suspects = noise.wrong > 0.5
    assert suspects[planted].mean() > 0.5
    assert planted[suspects].mean() == pytest.approx(noise.wrong[suspects].mean(), abs=0.15)


@pytest.mark.parametrize("knowing", [0.0, 0.5, 2.0, 4.0])
def test_of_right_sets_none_is_suspected_however_little_is_known(knowing: float) -> None:
    noise, _ = found(0.0, knowing)
    assert (noise.wrong > 0.5).mean() < 0.005


def test_those_who_know_nothing_do_not_agree() -> None:
    assert found(0.0, 0.0)[0].agreement == pytest.approx(0.1, abs=0.04)
    assert found(0.0, 4.0)[0].agreement > 0.9


def test_labels_that_are_not_known_do_not_count() -> None:
    probabilities, given, _ = shop(0.1)
    alone = np.zeros_like(given)
    alone[:, :10] = given[:, :10]
    noise = fit_set_noise(probabilities, alone, np.arange(LABELS) >= 10)
    assert noise.share == noise.agreement == 0
    assert not noise.wrong.any()


def test_empty_sets_and_no_products() -> None:
    probabilities, given, _ = shop(0.2)
    given[:50] = False
    noise = fit_set_noise(probabilities, given, EVERY)
    assert not noise.wrong[:50].any()
    assert noise.wrong.max() > 0.5
    assert fit_set_noise(probabilities[:0], given[:0], EVERY).wrong.shape == (0,)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, given, _ = shop(0.2)
    whole = fit_set_noise(probabilities, given, EVERY)
    monkeypatch.setattr(label_set_noise, "_AT_ONCE", 64)
    np.testing.assert_allclose(fit_set_noise(probabilities, given, EVERY).wrong, whole.wrong, atol=1e-4)
