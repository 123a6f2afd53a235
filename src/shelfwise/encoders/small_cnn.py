"""Image → vector by a small residual network trained from scratch, for when no pretrained weights are at hand.

A residual network (He et al. 2016) of three halving stages on small pictures, with batch normalisation (Ioffe & Szegedy 2015):
from scratch on a few thousand pictures it learned several times faster than group normalisation here. In inference its
statistics are fixed, so a product's vector never depends on the other products of its batch. In training the network
must be given the pictures that exist and no stand-ins for absent ones, which would count in the statistics.

What the last stage found is not averaged over the picture, but read place by place: on a product's photo it matters whether a
shape is at the top or at the bottom.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.catalog.decoding import decode_many
from shelfwise.catalog.images import Fill, square_pixels
from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.errors import ModelFolderError

_SHIFT_SHARE = 1 / 16  # of the side: how far training pictures are moved
_MOST_PLACES = 4
"""A side: a larger map of the last stage is averaged down to at most so many places."""


class SmallCnnOptions(EncoderOptions):
    """Options of ``small_cnn``."""

    side: int = Field(default=64, ge=16, le=512)
    """Pixels a side the images are scaled to; time and memory grow with its square (12 KB each at 64)."""
    fill: Fill = "pad"
    """"pad" keeps an image's proportions on a white square, "stretch" fills the square."""
    width: int = Field(default=128, ge=64, le=1024, multiple_of=64)
    """Channels of the last stage, and length of the vector; time and weights grow with its square."""
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the vector's entries zeroed in training."""
    augment: bool = True
    """Mirror and shift the pictures in training; turn off where left and right mean something."""


class SmallCnn(Encoder):
    """The images themselves as uint8 pixels, and a fresh residual network that learns with the heads."""

    kind = "small_cnn"
    roles = frozenset({Role.IMAGE})
    Options = SmallCnnOptions
    options: SmallCnnOptions

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Decode every image to uint8 [N, 3, side, side]; zeros, and a state and reason, where that fails."""
        source, side = column.values, self.options.side
        count = len(column)
        pixels = np.zeros((count, 3, side, side), dtype=np.uint8)
        state = np.array(column.state, dtype=np.int8)
        reasons: dict[int, str] = {}
        square = partial(square_pixels, fill=self.options.fill)
        for batch in decode_many(source, np.arange(count), side, square=square):
            pixels[batch.rows] = batch.pixels
            state[batch.rows] = batch.states
            reasons.update(batch.reasons)
            progress(len(batch))
        return Encoded(pixels, state, reasons)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn nothing: all learning is the network's."""
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """The pixels as they are. Raises ValueError where they are not [N, 3, side, side]."""
        expected = (3, self.options.side, self.options.side)
        if prepared.matrix.shape[1:] != expected:
            raise ValueError(f"expected pixels [N, {expected}], got {prepared.matrix.shape}")
        return prepared

    @property
    def width(self) -> int:
        """Length of the network's vector."""
        return self.options.width

    def network(self) -> nn.Module:
        """A fresh residual network from uint8 or float pixels (0–255) [B, 3, S, S] to float32 [B, width]."""
        keep_freed_memory()
        options = self.options
        return ResidualNetwork(options.side, options.width, options.dropout, augment=options.augment)

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Take the empty state back. Raises ModelFolderError where there is one."""
        if arrays or json:
            names = ", ".join([*arrays, *json])
            raise ModelFolderError(
                f"The image encoder small_cnn keeps no state of its own, but found: {names}."
            )
        return self


class ResidualBlock(nn.Module):
    """Halves the picture: two 3×3 convolutions beside an averaged, projected shortcut."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, channels_in, H, W] → [B, channels_out, ⌈H/2⌉, ⌈W/2⌉]."""
        y = F.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return F.relu(y + self.shortcut(F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)))


class ResidualNetwork(nn.Module):
    """Pixels → vector: a stem, three residual blocks, a layer over all places (0.6 million weights at 64 pixels and 128)."""

    def __init__(self, side: int, width: int, dropout: float, *, augment: bool) -> None:
        super().__init__()
        self.augment = augment
        stages = [width // 4, width // 4, width // 2, width]
        self.stem = nn.Conv2d(3, stages[0], 3, stride=2, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(stages[0])
        self.blocks = nn.Sequential(*(ResidualBlock(a, b) for a, b in pairwise(stages)))
        left = math.ceil(side / 2 ** len(stages))  # places a side: the stem and every block halve
        self.window = math.ceil(left / _MOST_PLACES)
        self.layout = nn.Linear(width * math.ceil(left / self.window) ** 2, width, bias=False)
        self.layout_norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)
        # A third faster on CPUs than the default layout; torch's stubs lack this argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels 0–255, uint8 or float, [B, 3, S, S] → [B, width]."""
        if self.training and self.augment:
            pixels = flip_and_shift(pixels)
        x = pixels.to(dtype=self.stem.weight.dtype, memory_format=torch.channels_last)
        x = (x - 127.5) / 64.0  # about zero mean and unit variance for photos
        x = F.relu(self.stem_norm(self.stem(x)))
        x = self.blocks(x)  # [B, width, S/16, S/16]
        if self.window > 1:
            x = F.avg_pool2d(x, self.window, ceil_mode=True, count_include_pad=False)
        return self.dropout(F.relu(self.layout_norm(self.layout(x.flatten(1)))))


def flip_and_shift(pixels: torch.Tensor) -> torch.Tensor:
    """Each picture mirrored half of the time and moved by up to 1/16 of its side; its border is repeated.

    Draws from torch's generator, so a seeded training repeats. ``pixels`` [B, 3, S, S] of any type, and so
    the result.
    """
    count, _, height, width = pixels.shape
    device = pixels.device
    down = _shifted(torch.arange(height, device=device).repeat(count, 1))
    right = _shifted(torch.arange(width, device=device).repeat(count, 1))
    mirrored = torch.rand(count, 1, device=device) < 0.5
    right = torch.where(mirrored, width - 1 - right, right)
    picture = torch.arange(count, device=device)[:, None, None]
    moved = pixels.permute(0, 2, 3, 1)[picture, down[:, :, None], right[:, None, :]]  # [B, S, S, 3]
    return moved.permute(0, 3, 1, 2)


def _shifted(places: torch.Tensor) -> torch.Tensor:
    """Pixel positions [B, S], each row moved by its own random offset and kept inside the picture."""
    side = places.shape[1]
    most = max(1, round(side * _SHIFT_SHARE))
    offsets = torch.randint(-most, most + 1, (places.shape[0], 1), device=places.device)
    return (places + offsets).clamp(0, side - 1)
