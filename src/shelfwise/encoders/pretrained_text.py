"""Text → vector by a pretrained sentence encoder, frozen and run once per distinct text: what it means, not how it is spelled."""

from __future__ import annotations

import json as jsonlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.allocator import release_freed_memory
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.feature_cache import content_key
from shelfwise.encoders.hub import TEXT_FILES, backbone_folder, fingerprint
from shelfwise.encoders.open_cache import open_cache
from shelfwise.encoders.sentence_layout import Pooling, SentenceLayout, read_layout
from shelfwise.encoders.standardising import centre_and_spread
from shelfwise.encoders.text_backbone import OPTION, TextBackbone
from shelfwise.encoders.text_features import text_features
from shelfwise.encoders.transformers_model import precision
from shelfwise.errors import MissingDependencyError, ModelFolderError

BACKBONE_VARIABLE = "SHELFWISE_TEXT_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

_VERSION = 1  # raised when tokens or passes, and so cached vectors, change


class PretrainedTextOptions(EncoderOptions):
    """Options of ``pretrained_text``."""

    model: str = ""
    """The backbone: a local folder as sentence-transformers or transformers save them (safetensors), or a hub name."""
    max_tokens: int | None = Field(default=None, ge=8, le=8192)
    """What is read of a text, special tokens counted; None: what the folder says, or 256. Time grows with it for long texts;
    never more than the backbone can read."""
    pooling: Pooling | None = None
    """How the tokens' vectors become one: "mean", "cls" (the first token's) or "max"; None: as the folder says, or the mean."""
    batch: int = Field(default=256, ge=16, le=262_144)
    """Tokens a pass: 4 texts of 64, 16 of 16. On CPUs more is slower, because a pass no longer fits their caches (here 512
    took 1.2 to 1.4 times as long); a GPU wants 16,384. It changes vectors by rounding only."""


@dataclass(frozen=True)
class _Located:
    """A backbone found on this machine: where, which (fingerprint), and how a sentence becomes a vector."""

    folder: Path
    fingerprint: str
    layout: SentenceLayout

    def identity(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint, **self.layout.identity()}

    @property
    def namespace(self) -> str:
        """The cache's folder for one backbone, layout and precision."""
        what = {**self.identity(), "version": _VERSION, "precision": str(precision())}
        return f"text-{self.fingerprint}-{content_key(jsonlib.dumps(what, sort_keys=True).encode()).hex()}"


class PretrainedText(Encoder):
    """Sentence vectors of a transformers model, each number standardised on the training products."""

    kind = "pretrained_text"
    roles = frozenset({Role.TEXT, Role.CATEGORY})
    Options = PretrainedTextOptions
    options: PretrainedTextOptions

    def __init__(self, options: PretrainedTextOptions) -> None:
        super().__init__(options)
        self._located: _Located | None = None
        self._backbone: TextBackbone | None = None
        self._expected: dict[str, Any] | None = None  # the identity a loaded model was trained with
        self._saved_folder: str | None = None
        self._width: int | None = None
        self._mean: np.ndarray | None = None
        self._std: np.ndarray | None = None

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Sentence vectors float32 [N, width], unscaled, from the cache or the backbone; zeros where no text is.

        A text's vector is the same whatever it is computed with. What was computed is remembered even when this is
        interrupted. Raises MissingDependencyError (no transformers, no such backbone) and ModelFolderError (not the backbone
        this model was trained with).
        """
        cache = open_cache(self._locate().namespace)
        width = cache.width or (self._width if self._width is not None else self._computed_width())
        if self._width is not None and self._width != width:
            raise ModelFolderError(f"Expected sentence vectors of length {self._width}, got {width}.")
        self._width = width
        state = column.state.copy()
        try:
            features = text_features(
                column.values, state == State.PRESENT, width, self.backbone, cache, progress
            )
        finally:
            if self._backbone is not None:
                release_freed_memory()
        return Encoded(features, state, dict(column.reasons))

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn each number's mean and standard deviation on the present ``rows``."""
        if self.options.model:
            self._locate()  # what was prepared may come from another encoder, and the state must name the backbone
        present = np.asarray(rows)[prepared.present[rows]]
        self._mean, self._std = centre_and_spread(prepared.matrix, present)
        self._width = prepared.matrix.shape[1]
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """Each number centred and scaled; rows without a text stay zero."""
        if self._mean is None or self._std is None:
            raise ValueError("expected a fitted pretrained_text encoder; call fit or load_state first")
        scaled = prepared.matrix - self._mean
        scaled /= self._std
        scaled[~prepared.present] = 0.0
        return Encoded(scaled, prepared.state, prepared.reasons)

    def __getstate__(self) -> dict[str, Any]:
        """Another process reads the backbone from its folder when it needs it; most never do."""
        return {**self.__dict__, "_backbone": None}

    @property
    def width(self) -> int:
        """Length of the backbone's sentence vector (runs it once where nothing has told it yet)."""
        if self._width is None:
            self._width = self._computed_width()
        return self._width

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Mean and standard deviation of each number."""
        return {} if self._mean is None or self._std is None else {"mean": self._mean, "std": self._std}

    def state_json(self) -> dict[str, Any]:
        """Which backbone, by content; the weights themselves are not copied into a model folder."""
        identity = self._located.identity() if self._located else self._expected
        folder = str(self._located.folder) if self._located else self._saved_folder
        return {"width": self._width, "backbone": identity, "folder": folder}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """Become the fitted encoder; the backbone is found, and its content compared, when it is needed."""
        width, identity, folder = json.get("width"), json.get("backbone"), json.get("folder")
        shapes = {name: (array.shape, array.dtype.kind) for name, array in arrays.items()}
        if not isinstance(width, int) or shapes != {"mean": ((width,), "f"), "std": ((width,), "f")}:
            raise ModelFolderError(
                f"Expected the state of a pretrained_text encoder, mean and std of {width} numbers, got {shapes}."
            )
        if not isinstance(identity, dict) or not isinstance(identity.get("fingerprint"), str):
            raise ModelFolderError(f"Expected the identity of a text backbone, got {identity!r:.200}.")
        self._width, self._expected = width, identity
        self._saved_folder = folder if isinstance(folder, str) else None
        self._mean, self._std = arrays["mean"], arrays["std"]
        self._located = self._backbone = None
        return self

    def backbone(self) -> TextBackbone:
        """The backbone, loaded. Raises MissingDependencyError and ModelFolderError."""
        if self._backbone is None:
            self._backbone = TextBackbone(self._locate().layout, self.options.batch)
        return self._backbone

    def identity(self) -> dict[str, Any]:
        """Which backbone, by content, and how a sentence becomes a vector."""
        return self._locate().identity()

    def _computed_width(self) -> int:
        network = self.backbone()
        return int(next(network.vectors(network.tokens(["a"])))[1].shape[1])

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
                f"The encoder pretrained_text needs a backbone: pass {OPTION} with a local folder or a hub name."
            )
        moved = f" If it moved, set {BACKBONE_VARIABLE} to its folder." if self._expected else ""
        try:
            folder = backbone_folder(model, OPTION, TEXT_FILES).absolute()  # the working folder may change
            layout = read_layout(folder, self.options.pooling).changed(
                self.options.max_tokens, self.options.pooling
            )
            located = _Located(folder, fingerprint(layout.transformer, TEXT_FILES), layout)
        except MissingDependencyError as error:
            raise MissingDependencyError(f"{error}{moved}") from error
        if self._expected is not None and located.identity() != self._expected:
            raise ModelFolderError(
                f"This model was trained with another text backbone: expected {self.options.model!r} with "
                f"fingerprint {self._expected['fingerprint']}, but {folder} has {located.fingerprint}, or is read another "
                f"way. Put the original back, or set {BACKBONE_VARIABLE} to its folder."
            )
        self._located = located
        return located
