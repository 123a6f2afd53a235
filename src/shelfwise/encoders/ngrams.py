"""Reads text as weighted n-grams: the strongest cheap view of a title or description there is."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, model_validator

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.hashing import BUCKETS, MAX_NGRAM, hash_texts
from shelfwise.encoders.rows_on_demand import is_on_demand
from shelfwise.encoders.vocabulary import (
    ALTERED,
    SMALL_CATALOG_PRODUCTS,
    Vocabulary,
    count_buckets,
    mean_row_bytes,
    most_frequent,
    prepare_texts,
    row_blocks,
    saved_array,
    saved_buckets,
    texts_on_demand,
    without_known,
)
from shelfwise.errors import ModelFolderError

_MAX_COUNT = 4095
_DAMPED = np.concatenate(([0.0], 1.0 + np.log(np.arange(1, _MAX_COUNT + 1)))).astype(np.float32)
"""1 + ln(count), from a fixed table: vector instructions may round a number differently by its place."""

_MAX_IDF = 100
"""Far above any: 1 + ln(products)."""


class NgramsOptions(EncoderOptions):
    """What ``Ngrams`` counts and keeps."""

    words: tuple[int, int] | None = (1, 2)
    """Shortest and longest n-gram of words; null for none."""
    chars: tuple[int, int] | None = None
    """Shortest and longest n-gram of characters within words. (2, 5) forgives typos and reads scripts without
    spaces, and costs about five times the time."""
    min_products: int = Field(2, ge=1)
    """An n-gram in fewer training products is left out (with fewer than 100 training products none is)."""
    max_features: int = Field(300_000, ge=1)
    """The n-grams in most training products are kept, up to this many."""
    sublinear: bool = True
    """Count an n-gram's repetitions as 1 + ln(count), so that a repeated word does not drown the others."""
    lowercase: bool = True
    """False tells "Apple" from "apple"."""

    @model_validator(mode="after")
    def _ranges_make_sense(self) -> Self:
        for limits in (self.words, self.chars):
            if limits is not None and not 1 <= limits[0] <= limits[1] <= MAX_NGRAM:
                raise ValueError(f"expected 1 ≤ shortest ≤ longest ≤ {MAX_NGRAM} for n-grams, got {limits}")
        if self.words is None and self.chars is None:
            raise ValueError(
                "expected words, chars or both, got null for both; give one, such as words: [1, 2]"
            )
        return self


class Ngrams(Encoder):
    """TF-IDF of hashed n-grams of words, of characters within words, or of both.

    The weights are scikit-learn's ``TfidfVectorizer``'s: (1 + ln count) · (ln((1 + n) / (1 + df)) + 1) with n
    and df counted over the training products that carry the text; rows have length 1. Words
    and characters share one row and one length: weighing the two kinds alike, each of length 1 by itself, was
    no better (article types of 9,000 Myntra products by a linear SVM: .916 against .917).

    A product whose text holds no known n-gram becomes ABSENT in ``transform``, with no reason.
    """

    kind: ClassVar[str] = "ngrams"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.TEXT, Role.CATEGORY})
    Options: ClassVar[type[EncoderOptions]] = NgramsOptions
    options: NgramsOptions

    def __init__(self, options: NgramsOptions) -> None:
        super().__init__(options)
        self._set(np.empty(0, np.int32), np.empty(0, np.float32))

    def _set(self, buckets: np.ndarray, idf: np.ndarray) -> None:
        self._vocabulary = Vocabulary(buckets, BUCKETS)
        self._idf = idf

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Count n-grams: CSR float32 [N, buckets]. A row does not depend on the others."""
        options = self.options
        return prepare_texts(
            column, words=options.words, chars=options.chars, lowercase=options.lowercase, progress=progress
        )

    def prepare_within(
        self, column: InputColumn, most_bytes: float, progress: Progress = no_progress
    ) -> Encoded:
        """See the base class: rows are made from their texts whenever they are asked for, if keeping them takes more.

        What ``transform`` makes of them takes as much again.
        """
        options = self.options
        forms: dict[str, Any] = {
            "words": options.words,
            "chars": options.chars,
            "lowercase": options.lowercase,
        }
        if 2 * len(column) * mean_row_bytes(column, partial(hash_texts, **forms)) <= most_bytes:
            return self.prepare(column, progress)
        progress(len(column))
        return texts_on_demand(column, **forms)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Keep the n-grams that enough of the training products share, and weigh them."""
        rows = rows[prepared.present[rows]]
        products = count_buckets(prepared.matrix, rows, once_a_product=True)
        enough = 1 if len(rows) < SMALL_CATALOG_PRODUCTS else self.options.min_products
        buckets = most_frequent(products, enough, self.options.max_features)
        idf = np.log((1.0 + len(rows)) / (1.0 + products[buckets])) + 1.0
        self._set(buckets, idf.astype(np.float32))
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """TF-IDF: CSR float32 [N, width], rows of length 1, or empty (then not PRESENT)."""
        if is_on_demand(prepared.matrix):
            return self._on_demand(prepared)
        return without_known(self._weighted(prepared.matrix), prepared)

    def _on_demand(self, prepared: Encoded) -> Encoded:
        """The same as rows that are made when they are asked for; who is PRESENT takes one pass over all of them."""
        matrix = prepared.matrix.then(self._weighted, self.width)  # type: ignore[union-attr]
        known = np.concatenate(
            [np.zeros(0, np.int64)] + [np.diff(matrix[block].indptr) for block in row_blocks(len(prepared))]
        )
        state = prepared.state.copy()
        state[(known == 0) & (state == State.PRESENT)] = State.ABSENT
        return Encoded(matrix, state, prepared.reasons)

    def _weighted(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        """Counts [N, buckets] as weights [N, width], row by row."""
        found = self._vocabulary.weighed(counts, self._idf, _DAMPED if self.options.sublinear else None)
        if found is not None:
            return found
        matrix = self._vocabulary.select(counts)
        for block in row_blocks(matrix.shape[0]):
            bounds = matrix.indptr[block.start : block.stop + 1]
            entries = slice(bounds[0], bounds[-1])
            matrix.data[entries] = self._weights(
                matrix.data[entries], matrix.indices[entries], np.diff(bounds)
            )
        return matrix

    def _weights(self, counts: np.ndarray, columns: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """float32 [entries]: the weights of rows that have ``lengths`` entries each."""
        if self.options.sublinear:
            counts = _DAMPED[np.minimum(counts, _MAX_COUNT).astype(np.intp)]
        weights = counts * self._idf[columns]
        row = np.repeat(np.arange(len(lengths)), lengths)
        # bincount adds up each row in order, in float64: the same sum in whatever batch.
        norms = np.sqrt(np.bincount(row, weights * weights, minlength=len(lengths)))
        return weights / norms.astype(np.float32)[row]

    @property
    def width(self) -> int:
        """The number of n-grams kept (1 where there are none)."""
        return self._vocabulary.width

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "buckets": int32 [W] ascending; "idf": float32 [W]."""
        return {"buckets": self._vocabulary.buckets, "idf": self._idf}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        buckets = saved_buckets(arrays, BUCKETS, self.options.max_features)
        idf = saved_array(arrays, "idf", np.float32, len(buckets))
        if len(idf) and not 0.99 < idf.min() <= idf.max() < _MAX_IDF:
            raise ModelFolderError(
                f'expected numbers in 1 … {_MAX_IDF} in the encoder\'s array "idf", '
                f"got {idf.min()} … {idf.max()}; {ALTERED}"
            )
        self._set(buckets, idf)
        return self
