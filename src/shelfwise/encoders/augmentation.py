"""Changes training pictures a little, so that a network that is trained on few of them learns what stays the same.

What is done to a picture is a function of one number alone, drawn for it by the caller from the seed, the epoch and the
picture: in whatever batch and order it comes, it comes out the same.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field

_WEIGHTS_OF_GREY = (0.299, 0.587, 0.114)  # of red, green and blue in luma (ITU-R BT.601)


class Augmentation(BaseModel):
    """How far training pictures are changed; all zero changes nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: float = Field(default=0.0, ge=0.0, le=0.9)
    """Up to this share of the picture's area is cut off, anywhere around; the rest is scaled to full size."""
    flip: bool = False
    """Mirror every other one, left to right; leave it off where left and right mean something (shoes, texts)."""
    colour: float = Field(default=0.0, ge=0.0, le=0.9)
    """Brightness, contrast and saturation are each multiplied by 1 ± this; leave it off where colours are categories."""

    @property
    def nothing(self) -> bool:
        """Whether pictures stay as they are."""
        return not (self.crop or self.flip or self.colour)


def augment(pixels: torch.Tensor, draws: np.ndarray, how: Augmentation, bgr: bool = False) -> torch.Tensor:
    """Pictures uint8 [B, 3, H, W], each changed by its own number.

    Parameters
    ----------
    pixels
        0–255, in the order blue, green, red where ``bgr``.
    draws
        uint64 [B]: equal numbers change equal pictures equally. Where ``how.flip``, those of odd numbers are mirrored.
    """
    random = (
        np.stack([np.random.default_rng(int(draw)).random(6) for draw in draws])
        if len(draws)
        else np.zeros((0, 6))
    )
    chance = torch.from_numpy(random).to(pixels.device, torch.float32)
    flipped = torch.from_numpy((draws % 2 == 1) & how.flip).to(pixels.device)
    x = pixels.to(torch.float32)
    if how.crop:
        x = _cropped(x, chance, how.crop)
    if how.flip:
        x = torch.where(flipped[:, None, None, None], x.flip(3), x)
    if how.colour:
        x = _recoloured(x, 1 + how.colour * (2 * chance[:, 3:] - 1), bgr)
    return x.round().clamp(0, 255).to(torch.uint8)


def picture_draws(pictures: np.ndarray, *what: int) -> np.ndarray:
    """uint64 [B]: a number for each picture [B, ...] of any type, from its content and ``what`` (a seed, an epoch …)."""
    salt = np.random.SeedSequence(list(what)).generate_state(1, np.uint64)
    checks = [zlib.crc32(np.ascontiguousarray(one).data) for one in pictures]
    return _mixed(np.array(checks, dtype=np.uint64) ^ salt)


def _mixed(numbers: np.ndarray) -> np.ndarray:
    """Numbers far apart of numbers close together: the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def _cropped(x: torch.Tensor, chance: torch.Tensor, most: float) -> torch.Tensor:
    """A random part of each picture, of its proportions, at full size; what is left is 1 - ``most`` to 1 of the area."""
    side = (1 - most * chance[:, 0]).sqrt()
    shift = (1 - side)[:, None] * (2 * chance[:, 1:3] - 1)  # of the centre, in half sides
    where = torch.zeros(len(x), 2, 3, device=x.device)
    where[:, 0, 0] = where[:, 1, 1] = side
    where[:, :, 2] = shift
    grid = F.affine_grid(where, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _recoloured(x: torch.Tensor, factors: torch.Tensor, bgr: bool) -> torch.Tensor:
    """Brightness, then contrast about the mean grey, then saturation about each pixel's grey; ``factors`` [B, 3]."""
    brightness, contrast, saturation = (factors[:, place, None, None, None] for place in range(3))
    weights = torch.tensor(_WEIGHTS_OF_GREY[::-1] if bgr else _WEIGHTS_OF_GREY, device=x.device).view(
        1, 3, 1, 1
    )
    x = x * brightness
    mean_grey = (x * weights).sum(1, keepdim=True).mean(dim=(2, 3), keepdim=True)
    x = mean_grey + contrast * (x - mean_grey)
    grey = (x * weights).sum(1, keepdim=True)
    return grey + saturation * (x - grey)
