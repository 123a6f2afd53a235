"""What every head is: it turns a classifier's raw scores into one number per outcome, and says how wrong they are."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn


class Head(nn.Module, ABC):
    """vector → score per outcome.

    The last linear layer of a classifier has ``n_scores`` outputs. ``outcome_logits`` turns them into
    [B, outcomes]: log-probabilities that sum to one over the outcomes of a path target, or log-odds per label of a
    label set; late fusion policies work on these, whatever the head.
    """

    n_scores: int

    @abstractmethod
    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """[B, n_scores] → [B, outcomes]."""

    @abstractmethod
    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Mean loss over the batch.

        ``truth`` is int64 [B] (outcome positions) or float32 [B, labels]; ``weights`` one weight per outcome.
        """
