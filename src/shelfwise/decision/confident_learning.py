"""Which given labels are probably wrong, from what held-out classifiers say of them (Northcutt, Jiang & Chuang 2021, *Confident
Learning*, J. Artif. Intell. Res. 70).

A label is suspect where the classifiers are as sure of another category as they usually are of products that carry it. The bar
is each category's own, so a category that is hard to be sure of is not suspected as a whole.
"""

from __future__ import annotations

import numpy as np


def usual_confidence(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """float64 [categories]: the mean probability of each category over the products labelled with it (eq. 2); 1 for a category
    that no product is labelled with, which nothing can then be mistaken for.

    ``probabilities`` [N, categories], held out, rows sum to 1; ``given`` int [N], all of them ≥ 0.
    """
    count = np.bincount(given, minlength=probabilities.shape[1]).astype(np.float64)
    own = probabilities[np.arange(len(given)), given]
    total = np.bincount(given, weights=own, minlength=probabilities.shape[1])
    return np.where(count > 0, total / np.maximum(count, 1), 1.0)


def confident_category(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """int64 [N]: the most probable of the categories whose probability reaches their usual confidence; -1 where none does.

    What the confident joint counts (eq. 1): a product is counted at (given, this).
    """
    reached = probabilities >= usual_confidence(probabilities, given) - 1e-9
    best = np.where(reached, probabilities, -1.0).argmax(1).astype(np.int64)
    return np.where(reached.any(1), best, -1)


def confident_joint(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """float64 [categories, categories]: how many products labelled i are estimated to be j, scaled so that row i sums to the
    products labelled i (eq. 3); a row of which nothing is counted stands on the diagonal."""
    size = probabilities.shape[1]
    confident = confident_category(probabilities, given)
    counted = confident >= 0
    joint = np.zeros((size, size))
    np.add.at(joint, (given[counted], confident[counted]), 1.0)
    empty = joint.sum(1) == 0
    joint[empty, empty] = 1.0
    return joint * (np.bincount(given, minlength=size) / joint.sum(1))[:, None]


def suspect_labels(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """bool [N]: the labels that the confident joint counts off its diagonal."""
    confident = confident_category(probabilities, given)
    return (confident >= 0) & (confident != given)


def label_margin(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """float64 [N], -1 … 1: the probability of the given label less the largest of the others; the lowest are the most doubtful
    ("normalized margin")."""
    rows = np.arange(len(given))
    others = probabilities.astype(np.float64, copy=True)
    others[rows, given] = -np.inf
    return probabilities[rows, given] - others.max(1)


def suspect_label_sets(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """bool [N, labels]: the labels of sets that are probably wrong, there or missing; each label by itself is a question of yes
    or no.

    ``probabilities`` [N, labels], each 0 … 1; ``given`` bool [N, labels].
    """
    count = given.sum(0)
    with_it = np.where(count > 0, (probabilities * given).sum(0) / np.maximum(count, 1), 1.0)
    without = (~given).sum(0)
    without_it = np.where(without > 0, ((1 - probabilities) * ~given).sum(0) / np.maximum(without, 1), 1.0)
    yes, no = probabilities >= with_it - 1e-9, (1 - probabilities) >= without_it - 1e-9
    says_yes = yes & (~no | (probabilities >= 0.5))
    says_no = no & (~yes | (probabilities < 0.5))
    return np.where(given, says_no, says_yes)


def label_set_quality(probabilities: np.ndarray, given: np.ndarray) -> np.ndarray:
    """float64 [N], 0 … 1: how well the set as given goes with what was said of its labels; the lowest are the most doubtful.

    The least of the probabilities of what is given and what is left out, and a tenth of their mean logarithm on top, so
    that of two sets with an equally bad label the one that is worse in others comes first.
    """
    agreed = np.where(given, probabilities, 1 - probabilities).astype(np.float64)
    if not agreed.shape[1]:
        return np.ones(len(agreed))
    mean = np.exp(np.log(np.clip(agreed, 1e-6, 1.0)).mean(1))
    return 0.9 * agreed.min(1) + 0.1 * mean
