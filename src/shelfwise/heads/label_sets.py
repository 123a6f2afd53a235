"""One softmax over the label sets that training saw: labels that go together are decided together.

A set's score is the sum of its labels' scores plus a bias of its own; a label's probability is the sum over the sets that hold
it. That is a label powerset (Tsoumakas & Katakis 2007) with little more than the parameters of one sigmoid per label, so a few
products a set are enough, and labels that exclude or imply each other (the facets of a catalog) never contradict.
Made for label sets that repeat; where nearly every product has a set of its own, ``multilabel`` is the head.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field

from shelfwise.heads.base import Head, HeadOptions, weighted_mean
from shelfwise.heads.wrong_labels import WRONG_LABELS, expecting_wrong_labels
from shelfwise.taxonomy.targets import LabelTarget


class LabelSetsOptions(HeadOptions):
    """How label sets are trained."""

    wrong_labels: float = Field(default=WRONG_LABELS, ge=0, lt=1)
    """Share of the products whose set is expected to be wrong: less is learned from what cannot be."""


class LabelSetsHead(Head):
    """Scores are one per label; ``target.sets`` lists the sets, which are the outcomes."""

    Options = LabelSetsOptions
    members: torch.Tensor

    def __init__(self, target: LabelTarget, options: LabelSetsOptions | None = None) -> None:
        super().__init__()
        self.wrong_labels = (options or LabelSetsOptions()).wrong_labels
        self.register_buffer("members", torch.from_numpy(target.members), persistent=False)
        self.n_scores = len(target.labels)
        self.own = torch.nn.Parameter(torch.zeros(len(target.sets)))

    def _set_scores(self, scores: torch.Tensor) -> torch.Tensor:
        return scores @ self.members.T + self.own

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probability of each known set [B, sets]."""
        return F.log_softmax(self._set_scores(scores), dim=1)

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Cross-entropy of the whole set."""
        losses = expecting_wrong_labels(self.outcome_logits(scores), truth, self.wrong_labels)
        return weighted_mean(losses, truth, weights)

    def one_vs_rest(self, truth: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """Each label against the rest."""
        given = self.members.cpu().numpy()[truth]
        return [(label, label + 1, np.where(given[:, label] > 0, 0, -1)) for label in range(self.n_scores)]
