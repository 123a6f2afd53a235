"""A recurrent decoder over the levels: the previous category is the next token, as in the LSTM of Wang & Guthrie 2015.

The product's vector is the cell's first state. The state remembers the whole way down, so a category's token can be shared by
all its parents: what follows "Shoes" for men teaches what follows "Shoes" for women.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from shelfwise.heads.dependent import DependentHead, DependentOptions
from shelfwise.taxonomy.targets import PathTarget

_KEEP = 2.0
"""First bias of the gate that keeps the state, so that the product's vector lasts down to the deepest level (Jozefowicz 2015)."""


class LevelDecoderOptions(DependentOptions):
    """Which cell decodes."""

    width: int = Field(default=128, ge=1, le=4096)
    """Length of the cell's state, and of the vector it starts from."""
    cell: Literal["gru", "lstm"] = "gru"


class LevelDecoderHead(DependentHead):
    """A GRU or LSTM cell that is fed the category chosen last and scores the choices below it."""

    Options = LevelDecoderOptions
    token: torch.Tensor

    def __init__(self, target: PathTarget, options: LevelDecoderOptions | None = None) -> None:
        options = options or LevelDecoderOptions()
        super().__init__(target, options)
        tokens = self._tokens()
        self.register_buffer("token", torch.from_numpy(tokens), persistent=False)
        self.embedding = nn.Embedding(int(tokens.max()) + 1, self.width)
        self.lstm = options.cell == "lstm"
        self.cell = (nn.LSTMCell if self.lstm else nn.GRUCell)(self.width, self.width)
        with torch.no_grad():
            # An LSTM's forget gate and a GRU's update gate are the second of the gates, and keep what is there when open.
            self.cell.bias_hh[self.width : 2 * self.width] = _KEEP

    def _tokens(self) -> np.ndarray:
        """The token of each place int64 [places]: one a name and level; the root's is the start token."""
        known: dict[tuple[int, str], int] = {}
        names = [(len(path), path[-1] if path else "") for path in self.choices.places]
        return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)

    @property
    def cost_of_place(self) -> int:
        """One step of the cell."""
        return (8 if self.lstm else 6) * self.width**2

    def start(self, scores: torch.Tensor) -> torch.Tensor:
        """The cell's first state [B, width], for an LSTM with the memory that such a state comes from [B, 2 × width]."""
        first = torch.tanh(scores)
        return torch.cat([first, scores], dim=1) if self.lstm else first

    def enter(
        self, level: int, carried: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of the cell, fed with each place's token."""
        fed = self.embedding(self.token[places])
        if not self.lstm:
            state = self.cell(fed, carried)
            return state, state
        state, memory = self.cell(fed, tuple(carried.split(self.width, dim=1)))
        return state, torch.cat([state, memory], dim=1)
