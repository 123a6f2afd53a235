"""What is predicted, as numbers: a path is one of the known outcomes, a label set is a row of yes and no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from shelfwise.errors import ModelFolderError, TargetError
from shelfwise.taxonomy.tree import Path, Taxonomy

UNLABELLED = -1


@dataclass(frozen=True)
class PathTarget:
    """One path a product. ``outcomes`` are the paths at which products end (of any depth), sorted.

    A product gets exactly one outcome, so its probabilities over outcomes sum to 1, and a category's probability
    is the sum over the outcomes at or below it: never less than its child's.
    """

    outcomes: tuple[Path, ...]
    level_names: tuple[str, ...] = ()
    multilabel = False

    @classmethod
    def from_truth(cls, truth: Sequence[Path], level_names: Sequence[str] = ()) -> PathTarget:
        """The target that the training products' paths (empty: unlabelled) make.

        Raises TargetError when no product is labelled or all share one path.
        """
        outcomes = sorted({path for path in truth if path})
        if not outcomes:
            raise TargetError("expected products with a category to learn from, but the target is empty in all of them")
        if len(outcomes) == 1:
            raise TargetError(
                f"expected at least two different categories to learn from, but every labelled product is in "
                f"'{' > '.join(outcomes[0])}'; choose another target or add products of other categories"
            )
        return cls(tuple(outcomes), tuple(level_names))

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The tree that the outcomes make."""
        return Taxonomy.from_paths(self.outcomes)

    @cached_property
    def _index(self) -> dict[Path, int]:
        return {path: position for position, path in enumerate(self.outcomes)}

    def encode(self, truth: Sequence[Path]) -> np.ndarray:
        """int64 [N]: the outcome of every product, UNLABELLED (-1) where the path is empty or not known."""
        return np.array([self._index.get(path, UNLABELLED) for path in truth], dtype=np.int64)

    @cached_property
    def membership(self) -> sp.csr_matrix:
        """float32 [outcomes, categories of the taxonomy]: 1 where the category is on the outcome's path."""
        rows = [self.taxonomy.ancestors(path) for path in self.outcomes]
        lengths = [len(row) for row in rows]
        columns = np.concatenate(rows)
        return sp.csr_matrix(
            (np.ones(len(columns), np.float32), columns, np.concatenate([[0], np.cumsum(lengths)])),
            shape=(len(rows), len(self.taxonomy)),
        )

    def category_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """[N, outcomes] → [N, categories]: summed upward."""
        return np.asarray((self.membership.T @ probabilities.T).T)

    def to_json(self) -> dict[str, Any]:
        """The target as plain JSON."""
        return {"kind": "path", "outcomes": [list(p) for p in self.outcomes], "level_names": list(self.level_names)}


@dataclass(frozen=True)
class LabelTarget:
    """A set of labels a product, in no order; every label is decided for itself."""

    labels: tuple[str, ...]
    multilabel = True

    @classmethod
    def from_truth(cls, truth: Sequence[tuple[str, ...]], min_products: int = 1) -> LabelTarget:
        """The labels of at least ``min_products`` training products.

        Raises TargetError when none is left.
        """
        counts = Counter(label for labels in truth for label in set(labels))
        labels = sorted(label for label, count in counts.items() if count >= min_products)
        if not labels:
            raise TargetError(
                f"expected labels with at least {min_products} products, but of {len(counts)} labels none has as many"
                if counts
                else "expected products with labels to learn from, but the target is empty in all of them"
            )
        return cls(tuple(labels))

    @property
    def outcomes(self) -> tuple[Path, ...]:
        """Every label as a path of depth 1."""
        return tuple((label,) for label in self.labels)

    def encode(self, truth: Sequence[tuple[str, ...]]) -> np.ndarray:
        """float32 [N, labels]: 1 where the product has the label. Labels that are not known are left out."""
        index = {label: position for position, label in enumerate(self.labels)}
        matrix = np.zeros((len(truth), len(self.labels)), np.float32)
        for row, labels in enumerate(truth):
            for label in labels:
                if label in index:
                    matrix[row, index[label]] = 1
        return matrix

    def to_json(self) -> dict[str, Any]:
        """The target as plain JSON."""
        return {"kind": "labels", "labels": list(self.labels)}


Target = PathTarget | LabelTarget


def target_from_json(value: dict[str, Any]) -> Target:
    """The target that ``to_json`` wrote. Raises ModelFolderError for anything else."""
    match value:
        case {"kind": "path", "outcomes": [*outcomes], "level_names": [*names]} if outcomes:
            if all(isinstance(p, list) and p and all(isinstance(s, str) for s in p) for p in outcomes):
                return PathTarget(tuple(tuple(path) for path in outcomes), tuple(map(str, names)))
        case {"kind": "labels", "labels": [*labels]} if labels and all(isinstance(s, str) for s in labels):
            return LabelTarget(tuple(labels))
    raise ModelFolderError("expected a target of kind 'path' or 'labels' with its categories, got something else")
