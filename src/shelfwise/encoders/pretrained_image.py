"""Image → vector by a frozen pretrained backbone, run once per distinct image and remembered on disk."""

from __future__ import annotations

import json as jsonlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.encoders.allocator import release_freed_memory
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.feature_cache import FeatureCache, content_key
from shelfwise.encoders.hub import backbone_folder, fingerprint
from shelfwise.encoders.image_backbone import ImageBackbone, precision
from shelfwise.encoders.image_features import FeatureRun
from shelfwise.encoders.image_preprocessing import ImagePreprocessing, Resize, read_preprocessing
from shelfwise.errors import MissingDependencyError, ModelFolderError

BACKBONE_VARIABLE = "SHELFWISE_IMAGE_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

_DECODING_VERSION = 1  # raised when decoded pixels, and so cached features, change
_LEAST_SPREAD = 0.05  # of the mean standard deviation: rarer features are not blown up to unit variance


class PretrainedImageOptions(EncoderOptions):
    """Options of ``pretrained_image``."""

    model: str = ""
    """The backbone: a local folder as transformers saves them (safetensors), or a hub name."""
    side: int | None = Field(default=None, ge=32, le=1024)
    """Pixels a side; None: the backbone's own. Time grows with its square; a smaller side loses detail."""
    resize: Resize | None = None
    """"stretch", "crop" (the margins are lost) or "pad" (white); None: the backbone's own way."""
    batch: int = Field(default=8, ge=1, le=256)
    """Pictures a pass. On CPUs 8 is as fast as any; a GPU wants 64. It changes features by rounding only."""


@dataclass(frozen=True)
class _Located:
    """A backbone found on this machine: where, which (fingerprint), and how pictures are prepared for it."""

    folder: Path
    fingerprint: str
    preprocessing: ImagePreprocessing

    def identity(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint, "preprocessing": self.preprocessing.identity()}


class PretrainedImage(Encoder):
    """Frozen features of a transformers image model, standardised on the training products."""

    kind = "pretrained_image"
    roles = frozenset({Role.IMAGE})
    Options = PretrainedImageOptions
    options: PretrainedImageOptions

    def __init__(self, options: PretrainedImageOptions) -> None:
        super().__init__(options)
        self._located: _Located | None = None
        self._backbone: ImageBackbone | None = None
        self._expected: dict[str, Any] | None = None  # the identity a loaded model was trained with
        self._saved_folder: str | None = None
        self._width: int | None = None
        self._mean: np.ndarray | None = None
        self._std: np.ndarray | None = None

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Features float32 [N, width], unscaled, from the cache or the backbone; zeros where no image is.

        A picture's features are the same whatever it is computed with. What was computed is remembered even
        when this is interrupted. Raises MissingDependencyError (no transformers, no such backbone) and
        ModelFolderError (not the backbone this model was trained with).
        """
        located = self._locate()
        cache = FeatureCache(_namespace(located))
        width = cache.width or self._load_backbone(located).features(_blank(located)).shape[1]
        if self._width is not None and self._width != width:
            raise ModelFolderError(f"Expected image features of length {self._width}, got {width}.")
        self._width = width

        def compute(pixels: np.ndarray) -> np.ndarray:  # loads the backbone only if some image needs it
            return self._load_backbone(located).features(pixels)

        run = FeatureRun(
            column.values, located.preprocessing, compute, self.options.batch, cache, width, progress
        )
        try:
            run.all_rows()
        finally:
            release_freed_memory()
        return Encoded(run.features, run.state, dict(sorted(run.reasons.items())))

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn each feature's mean and standard deviation on the present ``rows``."""
        present = np.asarray(rows)[prepared.present[rows]]
        width = prepared.matrix.shape[1]
        total, squares = np.zeros(width), np.zeros(width)
        mean = np.zeros(width)
        for part in _parts(present):
            total += prepared.matrix[part].sum(axis=0, dtype=np.float64)
        if len(present):
            mean = total / len(present)
        for part in _parts(
            present
        ):  # a second pass: the difference of large sums would round small spreads away
            squares += np.square(prepared.matrix[part] - mean).sum(axis=0)
        std = np.sqrt(squares / max(1, len(present)))
        least = _LEAST_SPREAD * float(std.mean())
        self._mean = mean.astype(np.float32)
        self._std = np.where(std > least, std, least or 1.0).astype(np.float32)
        self._width = width
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """Each feature centred and scaled; rows without an image stay zero."""
        if self._mean is None or self._std is None:
            raise ValueError("expected a fitted pretrained_image encoder; call fit or load_state first")
        scaled = prepared.matrix - self._mean
        scaled /= self._std
        scaled[~prepared.present] = 0.0
        return Encoded(scaled, prepared.state, prepared.reasons)

    @property
    def width(self) -> int:
        """Length of the backbone's feature vector (runs it once where nothing has told it yet)."""
        if self._width is None:
            located = self._locate()
            self._width = self._load_backbone(located).features(_blank(located)).shape[1]
        return self._width

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Mean and standard deviation of each feature."""
        return {} if self._mean is None or self._std is None else {"mean": self._mean, "std": self._std}

    def state_json(self) -> dict[str, Any]:
        """Which backbone, by content; the weights themselves are not copied into a model folder."""
        identity = self._located.identity() if self._located else self._expected
        folder = str(self._located.folder.resolve()) if self._located else self._saved_folder
        return {"width": self._width, "backbone": identity, "folder": folder}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Become the fitted encoder; the backbone is found, and its content compared, when it is needed."""
        width, identity = json.get("width"), json.get("backbone")
        shapes = {name: (array.shape, array.dtype.kind) for name, array in arrays.items()}
        if not isinstance(width, int) or shapes != {"mean": ((width,), "f"), "std": ((width,), "f")}:
            raise ModelFolderError(
                f"Expected the state of a pretrained_image encoder, mean and std of {width} features, "
                f"got {shapes}."
            )
        if identity is not None and not (isinstance(identity, dict) and {"fingerprint"} <= identity.keys()):
            raise ModelFolderError(f"Expected the identity of an image backbone, got {identity!r}.")
        self._width, self._expected = width, identity
        self._saved_folder = json.get("folder") if isinstance(json.get("folder"), str) else None
        self._mean, self._std = arrays["mean"], arrays["std"]
        self._located = self._backbone = None
        return self

    def _locate(self) -> _Located:
        """Find the backbone on this machine and make sure that it is the one this model was trained with."""
        if self._located is not None:
            return self._located
        model = self.options.model
        if self._expected is not None:  # a saved model, whose backbone or working folder may have moved
            saved = self._saved_folder if self._saved_folder and Path(self._saved_folder).is_dir() else model
            model = os.environ.get(BACKBONE_VARIABLE) or saved
        if not model:
            raise MissingDependencyError(
                "The encoder pretrained_image needs a backbone: "
                "pass --image-model with a local folder or a hub name."
            )
        moved = f" If it moved, set {BACKBONE_VARIABLE} to its folder." if self._expected else ""
        try:
            folder = backbone_folder(model, "--image-model")
            preprocessing = read_preprocessing(folder).changed(self.options.side, self.options.resize)
            located = _Located(folder, fingerprint(folder), preprocessing)
        except MissingDependencyError as error:
            raise MissingDependencyError(f"{error}{moved}") from error
        if self._expected is not None and located.identity() != self._expected:
            raise ModelFolderError(
                f"This model was trained with another image backbone: expected {self.options.model!r} with "
                f"fingerprint {self._expected['fingerprint']}, but {folder} has {located.fingerprint}. "
                f"Put the original back, or set {BACKBONE_VARIABLE} to its folder."
            )
        self._located = located
        return located

    def _load_backbone(self, located: _Located) -> ImageBackbone:
        if self._backbone is None:
            self._backbone = ImageBackbone(located.folder, located.preprocessing, self.options.batch)
        return self._backbone


def _namespace(located: _Located) -> str:
    """The cache's folder for one backbone, preprocessing and precision."""
    what = {**located.identity(), "version": _DECODING_VERSION, "precision": str(precision())}
    return f"{located.fingerprint}-{content_key(jsonlib.dumps(what, sort_keys=True).encode()).hex()}"


def _blank(located: _Located) -> np.ndarray:
    side = located.preprocessing.side
    return np.zeros((1, 3, side, side), dtype=np.uint8)


def _parts(rows: np.ndarray, size: int = 4096) -> list[np.ndarray]:
    """``rows`` in pieces small enough to be copied in 64 bits."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
