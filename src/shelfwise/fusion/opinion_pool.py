"""A weighted opinion pool: a few numbers, fitted to held-out products, that are hard to beat."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy
from scipy.special import log_softmax

from shelfwise.decision.likelihood import loss_and_slope, row_blocks
from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import TINY, HeldOut, Policy, PolicyOptions, is_number, refuse_others

_LEAST_WEIGHT, _LARGEST_WEIGHT = 1e-4, 5.0
"""Fitted weights lie between these. At zero the share of a classifier that is alone present would not be defined, and a
search that once touches all-zero weights would find no slope to leave them by."""
_LARGEST_BIAS = 5.0


class OpinionPool(Policy):
    """A calibrated weighted logarithmic opinion pool: logits add up, each classifier with its own weight ≥ 0.

    Weights minimise the negative log-likelihood of held-out products (Genest & Zidek 1986 for the pool; fitting the
    weights also calibrates the result, as temperature scaling does). Where classifiers are absent, the weights of those
    present are scaled up to the same sum. Label sets have one bias besides.
    """

    kind = "opinion_pool"

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self.weights: np.ndarray | None = None
        """float64 [classifiers]; None: not fitted, the plain mean of the logits."""
        self.bias = 0.0

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        count = products.classifiers
        held = self._learnable(products, seed)
        values = np.concatenate([np.full(count, 1 / count), [] if self.exclusive else [0.0]])
        bounds = [(_LEAST_WEIGHT, _LARGEST_WEIGHT)] * count
        bounds += [] if self.exclusive else [(-_LARGEST_BIAS, _LARGEST_BIAS)]
        if len(held):
            found = scipy.optimize.minimize(
                self._loss, values, args=(held.logits, held.present, held.truth), jac=True, bounds=bounds
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
        total = weights.sum()
        loss, slope_bias = 0.0, 0.0
        along = np.empty(present.shape)  # d loss / d share, up to the factor total
        for rows in row_blocks(products, logits.shape[2]):
            said = logits[:, rows].astype(np.float64)
            fused = np.einsum("mn,mnk->nk", total * shares[:, rows], said)
            if not self.exclusive:
                fused = fused + values[count]
            lost, slope = loss_and_slope(fused, truth[rows], self.exclusive)
            loss += lost
            slope_bias += float(slope.sum(dtype=np.float64))
            along[:, rows] = np.einsum("nk,mnk->mn", slope, said)
        middle = (shares * along).sum(0)
        gradient = (middle + total * present * (along - middle) / held).mean(1)
        if self.exclusive:
            return loss / products, gradient
        return loss / products, np.concatenate([gradient, [slope_bias / products]])

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        fused = np.zeros(logits.shape[1:])
        for share, mine, here in zip(self.shares(present), logits, present, strict=True):
            fused += share[:, None] * np.where(here[:, None], mine, 0.0)
        return log_softmax(fused, axis=1) if self.exclusive else fused + self.bias

    def shares(self, present: np.ndarray) -> np.ndarray:
        """float [classifiers, N]: what each classifier weighs for each product; of those present the same sum for all."""
        count = len(present)
        weights = np.full(count, 1 / max(count, 1)) if self.weights is None else self.weights
        held = (weights[:, None] * present).sum(0)
        # Products whose present classifiers all weigh nothing are left to those classifiers' plain mean.
        shares = np.where(
            held > TINY,
            weights[:, None] * present / np.maximum(held, TINY),
            present / np.maximum(present.sum(0), 1),
        )
        return shares * weights.sum()

    def state(self) -> dict[str, Any]:
        """``weights``: one per classifier, or null; ``bias``."""
        weights = None if self.weights is None else [float(weight) for weight in self.weights]
        return {"weights": weights, "bias": self.bias}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        refuse_others(self.kind, arrays, {})
        weights, bias = state.get("weights"), state.get("bias")
        if (
            not isinstance(weights, list)
            or len(weights) != classifiers
            or not all(is_number(weight) and weight >= 0 for weight in weights)
            or not is_number(bias)
        ):
            raise ModelFolderError(
                f"expected an opinion pool of {classifiers} weights of 0 or more and a bias, got {weights!r:.200} and "
                f"{bias!r:.50}"
            )
        self.weights, self.bias = np.array(weights, dtype=np.float64), float(bias)
        return self
