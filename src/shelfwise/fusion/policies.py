"""Late fusion: the scores of several classifiers become one score per outcome.

Every policy takes logits [classifiers, N, outcomes] (log-probabilities over exclusive outcomes, or log-odds per label)
and presence bool [classifiers, N], never reads the logits of a classifier that is absent for a product, and gives logits
[N, outcomes]. A product for which no classifier is present gets zeros: the caller marks it failed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self, TypeGuard

import numpy as np
import scipy.optimize
from scipy.special import expit, log_softmax, logit, logsumexp

from shelfwise.errors import ModelFolderError

_TINY = 1e-7
_LEAST_WEIGHT, _LARGEST_WEIGHT = 1e-4, 5.0
"""Fitted weights lie between these. At zero the share of a classifier that is alone present would not be defined, and a
search that once touches all-zero weights would find no slope to leave them by."""
_LARGEST_BIAS = 5.0
_LARGEST_SAVED = 1e6
"""No saved weight is nearly as large."""


class Policy(ABC):
    """scores of several classifiers → scores."""

    kind: ClassVar[str]

    def __init__(self, exclusive: bool) -> None:
        self.exclusive = exclusive
        """True where exactly one outcome is right (paths), False for label sets."""

    def fit(self, logits: np.ndarray, present: np.ndarray, truth: np.ndarray) -> Self:
        """Learn from held-out products only; ``truth`` is int64 [N] or float [N, outcomes]. Returns self."""
        return self

    @abstractmethod
    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[classifiers, N, outcomes] and bool [classifiers, N] → logits [N, outcomes]."""

    def state(self) -> dict[str, Any]:
        """What ``fit`` learned, as JSON."""
        return {}

    def load_state(self, state: dict[str, Any], classifiers: int) -> Self:
        """Become the policy that gave ``state``. Raises ModelFolderError when it does not fit."""
        return self

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return np.exp(logits) if self.exclusive else expit(logits)

    def _logits(self, probabilities: np.ndarray) -> np.ndarray:
        if self.exclusive:
            kept = np.log(np.maximum(probabilities, _TINY))
            return kept - logsumexp(kept, axis=-1, keepdims=True)
        return logit(np.clip(probabilities, _TINY, 1 - _TINY))


class Mean(Policy):
    """The mean of the probabilities of the classifiers present (paper A, equation 2)."""

    kind = "mean"

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        kept = np.where(present[..., None], self._probabilities(logits), 0.0).sum(0)
        return self._logits(kept / np.maximum(present.sum(0), 1)[:, None])


class Max(Policy):
    """The largest probability among the classifiers present (paper A, equation 1)."""

    kind = "max"

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        return self._logits(np.where(present[..., None], self._probabilities(logits), 0.0).max(0))


class Single(Policy):
    """One classifier's word alone; where it is absent, the mean of those present."""

    kind = "single"

    def __init__(self, exclusive: bool, which: int = 0) -> None:
        super().__init__(exclusive)
        self.which = which

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        others = Mean(self.exclusive).combine(logits, present)
        return np.where(present[self.which][:, None], logits[self.which], others)

    def state(self) -> dict[str, Any]:
        return {"which": self.which}

    def load_state(self, state: dict[str, Any], classifiers: int) -> Self:
        which = state.get("which")
        if type(which) is not int or not 0 <= which < classifiers:
            raise ModelFolderError(f"expected a policy over {classifiers} classifiers, got {which!r}")
        self.which = which
        return self


class OpinionPool(Policy):
    """A calibrated weighted logarithmic opinion pool: logits add up, each classifier with its own weight ≥ 0.

    Weights minimise the negative log-likelihood of held-out products (Genest & Zidek 1986 for the pool; fitting the
    weights also calibrates the result, as temperature scaling does). Where classifiers are absent, the weights of those
    present are scaled up to the same sum. Label sets have one bias besides.
    """

    kind = "opinion_pool"

    def __init__(self, exclusive: bool) -> None:
        super().__init__(exclusive)
        self.weights = np.ones(1)
        self.bias = 0.0

    def fit(self, logits: np.ndarray, present: np.ndarray, truth: np.ndarray) -> Self:
        count = len(logits)
        useful = present.any(0)
        present, truth = present[:, useful], truth[useful]
        read = np.where(present[..., None], logits[:, useful], 0.0).astype(np.float64)
        values = np.concatenate([np.full(count, 1 / count), [] if self.exclusive else [0.0]])
        bounds = [(_LEAST_WEIGHT, _LARGEST_WEIGHT)] * count
        bounds += [] if self.exclusive else [(-_LARGEST_BIAS, _LARGEST_BIAS)]
        if len(truth):
            found = scipy.optimize.minimize(
                self._loss, values, args=(read, present, truth), jac=True, bounds=bounds
            )
            values = found.x
        self.weights, self.bias = values[:count], float(values[count:].sum())
        return self

    def _loss(
        self, values: np.ndarray, logits: np.ndarray, present: np.ndarray, truth: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Mean negative log-likelihood and its gradient in the weights (and the bias), all weights above 0.

        Some classifier is present for every product, and ``logits`` of those that are not are finite.
        """
        count, products = present.shape
        weights = values[:count]
        held = (weights[:, None] * present).sum(0)
        shares = weights[:, None] * present / held
        mixed = np.einsum("mn,mnk->nk", shares, logits)
        total = weights.sum()
        fused = total * mixed
        if self.exclusive:
            log_p = log_softmax(fused, axis=1)
            loss = -log_p[np.arange(products), truth].mean()
            slope = np.exp(log_p)
            slope[np.arange(products), truth] -= 1
        else:
            fused = fused + values[count]
            loss = (np.logaddexp(0, fused) - truth * fused).sum(1).mean()
            slope = expit(fused) - truth
        along = np.einsum("nk,mnk->mn", slope, logits)  # d loss / d share, up to the factor total
        middle = (shares * along).sum(0)
        gradient = (middle + total * present * (along - middle) / held).mean(1)
        if self.exclusive:
            return float(loss), gradient
        return float(loss), np.concatenate([gradient, [slope.sum(1).mean()]])

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        held = (self.weights[:, None] * present).sum(0)
        # Products whose present classifiers all weigh nothing are left to those classifiers' plain mean.
        shares = np.where(
            held > _TINY,
            self.weights[:, None] * present / np.maximum(held, _TINY),
            present / np.maximum(present.sum(0), 1),
        )
        shares = shares * self.weights.sum()
        fused = np.zeros(logits.shape[1:])
        for share, mine, here in zip(shares, logits, present, strict=True):
            fused += share[:, None] * np.where(here[:, None], mine, 0.0)
        return log_softmax(fused, axis=1) if self.exclusive else fused + self.bias

    def state(self) -> dict[str, Any]:
        return {"weights": [float(weight) for weight in self.weights], "bias": self.bias}

    def load_state(self, state: dict[str, Any], classifiers: int) -> Self:
        weights, bias = state.get("weights"), state.get("bias")
        if (
            not isinstance(weights, list)
            or len(weights) != classifiers
            or not all(_is_number(weight) and weight >= 0 for weight in weights)
            or not _is_number(bias)
        ):
            raise ModelFolderError(
                f"expected an opinion pool of {classifiers} weights of 0 or more and a bias, got {weights!r:.200} and "
                f"{bias!r:.50}"
            )
        self.weights, self.bias = np.array(weights, dtype=np.float64), float(bias)
        return self


def _is_number(value: object) -> TypeGuard[float]:
    """Whether a value read from JSON is a number (no truth value, not NaN) of a size that can be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST_SAVED
