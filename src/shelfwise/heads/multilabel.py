"""One sigmoid per label: every label is decided for itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from shelfwise.heads.base import Head
from shelfwise.taxonomy.targets import LabelTarget


class MultilabelHead(Head):
    """Log-odds per label, trained by binary cross-entropy summed over labels and averaged over products."""

    def __init__(self, target: LabelTarget) -> None:
        super().__init__()
        self.n_scores = len(target.labels)

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        return scores

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        # ``weights`` weigh the positives of each label, as rare labels need.
        losses = F.binary_cross_entropy_with_logits(scores, truth, pos_weight=weights, reduction="none")
        return losses.sum(1).mean()
