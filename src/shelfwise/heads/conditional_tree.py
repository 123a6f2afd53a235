"""One softmax per parent: which child, given that the product is there; stopping is a choice like any child.

The probability of a path is the product of its choices', so every path exists and a parent is never less probable than its
child. This is the conditional softmax of local classifiers per parent node (Silla & Freitas 2011, section 4.2),
trained together and without a hard decision on the way down.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from shelfwise.heads.base import Head, HeadOptions, weighted_mean
from shelfwise.heads.choices import Choices
from shelfwise.heads.smoothing import HierarchicalSmoothing
from shelfwise.heads.tree import OWN_SCORE_SCALE
from shelfwise.heads.wrong_labels import WRONG_LABELS
from shelfwise.taxonomy.targets import PathTarget


class ConditionalTreeOptions(HeadOptions):
    """How the conditional tree is trained."""

    smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over all paths, near ones first: against being too sure."""
    wrong_labels: float = Field(default=WRONG_LABELS, ge=0, lt=1)
    """Share of the products whose label is expected to be wrong: less is learned from what cannot be."""


class ConditionalTreeHead(Head):
    """A choice's score is that of its name on its level, so that what is learned of sneakers for men serves sneakers for
    women, and a score of its own where the name is a choice at several places."""

    Options = ConditionalTreeOptions
    parts: torch.Tensor
    own: torch.Tensor

    def __init__(self, target: PathTarget, options: ConditionalTreeOptions | None = None) -> None:
        super().__init__()
        self.choices = Choices(target)
        asked = options or ConditionalTreeOptions()
        self.smoothing = HierarchicalSmoothing(target, asked.smoothing, asked.wrong_labels)
        name, own, n_scores = _scores_of_choices(self.choices)
        self.n_scores = n_scores
        self.register_buffer("parts", torch.from_numpy(name), persistent=False)
        self.register_buffer("own", torch.from_numpy(own), persistent=False)

    def outcome_logits(self, scores: torch.Tensor) -> torch.Tensor:
        """Log-probability of each path: the sum of its choices' [B, outcomes]."""
        padded = torch.nn.functional.pad(scores, (0, 1))
        of_choices = padded.index_select(1, self.parts) + OWN_SCORE_SCALE * padded.index_select(1, self.own)
        return self.choices.sums_over_paths(self.choices.log_probabilities(of_choices))

    def loss(
        self, scores: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Cross-entropy of whole paths, which is the sum over the choices on them."""
        return weighted_mean(self.smoothing(self.outcome_logits(scores), truth), truth, weights)


def _scores_of_choices(choices: Choices) -> tuple[np.ndarray, np.ndarray, int]:
    """Which score is each choice's name's, which its own (none: the padding column), int64 [choices], and how many there are."""
    offsets = np.cumsum([0, *choices.level_sizes])
    level = np.concatenate(
        [
            np.full(len(choices.choices_of[place]), number)
            for number, places in enumerate(choices.places_of)
            for place in places
        ]
    )
    name = offsets[level] + choices.name.numpy()
    shared = np.bincount(name)[name] > 1
    n_scores = int(offsets[-1] + shared.sum())
    own = np.full(len(name), n_scores, dtype=np.int64)
    own[shared] = offsets[-1] + np.arange(shared.sum())
    return name.astype(np.int64), own, n_scores
