"""Text → vector by a pretrained sentence encoder, frozen and run once per distinct text: what it means, not how it is spelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.allocator import release_freed_memory
from shelfwise.encoders.base import Encoded, Progress, no_progress
from shelfwise.encoders.hub import TEXT_FILES, backbone_folder, fingerprint
from shelfwise.encoders.open_cache import open_cache
from shelfwise.encoders.pretrained import Located, PretrainedEncoder, PretrainedOptions
from shelfwise.encoders.sentence_layout import Pooling, SentenceLayout, read_layout
from shelfwise.encoders.text_backbone import OPTION, TextBackbone
from shelfwise.encoders.text_features import text_features
from shelfwise.errors import ModelFolderError

BACKBONE_VARIABLE = "SHELFWISE_TEXT_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

_VERSION = 1  # raised when tokens or passes, and so cached vectors, change


class PretrainedTextOptions(PretrainedOptions):
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
class _Located(Located):
    """``layout``: how a sentence becomes a vector."""

    layout: SentenceLayout

    def identity(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint, **self.layout.identity()}


class PretrainedText(PretrainedEncoder[_Located]):
    """Sentence vectors of a transformers model, each number standardised on the training products."""

    kind = "pretrained_text"
    roles = frozenset({Role.TEXT, Role.CATEGORY})
    Options = PretrainedTextOptions
    options: PretrainedTextOptions
    reads = "text"
    option = OPTION
    variable = BACKBONE_VARIABLE
    _backbone: TextBackbone | None

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Sentence vectors float32 [N, width], unscaled, from the cache or the backbone; zeros where no text is.

        A text's vector is the same whatever it is computed with. What was computed is remembered even when this is
        interrupted. Raises MissingDependencyError (no transformers, no such backbone) and ModelFolderError (not the backbone
        this model was trained with).
        """
        cache = open_cache(self.cache_name())
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

    def backbone(self) -> TextBackbone:
        """The backbone, loaded. Raises MissingDependencyError and ModelFolderError."""
        if self._backbone is None:
            self._backbone = TextBackbone(self._locate().layout, self.options.batch)
        return self._backbone

    def cache_name(self) -> str:
        """See `PretrainedEncoder`."""
        return f"text-{self._locate().cache_key(_VERSION)}"

    def _computed_width(self) -> int:
        network = self.backbone()
        return int(next(network.vectors(network.tokens(["a"])))[1].shape[1])

    def _find(self, model: str) -> _Located:
        folder = backbone_folder(model, OPTION, TEXT_FILES).absolute()  # the working folder may change
        layout = read_layout(folder, self.options.pooling).changed(
            self.options.max_tokens, self.options.pooling
        )
        return _Located(folder, fingerprint(layout.transformer, TEXT_FILES), layout)
