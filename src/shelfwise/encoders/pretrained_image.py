"""Image → vector by a frozen pretrained backbone, run once per distinct image and remembered on disk."""

from __future__ import annotations

import json as jsonlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from shelfwise.catalog.column import ImageSource, InputColumn, RawImage, Role, State
from shelfwise.catalog.decoding import DecodedBatch, DecodingJob, decoder_threads
from shelfwise.encoders.allocator import release_freed_memory
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.feature_cache import FeatureCache, content_key
from shelfwise.encoders.hub import backbone_folder, fingerprint
from shelfwise.encoders.image_backbone import ImageBackbone, precision
from shelfwise.encoders.image_preprocessing import ImagePreprocessing, Resize, read_preprocessing
from shelfwise.errors import MissingDependencyError, ModelFolderError

BACKBONE_VARIABLE = "SHELFWISE_IMAGE_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

_DECODING_VERSION = 1  # raised when decoded pixels, and so cached features, change
_ROWS_AT_ONCE = 128  # undecoded images in memory
_REMEMBER_EVERY = 1024  # computed features between writes to the cache
_LEAST_SPREAD = 0.05  # of the mean standard deviation: rarer features are not blown up to unit variance


class PretrainedImageOptions(EncoderOptions):
    """Options of ``pretrained_image``."""

    model: str = ""
    """The backbone: a local folder as transformers saves them (safetensors), or a hub name."""
    side: int | None = Field(default=None, ge=32, le=1024)
    """Pixels a side; None: the backbone's own. Time grows with its square; a smaller side loses detail."""
    resize: Resize | None = None
    """"stretch", "crop" (the sides of the picture are lost) or "pad" (white); None: the backbone's own way."""
    batch: int = Field(default=8, ge=1, le=256)
    """Pictures a pass. On CPUs 8 is as fast as any; a GPU wants 64. Changing it changes features by rounding."""


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
        self._width: int | None = None
        self._mean: np.ndarray | None = None
        self._std: np.ndarray | None = None

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Features float32 [N, width], unscaled, from the cache or the backbone; zeros where there is no
        image.

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
        run = _Run(self, located, cache, column.values, len(column), width, progress)  # type: ignore[arg-type]
        try:
            run.all_rows()
        finally:
            run.remember()
            release_freed_memory()
        return Encoded(run.features, run.state, dict(sorted(run.reasons.items())))

    def compute(self, pixels: np.ndarray) -> np.ndarray:
        """The backbone's features of one pass of pictures, uint8 [B, 3, side, side] → float32 [B, width]."""
        return self._load_backbone(self._locate()).features(pixels)

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
        return {"width": self._width, "backbone": identity}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Become the fitted encoder. The backbone is looked for, and its content compared, when it is needed."""
        width, identity = json.get("width"), json.get("backbone")
        shapes = {name: (array.shape, array.dtype.kind) for name, array in arrays.items()}
        if not isinstance(width, int) or shapes != {"mean": ((width,), "f"), "std": ((width,), "f")}:
            raise ModelFolderError(
                f"Expected the state of a pretrained_image encoder (mean and std of {width} features), got {shapes}."
            )
        if identity is not None and not (isinstance(identity, dict) and {"fingerprint"} <= identity.keys()):
            raise ModelFolderError(f"Expected the identity of an image backbone, got {identity!r}.")
        self._width, self._expected = width, identity
        self._mean, self._std = arrays["mean"], arrays["std"]
        self._located = self._backbone = None
        return self

    def _locate(self) -> _Located:
        """Find the backbone on this machine and make sure that it is the one this model was trained with."""
        if self._located is not None:
            return self._located
        model = (self._expected and os.environ.get(BACKBONE_VARIABLE)) or self.options.model
        if not model:
            raise MissingDependencyError(
                "The encoder pretrained_image needs a backbone: pass --image-model with a local folder or a hub name."
            )
        moved = (
            f" If the backbone of this model moved, set {BACKBONE_VARIABLE} to its folder."
            if self._expected
            else ""
        )
        try:
            folder = backbone_folder(model, "--image-model")
            preprocessing = read_preprocessing(folder).changed(self.options.side, self.options.resize)
            located = _Located(folder, fingerprint(folder), preprocessing)
        except MissingDependencyError as error:
            raise MissingDependencyError(f"{error}{moved}") from error
        if self._expected is not None and located.identity() != self._expected:
            raise ModelFolderError(
                f"This model was trained with the image backbone {self._expected['fingerprint']} of {self.options.model!r}, "
                f"but the one in {folder} is {located.fingerprint} or prepares images otherwise. "
                f"Put the original back, or set {BACKBONE_VARIABLE} to its folder."
            )
        self._located = located
        return located

    def _load_backbone(self, located: _Located) -> ImageBackbone:
        if self._backbone is None:
            self._backbone = ImageBackbone(located.folder, located.preprocessing, self.options.batch)
        return self._backbone


class _Run:
    """One ``prepare``: every row gets its features, each distinct image is computed at most once."""

    def __init__(
        self,
        encoder: PretrainedImage,
        located: _Located,
        cache: FeatureCache,
        source: ImageSource,
        count: int,
        width: int,
        progress: Progress,
    ) -> None:
        self.features = np.zeros((count, width), dtype=np.float32)
        self.state = np.full(count, State.ABSENT, dtype=np.int8)
        self.reasons: dict[int, str] = {}
        self._encoder, self._cache, self._source, self._progress = encoder, cache, source, progress
        self._preprocessing = located.preprocessing
        self._first_row: dict[bytes, int] = {}  # content → the first row that carries it
        self._fresh: dict[bytes, int] = {}  # computed here, not yet written to the cache

    def all_rows(self) -> None:
        """Go through the source in small parts, so that few undecoded images are in memory."""
        with ThreadPoolExecutor(decoder_threads(), thread_name_prefix="decode") as pool:
            for start in range(0, len(self.state), _ROWS_AT_ONCE):
                self._rows(pool, np.arange(start, min(start + _ROWS_AT_ONCE, len(self.state))))
                if len(self._fresh) >= _REMEMBER_EVERY:
                    self.remember()

    def remember(self) -> None:
        """Write what was computed since the last time to the cache."""
        if self._fresh:
            self._cache.put(list(self._fresh), self.features[list(self._fresh.values())])
            self._fresh = {}

    def _rows(self, pool: ThreadPoolExecutor, rows: np.ndarray) -> None:
        copies: list[tuple[int, int]] = []  # (row, an earlier or equal row with the same image)
        new: dict[bytes, tuple[int, RawImage]] = {}
        for row, raw in zip(rows.tolist(), self._source.load(rows.tolist()), strict=True):
            self.state[row] = raw.state
            if raw.state == State.FAILED:
                self.reasons[row] = raw.reason
            elif raw.state == State.PRESENT:
                key = content_key(raw.data or b"")
                first = self._first_row.setdefault(key, row)
                if first == row:
                    new[key] = (row, raw)
                else:
                    copies.append((row, first))
        computed = self._new_images(pool, new)
        for row, first in copies:
            self.features[row], self.state[row] = self.features[first], self.state[first]
            if first in self.reasons:
                self.reasons[row] = self.reasons[first]
        self._progress(len(rows) - computed)

    def _new_images(self, pool: ThreadPoolExecutor, new: dict[bytes, tuple[int, RawImage]]) -> int:
        """Fill in images not seen in this run; return how many were computed, and so already reported as done."""
        if not new:
            return 0
        found, cached = self._cache.get(list(new))
        known = np.array([row for row, _ in new.values()])[found]
        if len(known):
            self.features[known] = cached[found]
        missing = [(key, *new[key]) for key, here in zip(new, found, strict=True) if not here]
        if not missing:
            return 0
        keys, rows, raws = zip(*missing, strict=True)
        side, square = self._preprocessing.side, self._preprocessing.square
        decoded = DecodingJob(pool, np.array(rows), raws, side, square).result()
        self.state[decoded.rows] = decoded.states
        self.reasons.update(decoded.reasons)
        return self._compute(keys, decoded)

    def _compute(self, keys: Sequence[bytes], decoded: DecodedBatch) -> int:
        good = np.flatnonzero(decoded.states == State.PRESENT)
        size = self._encoder.options.batch
        for start in range(0, len(good), size):
            part = good[start : start + size]
            self.features[decoded.rows[part]] = self._encoder.compute(decoded.pixels[part])
            self._fresh.update((keys[place], int(decoded.rows[place])) for place in part)
            self._progress(len(part))
        return len(good)


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
