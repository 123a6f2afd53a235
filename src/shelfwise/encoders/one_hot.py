"""Reads a value of a closed list (brand, colour) as one column a value, with a place for the unseen."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.hashing import VALUE_BUCKETS, hash_values
from shelfwise.encoders.vocabulary import most_frequent, saved_buckets, without_known


class OneHotOptions(EncoderOptions):
    """Which values get a column of their own."""

    min_products: int = Field(2, ge=1)
    """A value in fewer training products counts as unknown: from these the unknown column learns."""
    max_values: int = Field(50_000, ge=1)
    """The values of most training products get a column, up to this many; the others count as unknown."""


class OneHot(Encoder):
    """One column for each value seen often enough in training, and a last one for every other value.

    Values are compared in NFKC form, case-folded, with white space trimmed and collapsed. They are kept as
    hashes (one in 2**31, see ``hash_values``): an unseen brand is never mistaken for the most frequent one,
    and the model folder does not list a shop's suppliers. A blank value becomes ABSENT in ``transform``, with
    no reason.
    """

    kind: ClassVar[str] = "one_hot"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.CATEGORY})
    Options: ClassVar[type[EncoderOptions]] = OneHotOptions
    options: OneHotOptions

    def __init__(self, options: OneHotOptions) -> None:
        super().__init__(options)
        self._buckets = np.empty(0, np.int32)

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Hash each value: CSR float32 [N, ``VALUE_BUCKETS``] with one 1 in the rows that hold a value."""
        assert isinstance(column.values, pa.Array | pa.ChunkedArray), "category columns hold Arrow strings"
        # Each distinct value is hashed once; a catalog has far fewer brands than products.
        distinct = column.values.unique()
        bucket_of = dict(zip(distinct.to_pylist(), hash_values(distinct.to_pylist()).tolist(), strict=True))
        buckets = np.array([bucket_of[value] for value in column.values.to_pylist()], np.int64)
        buckets[column.state != State.PRESENT] = -1
        progress(len(column))
        return Encoded(_one_a_row(buckets, VALUE_BUCKETS), column.state, column.reasons)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Choose the values that get a column, by the number of training products that carry them."""
        rows = rows[prepared.present[rows]]
        found, products = np.unique(prepared.matrix[rows].indices, return_counts=True)
        kept = most_frequent(products, self.options.min_products, self.options.max_values)
        self._buckets = found[kept].astype(np.int32)
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """CSR float32 [N, width], a single 1 in each PRESENT row; the last column is for unknown values."""
        matrix = prepared.matrix
        assert isinstance(matrix, sp.csr_matrix), "one_hot prepares CSR"
        filled = np.diff(matrix.indptr) > 0
        columns = np.full(matrix.shape[0], -1, np.int64)
        place = np.searchsorted(self._buckets, matrix.indices)
        known = np.append(self._buckets, -1)[place] == matrix.indices
        columns[filled] = np.where(known, place, len(self._buckets))
        return without_known(_one_a_row(columns, self.width), prepared)

    @property
    def width(self) -> int:
        """The number of values kept, and one for all others."""
        return len(self._buckets) + 1

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "buckets": int32 [W - 1] ascending."""
        return {"buckets": self._buckets}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        self._buckets = saved_buckets(arrays, VALUE_BUCKETS, self.options.max_values)
        return self


def _one_a_row(columns: np.ndarray, width: int) -> sp.csr_matrix:
    """CSR float32 [N, width]: a 1 in the given column of each row; no entry where it is -1."""
    filled = columns >= 0
    bounds = np.concatenate(([0], np.cumsum(filled))).astype(np.int32)
    ones = np.ones(bounds[-1], np.float32)
    return sp.csr_matrix((ones, columns[filled].astype(np.int32), bounds), shape=(len(columns), width))
