"""Sparse rows times a dense matrix: what a text classifier's time goes into, in C where it was compiled, else by SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

try:
    from shelfwise.engine import _native  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same results
    _native = None

_NATIVE: Callable[..., Any] | None = None if _native is None else _native.sparse_times_dense


def is_native() -> bool:
    """Whether the compiled loop is there."""
    return _NATIVE is not None


def smallest(dense: np.ndarray) -> np.ndarray:
    """The same numbers, of float32 or float16, in half precision where that holds all of them and `sparse_times_dense` can read
    it, else in single: the product waits for memory."""
    if _native is None or not _native.reads_halves():
        return dense.astype(np.float32, copy=False)
    if dense.dtype == np.float16:
        return dense
    with np.errstate(over="ignore"):
        halves = dense.astype(np.float16)
    return halves if np.array_equal(halves.astype(np.float32), dense) else dense


def take_rows(matrix: sp.csr_matrix, rows: np.ndarray) -> sp.csr_matrix:
    """``matrix[rows]``; rows that follow each other are not copied. ``matrix`` may be one whose rows are made on demand."""
    if (
        not sp.issparse(matrix)
        or not len(rows)
        or not np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))
    ):
        return matrix[rows]
    bounds = matrix.indptr[rows[0] : rows[-1] + 2]
    entries = slice(bounds[0], bounds[-1])
    arrays = (matrix.data[entries], matrix.indices[entries], bounds - bounds[0])
    return sp.csr_matrix(arrays, shape=(len(rows), matrix.shape[1]))


def entry_rows(matrix: sp.csr_matrix) -> np.ndarray:
    """int64 [nnz]: the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def sparse_times_dense(rows: sp.csr_matrix, dense: np.ndarray) -> np.ndarray:
    """CSR float32 [N, height] times float32 [height, width], width ≥ 1: float32 [N, width], the same by either way, and of
    `smallest` matrices.

    Raises IndexError or ValueError where the matrix is not valid CSR of that height.
    """
    if rows.shape[1] != dense.shape[0]:
        raise ValueError(f"expected a dense matrix of {rows.shape[1]} rows, got {dense.shape[0]}")
    if _NATIVE is None or rows.dtype != np.float32 or rows.indices.dtype != np.int32:
        return np.asarray(rows @ dense.astype(np.float32, copy=False))
    out = np.empty((rows.shape[0], dense.shape[1]), np.float32)
    arrays = (rows.indptr, rows.indices, rows.data, dense)
    bounds, columns, values, matrix = map(np.ascontiguousarray, arrays)
    _NATIVE(bounds, columns, values, matrix, dense.itemsize, dense.shape[1], out)
    return out
