"""The loops over text in C, where they were compiled: `_ngrams.c` counts, `_selection.c` weighs what a vocabulary knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

COUNT: Any = None
SELECT: Any = None
try:
    from shelfwise.encoders import _ngrams, _selection  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same results
    pass
else:
    COUNT, SELECT = _ngrams.count, _selection.select


def as_rows(found: tuple[bytearray, bytearray, bytearray], width: int) -> sp.csr_matrix:
    """What the compiled loops give as CSR float32 [N, width], whose columns ascend in each row."""
    bounds, columns = np.frombuffer(found[0], np.int64), np.frombuffer(found[1], np.int32)
    if bounds[-1] < 2**31:
        bounds = bounds.astype(np.int32)
    matrix = sp.csr_matrix(
        (np.frombuffer(found[2], np.float32), columns, bounds), shape=(len(bounds) - 1, width)
    )
    matrix.has_canonical_format = True
    return matrix


def fits_native(counts: sp.csr_matrix) -> bool:
    """Whether a matrix is of the types that the compiled loops read."""
    return counts.data.dtype == np.float32 and counts.indices.dtype == np.int32


def csr_arrays(counts: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A matrix as the compiled loops read it: int64 bounds, int32 columns, float32 values."""
    bounds = np.ascontiguousarray(counts.indptr, np.int64)
    return bounds, np.ascontiguousarray(counts.indices), np.ascontiguousarray(counts.data)
