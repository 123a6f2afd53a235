"""A likelihood that expects some labels to be wrong, so that what one product can teach is bounded.

Where a label is right with probability 1 - e, and one of K drawn evenly otherwise, a model that gives the right one p sees the
label with probability (1 - e) p + e / K: the forward correction of Patrini et al. 2017 (*Making deep neural networks robust to
label noise*) for noise without a pattern. Of a label that the model finds all but impossible nearly nothing is learned, where
plain cross-entropy learns the most from it.
"""

from __future__ import annotations

import math

import torch

WRONG_LABELS = 0.1
"""The share that heads expect unless a recipe says otherwise. It need not be right: more than there are cost little, unless
categories have very few products."""


def expecting_wrong_labels(
    log_probabilities: torch.Tensor, truth: torch.Tensor, share: float
) -> torch.Tensor:
    """Log-probabilities [B, K] and labels int64 [B] of which a ``share`` (0 to under 1) is expected to be wrong → losses [B]."""
    said = log_probabilities.gather(1, truth[:, None])[:, 0]
    if not share:
        return -said
    anything = torch.full_like(said, math.log(share / log_probabilities.shape[1]))
    return -torch.logaddexp(said + math.log1p(-share), anything)
