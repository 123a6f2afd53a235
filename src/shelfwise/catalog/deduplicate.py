"""Near-duplicates reduced to one, for catalogs in which a product with twenty colours would count twenty times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


def one_a_group(
    rows: np.ndarray, groups: np.ndarray, answers: Sequence[tuple[str, ...]], keys: Sequence[str]
) -> np.ndarray:
    """Ascending rows (int64), one of ``rows`` for every group among them.

    Kept is a product with the answer that most of its group have (of equals the first in the alphabet), of these the one with
    the smallest key, so that the choice does not depend on the catalog's order. ``groups`` (int), ``answers`` (paths, or label
    sets) and ``keys`` (ids; of equal ones the first row counts) are of all products.
    """
    members: dict[int, list[int]] = {}
    for row in rows.tolist():
        members.setdefault(int(groups[row]), []).append(row)
    kept = []
    for together in members.values():
        votes = Counter(answers[row] for row in together)
        kept.append(min((-votes[answers[row]], answers[row], keys[row], row) for row in together)[-1])
    return np.array(sorted(kept), dtype=np.int64)
