"""With a fifth of the held-out label sets random, the last scale made every score meeker until sets that were all but impossible,
hundreds of them together, outweighed a product's own labels: 1.3 points of micro-F1 on H&M."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import log_softmax
from tests.tiny_catalog import title_recipe

from shelfwise.decision.confidence import decide
from shelfwise.ensemble import fused_probabilities
from shelfwise.learning.fusing import Fused, HeldOutScores, fuse
from shelfwise.taxonomy.targets import LabelTarget

VALUES, PRODUCTS = 8, 1_500
SETS = list(itertools.product(*([f"{facet}{value}" for value in range(VALUES)] for facet in "abc")))
TARGET = LabelTarget.from_truth(SETS, space="sets")


def products() -> tuple[np.ndarray, np.ndarray]:
    """Which set each product is of, and what two classifiers score it [2, N, sets]: unsure of a facet now and then."""
    random = np.random.default_rng(0)
    right = random.integers(0, len(TARGET.sets), PRODUCTS)
    members = TARGET.members
    labels = 4 * members[right] + random.normal(0, 2, (2, PRODUCTS, members.shape[1]))
    return right, log_softmax(labels @ members.T, axis=2).astype(np.float32)


def micro_f1(fused: Fused, logits: np.ndarray, right: np.ndarray) -> float:
    """Of what is decided for the products, by the labels that are right."""
    present = np.ones(logits.shape[:2], bool)
    together = fused.policy.combine(logits / np.array(fused.calibration.temperatures)[:, None, None], present)
    probabilities = fused_probabilities(TARGET, fused.calibration, together, present.any(0))
    given, true = decide(TARGET, probabilities, fused.calibration).chosen, TARGET.members[right] > 0
    return float(2 * (given & true).sum() / (given.sum() + true.sum()))


def test_random_label_sets_do_not_make_scores_meek() -> None:
    right, logits = products()
    random = np.random.default_rng(1)
    given = np.where(random.random(PRODUCTS) < 0.3, random.integers(0, len(TARGET.sets), PRODUCTS), right)
    held = HeldOutScores(logits, np.ones(logits.shape[:2], bool), np.arange(PRODUCTS))
    noisy, clean = (
        fuse(title_recipe(), TARGET, ["one", "two"], held, truth, np.arange(PRODUCTS))
        for truth in (given, right)
    )
    assert clean.calibration.random_labels == 0
    assert 0.25 < noisy.calibration.random_labels < 0.35
    assert micro_f1(noisy, logits, right) > micro_f1(clean, logits, right) - 0.003
