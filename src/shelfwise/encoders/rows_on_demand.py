"""Sparse text features of more products than memory holds: a row is made from its text whenever it is asked for.

The n-grams of ten million titles take ten gigabytes, their texts half of one. Hashing a text again costs some four
microseconds, a small part of what one step of training takes for it, so a catalog of any size is trained on in the memory of
its texts. Every row is what it would be in a matrix that is kept, so the trained model is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

Texts = Sequence[str | None]
Rows = np.ndarray | slice


class RowsOnDemand:
    """Stands for a CSR float32 matrix [N, width] that is indexed by rows (numbers, a mask or a slice), and by nothing else.

    ``make`` turns texts into their rows, each by its own text alone. ``texts``: null where the row is empty.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, texts: pa.Array, make: Callable[[Texts], sp.csr_matrix], width: int) -> None:
        self.texts = texts
        self.shape = (len(texts), width)
        self._make = make

    def __getitem__(self, rows: Rows) -> sp.csr_matrix:
        """CSR [rows, width], in the given order."""
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self.texts))
            chosen = (
                self.texts.slice(start, stop - start) if step == 1 else self.texts.take(_numbers(rows, self))
            )
        else:
            chosen = self.texts.take(_numbers(rows, self))
        return self._make(chosen.to_pylist())

    def then(self, change: Callable[[sp.csr_matrix], sp.csr_matrix], width: int) -> RowsOnDemand:
        """The same rows after ``change``, which must treat every row by itself."""
        return RowsOnDemand(self.texts, Changed(self._make, change), width)


class Changed:
    """One function after another, as an object that can be sent to other processes."""

    def __init__(
        self, make: Callable[[Texts], sp.csr_matrix], change: Callable[[Any], sp.csr_matrix]
    ) -> None:
        self._make, self._change = make, change

    def __call__(self, texts: Texts) -> sp.csr_matrix:
        return self._change(self._make(texts))


class StackedRows:
    """Matrices, of which some are on demand, one below the other."""

    dtype = np.dtype(np.float32)

    def __init__(self, parts: Sequence[Any]) -> None:
        """``parts``: of one width."""
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(part.shape[0] for part in parts)])
        self.shape = (int(self._starts[-1]), parts[0].shape[1])

    def __getitem__(self, rows: Rows) -> sp.csr_matrix:
        """CSR [rows, width], in the given order."""
        numbers = np.asarray(_numbers(rows, self))
        part_of = np.searchsorted(self._starts, numbers, side="right") - 1
        found = [
            part[numbers[part_of == place] - self._starts[place]] for place, part in enumerate(self._parts)
        ]
        back = np.argsort(np.argsort(part_of, kind="stable"), kind="stable")
        return sp.csr_matrix(sp.vstack(found, format="csr")[back])

    def then(self, change: Callable[[sp.csr_matrix], sp.csr_matrix], width: int) -> StackedRows:
        """The same rows after ``change``, which must treat every row by itself."""
        return StackedRows(
            [part.then(change, width) if is_on_demand(part) else change(part) for part in self._parts]
        )


def is_on_demand(matrix: object) -> bool:
    """Whether rows are made when they are asked for."""
    return isinstance(matrix, RowsOnDemand | StackedRows)


def stack_rows(first: Any, second: Any) -> Any:
    """Two sparse matrices as one, the second below the first, on demand where one of them is."""
    if is_on_demand(first) or is_on_demand(second):
        return StackedRows([first, second])
    return sp.vstack([first, second], format="csr")


def _numbers(rows: Rows, matrix: RowsOnDemand | StackedRows) -> pa.Array:
    chosen = np.arange(matrix.shape[0])[rows] if isinstance(rows, slice) else np.asarray(rows)
    if chosen.dtype == bool:
        chosen = np.flatnonzero(chosen)
    return pa.array(np.where(chosen < 0, chosen + matrix.shape[0], chosen).astype(np.int64))
