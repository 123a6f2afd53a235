"""The trained part of a fine-tuned backbone: from where it was cut (or from pixels) to a vector."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from shelfwise.encoders.augmentation import Augmentation, augment, picture_draws
from shelfwise.encoders.image_trunk import Step, Trunk, run_steps

AT_ONCE = 32
"""Pictures that go through together in evaluation; a divisor of the blocks in which products are predicted, so that every
pass has the same shape and rounds alike."""


@dataclass(frozen=True)
class FromPixels:
    """Makes values (see ``UpperLayers``) of pictures, where they change too often to be computed before.

    ``values``: pictures uint8 [B, 3, side, side] → float32 [B, length]. In training each picture is changed first, as
    ``augmentation`` says; ``bgr``: the order of its channels.
    """

    values: Callable[[torch.Tensor], torch.Tensor]
    augmentation: Augmentation
    bgr: bool

    def __call__(self, pixels: torch.Tensor, training: bool) -> torch.Tensor:
        """float32 [B, length]"""
        if training and not self.augmentation.nothing:
            draws = picture_draws(pixels.cpu().numpy(), epoch_seed())
            pixels = augment(pixels, draws, self.augmentation, self.bgr)
        return self.values(pixels)


def chosen_variant(values: torch.Tensor, training: bool) -> torch.Tensor:
    """Which values of a product go in: the plain picture's, or in training one of several, by seed, epoch and product.

    ``values`` [B, length], or of several variants [B, 1 + variants, length], the plain picture's first → [B, length].
    """
    if values.ndim == 2:
        return values
    if not training or values.shape[1] == 1:
        return values[:, 0]
    # The plain picture tells products apart; as many of its numbers as make equal checksums unlikely are enough.
    plain = values[:, 0, :512].cpu().numpy()
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
    shape
        Of what lies at the cut, for one picture. Values are this, flat, and behind it what else is known of the picture, which
        is handed on as it is: the vector is the network's, then that.
    from_pixels
        Makes values of pixels, where the input is pixels; None where it is values.
    """

    def __init__(
        self,
        trunk: Trunk,
        cut: int,
        first_trainable: int,
        shape: tuple[int, ...],
        mean: np.ndarray,
        std: np.ndarray,
        from_pixels: FromPixels | None = None,
        learning_rate_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self._steps: tuple[Step, ...] = trunk.steps[cut:]
        self._shape, self._from_pixels = shape, from_pixels
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

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Values float16 [B, length] or [B, variants, length], or pixels uint8 [B, 3, side, side] → float32 [B, width]."""
        if self.training:
            return self._vectors(inputs)
        return torch.cat([self._vectors(part) for part in inputs.split(AT_ONCE)])

    def _vectors(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._from_pixels is None:
            values = chosen_variant(inputs, self.training).to(torch.float32)
        else:
            values = self._from_pixels(inputs, self.training)
        at_cut = math.prod(self._shape)
        x = values[:, :at_cut].reshape(-1, *self._shape)
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        vectors = torch.cat([run_steps(self._steps, list(self.steps), x), values[:, at_cut:]], dim=1)
        return (vectors - self.mean) / self.std
