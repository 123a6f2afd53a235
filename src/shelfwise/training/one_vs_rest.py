"""One linear support vector machine a category against the rest: by the compiled solver, else by scikit-learn's liblinear.

Both minimise |w|²/2 + Σ cost · max(0, 1 - y (w · x + b))² with the bias regularised like a weight, by dual coordinate descent
(Hsieh et al. 2008, *A Dual Coordinate Descent Method for Large-scale Linear SVM*), and stop by the same rule. The compiled one
takes all categories along when it reads a product (`_one_vs_rest.c`): on 24,000 texts and 139 categories a seventh to a ninth
of the time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

try:
    from shelfwise.training import _one_vs_rest  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same answers
    _one_vs_rest = None

NATIVE: Any = _one_vs_rest
"""The compiled solver, None where there is none."""
TOLERANCE = 0.3
"""Of the stopping rule: a third of the time of liblinear's default and no measurable difference in accuracy."""
_MOST_ROUNDS = 1_000
_LEAST_TOGETHER, _MOST_TOGETHER = 32, 128
"""Categories solved together: a product's features are read once for all of them, and then progress is told."""


@dataclass(frozen=True)
class Question:
    """Products and which categories each has.

    ``features`` CSR float32 [N, features]; ``positives`` CSR bool [N, categories]; ``cost`` float32 [N] of a product's errors, 0
    for one to be left out; ``positive_cost`` float32 [categories]: times this where a product has the category.
    """

    features: sp.csr_matrix
    positives: sp.csr_matrix
    cost: np.ndarray
    positive_cost: np.ndarray
    seed: int

    def of(self, categories: np.ndarray) -> Question:
        """The same about some of the categories."""
        positives = self.positives[:, categories]
        return Question(self.features, positives, self.cost, self.positive_cost[categories], self.seed)

    def among(self, products: np.ndarray) -> Question:
        """The same of some of the products, int64 positions."""
        features, positives = self.features[products], self.positives[products]
        return Question(features, positives, self.cost[products], self.positive_cost, self.seed)


def train_one_vs_rest(
    question: Question, threads: int, on_part: Callable[[float], None] = lambda share: None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights float32 [features, categories] and biases float32 [categories]; ``on_part`` is told the share that is done.

    A category that no product has, or all have, gets weights of 0 and a bias of -1 or 1. The number of threads changes nothing.
    """
    products = question.positives.shape[0]
    have = np.bincount(question.positives.indices, minlength=question.positives.shape[1])
    weights = np.zeros((question.features.shape[1], len(have)), np.float32)
    biases = np.where(have == products, 1.0, -1.0).astype(np.float32)
    open_ones = np.flatnonzero((have > 0) & (have < products))
    pieces = list(_pieces(open_ones, threads))
    solve = _by_liblinear if NATIVE is None else _compiled

    def answer(piece: np.ndarray) -> int:
        weights[:, piece], biases[piece] = solve(question.of(piece))
        return len(piece)

    done = 0
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for count in pool.map(answer, pieces):
            done += count
            on_part(done / len(open_ones))
    return weights, biases


def _pieces(categories: np.ndarray, threads: int) -> Iterator[np.ndarray]:
    """The categories cut so that every thread has work."""
    if len(categories):
        busy = min(threads, len(categories) // _LEAST_TOGETHER)
        yield from np.array_split(categories, max(busy, -(-len(categories) // _MOST_TOGETHER)))


def _compiled(question: Question) -> tuple[np.ndarray, np.ndarray]:
    features, positives = question.features, question.positives
    width = positives.shape[1]
    weights, biases = np.zeros((features.shape[1], width), np.float32), np.zeros(width, np.float32)
    NATIVE.train(
        features.indptr.astype(np.int64),
        np.ascontiguousarray(features.indices, np.int32),
        np.ascontiguousarray(features.data, np.float32),
        positives.indptr.astype(np.int64),
        np.ascontiguousarray(positives.indices, np.int32),
        np.ascontiguousarray(question.cost, np.float32),
        np.ascontiguousarray(question.positive_cost, np.float32),
        weights,
        biases,
        TOLERANCE,
        _MOST_ROUNDS,
        question.seed,
    )
    return weights, biases


def _by_liblinear(question: Question) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    features = question.features.astype(np.float64)
    weights = np.zeros((features.shape[1], question.positives.shape[1]), np.float32)
    biases = np.zeros(weights.shape[1], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for place, extra in enumerate(question.positive_cost.tolist()):
            mine = question.positives[:, [place]].toarray().ravel().astype(np.int64)
            machine = LinearSVC(tol=TOLERANCE, random_state=question.seed, class_weight={1: extra})
            machine.fit(features, mine, sample_weight=question.cost)
            weights[:, place], biases[place] = machine.coef_[0], machine.intercept_[0]
    return weights, biases
