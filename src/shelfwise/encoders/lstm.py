"""Reads text word by word with a recurrent network, as the LSTM of Wang & Guthrie 2015."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from shelfwise.encoders.base import EncoderOptions
from shelfwise.encoders.token_encoder import TokenEncoder, TokenOptions
from shelfwise.encoders.tokens import PADDING
from shelfwise.encoders.word_embedding import WordEmbedding

Cell = Literal["lstm", "gru"]
Pooling = Literal["mean", "max", "last"]


class LstmOptions(TokenOptions):
    """Options of ``lstm``. Vocabulary, length and embedding are those of Wang & Guthrie 2015."""

    max_words: int = Field(100, ge=1, le=10_000)
    """Words read, from the text's beginning; time grows with the text's length."""
    cell: Cell = "lstm"
    """"lstm" (Hochreiter & Schmidhuber 1997), or "gru" (Cho et al. 2014), which has three quarters of its weights."""
    bidirectional: bool = False
    """Also read from the end to the beginning, with weights of its own: twice the time and the width."""
    units: int = Field(128, ge=1, le=4096)
    """Length of the state in each direction."""
    pooling: Pooling = "mean"
    """What becomes of the states after each word: their mean, the largest of each number, or the last alone."""
    dropout: float = Field(0.5, ge=0.0, lt=1.0)
    """Share of the pooled values zeroed in training."""


class Lstm(TokenEncoder):
    """Words' numbers, and a fresh recurrent network on them that learns with the heads."""

    kind: ClassVar[str] = "lstm"
    Options: ClassVar[type[EncoderOptions]] = LstmOptions
    options: LstmOptions
    # Small vectors leave the gates near one half and the states near zero: with 0.1, 15 epochs on the titles of H&M came
    # to a micro-F1 of .59 instead of .65.
    spread: ClassVar[float] = 1.0

    @property
    def width(self) -> int:
        """Length of the network's vector."""
        return self.options.units * (2 if self.options.bidirectional else 1)

    def network(self) -> nn.Module:
        """A fresh network from word numbers [B, L] to float32 [B, width]."""
        options = self.options
        return RecurrentOverWords(
            self.embedding(),
            options.cell,
            options.units,
            options.pooling,
            options.dropout,
            directions=2 if options.bidirectional else 1,
        )


class RecurrentOverWords(nn.Module):
    """Word numbers → states word by word → one vector, pooled over the text's words alone.

    The second direction is a cell of its own that reads each text reversed, from its own last word on. Both thus come to
    padding only after the text, where nothing is pooled: the vector does not depend on how far a batch is padded. (PyTorch's
    packed sequences do the same, and took half as long again on CPUs.)
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        cell: Cell,
        units: int,
        pooling: Pooling,
        dropout: float,
        directions: int,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        size = embedding.weight.shape[1]
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.cells = nn.ModuleList(kind(size, units, batch_first=True) for _ in range(directions))
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """[B, L] of int32 or int64, ``PADDING`` at the end → [B, width]; zeros for a row of padding alone."""
        inside = words != PADDING  # [B, L]
        lengths = inside.sum(1)
        vectors = self.embedding(words)  # [B, L, size]
        pooled = [self._pool(self.cells[0](vectors)[0], inside, lengths)]
        for cell in self.cells[1:]:
            pooled.append(self._pool(cell(_reversed(vectors, lengths))[0], inside, lengths))
        return self.dropout(torch.cat(pooled, dim=1))

    def _pool(self, states: torch.Tensor, inside: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """[B, L, units] → [B, units], in reading order: the last state is that after the last word read."""
        if self.pooling == "mean":
            share = inside / lengths.clamp(min=1)[:, None]  # [B, L]
            return torch.bmm(share[:, None].to(states.dtype), states)[:, 0]
        if self.pooling == "max":
            mask = torch.zeros_like(states[:, :, :1]).masked_fill(~inside[:, :, None], -torch.inf)
            largest = (states + mask).max(dim=1).values
        else:
            largest = states[torch.arange(len(states), device=states.device), (lengths - 1).clamp(min=0)]
        return largest.masked_fill((lengths == 0)[:, None], 0.0)


def _reversed(vectors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """[B, L, size] with each text's words in reverse; what follows a text is no part of it and may be anything."""
    places = torch.arange(vectors.shape[1], device=vectors.device)
    source = (lengths[:, None] - 1 - places).clamp(min=0)
    return vectors.gather(1, source[:, :, None].expand_as(vectors))
