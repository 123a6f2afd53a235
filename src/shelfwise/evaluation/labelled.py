"""The products an evaluation can be about: those with a true category, checked once, with their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.errors import ShelfwiseError, TargetError
from shelfwise.evaluation import metrics
from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.results import FUSED

DECISIONS = ("accept", "review", "failed")


@dataclass(frozen=True)
class LabelledProducts:
    """N products that have a true category, and what was predicted for them.

    ``rows`` int [N]: their rows, counted from 0, in the catalog given. ``confidence`` float64 [N], 0–1, is 0
    where the product failed. ``unlabelled`` products were left out for want of a true category.
    """

    rows: np.ndarray
    truth: list[Category]
    predicted: list[Category]
    confidence: np.ndarray
    decisions: np.ndarray
    per_classifier: dict[str, list[Category]]
    unlabelled: int

    def __len__(self) -> int:
        return len(self.truth)


def select_labelled(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    confidence: np.ndarray,
    decisions: Sequence[str],
    per_classifier: Mapping[str, Sequence[Category]],
) -> LabelledProducts:
    """The products whose ``truth`` is not empty. All arguments have one entry a product of the catalog.

    A product that failed has no prediction and no confidence, whatever was passed for it. Raises TargetError
    when no product has a true category, ShelfwiseError on unequal lengths, unknown decisions and impossible
    confidences.
    """
    classifiers = {_input_name(name): list(given) for name, given in per_classifier.items()}
    named = {f"predictions of {name}": given for name, given in classifiers.items()}
    metrics.check_lengths(
        truth=truth, predicted=predicted, confidence=confidence, decisions=decisions, **named
    )
    unknown = sorted(set(decisions) - set(DECISIONS))
    if unknown:
        raise ShelfwiseError(
            f"Expected decisions to be one of {', '.join(DECISIONS)}, got {unknown[0]!r}. "
            "Pass what the routing decided."
        )
    rows = np.array([row for row, category in enumerate(truth) if category], dtype=np.int64)
    if len(rows) == 0:
        raise TargetError(
            f"Expected products with a category to score against, but none of the {len(truth)} has one. "
            "Evaluate on a catalog whose target column is filled."
        )
    routes = np.array(decisions, dtype=object)[rows]
    failed = routes == "failed"
    sure = np.where(failed, 0.0, np.asarray(confidence, dtype=np.float64)[rows])
    metrics.check_confidence(sure, np.zeros(len(rows), dtype=bool))
    return LabelledProducts(
        rows=rows,
        truth=[tuple(truth[row]) for row in rows],
        predicted=[() if gone else tuple(predicted[row]) for row, gone in zip(rows, failed, strict=True)],
        confidence=sure,
        decisions=routes,
        per_classifier={name: [tuple(given[row]) for row in rows] for name, given in classifiers.items()},
        unlabelled=len(truth) - len(rows),
    )


def _input_name(name: str) -> str:
    # A catalog may have a column of that very name; the whole model's scores must not be overwritten by it.
    return f"{name} (input)" if name == FUSED else name
