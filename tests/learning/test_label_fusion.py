"""Label sets fused label by label are taken where that is better on held-out products, and only there."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.special import log_softmax
from tests.tiny_catalog import title_recipe

from shelfwise.ensemble import fused_probabilities, label_probabilities
from shelfwise.learning.fusing import HeldOutScores, fuse
from shelfwise.learning.label_fusion import NAME, fuse_labels
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget

SETS = tuple(places for size in (1, 2, 3) for places in combinations(range(6), size))
TARGET = LabelTarget(tuple("abcdef"), tuple(sorted(SETS)))
PRODUCTS = 900
GROUPS = np.arange(PRODUCTS)
HERE = np.ones((2, PRODUCTS), bool)


def one_sided(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Truth int64 [N], and scores of sets by two classifiers: one knows the first three labels and is as sure of the others
    without knowing them, one the other way round."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, len(TARGET.sets), PRODUCTS)
    has = 2 * TARGET.members[truth] - 1
    knows = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    evidence = 2 * knows[:, None] * has + random.normal(0, 2.0 - knows[:, None], (2, PRODUCTS, 6))
    logits = log_softmax(evidence @ TARGET.members.T, axis=2)
    return truth, logits.astype(np.float32)


def test_it_learns_of_each_label_whom_to_believe() -> None:
    truth, logits = one_sided()
    held = HeldOutScores(logits, HERE, GROUPS)
    found = {}
    for by_label in (False, True):
        recipe = title_recipe(fusion={"policies": ["mean"], "by_label": by_label})
        fused = fuse(recipe, TARGET, ["one", "two"], held, truth, GROUPS)
        found[by_label] = fused.scores[fused.told]
        assert fused.told.endswith(NAME) == by_label
        assert (fused.label_wise is not None) == by_label
    assert found[True] > found[False] + 0.1


def test_new_products_are_told_as_well_as_those_it_was_judged_by() -> None:
    truth, logits = one_sided()
    recipe = title_recipe(fusion={"policies": ["mean"]})
    fused = fuse(recipe, TARGET, ["one", "two"], HeldOutScores(logits, HERE, GROUPS), truth, GROUPS)
    true, said = one_sided(seed=1)
    scaled = log_softmax(said / np.array(fused.calibration.temperatures)[:, None, None], axis=2)
    sets = fused_probabilities(TARGET, fused.calibration, fused.policy.combine(scaled, HERE), HERE.any(0))
    by_label = label_probabilities(TARGET, fused.label_wise, sets, scaled, HERE)
    assert by_label is not None
    given, labels = fused.calibration.thresholds.given(by_label), TARGET.members[true] > 0
    score = 2 * (given & labels).sum() / (given.sum() + labels.sum())
    assert abs(score - fused.scores[fused.told]) < 0.03


def test_where_the_sets_are_right_already_it_is_left_out() -> None:
    truth, logits = one_sided()
    right = TARGET.members[truth].astype(np.float64)
    assert fuse_labels(TARGET, logits, HERE, truth, truth, GROUPS, right, 0.0, 0) is None


def test_labels_that_look_random_are_not_learned_from() -> None:
    truth, logits = one_sided()
    random = np.random.default_rng(2)
    wrong = random.random(PRODUCTS) < 0.4
    noisy = np.where(wrong, random.integers(0, len(TARGET.sets), PRODUCTS), truth)
    nothing = np.zeros((PRODUCTS, 6))
    trusting = fuse_labels(TARGET, logits, HERE, noisy, noisy, GROUPS, nothing, 0.0, 0)
    careful = fuse_labels(
        TARGET, logits, HERE, noisy, np.where(wrong, UNLABELLED, truth), GROUPS, nothing, 0.0, 0
    )
    assert trusting is not None
    assert careful is not None
    assert np.isfinite(careful.by_label).all()

    def error(by_label: np.ndarray, rows: np.ndarray) -> float:
        return float(np.abs(2 * by_label - TARGET.members[truth])[rows].mean())  # the other half is nothing

    assert error(careful.by_label, ~wrong) < 0.8 * error(trusting.by_label, ~wrong)
    assert error(careful.by_label, wrong) < 1.2 * error(careful.by_label, ~wrong)


def test_a_handful_of_products_is_no_trouble() -> None:
    truth, logits = one_sided()
    few = slice(0, 5)
    found = fuse_labels(
        TARGET,
        logits[:, few],
        HERE[:, few],
        truth[few],
        truth[few],
        GROUPS[few],
        np.full((5, 6), 0.5),
        0.0,
        0,
    )
    assert found is None or np.isfinite(found.by_label).all()
