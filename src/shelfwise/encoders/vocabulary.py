"""Which hash buckets became columns: what encoders of hashed inputs learn, save and look up alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from shelfwise.catalog.column import InputColumn, State
from shelfwise.catalog.rows import one_array
from shelfwise.encoders.base import Encoded, Progress, no_progress
from shelfwise.encoders.hashing import BUCKETS, NgramRange, hash_texts
from shelfwise.encoders.native import SELECT, as_rows, csr_arrays, fits_native
from shelfwise.encoders.rows_on_demand import RowsOnDemand
from shelfwise.errors import ModelFolderError

BLOCK_ROWS = 4096
"""Products treated at once, so that working memory stays small beside the matrices themselves."""

ALTERED = "the model folder is damaged or was altered: copy it again or train anew"
"""The end of every message about a saved encoder that does not fit."""

SMALL_CATALOG_PRODUCTS = 100
"""Below this many training products nothing is too rare to keep."""


SAMPLED_PRODUCTS = 2_000


def row_blocks(n_rows: int) -> Iterator[slice]:
    """All rows in order, ``BLOCK_ROWS`` at a time."""
    for start in range(0, n_rows, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, n_rows))


def count_buckets(matrix: sp.csr_matrix, rows: np.ndarray, *, once_a_product: bool) -> np.ndarray:
    """int64 [buckets]: in how many of the rows a bucket occurs, or else how often in all of them together."""
    totals = np.zeros(matrix.shape[1], np.int64)
    for block in row_blocks(len(rows)):
        part = matrix[rows[block]]
        weights = None if once_a_product else part.data
        totals += np.bincount(part.indices, weights, minlength=len(totals)).astype(np.int64, copy=False)
    return totals


def most_frequent(counts: np.ndarray, at_least: int, at_most: int) -> np.ndarray:
    """int32 [kept], sorted: the places in ``counts`` that reach ``at_least``, the largest ``at_most`` of
    them.

    Among equals the lower place is kept, so the choice does not depend on the machine.
    """
    kept = np.flatnonzero(counts >= max(at_least, 1))
    if len(kept) > at_most:
        by_count = np.argsort(-counts[kept], kind="stable")
        kept = np.sort(kept[by_count[:at_most]])
    return kept.astype(np.int32)


def prepare_texts(
    column: InputColumn,
    *,
    words: NgramRange | None,
    chars: NgramRange | None = None,
    lowercase: bool = True,
    progress: Progress = no_progress,
) -> Encoded:
    """Hashed n-gram counts of a text column: ``hash_texts``'s CSR float32, empty rows where not PRESENT."""
    assert isinstance(column.values, pa.Array | pa.ChunkedArray), "text columns hold Arrow strings"
    matrices = []
    for block in row_blocks(len(column)):
        texts = column.values.slice(block.start, block.stop - block.start).to_pylist()
        present = column.state[block] == State.PRESENT
        kept = [text if here else None for text, here in zip(texts, present, strict=True)]
        matrices.append(hash_texts(kept, words=words, chars=chars, lowercase=lowercase))
        progress(len(texts))
    if not matrices:
        counts = hash_texts([], words=words, chars=chars)
    else:
        counts = matrices[0] if len(matrices) == 1 else sp.vstack(matrices, format="csr")
    return Encoded(counts, column.state, column.reasons)


def texts_on_demand(
    column: InputColumn,
    *,
    words: NgramRange | None,
    chars: NgramRange | None = None,
    lowercase: bool = True,
) -> Encoded:
    """What `prepare_texts` gives, with rows that are made when they are asked for."""
    assert isinstance(column.values, pa.Array | pa.ChunkedArray), "text columns hold Arrow strings"
    present = column.state == State.PRESENT
    texts = column.values
    if not np.array_equal(np.asarray(texts.is_valid()), present):
        texts = pc.if_else(pa.array(present), texts, pa.scalar(None, texts.type))
    texts = one_array(texts) if isinstance(texts, pa.ChunkedArray) else texts
    # What reading left over stays with the process otherwise, and there is no room for it where this is called.
    pa.default_memory_pool().release_unused()
    count = partial(hash_texts, words=words, chars=chars, lowercase=lowercase)
    return Encoded(RowsOnDemand(texts, count, BUCKETS), column.state, column.reasons)


def mean_row_bytes(column: InputColumn, count: Callable[[Sequence[str | None]], sp.csr_matrix]) -> float:
    """Bytes that a row of counts takes, by a sample of the texts that does not depend on chance."""
    assert isinstance(column.values, pa.Array | pa.ChunkedArray), "text columns hold Arrow strings"
    if not len(column):
        return 0.0
    rows = np.unique(np.linspace(0, len(column) - 1, SAMPLED_PRODUCTS).astype(np.int64))
    counts = count(column.values.take(pa.array(rows)).to_pylist())
    return (counts.data.nbytes + counts.indices.nbytes) / len(rows) + counts.indptr.itemsize


def without_known(matrix: sp.csr_matrix, prepared: Encoded) -> Encoded:
    """The matrix with its states, where a PRESENT row that says nothing to the fitted encoder becomes ABSENT.

    A title of unknown words only is no reason to trust the title's classifier: the other inputs decide.
    """
    state = prepared.state.copy()
    state[(np.diff(matrix.indptr) == 0) & (state == State.PRESENT)] = State.ABSENT
    return Encoded(matrix, state, prepared.reasons)


class Vocabulary:
    """The buckets that were kept, in ascending order; a bucket's place is its column."""

    def __init__(self, buckets: np.ndarray, n_buckets: int) -> None:
        """``buckets``: int32 [W], sorted, unique, each in 0 … ``n_buckets`` - 1."""
        self.buckets = buckets
        self.n_buckets = n_buckets
        self._column_of = np.full(n_buckets, -1, np.int32)
        self._column_of[buckets] = np.arange(len(buckets), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.buckets)

    @property
    def width(self) -> int:
        """Columns of what ``select`` gives: at least one, so that a head fits an input never seen."""
        return max(1, len(self))

    def weighed(
        self, counts: sp.csr_matrix, idf: np.ndarray, damped: np.ndarray | None
    ) -> sp.csr_matrix | None:
        """What `Ngrams` makes of counts [N, n_buckets], CSR float32 [N, width], by the compiled loop; None where there is none.

        ``idf`` float32 [width]; ``damped`` float32: what stands for a count, up to the last.
        """
        if SELECT is None or not fits_native(counts):
            return None
        tables = (idf,) if damped is None else (idf, damped)
        return as_rows(SELECT(*csr_arrays(counts), self._column_of, *tables), self.width)

    def select(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        """CSR float32 [N, width]: the counts [N, n_buckets] of known buckets; unknown ones are left out."""
        if SELECT is not None and fits_native(counts):
            return as_rows(SELECT(*csr_arrays(counts), self._column_of), self.width)
        lengths, columns, values = [np.zeros(1, np.int64)], [], []
        for block in row_blocks(counts.shape[0]):
            bounds = counts.indptr[block.start : block.stop + 1]
            entries = slice(bounds[0], bounds[-1])
            found = self._column_of[counts.indices[entries]]
            known = found >= 0
            known_before = np.concatenate(([0], np.cumsum(known)))
            lengths.append(np.diff(known_before[bounds - bounds[0]]))
            columns.append(found[known])
            values.append(counts.data[entries][known])
        ends = np.cumsum(np.concatenate(lengths))
        ends = ends.astype(np.int32) if ends[-1] < 2**31 else ends
        if not columns:
            return sp.csr_matrix((0, self.width), dtype=np.float32)
        parts = (np.concatenate(values), np.concatenate(columns), ends)
        return sp.csr_matrix(parts, shape=(counts.shape[0], self.width))


def saved_array(
    arrays: dict[str, np.ndarray], name: str, dtype: type, length: int | None = None
) -> np.ndarray:
    """One finite 1-d array of a saved encoder. Raises ModelFolderError where it is missing or unfit."""
    if name not in arrays:
        raise ModelFolderError(f'expected the encoder\'s array "{name}", found {sorted(arrays)}; {ALTERED}')
    array = arrays[name]
    fits = array.dtype == dtype and array.ndim == 1 and length in (None, len(array))
    if not fits or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        expected = f"finite {np.dtype(dtype)} [{'any' if length is None else length}]"
        raise ModelFolderError(
            f'expected {expected} as the encoder\'s array "{name}", got {array.dtype} {list(array.shape)} '
            f"or numbers that are not finite; {ALTERED}"
        )
    return array


def saved_buckets(arrays: dict[str, np.ndarray], n_buckets: int, longest: int) -> np.ndarray:
    """The saved "buckets": int32, ascending, unique, in 0 … ``n_buckets`` - 1, at most ``longest``.

    Raises ModelFolderError where they are not.
    """
    buckets = saved_array(arrays, "buckets", np.int32)
    ascending = bool(np.all(buckets[1:] > buckets[:-1]))
    if len(buckets) and not (ascending and buckets[0] >= 0 and buckets[-1] < n_buckets):
        raise ModelFolderError(
            f'expected the encoder\'s array "buckets" to ascend within 0 … {n_buckets - 1}, '
            f"got one that does not; {ALTERED}"
        )
    if len(buckets) > longest:
        raise ModelFolderError(
            f'expected at most {longest} numbers in the encoder\'s array "buckets" (by its options), '
            f"got {len(buckets)}; {ALTERED}"
        )
    return buckets
