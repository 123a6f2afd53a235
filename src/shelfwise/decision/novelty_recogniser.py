"""Recognises the kinds of products it was shown, and knows how little it recognises what it was not: a second opinion on novelty.

Classifiers divide everything among the categories they know, so their doubts say how a product is torn between known ones, not
whether it is one of them. Here one regression a kind says yes or no for itself, on the product's folded features; what none of
them says yes to is new. Regressions, because what they would say had a group or a whole kind of products never been shown follows
exactly from one fit (the hat matrix of ridge regression; Cook & Weisberg 1982, *Residuals and Influence in Regression*): so
held-out products can be looked at as if their kinds were new without training anything again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from shelfwise.engine.sparse import sparse_times_dense
from shelfwise.errors import ModelFolderError

MOST_SHOWN = 8_192
"""Products it is fitted on."""
OWN_CLASSES, SHARED_CLASSES = 384, 128
"""Kinds of most products have a regression of their own; all others share some."""
_STRENGTH = 0.1
"""Of the ridge penalty; features have length 1 or so."""
_ROWS_AT_ONCE = 512
_DECIMALS = 4
_LARGEST = 1e4
_NEVER = -2.0
"""What a regression says of a kind that was not shown: less than any says of anything."""


Features: TypeAlias = np.ndarray | sp.csr_matrix


@dataclass(frozen=True, eq=False)
class Recogniser:
    """``weights`` float32 [features + 1, classes]; the last row is what each regression says of nothing."""

    weights: np.ndarray

    def unfamiliarity(self, features: Sequence[Features]) -> np.ndarray:
        """float64 [N]: how far the surest class is from saying yes; higher is newer.

        ``features`` float32 [N, some] side by side, sparse or not. About 0 for what is recognised and 1 for what is not. A
        product's does not depend on the others.
        """
        said = np.repeat(self.weights[-1:], features[0].shape[0], axis=0)
        first = 0
        for part in features:
            mine = self.weights[first : first + part.shape[1]]
            first += part.shape[1]
            if sp.issparse(part):  # row by row, so that no product depends on others
                said += sparse_times_dense(part, mine)
                continue
            for rows, found in product_in_blocks(part, mine):
                said[rows] += found
        return np.round(1 - said.max(axis=1).astype(np.float64), _DECIMALS)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, to be written to safetensors."""
        return {"weights": self.weights}

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], features: int) -> Self:
        """What ``arrays`` wrote. Raises ModelFolderError where it is not of so many features."""
        weights = arrays.get("weights")
        if weights is None or len(arrays) > 1:
            raise ModelFolderError(
                f"expected the weights of a recogniser of kinds, got {', '.join(arrays):.100}"
            )
        fits = weights.dtype == np.float32 and weights.ndim == 2 and weights.shape[0] == features + 1
        if not fits or not weights.shape[1] or not (np.abs(weights) <= _LARGEST).all():
            raise ModelFolderError(
                f"expected finite float32 [{features + 1}, classes] as a recogniser's weights, got {weights.dtype} "
                f"{list(weights.shape)} or numbers out of range"
            )
        return cls(weights)


def product_in_blocks(rows: np.ndarray, columns: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """``rows`` float32 [N, some] @ ``columns`` [some, M], block by block: which rows, and float32 [rows, M].

    Always as many rows at once, filled up with zeros: a matrix kernel rounds differently for other sizes, and a product's result
    must not depend on the others.
    """
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        filled = np.zeros((_ROWS_AT_ONCE, rows.shape[1]), np.float32)
        filled[: len(part)] = part
        yield slice(start, start + len(part)), (filled @ columns)[: len(part)]


def as_dense(features: Sequence[Features]) -> np.ndarray:
    """float32 [N, all of them]: the parts side by side."""
    return np.hstack([part if isinstance(part, np.ndarray) else part.toarray() for part in features])


class RecogniserFit:
    """A recogniser and what it would be without some of the products that it was shown."""

    def __init__(self, features: np.ndarray, kinds: np.ndarray) -> None:
        """``features`` float32 [N, features] of products of ``kinds`` int64 [N], 0 or more."""
        classes = _classes(kinds)
        ones = np.ones((len(features), 1), np.float32)
        self._features = np.hstack([features, ones])
        self._wanted = (classes[kinds][:, None] == np.arange(classes.max() + 1)).astype(np.float32)
        self._class_of, self._kinds = classes, kinds
        gram = self._features.T @ self._features
        gram[np.diag_indices_from(gram)] += _STRENGTH
        # float32 [N, features + 1]: how the weights move with what is wanted of a product
        self._moves = np.ascontiguousarray(
            scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram), self._features.T).T
        )
        self._weights = self._moves.T @ self._wanted
        self._missed = self._wanted - self._features @ self._weights

    @property
    def recogniser(self) -> Recogniser:
        """The recogniser that was shown all products."""
        return Recogniser(self._weights.astype(np.float32))

    def said(self, features: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """float64 [N, classes]: what the regressions would say of ``features`` [N, features] had the products at the places
        ``hidden`` not been shown, exactly."""
        asked = np.hstack([features, np.ones((len(features), 1), np.float32)])
        found = (asked @ self._weights).astype(np.float64)
        if len(hidden):
            moves = self._moves[hidden].T
            hat = (self._features[hidden] @ moves).astype(np.float64)
            missed = np.linalg.solve(np.eye(len(hidden)) - hat, self._missed[hidden].astype(np.float64))
            found -= (asked @ moves).astype(np.float64) @ missed
        return found

    def unfamiliarity(
        self, features: np.ndarray, hidden: np.ndarray, unknown_kind: int | None = None
    ) -> np.ndarray:
        """float64 [N]: as `Recogniser.unfamiliarity`, had the products ``hidden`` not been shown; a class that is the
        ``unknown_kind``'s alone then does not exist."""
        said = self.said(features, hidden)
        if unknown_kind is not None and unknown_kind < len(self._class_of):
            mine = self._class_of[unknown_kind]
            if (self._class_of == mine).sum() == 1:
                said[:, mine] = _NEVER
        return np.round(1 - said.max(axis=1), _DECIMALS)


def _classes(kinds: np.ndarray) -> np.ndarray:
    """int64 [kinds]: the class of each kind; those of most products have one of their own."""
    counts = np.bincount(kinds)
    order = np.argsort(-counts, kind="stable")
    classes = np.empty(len(counts), np.int64)
    places = np.arange(len(counts))
    classes[order] = np.where(
        places < OWN_CLASSES, places, OWN_CLASSES + (places - OWN_CLASSES) % SHARED_CLASSES
    )
    return classes
