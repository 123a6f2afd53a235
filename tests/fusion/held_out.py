"""Made-up held-out products for tests of late fusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from shelfwise.fusion.base import Policy

OUTCOMES = 4


@dataclass(frozen=True)
class Held:
    """Held-out products: what each classifier says, which are present, and the truth."""

    logits: np.ndarray
    present: np.ndarray
    truth: np.ndarray

    def take(self, rows: np.ndarray) -> Held:
        """The given products."""
        return Held(self.logits[:, rows], self.present[:, rows], self.truth[rows])

    def fit(self, policy: Policy, **options: object) -> Policy:
        """``policy``, fitted on these products."""
        return policy.fit(self.logits, self.present, self.truth, **options)  # type: ignore[arg-type]


def held_out(
    exclusive: bool,
    classifiers: int = 3,
    products: int = 40,
    absences: float = 0.3,
    seed: int = 0,
    outcomes: int = OUTCOMES,
) -> Held:
    """Classifiers of falling quality; those absent say nothing that may be read."""
    random = np.random.default_rng(seed)
    noise = np.linspace(1, 3, classifiers)[:, None, None]
    if exclusive:
        truth = random.integers(0, outcomes, products)
        signal = np.eye(outcomes)[truth] * 2
    else:
        truth = (random.random((products, outcomes)) < 0.4).astype(np.float64)
        signal = truth * 4 - 2
    logits = signal + noise * random.normal(size=(classifiers, products, outcomes))
    if exclusive:
        logits = log_softmax(logits, axis=2)
    present = random.random((classifiers, products)) >= absences
    present[random.integers(0, classifiers, products), np.arange(products)] = True
    logits[~present] = np.nan
    return Held(logits, present, truth)


def confused(products: int = 600, seed: int = 0) -> Held:
    """Two classifiers over 4 outcomes: the first cannot tell 0 from 1, the second 2 from 3, and each is sure all the same."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, products)
    scores = np.eye(4)[truth] * 3 + random.normal(size=(2, products, 4)) * 0.5
    for which, pair in ((0, [0, 1]), (1, [2, 3])):
        unsure = np.isin(truth, pair)
        scores[which][np.ix_(unsure, pair)] = random.normal(size=(unsure.sum(), 2)) * 3
    return Held(log_softmax(scores, axis=2), np.ones((2, products), bool), truth)


def likelihood(fused: np.ndarray, held: Held, exclusive: bool) -> float:
    """Mean log-likelihood of the truth."""
    if exclusive:
        return float(log_softmax(fused, axis=1)[np.arange(len(held.truth)), held.truth].mean())
    return float((held.truth * fused - np.logaddexp(0, fused)).sum(1).mean())


def right(fused: np.ndarray, held: Held, exclusive: bool) -> float:
    """The share of products, or of labels, that are right."""
    return float((fused.argmax(1) == held.truth).mean() if exclusive else ((fused > 0) == held.truth).mean())
