"""Label smoothing that knows the tree: what is taken from the truth goes to its neighbours first.

A classifier that is to be sure of one path learns nothing of which mistakes are small. With a share of the target spread by tree
distance, a sibling costs less than a stranger, as with the soft labels of Bertinetto et al. 2020 (*Making Better
Mistakes*); for a tree of one level it is ordinary label smoothing (Szegedy et al. 2016).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import nn

from shelfwise.heads.wrong_labels import expecting_wrong_labels
from shelfwise.taxonomy.targets import PathTarget
from shelfwise.taxonomy.tree import Path


class HierarchicalSmoothing(nn.Module):
    """Cross-entropy against ``1 - share`` on the truth, of which ``wrong_labels`` are expected to be wrong, and ``share`` spread
    over all outcomes by tree distance.

    Half of what is spread goes evenly to the outcomes under the truth's parent (the truth is one of them), half of the rest
    to those under its grandparent, and so on; the root takes all that is left. So the mass halves with every step
    that the common ancestor is further up, and the cost is a sum per category, not a matrix of outcomes by outcomes.
    """

    outcome_of_pair: torch.Tensor
    parent_of_pair: torch.Tensor
    parent_at: torch.Tensor
    weight_at: torch.Tensor

    def __init__(self, target: PathTarget, share: float, wrong_labels: float = 0.0) -> None:
        super().__init__()
        self.share, self.wrong_labels = share, wrong_labels
        parents = sorted({path[:depth] for path in target.outcomes for depth in range(len(path))})
        number = {path: position for position, path in enumerate(parents)}
        self.n_parents = len(parents)
        pairs = np.array(
            [(o, number[path[:d]]) for o, path in enumerate(target.outcomes) for d in range(len(path))]
        )
        parent_at, weight_at = _weights(target, number)
        for key, table in (
            ("outcome_of_pair", pairs[:, 0]),
            ("parent_of_pair", pairs[:, 1]),
            ("parent_at", parent_at),
            ("weight_at", weight_at),
        ):
            self.register_buffer(key, torch.from_numpy(np.ascontiguousarray(table)), persistent=False)

    def forward(self, log_probabilities: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Log-probabilities [B, outcomes] and truth int64 [B] → losses [B]."""
        loss = expecting_wrong_labels(log_probabilities, truth, self.wrong_labels)
        if not self.share:
            return loss
        below = log_probabilities.new_zeros(len(log_probabilities), self.n_parents).index_add(
            1, self.parent_of_pair, log_probabilities.index_select(1, self.outcome_of_pair)
        )
        weights = self.weight_at[:, truth].T.to(below.dtype)
        spread = -(below.gather(1, self.parent_at[:, truth].T) * weights).sum(1)
        return (1 - self.share) * loss + self.share * spread


def _weights(target: PathTarget, number: dict[Path, int]) -> tuple[np.ndarray, np.ndarray]:
    """Per true outcome its ancestors, int64 [depth, outcomes], and how much of the mass each outcome below them gets."""
    below = Counter(path[:depth] for path in target.outcomes for depth in range(len(path)))
    shape = (target.taxonomy.depth, target.n_outcomes)
    parent_at, weight_at = np.zeros(shape, np.int64), np.zeros(shape, np.float64)
    for column, path in enumerate(target.outcomes):
        left = 1.0
        for depth in range(len(path) - 1, -1, -1):
            mine = left if depth == 0 else left / 2
            parent_at[depth, column] = number[path[:depth]]
            weight_at[depth, column] = mine / below[path[:depth]]
            left -= mine
    return parent_at, weight_at
