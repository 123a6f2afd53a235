"""Reads text by a convolution over its words: phrases wherever they stand, as in Kim 2014."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import nn

from shelfwise.encoders.base import EncoderOptions
from shelfwise.encoders.text_preparation import with_preset
from shelfwise.encoders.token_encoder import TokenEncoder, TokenOptions
from shelfwise.encoders.tokens import PADDING
from shelfwise.encoders.word_embedding import WordEmbedding

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {"widths": (5,), "filters": 200, "dense": 170},
    "kim": {"widths": (3, 4, 5), "filters": 100, "dense": None, "dropout": 0.5},
}
"""``paper``: Wirojwatanakul & Wangperawong 2019. ``kim``: Kim 2014 (without the bound on the norm of the last weights)."""


class KimCnnOptions(TokenOptions):
    """Options of ``kim_cnn``."""

    preset: Literal["paper", "kim"] | None = Field(None, exclude=True)
    """The papers' networks, see ``PRESETS``; what is given besides wins over it."""
    widths: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field((5,), min_length=1, max_length=16)
    """Words that a filter sees at once, one group of filters each."""
    filters: int = Field(200, ge=1, le=4096)
    """Filters of each width; time grows with widths · filters · embedding."""
    dense: int | None = Field(170, ge=1, le=4096)
    """Width of a layer with ReLU after the pooling; null for none."""
    dropout: float = Field(0.5, ge=0.0, lt=1.0)
    """Share of the pooled values zeroed in training."""

    @model_validator(mode="before")
    @classmethod
    def _over_the_preset(cls, values: Any) -> Any:
        return with_preset(values, "preset", PRESETS)


class KimCnn(TokenEncoder):
    """Words' numbers, and a fresh convolutional network on them that learns with the heads."""

    kind: ClassVar[str] = "kim_cnn"
    Options: ClassVar[type[EncoderOptions]] = KimCnnOptions
    options: KimCnnOptions
    usual_embedding: ClassVar[int] = 300
    """As in Kim 2014. On H&M's titles 128 got a point of micro-F1 less, on its descriptions as much."""

    @property
    def width(self) -> int:
        """Length of the network's vector."""
        return self.options.dense or len(self.options.widths) * self.options.filters

    def network(self) -> nn.Module:
        """A fresh network from word numbers [B, L] to float32 [B, width]."""
        options = self.options
        return ConvolutionOverWords(
            self.embedding(), options.widths, options.filters, options.dense, options.dropout
        )


class ConvolutionOverWords(nn.Module):
    """Word numbers → convolutions → the largest answer of each filter in the text → a dense layer.

    A filter of width w is laid on every word of the text, centred: it sees (w - 1) // 2 words before and w // 2 after,
    and zeros where the text has ended. So there are as many windows as words, also in texts shorter than the filter, and
    each holds a word of the text. What stands after the text's end is never pooled and never seen: the vector does not
    depend on how far a batch is padded.
    """

    def __init__(
        self,
        embedding: WordEmbedding,
        widths: tuple[int, ...],
        filters: int,
        dense: int | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        size = embedding.weight.shape[1]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, filters, width, padding=width // 2) for width in widths
        )
        self.dropout = nn.Dropout(dropout)
        self.dense = None if dense is None else nn.Linear(len(widths) * filters, dense)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """[B, L] of int32 or int64, ``PADDING`` at the end → [B, width]; a row of padding alone pools zeros."""
        vectors = self.embedding(words).transpose(1, 2)  # [B, size, L]
        # Added, not filled in: the sum needs no work on the way back.
        mask = torch.zeros_like(words, dtype=vectors.dtype).masked_fill(words == PADDING, -torch.inf)[:, None]
        pooled = []
        for convolution in self.convolutions:
            answers = convolution(vectors)  # [B, filters, L]
            if answers.shape[2] > words.shape[1]:
                answers = answers[
                    :, :, 1:
                ]  # an even width, padded alike on both sides, has one window too many
            pooled.append((answers + mask).max(dim=2).values)
        # ReLU after the pooling is ReLU before it, for a fraction of the work; it also makes 0 of -inf.
        vector = self.dropout(F.relu(torch.cat(pooled, dim=1)))
        return vector if self.dense is None else F.relu(self.dense(vector))
