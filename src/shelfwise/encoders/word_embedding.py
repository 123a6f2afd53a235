"""The table of word vectors, of which a training step reads and changes only the rows of the words in its batch."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from shelfwise.encoders.tokens import FIRST_WORD, PADDING


class WordEmbedding(nn.Module):
    """Word numbers [B, L] → vectors [B, L, size]; ``PADDING`` is the zero vector, always.

    ``weight`` is no parameter that autograd fills: dense gradients would have an optimizer walk over 50,000 rows for the
    few hundred words of a batch. ``touched`` holds the rows in use since the last step, for ``RowOptimizer``.
    """

    def __init__(
        self,
        words: int,
        size: int,
        known: tuple[np.ndarray, np.ndarray] | None = None,
        trainable: bool = True,
        spread: float = 0.1,
    ) -> None:
        """``words``: how many were kept. ``known``: places of words among them, int64 [K], and their vectors [K, size].

        All other vectors start uniform, with the variance of the known ones (Kim 2014, section 3.2), or else with a
        standard deviation of ``spread``.
        """
        super().__init__()
        if known is not None and len(known[1]):
            spread = float(known[1].std())
        limit = math.sqrt(3.0) * spread
        weight = torch.empty(FIRST_WORD + words, size).uniform_(-limit, limit)
        weight[PADDING] = 0.0
        if known is not None:
            weight[torch.from_numpy(known[0]) + FIRST_WORD] = torch.from_numpy(known[1])
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.trainable = trainable
        self.touched: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """[B, L] of int32 or int64 → [B, L, size]."""
        if not (self.training and self.trainable):
            return F.embedding(words, self.weight)
        # Padding comes first whatever the batch holds, so that it can be named, and gets no gradient.
        padding = words.new_full((1,), PADDING)
        rows, places = torch.unique(torch.cat([padding, words.flatten()]), return_inverse=True)
        rows = rows.long()
        used = self.weight.index_select(0, rows).requires_grad_()
        self.touched.append((rows, used))
        return F.embedding(places[1:].view(words.shape), used, padding_idx=0)
