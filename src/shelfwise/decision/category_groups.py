"""In how many groups of near-duplicates a category stands: how much can be learned of it that is not about one product.

Forty products that are eight copies of five designs are five, and of a category that stands in one group alone, classifiers that
did not learn from that group know nothing at all: every label of it looks odd to them.
"""

from __future__ import annotations

import numpy as np


def groups_of_each_category(given: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """int64 [N]: in how many different ``groups`` (int [N]) the category ``given`` (int [N], ≥ 0) of each product stands."""
    if not len(given):
        return np.zeros(0, np.int64)
    _, place = np.unique(groups, return_inverse=True)
    size = int(place.max()) + 1
    categories = np.unique(given.astype(np.int64) * size + place) // size
    found: np.ndarray = np.bincount(categories, minlength=int(given.max()) + 1)[given]
    return found


def groups_of_each_label(given: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """int64 [labels]: the same of labels of sets, ``given`` bool [N, labels]."""
    products, labels = np.nonzero(given)
    _, place = np.unique(groups, return_inverse=True)
    size = max(len(groups), 1)
    once = np.unique(labels.astype(np.int64) * size + place[products]) // size
    found: np.ndarray = np.bincount(once, minlength=given.shape[1])
    return found
