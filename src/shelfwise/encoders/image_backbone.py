"""A frozen pretrained image network: a picture in, a feature vector out, the same in any company."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.encoders.image_preprocessing import ImagePreprocessing
from shelfwise.encoders.image_trunk import Step, Trunk, run_steps, trace
from shelfwise.encoders.transformers_model import load_model, unloadable
from shelfwise.precision import computing_in, precision

_GRID = (
    3,
    2,
)  # rows and columns of fields: enough to tell a sleeve from a hem, and that a picture's halves differ
_MOST_CHANNELS = 128


class ImageBackbone:
    """A transformers image model on the best device at hand, in evaluation mode.

    Kernels round differently for different batch sizes, so every pass has exactly ``batch`` pictures, the
    last one filled up: a picture's features are then bit for bit the same whatever it is computed with.

    Raises MissingDependencyError: transformers is not installed, or the folder holds no image model that
    loads.
    """

    def __init__(self, folder: Path, preprocessing: ImagePreprocessing, batch: int) -> None:
        keep_freed_memory()
        self.preprocessing = preprocessing
        self.batch = batch
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = precision()
        model, trained_pooler = _load(folder)
        self._pooled = Pooling(trained_pooler)
        self._model = model.float().eval().requires_grad_(False).to(self._device)
        # Torch's stubs lack this argument, which doubles the speed of convolutions on CPUs.
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        takes_any_side = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters
        self._arguments = {"interpolate_pos_encoding": True} if takes_any_side else {}

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """Pictures uint8 [B, 3, side, side], 1 ≤ B ≤ batch, as float32 [B, width]."""
        return self._passed(torch.from_numpy(pixels), self._features).cpu().numpy()

    def layer_features(self, pixels: np.ndarray) -> np.ndarray:
        """``features`` and, behind them, ``spatial_layers``: float32 [B, width + …]."""
        return self._passed(torch.from_numpy(pixels), self._layer_features).cpu().numpy()

    def stages(self, pixels: torch.Tensor) -> torch.Tensor:
        """``spatial_layers`` alone, float32 [B, …], of any number of pictures on any device, to which they come back."""
        return self._in_parts(pixels, lambda x: self._layer_features(x)[:, self._width :])

    def below(self, pixels: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
        """What the first ``steps`` of ``trunk`` make of pictures uint8 [B, 3, side, side]: float32 [B, …].

        Any number of pictures, on any device, to which the result comes back.
        """
        modules = [step.module for step in steps]
        return self._in_parts(pixels, lambda x: run_steps(steps, modules, x))

    @cached_property
    def trunk(self) -> Trunk:
        """The model as a chain of steps from prepared pixels to features."""
        side = self.preprocessing.side
        random = np.random.default_rng(0).integers(0, 256, (3, 3, side, side), dtype=np.uint8)
        x = self.preprocessing.normalised(torch.from_numpy(random).to(self._device))
        return trace(self._model, self._pooled, x, **self._arguments)

    @cached_property
    def _width(self) -> int:
        side = self.preprocessing.side
        return int(self.features(np.zeros((1, 3, side, side), dtype=np.uint8)).shape[1])

    def _in_parts(self, pixels: torch.Tensor, work: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return torch.cat([self._passed(part, work).to(pixels.device) for part in pixels.split(self.batch)])

    def _passed(self, pixels: torch.Tensor, work: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """What ``work`` makes of prepared pictures, in a pass of ``batch``: float32 [B, …] on this model's device."""
        count = len(pixels)
        if count < self.batch:
            pixels = torch.cat([pixels, pixels.new_zeros(self.batch - count, *pixels.shape[1:])])
        x = self.preprocessing.normalised(pixels.to(self._device))
        with (
            torch.no_grad(),
            computing_in(self._dtype),
        ):
            found = work(x)
        return found[:count].float()

    def as_module(self, layers: bool) -> nn.Module:
        """From pictures uint8 [B, 3, side, side] to ``features`` (or ``layer_features``) as one module, to be exported."""
        return _FromPixels(self, layers)

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        return self._pooled(self._model(pixel_values=x, **self._arguments))

    def _layer_features(self, x: torch.Tensor) -> torch.Tensor:
        output = self._model(pixel_values=x, output_hidden_states=True, **self._arguments)
        return torch.cat([self._pooled(output), *spatial_layers(output.hidden_states or ())], dim=1)


class _FromPixels(nn.Module):
    """All that happens to pictures before and in a backbone."""

    def __init__(self, backbone: ImageBackbone, layers: bool) -> None:
        super().__init__()
        self._backbone, self._layers = backbone, layers
        self.model = backbone._model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 [B, 3, side, side] → float32 [B, width]."""
        x = self._backbone.preprocessing.normalised(pixels)
        return self._backbone._layer_features(x) if self._layers else self._backbone._features(x)


@dataclass(frozen=True)
class Pooling:
    """Features [B, width] of a model's output: its own pooling where that is trained, else the mean of places or tokens."""

    own: bool

    def __call__(self, output: Any) -> torch.Tensor:
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None and self.own:
            return pooled.flatten(1)
        hidden = output.last_hidden_state
        return hidden.mean(dim=(2, 3)) if hidden.ndim == 4 else hidden.mean(dim=1)


def spatial_layers(hidden_states: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """What the network saw on the way and where: for the last hidden state of every resolution, [B, channels × 6].

    Hidden states [B, channels, H, W] are averaged over the fields of a grid of 3 × 2; wide ones are first brought down to
    ``_MOST_CHANNELS`` by a random projection (Achlioptas 2003). The lowest resolution is left out, because the features
    themselves are made of it, and so are tokens [B, T, width].
    """
    last: dict[tuple[int, ...], torch.Tensor] = {}
    for hidden in hidden_states:
        if hidden.ndim == 4:
            last[tuple(map(int, hidden.shape[2:]))] = (
                hidden  # while it is exported sizes are no plain numbers
            )
    if last:
        last.popitem()
    parts = []
    for hidden in last.values():
        fields = _means_of_fields(hidden.float())  # [B, channels, 6]
        if int(hidden.shape[1]) > _MOST_CHANNELS:
            fields = torch.einsum("bcf,cd->bdf", fields, _projection(int(hidden.shape[1])).to(fields.device))
        parts.append(fields.flatten(1))
    return parts


def _means_of_fields(hidden: torch.Tensor) -> torch.Tensor:
    """[B, channels, H, W] → [B, channels, 6]: the mean of each field of the grid."""
    if not torch.onnx.is_in_onnx_export():
        return F.adaptive_avg_pool2d(hidden, _GRID).flatten(2)
    # ONNX has no such operator where the fields are not of one size.
    height, width = (int(side) for side in hidden.shape[2:])
    return hidden.flatten(2) @ _grid_weights(height, width).to(hidden.device)


@cache
def _grid_weights(height: int, width: int) -> torch.Tensor:
    """float32 [height × width, 6]: what each place counts in the mean of each field."""
    one_place = torch.eye(height * width).reshape(height * width, 1, height, width)
    return F.adaptive_avg_pool2d(one_place, _GRID).reshape(height * width, -1)


@cache
def _projection(channels: int) -> torch.Tensor:
    """float32 [channels, _MOST_CHANNELS] of ± 1/√_MOST_CHANNELS, the same on every machine and in every version."""
    bits = channels * _MOST_CHANNELS
    noise = hashlib.shake_128(f"projection of {channels} channels".encode()).digest(-(-bits // 8))
    signs = np.unpackbits(np.frombuffer(noise, dtype=np.uint8))[:bits].astype(np.float32) * 2 - 1
    return torch.from_numpy(signs.reshape(channels, _MOST_CHANNELS)) / _MOST_CHANNELS**0.5


def _load(folder: Path) -> tuple[nn.Module, bool]:
    """(the image model, whether its pooling layer has trained weights or needs none)."""
    model, pooler = load_model(folder, "image", "--image-model")
    model = getattr(model, "vision_model", model)  # the picture's half of an image-and-text model
    if getattr(model, "main_input_name", "pixel_values") != "pixel_values":
        wrong = ValueError(f"{type(model).__name__} does not take pictures")
        raise unloadable(folder, "image", "--image-model", wrong)
    return model, pooler
