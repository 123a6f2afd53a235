"""Held-out labels that look random teach fusion nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from tests.tiny_catalog import title_recipe

from shelfwise.learning import random_labels
from shelfwise.learning.fusing import HeldOutScores, fuse
from shelfwise.learning.random_labels import to_leave_out, without_random_labels
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget

CATEGORIES, PRODUCTS = 12, 2_000
PATHS = PathTarget(tuple((f"c{place:02}",) for place in range(CATEGORIES)))


def held_out(wrong: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classifiers that are sure and mostly right: logits [2, N, categories], what is right, and the labels given."""
    random = np.random.default_rng(seed)
    right = random.integers(0, CATEGORIES, PRODUCTS)
    scores = 6 * np.eye(CATEGORIES)[right] + random.normal(0, 2, (2, PRODUCTS, CATEGORIES))
    given = np.where(random.random(PRODUCTS) < wrong, random.integers(0, CATEGORIES, PRODUCTS), right)
    return log_softmax(scores, axis=2).astype(np.float32), right, given


def trusted(wrong: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    logits, right, given = held_out(wrong)
    present = np.ones(logits.shape[:2], bool)
    found = without_random_labels(PATHS, logits, logits, present, given, np.arange(PRODUCTS), 0)
    return found, right, given


def test_random_labels_are_left_aside() -> None:
    found, right, given = trusted(0.3)
    aside = found == UNLABELLED
    assert (found[~aside] == given[~aside]).all()
    assert aside[given != right].mean() > 0.9
    assert aside[given == right].mean() < 0.02


def test_where_hardly_any_looks_random_nothing_is_changed() -> None:
    found, _, given = trusted(0.01)
    assert found is given


def test_for_a_clean_catalog_nothing_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_labels, "pooled_probabilities", None)
    found, _, given = trusted(0.01)
    assert found is given


def test_classifiers_that_are_absent_are_not_read() -> None:
    logits, right, given = held_out(0.3)
    present = np.ones(logits.shape[:2], bool)
    present[1, ::2] = False
    junk = np.where(present[..., None], logits, np.float32(0))
    zero, nan = (
        without_random_labels(PATHS, junk, scaled, present, given, np.arange(PRODUCTS), 0)
        for scaled in (junk, np.where(present[..., None], logits, np.float32(np.nan)))
    )
    np.testing.assert_array_equal(zero, nan)
    assert (zero == UNLABELLED)[given != right].mean() > 0.8


def test_labels_decided_each_for_itself_stay() -> None:
    truth = np.random.default_rng(0).integers(0, 2, (600, 3)).astype(np.float32)
    logits = np.random.default_rng(1).normal(size=(2, 600, 3)).astype(np.float32)
    target = LabelTarget(("s", "t", "u"))
    kept = without_random_labels(target, logits, logits, np.ones((2, 600), bool), truth, np.arange(600), 0)
    assert kept is truth


def test_what_is_unlabelled_stays_so_and_is_not_read() -> None:
    logits, _, given = held_out(0.3)
    given[:100] = UNLABELLED
    present = np.ones(logits.shape[:2], bool)
    found = without_random_labels(PATHS, logits, logits, present, given, np.arange(PRODUCTS), 0)
    assert (found[:100] == UNLABELLED).all()
    assert (given[100:] >= 0).all()


def test_fusion_learns_without_them_and_is_judged_with_them() -> None:
    logits, right, given = held_out(0.3)
    held = HeldOutScores(logits, np.ones(logits.shape[:2], bool), np.arange(PRODUCTS))
    fused = fuse(title_recipe(), PATHS, ["one", "two"], held, given, np.arange(PRODUCTS))
    clean = fuse(title_recipe(), PATHS, ["one", "two"], held, right, np.arange(PRODUCTS))
    np.testing.assert_allclose(fused.calibration.temperatures, clean.calibration.temperatures, rtol=0.2)
    said = fused.policy.combine(logits, held.present)
    assert (said.argmax(1) == right).mean() == pytest.approx(
        (clean.policy.combine(logits, held.present).argmax(1) == right).mean(), abs=0.01
    )
    # Of three tenths that were given blindly one in twelve is right by chance.
    assert fused.scores[fused.told] == pytest.approx(0.7 + 0.3 / CATEGORIES, abs=0.04)


def test_confidence_tells_how_often_labels_agree_random_ones_among_them() -> None:
    logits, right, given = held_out(0.3)
    held = HeldOutScores(logits, np.ones(logits.shape[:2], bool), np.arange(PRODUCTS))
    fused = fuse(title_recipe(), PATHS, ["one", "two"], held, given, np.arange(PRODUCTS))
    assert fused.calibration.random_labels == pytest.approx(0.3, abs=0.03)
    whole = fused.evidence.whole
    assert whole.confidence.max() < 0.75
    assert whole.confidence.mean() == pytest.approx(whole.right.mean(), abs=0.01)
    surest = whole.confidence >= np.quantile(whole.confidence, 0.5)
    assert whole.confidence[surest].mean() == pytest.approx(whole.right[surest].mean(), abs=0.02)
    alike = fuse(title_recipe(), PATHS, ["one", "two"], held, right, np.arange(PRODUCTS))
    assert alike.calibration.random_labels == 0


def test_a_wider_calibration_is_left_to_itself() -> None:
    logits, _, given = held_out(0.3)
    held = HeldOutScores(logits, np.ones(logits.shape[:2], bool), np.arange(PRODUCTS))
    recipe = title_recipe(calibration={"fused": "isotonic"})
    fused = fuse(recipe, PATHS, ["one", "two"], held, given, np.arange(PRODUCTS))
    assert fused.calibration.random_labels == 0
    assert fused.evidence.whole.confidence.mean() == pytest.approx(
        fused.evidence.whole.right.mean(), abs=0.02
    )


def test_what_is_left_out_of_the_last_training() -> None:
    found, right, given = trusted(0.3)
    given[:50] = found[:50] = UNLABELLED
    out = to_leave_out(given, found)
    assert (given[out] != UNLABELLED).all()
    assert (given[out] != right[out]).mean() > 0.95
    assert len(out) > 0.8 * (given != right)[50:].sum()
    assert not len(to_leave_out(given, given))


def test_no_category_is_lost() -> None:
    """Of category 1 all look random, of 2 four of five, of 3 one of two: the first is hard to tell, not random."""
    truth = np.repeat([1, 2, 3], [10, 10, 2])
    trusted = truth.copy()
    trusted[:18] = UNLABELLED
    trusted[20] = UNLABELLED
    assert to_leave_out(truth, trusted).tolist() == [*range(10, 18), 20]


@pytest.mark.parametrize("copies", [False, True])
def test_categories_that_stand_in_few_groups_are_not_judged(copies: bool) -> None:
    """Their labels look random to those who hardly saw them, and there is nothing else to tell."""
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(200), 4) if not copies else np.repeat(np.arange(8), 100)
    target = PathTarget(tuple((f"c{place:03}",) for place in range(int(truth.max()) + 1)))
    groups = np.arange(800) // (40 if copies else 1)
    logits = log_softmax(random.normal(0, 4, (1, 800, target.n_outcomes)), axis=2).astype(np.float32)
    found = without_random_labels(target, logits, logits, np.ones((1, 800), bool), truth, groups, 0)
    assert found is truth
