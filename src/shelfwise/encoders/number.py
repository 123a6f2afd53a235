"""Reads a number (price, weight) so that neither its unit nor a wild value can upset a network."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.vocabulary import ALTERED, saved_array
from shelfwise.errors import ModelFolderError

CLIP = 5.0
"""Scaled values end here: beyond five interquartile ranges it only matters that a number is extreme."""

_LARGEST = float(np.finfo(np.float32).max) / 2


class NumberOptions(EncoderOptions):
    """No choices: the scaling fits itself to the numbers."""


class Number(Encoder):
    """The number, its signed logarithm, and a flag that it is there: three columns.

    The first two are centred on the training products' median and divided by their interquartile range, which
    a few absurd prices cannot move, then clipped to ±``CLIP``. The logarithm sign(x) · ln(1 + \\|x\\|) is
    there because prices are skewed: in the plain copy most of them lie together. Rows that are not PRESENT
    are zeros.
    """

    kind: ClassVar[str] = "number"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.NUMBER})
    Options: ClassVar[type[EncoderOptions]] = NumberOptions

    def __init__(self, options: EncoderOptions) -> None:
        super().__init__(options)
        self._center = np.zeros(2)
        self._scale = np.ones(2)

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
        """Learn the median and the spread of the training products that carry the number."""
        numbers = prepared.matrix[rows[prepared.present[rows]]].astype(np.float64)
        if len(numbers) == 0:
            self._center, self._scale = np.zeros(2), np.ones(2)
            return self
        self._center = np.median(numbers, axis=0)
        self._scale = np.ones(2)
        # Where half of the products or more share one number, wider quantiles still find a spread.
        for lower in (0.0, 5.0, 25.0):
            spread = np.subtract(*np.percentile(numbers, [100.0 - lower, lower], axis=0))
            self._scale = np.where(spread > 0, spread, self._scale)
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """float32 [N, 3]: scaled number, scaled logarithm (both in ±``CLIP``), 1 where PRESENT."""
        scaled = np.clip((prepared.matrix.astype(np.float64) - self._center) / self._scale, -CLIP, CLIP)
        present = prepared.present[:, None]
        matrix = np.where(present, np.concatenate([scaled, np.ones_like(scaled[:, :1])], axis=1), 0.0)
        return Encoded(matrix.astype(np.float32), prepared.state, prepared.reasons)

    @property
    def width(self) -> int:
        """Three; see the class."""
        return 3

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "center", "scale": float64 [2], of the number and of its logarithm."""
        return {"center": self._center, "scale": self._scale}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        center, scale = (saved_array(arrays, name, np.float64, 2) for name in ("center", "scale"))
        if not (scale > 0).all():
            raise ModelFolderError(
                f'expected positive numbers in the encoder\'s array "scale", got {scale.tolist()}; {ALTERED}'
            )
        self._center, self._scale = center, scale
        return self
