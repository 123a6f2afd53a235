"""What held-out products showed of a model: kept with it, so that promises and sets can be made anew without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from shelfwise.decision.confidence import Decided
from shelfwise.decision.thresholds import THRESHOLD_KINDS, ThresholdKind
from shelfwise.errors import ModelFolderError
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, Target

DECIMALS = 6
"""Probabilities are told to six decimals: the last bits depend on how many products are computed at once. What is kept here is
rounded as predictions are, so that equals stay equals."""
LEAST_PROBABLE = 0.01
"""Labels that are neither true nor this probable are not kept: no promise is about them."""


@dataclass(frozen=True, eq=False)
class Answered:
    """Whole answers of N held-out products: ``confidence`` float64 [N], and whether they are ``right``, bool [N]."""

    confidence: np.ndarray
    right: np.ndarray


@dataclass(frozen=True, eq=False)
class Evidence:
    """N held-out products, scored by classifiers, a policy and a calibration that did not learn from them or their groups.

    ``groups`` int64 [N]: groups of near-duplicates. ``answered``: their whole answers; of label sets by kind of threshold, of
    paths under ``PATHS``. Of paths also ``chosen`` int64 [N], the outcomes answered, and per level of the answer
    ``level_confidence`` float64 [N, depth] and ``level_right`` bool [N, depth], 0 and False below where it ends.

    M pairs of a product and a category tell how probable categories were: ``product`` and ``category`` int64 [M] (an
    outcome of paths, or a label), ``probability`` float64 [M], and ``true`` bool [M]. Of paths there is one for each product, its
    true outcome; of label sets all true labels and all that are not quite improbable.
    """

    groups: np.ndarray
    answered: Mapping[str, Answered]
    chosen: np.ndarray
    level_confidence: np.ndarray
    level_right: np.ndarray
    product: np.ndarray
    category: np.ndarray
    probability: np.ndarray
    true: np.ndarray
    kind: str = field(default="")
    """Which of ``answered`` counts."""

    @property
    def whole(self) -> Answered:
        """The whole answers that count."""
        return self.answered[self.kind]

    def deciding_by(self, kind: str) -> Self:
        """The same products, label sets decided by another kind of threshold."""
        return replace(self, kind=kind)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, to be written down."""
        named = {name: getattr(self, name) for name in _ARRAYS}
        for kind, answered in self.answered.items():
            named |= {f"confidence.{kind}": answered.confidence, f"right.{kind}": answered.right}
        return {
            name: array.astype(np.uint8) if array.dtype == bool else array for name, array in named.items()
        }

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], target: Target, kind: str) -> Self:
        """What `arrays` wrote. Raises ModelFolderError where an array is missing, or cannot be of such a target."""
        paths = isinstance(target, PathTarget)
        kinds: tuple[str, ...] = (PATHS,) if paths else THRESHOLD_KINDS
        wanted = {*_ARRAYS, *(f"{what}.{one}" for one in kinds for what in ("confidence", "right"))}
        if set(arrays) != wanted:
            odd = ", ".join(sorted(set(arrays) ^ wanted))
            raise ModelFolderError(
                f"expected other arrays of what held-out products showed; at odds: {odd:.200}"
            )
        answered = {
            one: Answered(arrays[f"confidence.{one}"], arrays[f"right.{one}"].astype(bool)) for one in kinds
        }
        flags = {name: arrays[name].astype(bool) for name in ("level_right", "true")}
        found = cls(
            **{**{name: arrays[name] for name in _ARRAYS}, **flags},
            answered=answered,
            kind=PATHS if paths else kind,
        )
        found._check(target)
        return found

    def _check(self, target: Target) -> None:
        products, pairs = len(self.groups), len(self.product)
        depth = target.taxonomy.depth if isinstance(target, PathTarget) else 0
        categories = target.n_outcomes if isinstance(target, PathTarget) else len(target.labels)
        shapes = {
            "groups": (self.groups, (products,)),
            "chosen": (self.chosen, (products if depth else 0,)),
            "level_confidence": (self.level_confidence, (products if depth else 0, depth)),
            "level_right": (self.level_right, (products if depth else 0, depth)),
            **{name: (getattr(self, name), (pairs,)) for name in ("category", "probability", "true")},
        }
        for kind, one in self.answered.items():
            shapes |= {
                f"confidence.{kind}": (one.confidence, (products,)),
                f"right.{kind}": (one.right, (products,)),
            }
        for name, (array, shape) in shapes.items():
            if array.shape != shape:
                raise ModelFolderError(f"expected the shape {shape} of '{name}', got {array.shape}")
            share = name.partition(".")[0] in ("confidence", "level_confidence", "probability")
            within = array.size == 0 or bool(array.min() >= 0 and array.max() <= 1)
            if share and (array.dtype.kind != "f" or not within):
                raise ModelFolderError(f"expected values between 0 and 1 in '{name}', got others")
        for name, limit in (("product", products), ("category", categories), ("chosen", categories)):
            array = getattr(self, name)
            if array.dtype.kind != "i" or (array.size and not (array.min() >= 0 and array.max() < limit)):
                raise ModelFolderError(
                    f"expected whole numbers from 0 to {limit - 1} in '{name}', got others"
                )


PATHS = "paths"
_ARRAYS = (
    "groups",
    "chosen",
    "level_confidence",
    "level_right",
    "product",
    "category",
    "probability",
    "true",
)


def path_evidence(target: PathTarget, decided: Decided, truth: np.ndarray, groups: np.ndarray) -> Evidence:
    """What N held-out products showed; ``truth`` int64 [N] are their outcomes, UNLABELLED (-1) counts as wrong."""
    known = np.flatnonzero(truth != UNLABELLED)
    beginnings = _beginnings(target)
    same = beginnings[decided.chosen] == beginnings[np.maximum(truth, 0)]
    return Evidence(
        groups=groups.astype(np.int64),
        answered={PATHS: Answered(np.round(decided.confidence, DECIMALS), decided.right(truth))},
        chosen=decided.chosen.astype(np.int64),
        level_confidence=level_confidence(target, decided),
        level_right=same & _reached(target, decided.chosen) & (truth != UNLABELLED)[:, None],
        product=known,
        category=truth[known].astype(np.int64),
        probability=np.round(decided.probabilities[known, truth[known]], DECIMALS),
        true=np.ones(len(known), bool),
        kind=PATHS,
    )


def label_evidence(
    target: LabelTarget,
    by_label: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    answered: Mapping[ThresholdKind, Answered],
    kind: ThresholdKind,
) -> Evidence:
    """What N held-out products showed: probabilities and truth (0 or 1) [N, labels], and whole answers by kind of threshold."""
    rounded = np.round(by_label, DECIMALS)
    product, category = np.nonzero((rounded >= LEAST_PROBABLE) | (labels > 0))
    return Evidence(
        groups=groups.astype(np.int64),
        answered={
            name: Answered(np.round(one.confidence, DECIMALS), one.right) for name, one in answered.items()
        },
        chosen=np.zeros(0, np.int64),
        level_confidence=np.zeros((0, 0)),
        level_right=np.zeros((0, 0), bool),
        product=product,
        category=category,
        probability=rounded[product, category],
        true=labels[product, category] > 0,
        kind=kind,
    )


def level_confidence(target: PathTarget, decided: Decided) -> np.ndarray:
    """float64 [N, depth]: how probable the answer is down to each level, never rising; 0 below where it ends."""
    by_category = target.category_probabilities(decided.probabilities)
    mine = target.ancestors_of_outcomes[decided.chosen]
    levels = np.round(np.clip(np.take_along_axis(by_category, mine, axis=1), 0.0, 1.0), DECIMALS)
    return np.where(_reached(target, decided.chosen), np.minimum.accumulate(levels, axis=1), 0.0)


def _reached(target: PathTarget, chosen: np.ndarray) -> np.ndarray:
    """bool [N, depth]: which levels the outcomes ``chosen`` have."""
    lengths = np.array([len(path) for path in target.outcomes])[chosen]
    return np.asarray(np.arange(target.taxonomy.depth) < lengths[:, None])


def _beginnings(target: PathTarget) -> np.ndarray:
    """int64 [outcomes, depth]: a number for the path down to each level, the same where two outcomes begin alike."""
    numbers: dict[tuple[str, ...], int] = {}
    return np.array(
        [
            [numbers.setdefault(path[: level + 1], len(numbers)) for level in range(target.taxonomy.depth)]
            for path in target.outcomes
        ]
    )
