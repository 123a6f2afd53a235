"""Sparse rows in fewer columns, by the hashing trick (Weinberger et al. 2009): in C where it was compiled, else by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from shelfwise.encoders.native import csr_arrays, fits_native
from shelfwise.engine.sparse import entry_rows

try:
    from shelfwise.explain import _folding  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same results
    _folding = None


@dataclass(frozen=True)
class Part:
    """Rows to be folded: CSR float32 [N, columns], and where each column goes: int32 ``slots`` of 0 or more, float32 ``signs``,
    for at least so many columns."""

    rows: sp.csr_matrix
    slots: np.ndarray
    signs: np.ndarray


def row_lengths(rows: sp.csr_matrix) -> np.ndarray:
    """float64 [N]: the Euclidean length of each row of CSR float32 [N, columns], its entries as they stand there."""
    if _folding is not None and fits_native(rows):
        lengths = np.empty(rows.shape[0])
        bounds, _, values = csr_arrays(rows)
        _folding.row_lengths(bounds, values, lengths)
        return lengths
    squares = np.square(rows.data, dtype=np.float64)
    return np.sqrt(np.bincount(entry_rows(rows), squares, rows.shape[0]))


def fold_together(parts: Sequence[Part], scales: Sequence[np.ndarray], width: int) -> sp.csr_matrix:
    """CSR float32 [N, width]: each entry of the ``parts`` in its column's slot, times its column's sign and its row's scale; a
    slot may be there twice.

    ``scales``: float32 [N] for each part; ``width``: a power of two, of greater slots the remainder counts.
    """
    lengths = [np.diff(part.rows.indptr) for part in parts]
    bounds = np.concatenate(([0], np.cumsum(sum(lengths))))
    slots, values = np.empty(bounds[-1], np.int32), np.empty(bounds[-1], np.float32)
    starts = bounds[:-1].copy()
    for part, scale, length in zip(parts, scales, lengths, strict=True):
        if _folding is not None and fits_native(part.rows):
            arrays = (*csr_arrays(part.rows), scale, part.slots, part.signs)
            _folding.fold(*arrays, width - 1, starts, slots, values)
        else:
            row = entry_rows(part.rows)
            place = starts[row] + np.arange(len(row)) - (np.cumsum(length) - length)[row]
            slots[place] = part.slots[part.rows.indices] & (width - 1)
            values[place] = part.rows.data * part.signs[part.rows.indices] * scale[row]
        starts += length
    return sp.csr_matrix((values, slots, bounds.astype(np.int32)), shape=(len(starts), width))
