"""Greedy ensemble selection: the mean of the classifiers that help, each as often as it helps."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import Field
from scipy.special import expit

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import TINY, HeldOut, Policy, PolicyOptions, refuse_others
from shelfwise.fusion.mean import mean_probabilities

_MOST_SCORES = 60_000_000
_PATIENCE = 8
"""Rounds without a better mean after which no more are tried."""
_BINS = 512
"""Probabilities are told apart this finely when the best threshold of a label set is looked for."""


class SelectedOptions(PolicyOptions):
    """``rounds``: how often a classifier is added; ``bags``: selections on parts of the products that are added up; ``metric``:
    what is made as large as possible, the share of products right (micro-F1 at the best threshold for labels by themselves) or
    the likelihood."""

    rounds: int = Field(default=25, ge=1, le=1_000)
    bags: int = Field(default=10, ge=1, le=100)
    metric: Literal["quality", "likelihood"] = "quality"


class Selected(Policy):
    """Ensemble selection with replacement (Caruana, Niculescu-Mizil, Crew & Ksikes 2004, *Ensemble selection from libraries of
    models*).

    Starting from the best classifier, the one is added, again and again, with which the mean of probabilities is best; the
    best mean met on the way is kept. With few classifiers there is little to draw from, so bags are drawn from products (whole
    groups) instead of classifiers. A weight is how often a classifier was taken.
    """

    kind = "selected"
    Options = SelectedOptions
    options: SelectedOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self.counts: np.ndarray | None = None
        """int64 [classifiers]; None: not fitted, each once."""

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        held = self._learnable(products, seed, _MOST_SCORES)
        self.counts = None
        if not len(held):
            return self
        random = np.random.default_rng(seed)
        numbers = np.unique(held.groups, return_inverse=True)[1]
        counts = np.zeros(held.classifiers, np.int64)
        for _ in range(self.options.bags):
            drawn = random.random(numbers.max() + 1) < 0.5
            rows = np.flatnonzero(drawn[numbers])
            counts += self._select(held.take(rows) if len(rows) and self.options.bags > 1 else held)
        self.counts = counts
        return self

    def _select(self, held: HeldOut) -> np.ndarray:
        """int64 [classifiers]: how often each was taken when the mean was best."""
        probabilities = np.exp(held.logits) if self.exclusive else expit(held.logits)
        probabilities *= held.present[..., None]
        counts = np.zeros(held.classifiers, np.int64)
        total = np.zeros(probabilities.shape[1:])
        weight = np.zeros((len(held), 1))
        best, best_round, kept = -np.inf, 0, counts
        for number in range(self.options.rounds):
            scores = [
                self._score((total + one) / np.maximum(weight + here[:, None], 1), held.truth)
                for one, here in zip(probabilities, held.present, strict=True)
            ]
            taken = int(np.argmax(scores))
            counts = counts + (np.arange(held.classifiers) == taken)
            total += probabilities[taken]
            weight += held.present[taken][:, None]
            if scores[taken] > best:
                best, best_round, kept = scores[taken], number, counts
            elif number - best_round >= _PATIENCE:
                break
        return kept

    def _score(self, probabilities: np.ndarray, truth: np.ndarray) -> float:
        """Of probabilities [N, outcomes], zero where nobody taken is present: higher is better."""
        if self.exclusive:
            rows = np.arange(len(truth))
            if self.options.metric == "likelihood":
                return float(np.log(np.maximum(probabilities[rows, truth], TINY)).mean())
            likeliest = probabilities.argmax(1)
            return float(((likeliest == truth) & (probabilities[rows, truth] > 0)).mean())
        if self.options.metric == "likelihood":
            kept = np.clip(probabilities, TINY, 1 - TINY)
            return float((truth * np.log(kept) + (1 - truth) * np.log1p(-kept)).sum(1).mean())
        return _best_micro_f1(probabilities, truth)

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class; where nobody taken is present, the plain mean of those who are."""
        counts = np.ones(len(logits)) if self.counts is None else self.counts
        return self._logits(mean_probabilities(logits, present, counts, self.exclusive))

    def state(self) -> dict[str, Any]:
        """``counts``: how often each classifier was taken, or null."""
        return {"counts": None if self.counts is None else self.counts.tolist()}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        refuse_others(self.kind, arrays, {})
        counts = state.get("counts", 0)
        if counts is not None and not (
            isinstance(counts, list)
            and len(counts) == classifiers
            and all(type(count) is int and 0 <= count <= 1_000_000 for count in counts)
            and any(counts)
        ):
            raise ModelFolderError(
                f"expected how often each of {classifiers} classifiers was taken, got {counts!r:.200}"
            )
        self.counts = None if counts is None else np.array(counts, np.int64)
        return self


def _best_micro_f1(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The best micro-F1 at one threshold, among ``_BINS`` of them."""
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1).ravel()
    hits = np.bincount(bins, weights=truth.ravel(), minlength=_BINS)[::-1].cumsum()
    given = np.bincount(bins, minlength=_BINS)[::-1].cumsum()
    return float((2 * hits / np.maximum(given + hits[-1], 1)).max())
