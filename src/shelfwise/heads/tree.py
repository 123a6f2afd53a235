"""One softmax over all paths at which products end: always a valid path, parents by summing upward.

A path's score is the sum of the scores of the category names on it, level by level ("Men" + "Shoes" + "Sneakers"), so
that what is learned of sneakers for men serves sneakers for women; a path whose last name also occurs under
another parent has a score of its own besides. A flat softmax over leaves with probabilities summed upward dominates
top-down classifiers over the whole operating range (Valmadre 2022, *Hierarchical classification at multiple
operating points*).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from shelfwise.heads.base import Head
from shelfwise.taxonomy.targets import PathTarget

OWN_SCORE_SCALE = 0.3
"""Slows what is learned of a category alone against what is learned of its name: less overfitting of rare paths."""


class TreeHead(Head):
    """A softmax over ``target.outcomes`` whose logits are sums of factor scores."""

    parts: torch.Tensor
    scale: torch.Tensor

    def __init__(self, target: PathTarget) -> None:
        super().__init__()
        parts, scale = outcome_parts(target)
        self.n_scores = len(scale)
        self.register_buffer("parts", torch.from_numpy(parts), persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale), persistent=False)

    def _path_scores(self, scores: torch.Tensor) -> torch.Tensor:
        padded = F.pad(scores * self.scale, (0, 1))  # the last, always zero, stands for "no such part"
        total = padded.index_select(1, self.parts[0])
        for part in self.parts[1:]:
            total = total + padded.index_select(1, part)
        return total

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self._path_scores(scores), dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        return F.cross_entropy(self._path_scores(scores), truth, weight=weights)


def outcome_parts(target: PathTarget) -> tuple[np.ndarray, np.ndarray]:
    """Which scores make up each outcome's, int64 [parts, outcomes], and each score's scale, float32 [scores].

    Where an outcome has fewer parts than others, the entry is the number of scores (a padding column of zeros).
    """
    children: dict[tuple[int, str], set[tuple[str, ...]]] = {}
    for path in target.taxonomy.paths:
        children.setdefault((len(path), path[-1]), set()).add(path)
    inner = {path[:depth] for path in target.outcomes for depth in range(1, len(path))}
    numbers: dict[object, int] = {}
    scales: list[float] = []

    def number(part: object, scale: float) -> int:
        if part not in numbers:
            numbers[part] = len(numbers)
            scales.append(scale)
        return numbers[part]

    rows = []
    for outcome in target.outcomes:
        row = []
        for depth in range(1, len(outcome) + 1):
            row.append(number((depth, outcome[depth - 1]), 1.0))
        if len(children[(len(outcome), outcome[-1])]) > 1:
            row.append(number(("own", outcome), OWN_SCORE_SCALE))
        if outcome in inner:  # to stop here needs a score that the categories below do not share
            row.append(number(("stop", outcome), 1.0))
        rows.append(row)
    parts = np.full((max(map(len, rows)), len(rows)), len(numbers), dtype=np.int64)
    for column, row in enumerate(rows):
        parts[: len(row), column] = row
    return parts, np.array(scales, dtype=np.float32)
