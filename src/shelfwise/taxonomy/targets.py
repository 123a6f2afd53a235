"""What is predicted, as numbers: a path is one of the known outcomes, a label set is a row of yes and no."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from shelfwise.errors import ModelFolderError, TargetError
from shelfwise.taxonomy.tree import Path, Taxonomy

UNLABELLED = -1


class _Named(ABC):
    """Names as Arrow arrays, made once: tables of predictions take theirs from them."""

    @property
    @abstractmethod
    def part_names(self) -> tuple[str, ...]:
        """What the parts of an answer are called."""

    @property
    @abstractmethod
    def as_paths(self) -> tuple[Path, ...]:
        """What is known, spelled as it is."""

    @cached_property
    def arrow_part_names(self) -> pa.StringArray:
        """``part_names``."""
        return pa.array(self.part_names, pa.string())

    @cached_property
    def arrow_paths(self) -> pa.ListArray:
        """``as_paths``."""
        return pa.array(self.as_paths, pa.list_(pa.string()))


@dataclass(frozen=True)
class PathTarget(_Named):
    """One path a product. ``outcomes`` are the paths at which products end (of any depth), sorted.

    A product gets exactly one outcome, so its probabilities over outcomes sum to 1, and a category's probability
    is the sum over the outcomes at or below it: never less than its child's.
    """

    outcomes: tuple[Path, ...]
    level_names: tuple[str, ...] = ()
    multilabel = False
    exclusive = True

    @classmethod
    def from_truth(cls, truth: Sequence[Path], level_names: Sequence[str] = ()) -> PathTarget:
        """The target that the training products' paths (empty: unlabelled) make.

        Raises TargetError when no product is labelled or all share one path.
        """
        outcomes = sorted({path for path in truth if path})
        if not outcomes:
            raise TargetError(
                "expected products with a category to learn from, but the target is empty in all of them"
            )
        if len(outcomes) == 1:
            raise TargetError(
                f"expected at least two different categories to learn from, but every labelled product is in "
                f"'{' > '.join(outcomes[0])}'; choose another target or add products of other categories"
            )
        return cls(tuple(outcomes), tuple(level_names))

    @property
    def n_outcomes(self) -> int:
        """How many outcomes there are."""
        return len(self.outcomes)

    @property
    def as_paths(self) -> tuple[Path, ...]:
        """What is known, spelled as it is: the outcomes."""
        return self.outcomes

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The tree that the outcomes make."""
        return Taxonomy.from_paths(self.outcomes)

    @cached_property
    def part_names(self) -> tuple[str, ...]:
        """What the parts of an answer are called: each category of the taxonomy, by its own name."""
        return tuple(path[-1] for path in self.taxonomy.paths)

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

    @cached_property
    def lengths(self) -> np.ndarray:
        """int64 [outcomes]: how many levels each outcome's path has."""
        return np.array([len(path) for path in self.outcomes], np.int64)

    @cached_property
    def ancestors_of_outcomes(self) -> np.ndarray:
        """int64 [outcomes, depth]: the categories on each outcome's path, root first; a short path's last one is repeated."""
        rows = [self.taxonomy.ancestors(path) for path in self.outcomes]
        depth = max(map(len, rows))
        return np.stack([np.pad(row, (0, depth - len(row)), mode="edge") for row in rows])

    def category_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """[N, outcomes] → [N, categories]: summed upward."""
        return np.asarray((self.membership.T @ probabilities.T).T)

    def to_json(self) -> dict[str, Any]:
        """The target as plain JSON."""
        return {
            "kind": "path",
            "outcomes": [list(p) for p in self.outcomes],
            "level_names": list(self.level_names),
        }


@dataclass(frozen=True)
class LabelTarget(_Named):
    """A set of labels a product, in no order.

    Without ``sets`` every label is decided for itself: outcomes are the labels, and not exclusive. With ``sets`` (those that
    training saw, as positions in ``labels``) the outcomes are these sets, of which a product has exactly one, and a label's
    probability is the sum over the sets that hold it.
    """

    labels: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...] = ()
    multilabel = True

    @classmethod
    def from_truth(
        cls, truth: Sequence[tuple[str, ...]], min_products: int = 1, space: str = "auto"
    ) -> LabelTarget:
        """The labels of at least ``min_products`` training products.

        ``space`` is "labels", "sets", or "auto": sets where they repeat enough to be learned and are no more than a few thousand.
        Raises TargetError when no label is left.
        """
        counts = Counter(label for labels in truth for label in set(labels))
        labels = sorted(label for label, count in counts.items() if count >= min_products)
        if not labels:
            raise TargetError(
                f"expected labels with at least {min_products} products, but of {len(counts)} labels none has as many"
                if counts
                else "expected products with labels to learn from, but the target is empty in all of them"
            )
        index = {label: place for place, label in enumerate(labels)}
        found = Counter(_positions(given, index) for given in truth)
        del found[()]
        repeat = sum(found.values()) >= _PRODUCTS_PER_SET * len(found) and 1 < len(found) <= _MOST_SETS
        together = space == "sets" or (space == "auto" and repeat)
        return cls(tuple(labels), tuple(sorted(found)) if together else ())

    @property
    def exclusive(self) -> bool:
        """Whether a product has exactly one of the outcomes."""
        return bool(self.sets)

    @property
    def n_outcomes(self) -> int:
        """How many outcomes there are."""
        return len(self.sets) or len(self.labels)

    @cached_property
    def as_paths(self) -> tuple[Path, ...]:
        """What is known, spelled as it is: each label as a path of one name."""
        return tuple((label,) for label in self.labels)

    @property
    def part_names(self) -> tuple[str, ...]:
        """What the parts of an answer are called: the labels."""
        return self.labels

    @cached_property
    def _index(self) -> dict[str, int]:
        return {label: position for position, label in enumerate(self.labels)}

    @cached_property
    def set_index(self) -> dict[tuple[int, ...], int]:
        """Position of every known set."""
        return {labels: position for position, labels in enumerate(self.sets)}

    @cached_property
    def members(self) -> np.ndarray:
        """float32 [sets, labels]: 1 where the set holds the label."""
        members = np.zeros((len(self.sets), len(self.labels)), np.float32)
        for row, labels in enumerate(self.sets):
            members[row, list(labels)] = 1
        return members

    def encode(self, truth: Sequence[tuple[str, ...]]) -> np.ndarray:
        """The outcomes of every product: int64 [N] set positions (-1: not a known set), or float32 [N, labels]."""
        if not self.sets:
            return self.encode_labels(truth)
        return np.array(
            [self.set_index.get(_positions(given, self._index), UNLABELLED) for given in truth],
            dtype=np.int64,
        )

    def beyond(self, truth: Sequence[tuple[str, ...]]) -> np.ndarray:
        """bool [N]: which products have labels that are not known, so that no answer about them can be all of it."""
        return np.array([any(label not in self._index for label in given) for given in truth], bool)

    def encode_labels(self, truth: Sequence[tuple[str, ...]]) -> np.ndarray:
        """float32 [N, labels]: 1 where the product has the label. Labels that are not known are left out."""
        matrix = np.zeros((len(truth), len(self.labels)), np.float32)
        for row, given in enumerate(truth):
            matrix[row, list(_positions(given, self._index))] = 1
        return matrix

    def label_probabilities(self, probabilities: np.ndarray) -> np.ndarray:
        """[N, outcomes] → [N, labels]."""
        return np.minimum(probabilities @ self.members, 1.0) if self.sets else probabilities

    def to_json(self) -> dict[str, Any]:
        """The target as plain JSON."""
        return {"kind": "labels", "labels": list(self.labels), "sets": [list(labels) for labels in self.sets]}


_PRODUCTS_PER_SET = 4
"""Label sets are learned as such where each has at least this many products on average."""
_MOST_SETS = 3_000
"""Up to so many of them: held-out products have a number for each, from each classifier (3 GB of 40,000 products and six)."""


def _positions(labels: Sequence[str], index: dict[str, int]) -> tuple[int, ...]:
    return tuple(sorted({index[label] for label in labels if label in index}))


Target = PathTarget | LabelTarget


def target_from_json(value: dict[str, Any]) -> Target:
    """The target that ``to_json`` wrote. Raises ModelFolderError for anything else."""
    match value:
        case {"kind": "path", "outcomes": [*outcomes], "level_names": [*names]}:
            target: Target | None = _path_target(outcomes, names)
        case {"kind": "labels", "labels": [*labels], "sets": [*sets]}:
            target = _label_target(labels, sets)
        case _:
            target = None
    if target is None:
        raise ModelFolderError(
            "expected a target of kind 'path' or 'labels' with its categories, each once, got something else"
        )
    return target


def _path_target(outcomes: list[Any], names: list[Any]) -> PathTarget | None:
    paths = [tuple(path) if isinstance(path, list) else () for path in outcomes]
    texts = all(isinstance(name, str) for part in (*paths, names) for name in part)
    if not paths or not all(paths) or not texts or len(set(paths)) < len(paths):
        return None
    return PathTarget(tuple(paths), tuple(names))


def _label_target(labels: list[Any], sets: list[Any]) -> LabelTarget | None:
    if not labels or not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        return None
    places = [tuple(places) if isinstance(places, list) else () for places in sets]
    if not all(type(place) is int and place in range(len(labels)) for given in places for place in given):
        return None
    ascending = all(given and list(given) == sorted(set(given)) for given in places)
    if not ascending or len(set(places)) < len(places):
        return None
    return LabelTarget(tuple(labels), tuple(places))
