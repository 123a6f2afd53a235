"""Levels decided one after the other: level k sees the product and the categories chosen above it.

The dependent heads of Wang & Guthrie 2015, with what theirs lacked: the previous category is known by its whole path, only
children that exist compete, and decoding compares whole paths instead of the last step.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from shelfwise.heads.dependent import DependentHead, DependentOptions
from shelfwise.taxonomy.targets import PathTarget

_EMBEDDING_SCALE = 0.1
"""Categories start near each other: rare ones that learn little keep reading the product as the others do."""


class SequentialOptions(DependentOptions):
    """How a level sees the product and the category above it."""

    previous: Literal["one_hot", "embedding"] = "one_hot"
    """one_hot: the previous category joins the hidden layer before the softmax, and shifts the scores of its children.
    embedding: it enters the hidden layer, and can change how the product is read."""
    layers: Literal["shared", "separate"] = "shared"
    """shared: all levels work on one hidden layer. separate: each has one of its own above it."""


class SequentialHead(DependentHead):
    """Hidden layers of ``width`` GELU units (at zero, where training of a linear classifier starts, ReLU does not learn)."""

    Options = SequentialOptions

    def __init__(self, target: PathTarget, options: SequentialOptions | None = None) -> None:
        options = options or SequentialOptions()
        super().__init__(target, options)
        separate = options.layers == "separate"
        self.hidden = nn.ModuleList(
            nn.Linear(self.width, self.width) for _ in range(self.choices.depth if separate else 0)
        )
        self.above: nn.Embedding | None = None
        if options.previous == "embedding":
            self.above = nn.Embedding(len(self.choices.places), self.width)
            nn.init.normal_(self.above.weight, std=_EMBEDDING_SCALE)
        else:
            self.own = nn.Parameter(torch.zeros(len(self.choices)))

    @property
    def cost_of_place(self) -> int:
        """The width: what depends on the product alone is worked out once for all places."""
        return self.width

    def start(self, scores: torch.Tensor) -> torch.Tensor:
        """Each level's hidden layer before its category above is known, side by side: [B, levels × width] or [B, width]."""
        if not self.hidden:
            return scores
        first = self.drop(F.gelu(scores))
        return torch.cat([layer(first) for layer in self.hidden], dim=1)

    def enter(
        self, level: int, carried: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See the base class; what is carried never changes."""
        mine = carried[:, level * self.width : (level + 1) * self.width] if self.hidden else carried
        if self.above is not None:
            mine = mine + self.above(places)
        return F.gelu(mine), carried
