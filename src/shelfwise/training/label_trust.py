"""How far each label of a training part can be trusted, by linear machines that did not learn from it.

A support vector machine minds a wrong label more than a hard one: its loss grows with the square of how far the product lies on
the other side. So where many labels look wrong, every product counts as much as its label is probably right.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from shelfwise.decision.category_groups import groups_of_each_category
from shelfwise.decision.label_noise import fit_label_noise
from shelfwise.training.one_vs_rest import Question, train_one_vs_rest

LEAST_SHARE = 0.05
"""Where fewer labels look wrong, all are trusted: to a weak input up to .04 look it of catalogs with hardly a wrong one."""
_LEAST_PRODUCTS = 500
"""Of fewer products machines know too little to doubt anything."""
LEAST_GROUPS = 5
"""Labels of categories in fewer groups of near-duplicates are not doubted: what was hardly ever seen looks random."""
_FIRST_LOOK = 20_000
"""So many products tell how many labels are wrong."""
_FOLDS = 4
LEAST_OF_A_CATEGORY = 0.2
"""A category's labels are trusted this much on average, or more: of a rare one classifiers that saw few of its products find
every label odd, and it would never be learned."""

Probabilities = Callable[[np.ndarray], np.ndarray]
"""Scores float32 [M, categories], as the machines give them → probabilities [M, outcomes], rows sum to 1."""


def trust_in_labels(
    question: Question, truth: np.ndarray, probabilities: Probabilities, threads: int
) -> np.ndarray | None:
    """float32 [N], 0–1: how probable it is that each label ``truth`` (outcomes, int64 [N]) is no random one; None where hardly
    any looks random.

    A first look, by machines that learned from one half of the products and judge the other, tells whether there is anything to
    doubt. If so, all products are judged, each part by machines that learned from the others.
    """
    count, groups = len(truth), _alike(question.features)
    known = groups_of_each_category(truth, groups) >= LEAST_GROUPS
    if int(known.sum()) < _LEAST_PRODUCTS:
        return None
    random = np.random.default_rng(question.seed)
    order = np.argsort(random.permutation(int(groups.max()) + 1)[groups], kind="stable")
    learned, judged = np.array_split(order[: 2 * _FIRST_LOOK], 2)
    judged = judged[known[judged]]
    said = probabilities(_judge(question, np.sort(learned), judged, threads))
    if fit_label_noise(said, truth[judged], question.seed).share < LEAST_SHARE:
        return None
    trust = np.ones(count)
    said = np.empty((count, said.shape[1]), said.dtype)
    for part in np.array_split(order, _FOLDS):
        others = np.setdiff1d(order, part)
        said[part] = probabilities(_judge(question, others, part, threads))
    noise = fit_label_noise(said[known], truth[known], question.seed)
    trust[known] = 1.0 - noise.wrong(said[known], truth[known])
    return _lifted(trust, truth).astype(np.float32)


def _alike(features: sp.csr_matrix) -> np.ndarray:
    """int64 [N]: products that machines cannot tell from one another share a number."""
    signature = features @ np.random.default_rng(0).normal(size=features.shape[1])
    _, found = np.unique(signature, return_inverse=True)
    return found


def _lifted(trust: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """float [N]: the same, raised evenly in categories whose mean is too low."""
    mean = np.bincount(truth, trust) / np.maximum(np.bincount(truth), 1)
    share = np.clip((LEAST_OF_A_CATEGORY - mean) / np.maximum(1.0 - mean, 1e-9), 0.0, 1.0)[truth]
    lifted: np.ndarray = trust + share * (1.0 - trust)
    return lifted


def _judge(question: Question, learned: np.ndarray, judged: np.ndarray, threads: int) -> np.ndarray:
    """float32 [products judged, categories]: what machines that learned from other products say."""
    weights, biases = train_one_vs_rest(question.among(learned), threads)
    said: np.ndarray = question.features[judged] @ weights + biases
    return said.astype(np.float32, copy=False)
