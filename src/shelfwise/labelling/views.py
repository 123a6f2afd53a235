"""Products as a model sees them, in the two ways that choosing needs: what it doubts, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.categorizer import Categorizer
from shelfwise.ensemble import Ensemble, Prepared, prepare
from shelfwise.progress import Reporter
from shelfwise.taxonomy.targets import LabelTarget

KEPT_OUTCOMES = 24
"""Of every product the outcomes with the largest doubts: of thousands of categories few are in question."""
AT_ONCE = 4_096
_WIDEST_DENSE = 8_192
"""Features in a row beyond which an input is pixels and not a vector: distances between pixels say little."""


@dataclass(frozen=True)
class Views:
    """N products: their rows in the catalog, their doubts [N, outcomes] and their features [N, width], both sparse.

    A row of doubts is the gradient of the loss at the outputs, were the model's own answer the truth: the probabilities, less 1
    at what is answered. It is long where the model is unsure. Features have length 1, or 0 where nothing is known.
    """

    rows: np.ndarray
    doubts: sp.csr_matrix
    features: sp.csr_matrix

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: np.ndarray) -> Views:
        """Some of the products, in the given order."""
        return Views(self.rows[places], self.doubts[places], self.features[places])

    @classmethod
    def together(cls, parts: Sequence[Views]) -> Views:
        """The products of several parts, one after the other."""
        return cls(
            np.concatenate([part.rows for part in parts]),
            sp.vstack([part.doubts for part in parts], format="csr"),
            sp.vstack([part.features for part in parts], format="csr"),
        )

    @property
    def lengths(self) -> np.ndarray:
        """float64 [N]: the squared length of each product's whole gradient, doubts ⊗ features."""
        return _squares(self.doubts) * _squares(self.features)


def view(model: Categorizer, catalog: Catalog, rows: np.ndarray, reporter: Reporter) -> Views:
    """The products ``rows`` of a catalog. Those without any usable input are left out."""
    ensemble = model.ensemble_
    prepared = prepare(ensemble.encoders, model.recipe_.inputs, catalog.take(rows), reporter)
    data = ensemble.transform(prepared)
    everything = np.arange(len(rows))
    logits, present = ensemble.logits(data, everything)
    kept = np.flatnonzero(present.any(axis=0))
    probabilities = ensemble.probabilities(logits, present)[kept]
    return Views(rows[kept], _doubts(ensemble, probabilities), _features(ensemble, data)[kept])


def _doubts(ensemble: Ensemble, probabilities: np.ndarray) -> sp.csr_matrix:
    """float32 [N, outcomes], the largest `KEPT_OUTCOMES` of each row."""
    target = ensemble.target
    doubts = probabilities.astype(np.float32)
    if target.exclusive:
        doubts[np.arange(len(doubts)), doubts.argmax(1)] -= 1
    else:
        assert isinstance(target, LabelTarget)
        doubts -= ensemble.calibration.thresholds.given(probabilities)
    if doubts.shape[1] > KEPT_OUTCOMES:
        least = np.argpartition(np.abs(doubts), -KEPT_OUTCOMES, axis=1)[:, :-KEPT_OUTCOMES]
        np.put_along_axis(doubts, least, 0, axis=1)
    return sp.csr_matrix(doubts)


def _features(ensemble: Ensemble, data: Prepared) -> sp.csr_matrix:
    """float32 [N, width of all inputs]: each input's vector of length 1, together of length 1. Numbers make nothing alike."""
    parts = []
    for name, encoded in data.items():
        if ensemble.encoders[name].roles <= {Role.NUMBER}:
            continue
        matrix = encoded.matrix
        if isinstance(matrix, np.ndarray):
            if (
                matrix.ndim != 2
                or matrix.shape[1] > _WIDEST_DENSE
                or not np.issubdtype(matrix.dtype, np.floating)
            ):
                continue
            matrix = sp.csr_matrix(matrix.astype(np.float32))
        present = sp.diags(encoded.present.astype(np.float32))
        parts.append(_of_length_one(present @ matrix.astype(np.float32)))
    if not parts:
        # Pictures alone: nothing tells two products apart but what the model doubts of them.
        count = len(next(iter(data.values())))
        return sp.csr_matrix(np.ones((count, 1), np.float32))
    return _of_length_one(sp.hstack(parts, format="csr"))


def _of_length_one(matrix: sp.csr_matrix) -> sp.csr_matrix:
    lengths = np.sqrt(_squares(matrix))
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return (sp.diags(scale.astype(np.float32)) @ matrix).tocsr()


def _squares(matrix: sp.csr_matrix) -> np.ndarray:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64).ravel()
