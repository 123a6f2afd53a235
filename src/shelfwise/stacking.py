"""Two catalogs' encoded inputs as one, the second below the first."""

from __future__ import annotations

import numpy as np

from shelfwise.encoders.base import Encoded
from shelfwise.encoders.rows_on_demand import stack_rows


def stack_encoded(first: Encoded, second: Encoded) -> Encoded:
    """The rows of ``first``, then those of ``second``; both are of one input and one encoder."""
    reasons = dict(first.reasons) | {row + len(first): reason for row, reason in second.reasons.items()}
    state = np.concatenate([first.state, second.state])
    if isinstance(first.matrix, np.ndarray):
        return Encoded(np.concatenate([first.matrix, np.asarray(second.matrix)]), state, reasons)
    return Encoded(stack_rows(first.matrix, second.matrix), state, reasons)
