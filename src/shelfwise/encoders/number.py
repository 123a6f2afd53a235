"""Reads a number (price, weight) so that neither its unit nor a wild value can upset a classifier, and a linear one can tell
ranges and single values apart."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.vocabulary import ALTERED, saved_array
from shelfwise.errors import ModelFolderError

CLIP = 5.0
"""Scaled values end here: beyond five interquartile ranges it only matters that a number is extreme."""
_PRODUCTS_A_BIN = 10
"""Bins of fewer training products would say more of these products than of others."""
_PRODUCTS_A_VALUE = 3
_LARGEST = float(np.finfo(np.float32).max) / 2


class NumberOptions(EncoderOptions):
    """How finely numbers are told apart."""

    bins: int = Field(32, ge=0, le=10_000)
    """Into so many ranges of equally many training products, at the most; 0 for none."""
    values: int = Field(64, ge=0, le=10_000)
    """The numbers that most training products have (1999 in a price, 12 in volts) get a column each, up to this many."""


class Number(Encoder):
    """The number, its signed logarithm, where it lies among the training products' quantiles, and its value if that is common.

    The first two are centred on the training products' median and divided by their interquartile range, which
    a few absurd prices cannot move, then clipped to ±``CLIP``. The logarithm sign(x) · ln(1 + \\|x\\|) is
    there because prices are skewed: in the plain copy most of them lie together.

    Every quantile has a column, and a number is shared by the two it lies between: half way, half each. What a linear
    classifier makes of these *hat functions* is any curve with corners at the quantiles (a linear B-spline; Eilers & Marx
    1996), so it can know a range of prices. What such pieces do for networks is in Gorishniy, Rubachev & Babenko 2022 (*On
    Embeddings for Numerical Features in Tabular Deep Learning*). Rows that are not PRESENT are empty.
    """

    kind: ClassVar[str] = "number"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.NUMBER})
    Options: ClassVar[type[EncoderOptions]] = NumberOptions
    options: NumberOptions

    def __init__(self, options: NumberOptions) -> None:
        super().__init__(options)
        self._center = np.zeros(2)
        self._scale = np.ones(2)
        self._edges = np.zeros(0)
        self._values = np.zeros(0)

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """float32 [N, 2]: the number and its signed logarithm. NaN becomes ABSENT, infinity FAILED."""
        assert isinstance(column.values, pa.Array | pa.ChunkedArray), "number columns hold Arrow numbers"
        numbers = np.asarray(column.values.to_numpy(zero_copy_only=False), np.float64)
        state, reasons = column.state.copy(), dict(column.reasons)
        present = state == State.PRESENT
        state[present & np.isnan(numbers)] = State.ABSENT
        for row in np.flatnonzero(present & np.isinf(numbers)):
            state[row] = State.FAILED
            reasons[int(row)] = f"expected a finite number, got {numbers[row]}"
        numbers = np.where(state == State.PRESENT, numbers, 0.0)
        logs = np.sign(numbers) * np.log1p(np.abs(numbers))
        matrix = np.stack([np.clip(numbers, -_LARGEST, _LARGEST), logs], axis=1).astype(np.float32)
        progress(len(column))
        return Encoded(matrix, state, reasons)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn the median, the spread, the quantiles and the common values of the training products that carry the number."""
        numbers = prepared.matrix[rows[prepared.present[rows]]].astype(np.float64)
        self._center, self._scale = np.zeros(2), np.ones(2)
        self._edges, self._values = np.zeros(0), np.zeros(0)
        if len(numbers) == 0:
            return self
        self._center = np.median(numbers, axis=0)
        # Where half of the products or more share one number, wider quantiles still find a spread.
        for lower in (0.0, 5.0, 25.0):
            spread = np.subtract(*np.percentile(numbers, [100.0 - lower, lower], axis=0))
            self._scale = np.where(spread > 0, spread, self._scale)
        plain = numbers[:, 0]
        bins = min(self.options.bins, len(plain) // _PRODUCTS_A_BIN)
        if bins:
            edges = np.unique(np.quantile(plain, np.linspace(0, 1, bins + 1), method="nearest"))
            self._edges = edges if len(edges) > 1 else np.zeros(0)
        found, products = np.unique(plain, return_counts=True)
        common = np.argsort(-products, kind="stable")[: self.options.values]
        self._values = np.sort(found[common[products[common] >= _PRODUCTS_A_VALUE]])
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """CSR float32 [N, width]: scaled number and logarithm (both in ±``CLIP``), shares of quantiles, 1 at a common value."""
        numbers = prepared.matrix.astype(np.float64)
        scaled = np.clip((numbers - self._center) / self._scale, -CLIP, CLIP)
        columns, parts = [np.broadcast_to([0, 1], scaled.shape)], [scaled]
        if len(self._edges):
            place = np.interp(numbers[:, 0], self._edges, np.arange(len(self._edges)))
            lower = np.minimum(place.astype(np.int64), len(self._edges) - 2)
            upper_share = place - lower
            columns.append(2 + np.stack([lower, lower + 1], axis=1))
            parts.append(np.stack([1 - upper_share, upper_share], axis=1))
        if len(self._values):
            nearest = np.minimum(np.searchsorted(self._values, numbers[:, 0]), len(self._values) - 1)
            columns.append((2 + len(self._edges) + nearest)[:, None])
            parts.append((self._values[nearest] == numbers[:, 0])[:, None].astype(np.float64))
        places, values = np.concatenate(columns, axis=1), np.concatenate(parts, axis=1).astype(np.float32)
        filled = (values != 0) & prepared.present[:, None]
        bounds = np.concatenate(([0], np.cumsum(filled.sum(1)))).astype(np.int32)
        matrix = sp.csr_matrix(
            (values[filled], places[filled].astype(np.int32), bounds), shape=(len(values), self.width)
        )
        return Encoded(matrix, prepared.state, prepared.reasons)

    @property
    def width(self) -> int:
        """Two, one for each quantile and one for each common value."""
        return 2 + len(self._edges) + len(self._values)

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "center", "scale": float64 [2], of the number and of its logarithm; "edges", "values": float64, ascending."""
        return {
            "center": self._center,
            "scale": self._scale,
            "edges": self._edges,
            "values": self._values,
        }

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        if "center" in arrays and "edges" not in arrays:
            raise ModelFolderError(
                "this model reads numbers as shelfwise did before it told ranges of them apart; train it again"
            )
        center, scale = (saved_array(arrays, name, np.float64, 2) for name in ("center", "scale"))
        if not (scale > 0).all():
            raise ModelFolderError(
                f'expected positive numbers in the encoder\'s array "scale", got {scale.tolist()}; {ALTERED}'
            )
        edges, values = (saved_array(arrays, name, np.float64) for name in ("edges", "values"))
        if not all((np.diff(found) > 0).all() for found in (edges, values)) or len(edges) == 1:
            raise ModelFolderError(
                f'expected ascending numbers as the arrays "edges" (none, or two at least) and "values"; {ALTERED}'
            )
        self._center, self._scale = center, scale
        self._edges, self._values = edges, values
        return self
