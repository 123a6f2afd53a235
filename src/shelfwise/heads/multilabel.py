"""One sigmoid per label: every label is decided for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head, HeadOptions
from shelfwise.heads.losses import BinaryCrossEntropy, build_loss
from shelfwise.taxonomy.targets import LabelTarget


class MultilabelOptions(HeadOptions):
    """How labels are trained: ``loss`` is one of ``LOSSES`` by its kind, or a mapping of its ``kind`` and options."""

    loss: str | dict[str, Any] = "binary_cross_entropy"


class MultilabelHead(Head):
    """Log-odds per label, trained by a loss that is summed over labels and averaged over products."""

    Options = MultilabelOptions

    def __init__(self, target: LabelTarget, options: MultilabelOptions | None = None) -> None:
        super().__init__()
        self.n_scores = len(target.labels)
        self._loss = build_loss((options or MultilabelOptions()).loss)

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """The scores are the log-odds [B, labels]."""
        return scores

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The loss that the options name."""
        return self._loss(scores, truth, weights)

    def one_vs_rest(self, truth: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """See the base class; with a loss of its own there is nothing that the solver 'svm' could do with it."""
        if not isinstance(self._loss, BinaryCrossEntropy):
            raise RecipeError(
                f"the solver 'svm' has a loss of its own and cannot use '{self._loss.kind}'; use the solver 'gradient', or "
                "leave the loss out"
            )
        return [(label, label + 1, np.where(truth[:, label] > 0, 0, -1)) for label in range(self.n_scores)]
