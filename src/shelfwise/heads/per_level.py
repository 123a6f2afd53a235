"""One softmax a level over a shared body: the multitask network of Wang & Guthrie 2015.

Levels are predicted independently; the probability of a path is the product over its levels, made to sum to one
over the paths that exist, so the answer is always a path of the taxonomy.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field

from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head, HeadOptions, weighted_mean
from shelfwise.taxonomy.targets import PathTarget

_STOP = ""
"""The category of a level that a shorter path does not reach."""


class PerLevelOptions(HeadOptions):
    """How the levels share the network."""

    level_weights: list[Annotated[float, Field(ge=0)]] | None = None
    """How much each level counts in training, from the top down; null: all alike, as in the paper."""


class PerLevelHead(Head):
    """Softmax heads over the category names of each level; loss is the weighted sum of the levels' cross-entropies.

    Raises RecipeError where there is not one weight a level, or none is positive.
    """

    Options = PerLevelOptions
    level_of_outcome: torch.Tensor

    def __init__(self, target: PathTarget, options: PerLevelOptions | None = None) -> None:
        super().__init__()
        depth = target.taxonomy.depth
        self.level_weights = _level_weights((options or PerLevelOptions()).level_weights, depth)
        padded = [path + (_STOP,) * (depth - len(path)) for path in target.outcomes]
        names = [sorted({path[level] for path in padded}) for level in range(depth)]
        self.sizes = [len(level) for level in names]
        self.n_scores = sum(self.sizes)
        positions = [[names[level].index(path[level]) for path in padded] for level in range(depth)]
        self.register_buffer("level_of_outcome", torch.from_numpy(np.array(positions)), persistent=False)

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probability of each path: its levels' together, over the paths that exist [B, outcomes]."""
        levels = [F.log_softmax(level, dim=1) for level in scores.split(self.sizes, dim=1)]
        joint = torch.stack(
            [level.index_select(1, which) for level, which in zip(levels, self.level_of_outcome, strict=True)]
        ).sum(0)
        return F.log_softmax(joint, dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Weighted sum of the levels' cross-entropies."""
        total = scores.new_zeros(len(scores))
        levels = zip(scores.split(self.sizes, dim=1), self.level_of_outcome, self.level_weights, strict=True)
        for level, which, level_weight in levels:
            total = total + level_weight * F.cross_entropy(level, which[truth], reduction="none")
        return weighted_mean(total, truth, weights)

    def one_vs_rest(self, truth: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """Each name of a level against the others of that level."""
        ends = np.cumsum(self.sizes).tolist()
        starts = [0, *ends[:-1]]
        chosen = self.level_of_outcome.cpu().numpy()[:, truth]
        return list(zip(starts, ends, chosen, strict=True))


def _level_weights(given: list[float] | None, depth: int) -> list[float]:
    weights = [1.0] * depth if given is None else given
    if len(weights) != depth or not any(weights):
        raise RecipeError(
            f"expected {depth} level_weights for the head 'per_level', one a level of the target's paths and at least one of "
            f"them above 0, got {weights}"
        )
    return weights
