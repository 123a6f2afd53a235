"""What every head is: it turns a classifier's raw scores into one number per outcome, and says how wrong they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from shelfwise.errors import RecipeError


class HeadOptions(BaseModel):
    """Options of a head in a recipe; unknown keys are errors. Every field has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Head(nn.Module, ABC):
    """vector → score per outcome.

    The last linear layer of a classifier has ``n_scores`` outputs. ``outcome_logits`` turns them into
    [B, outcomes]: log-probabilities that sum to one over the outcomes of a path target, or log-odds per label of a
    label set; late fusion policies work on these, whatever the head.

    A head whose ``Options`` have fields is built from ``(target, options)``, any other from ``(target)``.
    """

    Options: ClassVar[type[HeadOptions]] = HeadOptions
    """What a recipe may set besides the kind."""

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

    def one_vs_rest(self, truth: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """The scores that can be trained one category against the rest: (first, last + 1, int64 [N] which of them is
        right, -1 for none). Scores in no group stay zero. Raises RecipeError for a head whose scores are no categories.
        """
        raise RecipeError(
            f"the solver 'svm' trains one score a category, which the head {type(self).__name__} does not have; use the "
            "solver 'gradient', or the head 'tree', 'per_level', 'multilabel' or 'label_sets'"
        )


def weighted_mean(
    losses: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean of losses [B] of products with outcomes ``truth`` int64 [B], each weighing as its outcome does."""
    if weights is None:
        return losses.mean()
    weight = weights[truth]
    return (losses * weight).sum() / weight.sum()
