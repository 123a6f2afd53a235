"""Trains the last layers of a pretrained image network, and computes what lies below them once for every picture."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shelfwise.catalog.column import ImageSource, InputColumn
from shelfwise.catalog.decoding import decode_many
from shelfwise.encoders.augmentation import Augmentation, augment, picture_draws
from shelfwise.encoders.base import Encoded, Progress
from shelfwise.encoders.feature_cache import cache_folder
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.encoders.image_features import FeatureRun
from shelfwise.encoders.image_network import AT_ONCE, FromPixels, UpperLayers
from shelfwise.encoders.open_cache import open_cache
from shelfwise.errors import RecipeError

MOST_IN_MEMORY = 1 << 30
"""Bytes of prepared pictures above which they lie in a temporary file instead, which the system reads as needed."""

_LARGEST_HALF = 65504.0
_SCALED_ON = 512
"""Training pictures from which the spread of the vectors is learned: their features are computed for that alone."""


@dataclass(frozen=True)
class Tuning:
    """What of a backbone is trained, and on what.

    ``layers``: how many of its last convolutions and linear layers, at least 1. ``all_stages``: what the frozen network's
    earlier stages saw joins the vector (``ImageBackbone.stages``). ``variants``: changed pictures that are
    remembered for each plain one; None: pictures are changed anew in every epoch, or not at all.
    """

    layers: int
    all_stages: bool
    learning_rate_scale: float
    augmentation: Augmentation
    variants: int | None

    @property
    def anew(self) -> bool:
        """Whether every epoch sees other pixels, so that nothing can be computed before."""
        return self.variants is None and not self.augmentation.nothing


class FineTuning:
    """One backbone, cut in two below the first layer that is trained.

    Where it can be cut, and training pictures are not changed anew in every epoch, a product is its values, float16: what
    lies at the cut, and with ``all_stages`` what the earlier stages saw behind it. Else it is its pixels. ``namespace``
    begins the names of its part of the feature cache.

    Raises RecipeError: the backbone has fewer layers.
    """

    def __init__(self, backbone: ImageBackbone, tuning: Tuning, namespace: str) -> None:
        self._backbone, self._tuning, self._namespace = backbone, tuning, namespace
        self.trunk = backbone.trunk
        count = len(self.trunk.layers)
        if tuning.layers > count:
            raise RecipeError(
                f"expected trainable_layers of at most {count}, which is how many convolutions and linear layers this "
                f"image model has, got {tuning.layers}"
            )
        self.first_trainable = self.trunk.first_trainable(tuning.layers)
        self.cut = self.trunk.cut_before(self.first_trainable)
        self.reads_pixels = tuning.anew or self.cut == 0
        blank = torch.zeros(1, 3, backbone.preprocessing.side, backbone.preprocessing.side, dtype=torch.uint8)
        self._shape = tuple(backbone.below(blank, self.trunk.steps[: self.cut]).shape[1:])
        stages = int(backbone.stages(blank).shape[1]) if tuning.all_stages else 0
        self._length = math.prod(self._shape) + stages
        self.width = int(backbone.features(blank.numpy()).shape[1]) + stages

    def prepare(self, column: InputColumn, progress: Progress, *, for_training: bool) -> Encoded:
        """What the network reads of every product: see ``UpperLayers``.

        Variants are for training alone: without ``for_training`` only the plain picture is prepared.
        """
        if self.reads_pixels:
            return self._pixels(column.values, progress)
        variants = (self._tuning.variants or 0) if for_training else 0
        values, state, reasons = self._all_values(column.values, variants, progress)
        if self._tuning.variants is None:
            values = values[:, 0]
        return Encoded(values, state, reasons)

    def network(self, mean: np.ndarray, std: np.ndarray) -> UpperLayers:
        """A fresh copy of the layers above the cut, as pretrained."""
        bgr = self._backbone.preprocessing.bgr
        return UpperLayers(
            self.trunk,
            self.cut,
            self.first_trainable,
            self._shape,
            mean,
            std,
            FromPixels(self._values, self._tuning.augmentation, bgr) if self.reads_pixels else None,
            self._tuning.learning_rate_scale,
        )

    def pretrained_vectors(self, prepared: Encoded, rows: np.ndarray) -> np.ndarray:
        """float32 [≤ 512, width]: what the untrained network makes of some of the present ``rows``, evenly spread."""
        rows = rows[prepared.present[rows]]
        some = rows[np.linspace(0, len(rows) - 1, min(len(rows), _SCALED_ON)).astype(np.int64)]
        network = self.network(np.zeros(self.width, np.float32), np.ones(self.width, np.float32)).eval()
        with torch.inference_mode():
            parts = [
                network(torch.from_numpy(np.asarray(prepared.matrix[some[start : start + AT_ONCE]])))
                for start in range(0, len(some), AT_ONCE)
            ]
        return torch.cat(parts).numpy() if parts else np.zeros((0, self.width), np.float32)

    def _values(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pictures uint8 [B, 3, side, side] → float32 [B, length]."""
        at_cut = self._backbone.below(pixels, self.trunk.steps[: self.cut]).flatten(1)
        return (
            torch.cat([at_cut, self._backbone.stages(pixels)], dim=1) if self._tuning.all_stages else at_cut
        )

    def _all_values(
        self, source: ImageSource, variants: int, progress: Progress
    ) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
        """Values float16 [N, 1 + variants, length], state, reasons; each variant has a part of the cache for itself."""
        values = large_array((len(source), 1 + variants, self._length), np.dtype(np.float16))
        report = _shared_progress(progress, 1 + variants)
        for variant in range(1 + variants):
            run = FeatureRun(
                source,
                self._backbone.preprocessing,
                self._compute(variant),
                self._backbone.batch,
                open_cache(self._cache_name(variant), dtype=np.float16),
                values[:, variant],
                report,
            )
            run.all_rows()
        return values, run.state, run.reasons

    def _compute(self, variant: int) -> Callable[[np.ndarray], np.ndarray]:
        how = self._tuning.augmentation

        def compute(pixels: np.ndarray) -> np.ndarray:
            pictures = torch.from_numpy(pixels)
            if variant:
                # Odd numbers mirror: of two variants one is mirrored, instead of by chance both or none.
                draws = picture_draws(pixels, variant) & ~np.uint64(1) | np.uint64(variant % 2)
                pictures = augment(pictures, draws, how, self._backbone.preprocessing.bgr)
            return (
                self._values(pictures).clamp(-_LARGEST_HALF, _LARGEST_HALF).cpu().numpy().astype(np.float16)
            )

        return compute

    def _cache_name(self, variant: int) -> str:
        what: dict[str, Any] = {"cut": self.cut, "at": [step.name for step in self.trunk.steps[: self.cut]]}
        if self._tuning.all_stages:
            what["stages"] = True
        if variant:
            what |= {"variant": variant, "augment": self._tuning.augmentation.model_dump()}
        digest = hashlib.blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=8).hexdigest()
        return f"{self._namespace}-{digest}"

    def _pixels(self, source: ImageSource, progress: Progress) -> Encoded:
        """Every picture's pixels, uint8 [N, 3, side, side]."""
        side = self._backbone.preprocessing.side
        pixels = large_array((len(source), 3, side, side), np.dtype(np.uint8))
        state = np.zeros(len(source), dtype=np.int8)
        reasons: dict[int, str] = {}
        square = self._backbone.preprocessing.square
        for batch in decode_many(source, np.arange(len(source)), side, square=square):
            pixels[batch.rows], state[batch.rows] = batch.pixels, batch.states
            reasons.update(batch.reasons)
            progress(len(batch))
        return Encoded(pixels, state, reasons)


def large_array(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros; above ``MOST_IN_MEMORY`` in a file without a name in the cache's folder, which ends with the array."""
    if math.prod(shape) * dtype.itemsize <= MOST_IN_MEMORY:
        return np.zeros(shape, dtype)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # a disk that fills up later would end the process
                os.posix_fallocate(file.fileno(), 0, math.prod(shape) * dtype.itemsize)
            return np.memmap(file, dtype, "w+", shape=shape)
    except OSError:  # no such folder, or no room there
        return np.zeros(shape, dtype)


def _shared_progress(progress: Progress, passes: int) -> Progress:
    """A report for each of several passes over the same products, which together count every product once."""
    done = told = 0

    def report(count: int) -> None:
        nonlocal done, told
        done += count
        progress(done // passes - told)
        told = done // passes

    return report
