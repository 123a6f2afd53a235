"""What every late fusion policy is: the scores of several classifiers become one score per outcome.

Every policy takes logits [classifiers, N, outcomes] (log-probabilities over exclusive outcomes, be they paths or label sets as
wholes, or log-odds per label) and presence bool [classifiers, N], never reads the logits of a classifier that is absent for a
product, and gives logits [N, outcomes]. Products do not interact. A product for which no classifier is present gets equal
numbers: the caller marks it failed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeGuard

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.special import expit, log_softmax, logit, logsumexp

from shelfwise.errors import ModelFolderError

TINY = 1e-7
"""Probabilities are kept this far from 0 and 1 before their logarithm is taken."""
MOST_SCORES = 150_000_000
"""A policy learns from no more numbers than this (products × classifiers × outcomes)."""
_LEAST_LEARNED = 500
_LARGEST_SAVED = 1e6
"""No saved weight is nearly as large."""
CROSS_FIT_FOLDS = 4
LEAST_TO_FIT = 8
"""With fewer held-out products no policy is fitted."""


def deal_groups(groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """int64 [N]: the fold (0 … folds - 1) of every product; groups int64 [N] are dealt out whole, at random."""
    numbers = np.unique(groups, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(numbers.max(initial=-1)) + 1)
    return (order % folds)[numbers]


class PolicyOptions(BaseModel):
    """Options of a policy in a recipe; unknown keys are errors. Every field has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def changed(self) -> dict[str, Any]:
        """The options that are not as usual, as JSON: with their policy's kind, all that makes it again."""
        return self.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True)
class HeldOut:
    """Products that a policy can learn from: logits [classifiers, N, outcomes], presence bool [classifiers, N], truth int64 [N]
    (-1: not known) or float [N, outcomes], and groups int64 [N]."""

    logits: np.ndarray
    present: np.ndarray
    truth: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(
        cls, logits: np.ndarray, present: np.ndarray, truth: np.ndarray, groups: np.ndarray | None
    ) -> HeldOut:
        """The products; without ``groups`` every product is one by itself."""
        return cls(logits, present, truth, np.arange(len(truth)) if groups is None else groups)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def classifiers(self) -> int:
        """How many classifiers there are."""
        return len(self.logits)

    @property
    def outcomes(self) -> int:
        """How many outcomes there are."""
        return self.logits.shape[2]

    def take(self, rows: np.ndarray) -> HeldOut:
        """The given products, in the given order."""
        return HeldOut(self.logits[:, rows], self.present[:, rows], self.truth[rows], self.groups[rows])


class Policy(ABC):
    """scores of several classifiers → scores.

    The constructor only stores. ``combine`` works before ``fit`` too, as the plainest member of its family would.
    """

    kind: ClassVar[str]
    """The name used in a recipe."""
    Options: ClassVar[type[PolicyOptions]] = PolicyOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        self.exclusive = exclusive
        """True where exactly one outcome is right (paths, label sets as wholes), False for labels by themselves."""
        self.options = self.Options() if options is None else options

    @property
    def name(self) -> str:
        """``kind``, and the options that differ from their defaults: no two different policies share it."""
        changed = self.options.changed()
        return (
            f"{self.kind}({', '.join(f'{key}={changed[key]}' for key in changed)})" if changed else self.kind
        )

    @property
    def spec(self) -> str | dict[str, Any]:
        """What makes this policy again, given to ``build_policy``: its kind, or a mapping of kind and options."""
        changed = self.options.changed()
        return {"kind": self.kind, **changed} if changed else self.kind

    def fit(
        self,
        logits: np.ndarray,
        present: np.ndarray,
        truth: np.ndarray,
        groups: np.ndarray | None = None,
        seed: int = 0,
    ) -> Self:
        """Learn from products that the classifiers were not trained on, and return self.

        ``truth`` is int64 [N] (-1: not known, left aside) or float [N, outcomes]. ``groups`` int64 [N] are near-duplicates
        that are kept together where a policy splits products (None: every product by itself). All that is random comes from
        ``seed``.
        """
        return self.learn(HeldOut.of(logits, present, truth, groups), seed)

    def learn(self, products: HeldOut, seed: int) -> Self:
        """``fit``, told of the products as one; what has nothing to learn stays as it is."""
        return self

    def cross_fit(
        self,
        logits: np.ndarray,
        present: np.ndarray,
        truth: np.ndarray,
        groups: np.ndarray | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """``fit``, and float32 [N, outcomes]: the same products combined by policies that did not learn from their groups.

        With too few products or groups to divide, nothing is fitted.
        """
        return self.cross_learn(HeldOut.of(logits, present, truth, groups), seed)

    def cross_learn(self, products: HeldOut, seed: int) -> np.ndarray:
        """``cross_fit``, told of the products as one."""
        folds = min(CROSS_FIT_FOLDS, len(np.unique(products.groups)))
        if len(products) < LEAST_TO_FIT or folds < 2:
            return self._combined(products)
        fused = np.empty(products.logits.shape[1:], np.float32)
        fold_of = deal_groups(products.groups, folds, seed)
        for fold in range(folds):
            inside, outside = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            self.learn(products.take(outside), seed)
            fused[inside] = self._combined(products.take(inside))
        self.learn(products, seed)
        return fused

    @abstractmethod
    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[classifiers, N, outcomes] and bool [classifiers, N] → logits [N, outcomes]."""

    def state(self) -> dict[str, Any]:
        """What ``fit`` learned that is not an array, as JSON."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What ``fit`` learned as arrays (written to safetensors); names are the policy's own."""
        return {}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """Become the policy that gave ``state`` and ``arrays``. Raises ModelFolderError when they do not fit."""
        refuse_others(self.kind, arrays, {})
        return self

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        return np.exp(logits) if self.exclusive else expit(logits)

    def _logits(self, probabilities: np.ndarray) -> np.ndarray:
        if self.exclusive:
            kept = np.log(np.maximum(probabilities, TINY))
            return kept - logsumexp(kept, axis=-1, keepdims=True)
        return logit(np.clip(probabilities, TINY, 1 - TINY))

    def _combined(self, products: HeldOut) -> np.ndarray:
        return self.combine(products.logits, products.present).astype(np.float32)

    def _normalised(self, fused: np.ndarray, present: np.ndarray) -> np.ndarray:
        """Fused logits [N, outcomes] as a policy gives them: equal numbers where nobody is present, and probabilities of
        exclusive outcomes that sum to 1."""
        someone: np.ndarray = np.any(present, axis=0, keepdims=True).T
        fused = np.where(someone, fused, 0.0)
        return log_softmax(fused, axis=1) if self.exclusive else fused

    def _learnable(self, products: HeldOut, seed: int, most_scores: int = MOST_SCORES) -> HeldOut:
        """The products of known truth for which some classifier is present; absent logits are zero, not read.

        Of more products than fit into memory with thousands of outcomes, some are taken at random.
        """
        logits, present, truth = products.logits, products.present, products.truth
        known = present.any(0) & (truth >= 0) if self.exclusive else present.any(0)
        useful = np.flatnonzero(known)
        most = max(_LEAST_LEARNED, most_scores // max(len(logits) * logits.shape[2], 1))
        if len(useful) > most:
            useful = np.sort(np.random.default_rng(seed).choice(useful, most, replace=False))
        present = present[:, useful]
        read = np.zeros((len(logits), len(useful), logits.shape[2]), logits.dtype)
        for mine, said, here in zip(read, logits, present, strict=True):
            mine[here] = said[useful[here]]
        return HeldOut(read, present, truth[useful], products.groups[useful])


def with_some_hidden(held: HeldOut, rate: float, random: np.random.Generator) -> list[np.ndarray]:
    """Versions of presence, bool [classifiers, N], to learn from: as it is and, where there is something to hide, with a share
    ``rate`` of it hidden, so that a policy learns to live without each classifier. At least one is left to each product."""
    if not rate or held.classifiers < 2:
        return [held.present]
    left = held.present & (random.random(held.present.shape) >= rate)
    return [held.present, np.where(left.any(0), left, held.present)]


def refuse_others(
    kind: str, arrays: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]], dtype: str = "float32"
) -> None:
    """Raise ModelFolderError unless ``arrays`` are exactly these, of these shapes, of ``dtype`` and finite."""
    for key in sorted({*arrays, *shapes}):
        found = (arrays[key].dtype.name, arrays[key].shape) if key in arrays else None
        wanted = (dtype, shapes[key]) if key in shapes else None
        if found != wanted:
            raise ModelFolderError(
                f"expected {wanted or 'no array'} as '{key}' of the policy '{kind}', got {found or 'none'}"
            )
        if not np.isfinite(arrays[key]).all():
            raise ModelFolderError(f"expected finite numbers as '{key}' of the policy '{kind}', got others")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value read from JSON is a number (no truth value, not NaN) of a size that can be."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST_SAVED
