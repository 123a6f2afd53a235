"""An opinion pool that knows what each classifier is good at: brands tell a shoe, images a colour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import scipy
from pydantic import Field

from shelfwise.decision.likelihood import loss_and_slope, row_blocks
from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import HeldOut, Policy, PolicyOptions, refuse_others, with_some_hidden
from shelfwise.fusion.opinion_pool import OpinionPool

_MOST_SCORES = 60_000_000
_LARGEST_CHANGE, _LARGEST_BIAS = 4.0, 20.0
"""Logarithms of weights, and biases, stay between these and their negatives."""


class CategoryPoolOptions(PolicyOptions):
    """``shrinkage``: how strongly the weights of an outcome are held to those of all; ``hide_inputs``: how often a classifier
    is hidden in a second copy of the products that is learned from besides; ``steps``: of the search, at most."""

    shrinkage: float = Field(default=3.0, gt=0)
    hide_inputs: float = Field(default=0.15, ge=0, lt=1)
    steps: int = Field(default=30, ge=1)


class CategoryPool(Policy):
    """An opinion pool whose weights differ from outcome to outcome, with a bias for each.

    logit k = Σ_m w_m · exp(δ_mk) · logit_mk + b_k, with w those of ``opinion_pool``. δ and b minimise the summed negative
    log-likelihood of held-out products plus shrinkage · (‖δ‖² + ‖b‖²), as under a normal prior: an outcome with few products
    keeps the weights of all, one with many gets its own.
    """

    kind = "category_pool"
    Options = CategoryPoolOptions
    options: CategoryPoolOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self._pool = OpinionPool(exclusive)
        self._factors: np.ndarray | None = None
        """float32 [classifiers, outcomes], exp(δ); None: not fitted, one for all."""
        self._bias = np.zeros(0, np.float32)

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        self._pool = OpinionPool(self.exclusive).learn(products, seed)
        self._factors = None
        held = self._learnable(products, seed, _MOST_SCORES)
        if not len(held):
            return self
        versions = with_some_hidden(held, self.options.hide_inputs, np.random.default_rng(seed))
        shares = np.stack([self._pool.shares(present) for present in versions]).astype(np.float32)
        changes = held.classifiers * held.outcomes
        bounds = [(-_LARGEST_CHANGE, _LARGEST_CHANGE)] * changes
        bounds += [(-_LARGEST_BIAS, _LARGEST_BIAS)] * held.outcomes
        found = scipy.optimize.minimize(
            self._loss,
            np.zeros(changes + held.outcomes),
            args=(held, shares),
            jac=True,
            bounds=bounds,
            method="L-BFGS-B",
            options={"maxiter": self.options.steps},
        )
        self._factors = np.exp(found.x[:changes]).reshape(held.classifiers, -1).astype(np.float32)
        self._bias = found.x[changes:].astype(np.float32)
        return self

    def _loss(self, values: np.ndarray, held: HeldOut, shares: np.ndarray) -> tuple[float, np.ndarray]:
        """The penalised loss, the mean over products, and its gradient in the δ and b that ``values`` holds.

        ``shares``: float32 [versions, classifiers, N], what each classifier weighs in each version of the products.
        """
        changes, bias = values[: -held.outcomes].reshape(held.classifiers, -1), values[-held.outcomes :]
        factors = np.exp(changes).astype(np.float32)
        shift = (bias + self._pool.bias).astype(np.float32)
        slope_factors, slope_bias = np.zeros(changes.shape), np.zeros(bias.shape)
        loss = 0.0
        for rows, mine in _blocks(shares, held.outcomes):
            said = held.logits[:, rows]
            fused = np.tile(shift, (said.shape[1], 1))
            weighed = [share[:, None] * one for share, one in zip(mine, said, strict=True)]
            for one, factor in zip(weighed, factors, strict=True):
                fused += one * factor
            lost, slope = loss_and_slope(fused, held.truth[rows], self.exclusive)
            loss += lost
            slope_bias += slope.sum(0)
            for which, one in enumerate(weighed):
                slope_factors[which] += np.multiply(one, slope, out=one).sum(0)
        count = shares.shape[0] * len(held)
        strength = self.options.shrinkage / len(held)
        loss = loss / count + strength * float((values**2).sum())
        gradient = np.concatenate([(slope_factors * factors).ravel(), slope_bias]) / count
        return loss, gradient + 2 * strength * values

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        if self._factors is None:
            return self._pool.combine(logits, present)
        fused = np.zeros(logits.shape[1:])
        for share, one, here, factor in zip(
            self._pool.shares(present), logits, present, self._factors, strict=True
        ):
            fused += share[:, None] * np.where(here[:, None], one * factor, 0.0)
        return self._normalised(fused + self._bias + self._pool.bias, present)

    def state(self) -> dict[str, Any]:
        """``pool``: the state of the opinion pool that it changes; ``fitted``."""
        return {"pool": self._pool.state(), "fitted": self._factors is not None}

    def arrays(self) -> dict[str, np.ndarray]:
        """``factors`` float32 [classifiers, outcomes] and ``bias`` float32 [outcomes]."""
        return {} if self._factors is None else {"factors": self._factors, "bias": self._bias}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        pool, fitted = state.get("pool"), state.get("fitted")
        if not isinstance(pool, dict) or not isinstance(fitted, bool):
            raise ModelFolderError(
                f"expected the state of a category pool, got {pool!r:.100} and fitted {fitted!r:.50}"
            )
        shapes: dict[str, tuple[int, ...]] = {"factors": (classifiers, outcomes), "bias": (outcomes,)}
        refuse_others(self.kind, arrays, shapes if fitted else {})
        self._pool.load_state(pool, {}, classifiers, outcomes)
        if fitted:
            self._factors, self._bias = arrays["factors"], arrays["bias"]
        return self


def _blocks(shares: np.ndarray, outcomes: int) -> Iterator[tuple[slice, np.ndarray]]:
    for version in shares:
        for rows in row_blocks(version.shape[1], outcomes):
            yield rows, version[:, rows]
