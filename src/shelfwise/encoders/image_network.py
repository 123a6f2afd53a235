"""The trained part of a fine-tuned backbone: from where it was cut (or from pixels) to a vector."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from shelfwise.encoders.augmentation import Augmentation, augment, picture_draws
from shelfwise.encoders.image_preprocessing import ImagePreprocessing
from shelfwise.encoders.image_trunk import Step, Trunk, run_steps

AT_ONCE = 32
"""Pictures that go through together in evaluation; a divisor of the blocks in which products are predicted, so that every
pass has the same shape and rounds alike."""


@dataclass(frozen=True)
class Pixels:
    """How pixels become what the upper part reads: prepared, and through the frozen part below where there is one.

    ``below``: pictures uint8 [B, 3, side, side] → float32 [B, …]; None where nothing lies below.
    """

    preprocessing: ImagePreprocessing
    below: Callable[[torch.Tensor], torch.Tensor] | None

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.preprocessing.normalised(pixels) if self.below is None else self.below(pixels)


@dataclass(frozen=True)
class Variants:
    """Which values of a product go in: the one that is there, or in training one of several, by seed, epoch and product.

    Values are [B, …] without ``several``, else [B, 1 + variants, …], the unchanged picture's first.
    """

    several: bool

    def chosen(self, values: torch.Tensor, training: bool) -> torch.Tensor:
        """[B, …]"""
        if not self.several:
            return values
        if not training or values.shape[1] == 1:
            return values[:, 0]
        # The unchanged picture tells products apart; as many of its numbers as make equal checksums unlikely are enough.
        plain = values[:, 0].flatten(1)[:, :512].cpu().numpy()
        which = picture_draws(plain, epoch_seed()) % np.uint64(values.shape[1])
        rows = torch.arange(len(values), device=values.device)
        return values[rows, torch.from_numpy(which.astype(np.int64)).to(values.device)]


def epoch_seed() -> int:
    """A number that stands for seed and epoch: what the training loop seeded PyTorch with when the epoch began."""
    return torch.initial_seed()


class UpperLayers(nn.Module):
    """The last steps of a pretrained network, a copy of its own, whose last layers learn.

    Parameters that come before the first trained layer stay as they are. Batch normalisation always uses the statistics of
    the pretraining, in training too: those of a few small batches would undo what it learned. Dropout works in training, in
    the trained layers alone. The vector is centred and scaled as ``mean`` and ``std`` [width] say, so that at the start it
    is the same that frozen features would be.

    Parameters
    ----------
    trunk, cut
        The network, and after how many of its steps this part begins.
    first_trainable
        The call from which on parameters learn; see ``Trunk``.
    pixels
        How pixels become the input, where the input is pixels; None where it is what lies at the cut.
    """

    def __init__(
        self,
        trunk: Trunk,
        cut: int,
        first_trainable: int,
        mean: np.ndarray,
        std: np.ndarray,
        variants: Variants,
        pixels: Pixels | None = None,
        augmentation: Augmentation | None = None,
        learning_rate_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self._steps: tuple[Step, ...] = trunk.steps[cut:]
        self._variants, self._pixels, self._augmentation = variants, pixels, augmentation
        originals = [step.module for step in self._steps]
        self.steps = nn.ModuleList(copy.deepcopy(originals))
        self._always_evaluating: list[nn.Module] = []
        learning = trunk.at_work(first_trainable)
        for original, mine in zip(nn.ModuleList(originals).modules(), self.steps.modules(), strict=True):
            learns = original in learning
            for parameter in mine.parameters(recurse=False):
                parameter.requires_grad_(learns)
                parameter.learning_rate_scale = learning_rate_scale  # type: ignore[attr-defined]
            if not learns or isinstance(mine, nn.modules.batchnorm._BatchNorm):
                self._always_evaluating.append(mine)
        self.mean: torch.Tensor
        self.std: torch.Tensor
        # Both are the encoder's own state; a second copy among the weights could only disagree with it.
        self.register_buffer("mean", torch.from_numpy(mean), persistent=False)
        self.register_buffer("std", torch.from_numpy(std), persistent=False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Set the mode of what learns; what does not stays in evaluation mode."""
        super().train(mode)
        for module in self._always_evaluating:
            module.training = False
        return self

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Values at the cut float16 [B, …] or [B, variants, …], or pixels uint8 [B, 3, side, side] → float32 [B, width]."""
        if self.training:
            return self._vectors(values)
        return torch.cat([self._vectors(part) for part in values.split(AT_ONCE)])

    def _vectors(self, values: torch.Tensor) -> torch.Tensor:
        if self._pixels is not None:
            if self.training and self._augmentation is not None:
                draws = picture_draws(values.cpu().numpy(), epoch_seed())
                values = augment(values, draws, self._augmentation, self._pixels.preprocessing.bgr)
            x = self._pixels(values)
        else:
            x = self._variants.chosen(values, self.training).to(torch.float32)
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        return (run_steps(self._steps, list(self.steps), x) - self.mean) / self.std
