"""What "a new kind of product" would be, for paths and for label sets."""

from __future__ import annotations

import numpy as np

from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target


class Kinds:
    """What "a new kind of product" would be: a category's name at the end of paths, wherever it stands, or a label.

    A product is of one kind; of a label set that of its rarest label.
    """

    def __init__(self, target: Target, truth: np.ndarray) -> None:
        """``truth``: encoded, of the products learned from."""
        self._target = target
        if isinstance(target, PathTarget):
            names = {name: place for place, name in enumerate(sorted({path[-1] for path in target.outcomes}))}
            self._name_of = np.array([names[path[-1]] for path in target.outcomes])
        else:
            self._counts = self._labels(truth).sum(0)

    def of(self, truth: np.ndarray) -> np.ndarray:
        """int64 [N]: the kind of each product; -1 for none."""
        if isinstance(self._target, PathTarget):
            return np.where(truth >= 0, self._name_of[truth], -1)
        labels = self._labels(truth) > 0
        rarest = np.where(labels, self._counts, np.inf).argmin(1)
        return np.where(labels.any(1), rarest, -1)

    def bearers(self, kinds: np.ndarray) -> np.ndarray:
        """bool [N, outcomes]: the outcomes that would not be there if a product's kind were new."""
        if isinstance(self._target, PathTarget):
            return self._name_of == kinds[:, None]
        if self._target.sets:
            return self._target.members[:, kinds].T > 0
        return np.arange(self._target.n_outcomes) == kinds[:, None]

    def answers(self, truth: np.ndarray) -> list[tuple[int, ...]]:
        """The outcome of each product, or its labels."""
        if isinstance(self._target, PathTarget):
            return [(int(outcome),) for outcome in truth]
        return [tuple(map(int, np.flatnonzero(row))) for row in self._labels(truth)]

    def borne(self, truth: np.ndarray) -> dict[int, np.ndarray]:
        """Kind → the positions of products that bear it, with others or alone."""
        if isinstance(self._target, PathTarget):
            names = self._name_of[truth]
            return {int(kind): np.flatnonzero(names == kind) for kind in np.unique(names)}
        labels = self._labels(truth) > 0
        return {label: np.flatnonzero(labels[:, label]) for label in range(labels.shape[1])}

    def _labels(self, truth: np.ndarray) -> np.ndarray:
        """float [N, labels]."""
        assert isinstance(self._target, LabelTarget)
        if not self._target.sets:
            return truth
        return np.where(truth[:, None] >= 0, self._target.members[truth], 0.0)
