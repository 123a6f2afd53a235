"""One softmax over all paths at which products end: always a valid path, parents by summing upward.

A path's score is the sum of the scores of the category names on it, level by level ("Men" + "Shoes" + "Sneakers"), so
that what is learned of sneakers for men serves sneakers for women; a path whose last name also occurs under
another parent has a score of its own besides. Where paths are of unequal depth each has one: to stop at "Men" needs a
score that what is below does not share, and a deep path sums more names than a short one. A flat softmax over leaves
with probabilities summed upward dominates top-down classifiers over the whole operating range (Valmadre 2022,
*Hierarchical classification at multiple operating points*).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field

from shelfwise.heads.base import Head, HeadOptions, weighted_mean
from shelfwise.heads.smoothing import HierarchicalSmoothing
from shelfwise.heads.wrong_labels import WRONG_LABELS, expecting_wrong_labels
from shelfwise.taxonomy.targets import PathTarget
from shelfwise.taxonomy.tree import Path

OWN_SCORE_SCALE = 0.3
"""Slows what is learned of a category alone against what is learned of its name: less overfitting of rare paths. Not where paths
are of unequal depth: there a path's own score has to make up for names that others have more of."""


_NO_NAME = -100
"""Marks outcomes that end above a level."""


class TreeOptions(HeadOptions):
    """How the tree is trained."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over all paths, near ones first: against being too sure."""
    wrong_labels: float = Field(default=WRONG_LABELS, ge=0, lt=1)
    """Share of the products whose label is expected to be wrong: less is learned from what cannot be."""


class TreeHead(Head):
    """A softmax over ``target.outcomes`` whose logits are sums of factor scores."""

    Options = TreeOptions
    parts: torch.Tensor
    scale: torch.Tensor

    def __init__(self, target: PathTarget, options: TreeOptions | None = None) -> None:
        super().__init__()
        asked = options or TreeOptions()
        self.smoothing = HierarchicalSmoothing(target, asked.smoothing, asked.wrong_labels)
        parts, scale, levels = outcome_parts(target)
        self.n_scores = len(scale)
        self.levels = levels
        self.all_have_own = unequal_depths(target.outcomes)
        self.register_buffer("parts", torch.from_numpy(parts), persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale), persistent=False)

    def _path_scores(self, scores: torch.Tensor) -> torch.Tensor:
        padded = F.pad(scores * self.scale, (0, 1))  # the last, always zero, stands for "no such part"
        total = padded.index_select(1, self.parts[0])
        for part in self.parts[1:]:
            total = total + padded.index_select(1, part)
        return total

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probability of each path [B, outcomes]."""
        return F.log_softmax(self._path_scores(scores), dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Cross-entropy of the path, and of each level's name besides, some of them expected to be wrong."""
        loss = self.smoothing(self.outcome_logits(scores), truth)
        # Each level for itself besides: measured better than the path's loss alone on real catalogs.
        for first, last, name_of_outcome in self.levels:
            named = torch.from_numpy(name_of_outcome).to(truth.device)[truth]
            loss = loss + self._level_loss(scores[:, first:last], named)
        return weighted_mean(loss, truth, weights)

    def _level_loss(self, scores: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
        """Losses [B] of a level's scores [B, names]; zero where the path ends above the level."""
        log_probabilities, share = F.log_softmax(scores, dim=1), self.smoothing.share
        losses = expecting_wrong_labels(log_probabilities, named.clamp_min(0), self.smoothing.wrong_labels)
        if share:
            losses = (1 - share) * losses - share * log_probabilities.mean(1)
        return losses * (named != _NO_NAME)

    def one_vs_rest(self, truth: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """Each name of a level against the others of that level; and each path against the others where all have a score of their
        own. Where only some have one, it stays zero."""
        groups = [
            (first, last, np.where(names[truth] == _NO_NAME, -1, names[truth]))
            for first, last, names in self.levels
        ]
        if self.all_have_own:
            groups.append((self.n_scores - self.parts.shape[1], self.n_scores, truth))
        return groups


Level = tuple[int, int, np.ndarray]
"""First and last + 1 of the scores of a level's names, and each outcome's name among them, int64 [outcomes] (or _NO_NAME)."""


def unequal_depths(paths: Iterable[Path]) -> bool:
    """Whether some paths end above where others do.

    >>> unequal_depths([("Men",), ("Men", "Shoes")]), unequal_depths([("Men", "Bags"), ("Men", "Shoes")])
    (True, False)
    """
    return len({len(path) for path in paths}) > 1


def outcome_parts(target: PathTarget) -> tuple[np.ndarray, np.ndarray, list[Level]]:
    """Which scores make up each outcome's, int64 [parts, outcomes], each score's scale, float32 [scores], and the levels.

    Where an outcome has fewer parts than others, the entry is the number of scores (a padding column of zeros).
    """
    bearers: dict[tuple[int, str], int] = Counter((len(path), path[-1]) for path in target.taxonomy.paths)
    names = sorted(bearers)  # level by level, so that a level's scores lie side by side
    numbers = {name: number for number, name in enumerate(names)}
    all_have_own = unequal_depths(target.outcomes)
    own_scale = 1.0 if all_have_own else OWN_SCORE_SCALE
    scales = [1.0] * len(names)
    rows = []
    for outcome in target.outcomes:
        row = [numbers[depth, name] for depth, name in enumerate(outcome, start=1)]
        if all_have_own or bearers[len(outcome), outcome[-1]] > 1:
            row.append(len(scales))
            scales.append(own_scale)
        rows.append(row)
    parts = np.full((max(map(len, rows)), len(rows)), len(scales), dtype=np.int64)
    for column, row in enumerate(rows):
        parts[: len(row), column] = row
    return parts, np.array(scales, dtype=np.float32), _levels(target, names)


def _levels(target: PathTarget, names: list[tuple[int, str]]) -> list[Level]:
    levels = []
    for depth in range(1, target.taxonomy.depth + 1):
        first = next(number for number, (level, _) in enumerate(names) if level == depth)
        within = {name: number for number, name in enumerate(name for level, name in names if level == depth)}
        chosen = [within[path[depth - 1]] if len(path) >= depth else _NO_NAME for path in target.outcomes]
        levels.append((first, first + len(within), np.array(chosen, dtype=np.int64)))
    return levels
