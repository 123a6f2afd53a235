"""One softmax a level over a shared body: the multitask network of Wang & Guthrie 2015.

Levels are predicted independently; the probability of a path is the product over its levels, made to sum to one
over the paths that exist, so the answer is always a path of the taxonomy.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from shelfwise.heads.base import Head
from shelfwise.taxonomy.targets import PathTarget

_STOP = ""
"""The category of a level that a shorter path does not reach."""


class PerLevelHead(Head):
    """Softmax heads over the category names of each level; loss is the sum of the levels' cross-entropies."""

    level_of_outcome: torch.Tensor

    def __init__(self, target: PathTarget) -> None:
        super().__init__()
        depth = target.taxonomy.depth
        padded = [path + (_STOP,) * (depth - len(path)) for path in target.outcomes]
        names = [sorted({path[level] for path in padded}) for level in range(depth)]
        self.sizes = [len(level) for level in names]
        self.n_scores = sum(self.sizes)
        positions = [[names[level].index(path[level]) for path in padded] for level in range(depth)]
        self.register_buffer("level_of_outcome", torch.from_numpy(np.array(positions)), persistent=False)

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        levels = [F.log_softmax(level, dim=1) for level in scores.split(self.sizes, dim=1)]
        joint = torch.stack(
            [level.index_select(1, which) for level, which in zip(levels, self.level_of_outcome, strict=True)]
        ).sum(0)
        return F.log_softmax(joint, dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        total = scores.new_zeros(len(scores))
        for level, which in zip(scores.split(self.sizes, dim=1), self.level_of_outcome, strict=True):
            total = total + F.cross_entropy(level, which[truth], reduction="none")
        if weights is None:
            return total.mean()
        weight = weights[truth]
        return (total * weight).sum() / weight.sum()
