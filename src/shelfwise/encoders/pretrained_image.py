"""Image → vector by a pretrained backbone: frozen and run once per distinct image, or with its last layers trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.encoders.allocator import keep_freed_memory, release_freed_memory
from shelfwise.encoders.augmentation import Augmentation
from shelfwise.encoders.base import Encoded, Progress, no_progress
from shelfwise.encoders.exported_backbone import ExportedBackbone
from shelfwise.encoders.hub import backbone_folder, fingerprint
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.encoders.image_features import FeatureRun
from shelfwise.encoders.image_finetuning import FineTuning, Tuning
from shelfwise.encoders.image_preprocessing import ImagePreprocessing, Resize, read_preprocessing
from shelfwise.encoders.open_cache import open_cache
from shelfwise.encoders.pretrained import Located, PretrainedEncoder, PretrainedOptions
from shelfwise.encoders.standardising import centre_and_spread
from shelfwise.errors import ModelFolderError

OPTION = "--image-model"
BACKBONE_VARIABLE = "SHELFWISE_IMAGE_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

Features = Literal["last", "layers"]

_DECODING_VERSION = 1  # raised when decoded pixels, and so cached features, change


class PretrainedImageOptions(PretrainedOptions):
    """Options of ``pretrained_image``."""

    model: str = ""
    """The backbone: a local folder as transformers saves them (safetensors), or a hub name."""
    side: int | None = Field(default=None, ge=32, le=1024)
    """Pixels a side; None: the backbone's own. Time grows with its square; a smaller side loses detail."""
    resize: Resize | None = None
    """"stretch", "crop" (the margins are lost) or "pad" (white); None: the backbone's own way."""
    batch: int = Field(default=8, ge=1, le=256)
    """Pictures a pass. On CPUs 8 is as fast as any; a GPU wants 64. It changes features by rounding only."""
    features: Features = "last"
    """"last": the backbone's own pooled last layer; "layers": besides it what every stage before saw, averaged over 3 × 2
    fields of the picture: colours, patterns and where they are, which the last layer has forgotten."""
    trainable_layers: int = Field(default=0, ge=0)
    """How many of the backbone's last convolutions and linear layers learn with the classifier. 0: the backbone is frozen and
    each image is computed once, ever. More: better where pictures are unlike the backbone's, at the cost of running these
    layers in every epoch; what lies below them is computed once."""
    learning_rate_scale: float = Field(default=0.5, gt=0, le=10)
    """Learning rate of the backbone's trained layers, in units of what the recipe gives encoders. Less forgets less, and takes
    more epochs: at 0.1 eight epochs gained nothing on H&M, at 0.5 two points."""
    augment: Augmentation = Augmentation()
    """How training pictures are changed; needs ``trainable_layers``."""
    variants: int | None = Field(default=None, ge=1, le=64)
    """With ``augment``: so many changed pictures of each product are computed once and remembered, and every epoch takes one
    of them or the plain one. None: pictures are changed anew in every epoch and run through the whole backbone, which
    is many times slower."""
    missing: Literal["learned", "zeros"] = "learned"
    """What stands in for a missing image: a vector that is learned, or zeros as in Wang & Guthrie 2015."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if not self.augment.nothing and not self.trainable_layers:
            raise ValueError(
                "augment needs trainable_layers of at least 1: features of a frozen backbone are computed once"
            )
        if self.variants is not None and self.augment.nothing:
            raise ValueError("variants needs augment to say how they differ, for example {flip: true}")
        return self


@dataclass(frozen=True)
class _Located(Located):
    """``preprocessing``: how pictures are prepared for the backbone."""

    preprocessing: ImagePreprocessing

    def identity(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint, "preprocessing": self.preprocessing.identity()}


class PretrainedImage(PretrainedEncoder[_Located]):
    """Features of a transformers image model, standardised on the training products; its last layers can be trained."""

    kind = "pretrained_image"
    roles = frozenset({Role.IMAGE})
    Options = PretrainedImageOptions
    options: PretrainedImageOptions
    reads = "image"
    option = OPTION
    variable = BACKBONE_VARIABLE
    always_told = False
    _backbone: ImageBackbone | None

    def __init__(self, options: PretrainedImageOptions) -> None:
        super().__init__(options)
        self._fine_tuning: FineTuning | None = None
        self._features_of: Features = options.features
        self._exported: ExportedBackbone | None = None

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Features float32 [N, width], unscaled, from the cache or the backbone; zeros where no image is.

        With ``trainable_layers`` what they read instead: values at the cut, float16, or pixels, uint8 (see ``FineTuning``).
        A picture's features are the same whatever it is computed with. What was computed is remembered even
        when this is interrupted. Raises MissingDependencyError (no transformers, no such backbone) and
        ModelFolderError (not the backbone this model was trained with).
        """
        keep_freed_memory()
        try:
            if self.options.trainable_layers:
                self._locate()
                return self._tuned().prepare(column, progress, for_training=self._mean is None)
            return self._features(column, progress)
        finally:
            release_freed_memory()

    def use_export(self, exported: ExportedBackbone) -> None:
        """Compute features by an exported network from now on; the backbone itself is then not needed on this machine.

        Raises ModelFolderError where it was not made of the backbone that this encoder was fitted with.
        """
        known = self._expected in (None, exported.identity)
        if self.options.trainable_layers or not known or exported.width != self._width:
            raise ModelFolderError(
                f"expected an exported backbone of the identity {self._expected} and {self._width} features, got one of "
                f"{exported.identity} and {exported.width}; export the model again"
            )
        self._exported = exported

    def _features(self, column: InputColumn, progress: Progress) -> Encoded:
        if self._exported is not None:
            preprocessing = ImagePreprocessing.from_identity(self._exported.identity["preprocessing"])
            cache = open_cache(f"onnx-{_DECODING_VERSION}-{self._exported.digest[:32]}")
            width, compute = self._exported.width, self._exported.computed
        else:
            preprocessing, compute = self._locate().preprocessing, self._computed
            cache = open_cache(self.cache_name())
            width = cache.width or self._computed_width()
        if self._width is not None and self._width != width:
            raise ModelFolderError(f"Expected image features of length {self._width}, got {width}.")
        self._width = width
        features = np.zeros((len(column), width), dtype=np.float32)
        run = FeatureRun(
            column.values,
            preprocessing,
            compute,
            self.options.batch if self._exported is None else self._exported.batch,
            cache,
            features,
            progress,
            in_threads=self._exported is not None,
        )
        run.all_rows()
        return Encoded(features, run.state, dict(sorted(run.reasons.items())))

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Learn each feature's mean and standard deviation on the present ``rows``."""
        if self.options.trainable_layers:
            vectors = self._tuned().pretrained_vectors(prepared, np.asarray(rows))
            self._mean, self._std = centre_and_spread(vectors, np.arange(len(vectors)))
            self._width = vectors.shape[1]
            return self
        return super().fit(prepared, rows)

    def transform(self, prepared: Encoded) -> Encoded:
        """Each feature centred and scaled; rows without an image stay zero. What layers are trained on stays as it is."""
        self._scaling()
        return prepared if self.options.trainable_layers else super().transform(prepared)

    def network(self) -> nn.Module | None:
        """The layers that are trained, as pretrained, with the scaling behind them; None where all are frozen."""
        if not self.options.trainable_layers:
            return None
        mean, std = self._scaling()
        keep_freed_memory()
        # A model folder is first rebuilt on a device without memory, where pretrained weights cannot be read.
        with torch.device("cpu"):
            return self._tuned().network(mean, std)

    @property
    def has_network(self) -> bool:
        """See the base class; frozen features have none."""
        return self.options.trainable_layers > 0

    def __getstate__(self) -> dict[str, Any]:
        """See the base class."""
        return {**super().__getstate__(), "_fine_tuning": None}

    def state_json(self) -> dict[str, Any]:
        """See the base class; besides, which features of the backbone."""
        return {**super().state_json(), "features": self._features_of}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        super().load_state(arrays, json)
        features = json.get("features", "last")  # what models had before there was a choice
        if features not in get_args(Features):
            raise ModelFolderError(
                f"Expected image features among {', '.join(get_args(Features))}, got {features!r}."
            )
        self._features_of, self._fine_tuning, self._exported = features, None, None
        return self

    def backbone(self) -> ImageBackbone:
        """The backbone, loaded. Raises MissingDependencyError and ModelFolderError."""
        if self._backbone is None:
            located = self._locate()
            self._backbone = ImageBackbone(located.folder, located.preprocessing, self.options.batch)
        return self._backbone

    @property
    def reads_layers(self) -> bool:
        """Whether the features are those of all stages (``features: layers``)."""
        return self._features_of == "layers"

    def preprocessing(self) -> ImagePreprocessing:
        """How pictures are prepared for the backbone. Raises MissingDependencyError and ModelFolderError."""
        return self._locate().preprocessing

    def _find(self, model: str) -> _Located:
        folder = backbone_folder(model, OPTION).resolve()
        preprocessing = read_preprocessing(folder).changed(self.options.side, self.options.resize)
        return _Located(folder, fingerprint(folder), preprocessing)

    def _computed_width(self) -> int:
        if self.options.trainable_layers:
            return self._tuned().width
        side = self._locate().preprocessing.side
        return self._computed(np.zeros((1, 3, side, side), dtype=np.uint8)).shape[1]

    def _computed(self, pixels: np.ndarray) -> np.ndarray:
        """Features float32 [B, width] of pictures uint8 [B, 3, side, side], from the backbone, which is loaded only now."""
        backbone = self.backbone()
        return backbone.layer_features(pixels) if self._features_of == "layers" else backbone.features(pixels)

    def cache_name(self) -> str:
        """See `PretrainedEncoder`; not that of an exported network, nor of trained layers."""
        key = self._locate().cache_key(_DECODING_VERSION)
        return key if self._features_of == "last" else f"{key}-{self._features_of}"

    def _tuned(self) -> FineTuning:
        if self._fine_tuning is None:
            options = self.options
            tuning = Tuning(
                options.trainable_layers,
                self._features_of == "layers",
                options.learning_rate_scale,
                options.augment,
                options.variants,
            )
            self._fine_tuning = FineTuning(
                self.backbone(), tuning, self._locate().cache_key(_DECODING_VERSION)
            )
        return self._fine_tuning
