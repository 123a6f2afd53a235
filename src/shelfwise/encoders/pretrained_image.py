"""Image → vector by a pretrained backbone: frozen and run once per distinct image, or with its last layers trained."""

from __future__ import annotations

import json as jsonlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.encoders.allocator import keep_freed_memory, release_freed_memory
from shelfwise.encoders.augmentation import Augmentation
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.exported_backbone import ExportedBackbone
from shelfwise.encoders.feature_cache import content_key
from shelfwise.encoders.hub import backbone_folder, fingerprint
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.encoders.image_features import FeatureRun
from shelfwise.encoders.image_finetuning import FineTuning, Tuning
from shelfwise.encoders.image_preprocessing import ImagePreprocessing, Resize, read_preprocessing
from shelfwise.encoders.open_cache import open_cache
from shelfwise.encoders.standardising import centre_and_spread
from shelfwise.encoders.transformers_model import precision
from shelfwise.errors import MissingDependencyError, ModelFolderError

BACKBONE_VARIABLE = "SHELFWISE_IMAGE_MODEL"
"""The environment variable that says where the backbone of a saved model is on this machine, if it moved."""

Features = Literal["last", "layers"]

_DECODING_VERSION = 1  # raised when decoded pixels, and so cached features, change


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
class _Located:
    """A backbone found on this machine: where, which (fingerprint), and how pictures are prepared for it."""

    folder: Path
    fingerprint: str
    preprocessing: ImagePreprocessing

    def identity(self) -> dict[str, Any]:
        return {"fingerprint": self.fingerprint, "preprocessing": self.preprocessing.identity()}


class PretrainedImage(Encoder):
    """Features of a transformers image model, standardised on the training products; its last layers can be trained."""

    kind = "pretrained_image"
    roles = frozenset({Role.IMAGE})
    Options = PretrainedImageOptions
    options: PretrainedImageOptions

    def __init__(self, options: PretrainedImageOptions) -> None:
        super().__init__(options)
        self._located: _Located | None = None
        self._backbone: ImageBackbone | None = None
        self._fine_tuning: FineTuning | None = None
        self._features_of: Features = options.features
        self._exported: ExportedBackbone | None = None
        self._expected: dict[str, Any] | None = None  # the identity a loaded model was trained with
        self._saved_folder: str | None = None
        self._width: int | None = None
        self._mean: np.ndarray | None = None
        self._std: np.ndarray | None = None

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
        known = self._expected in (None, exported.identity)  # models of earlier versions may not say
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
            located = self._locate()
            preprocessing, compute = located.preprocessing, self._computed
            cache = open_cache(self._cache_name(located))
            width = cache.width or self._computed(_blank(located)).shape[1]
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
        if self.options.model:
            self._locate()  # what was prepared may come from another encoder, and the state must name the backbone
        present = np.asarray(rows)[prepared.present[rows]]
        self._mean, self._std = centre_and_spread(prepared.matrix, present)
        self._width = prepared.matrix.shape[1]
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """Each feature centred and scaled; rows without an image stay zero. What layers are trained on stays as it is."""
        if self._mean is None or self._std is None:
            raise ValueError("expected a fitted pretrained_image encoder; call fit or load_state first")
        if self.options.trainable_layers:
            return prepared
        scaled = prepared.matrix - self._mean
        scaled /= self._std
        scaled[~prepared.present] = 0.0
        return Encoded(scaled, prepared.state, prepared.reasons)

    def network(self) -> nn.Module | None:
        """The layers that are trained, as pretrained, with the scaling behind them; None where all are frozen."""
        if not self.options.trainable_layers:
            return None
        if self._mean is None or self._std is None:
            raise ValueError("expected a fitted pretrained_image encoder; call fit or load_state first")
        keep_freed_memory()
        # A model folder is first rebuilt on a device without memory, where pretrained weights cannot be read.
        with torch.device("cpu"):
            return self._tuned().network(self._mean, self._std)

    @property
    def has_network(self) -> bool:
        """See the base class; frozen features have none."""
        return self.options.trainable_layers > 0

    def __getstate__(self) -> dict[str, Any]:
        """Another process reads the backbone from its folder when it needs it; most never do."""
        return {**self.__dict__, "_backbone": None, "_fine_tuning": None}

    @property
    def width(self) -> int:
        """Length of the backbone's feature vector (runs it once where nothing has told it yet)."""
        if self._width is None and self.options.trainable_layers:
            self._width = self._tuned().width
        if self._width is None:
            self._width = self._computed(_blank(self._locate())).shape[1]
        return self._width

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Mean and standard deviation of each feature."""
        return {} if self._mean is None or self._std is None else {"mean": self._mean, "std": self._std}

    def state_json(self) -> dict[str, Any]:
        """Which backbone, by content; the weights themselves are not copied into a model folder."""
        if self._located is None and self._expected is None and self.options.model:
            self._locate()  # fitted on what another encoder had prepared
        identity = self._located.identity() if self._located else self._expected
        folder = str(self._located.folder.resolve()) if self._located else self._saved_folder
        return {"width": self._width, "backbone": identity, "folder": folder, "features": self._features_of}

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
        features = json.get("features", "last")  # what models had before there was a choice
        if features not in get_args(Features):
            raise ModelFolderError(
                f"Expected image features among {', '.join(get_args(Features))}, got {features!r}."
            )
        for place in (json.get("folder"), self.options.model):
            if isinstance(place, str) and place.replace("\\", "/").startswith("//"):
                # On Windows, only to look whether it is there would send the user's credentials.
                raise ModelFolderError(f"Expected the image backbone in a local folder, got {place[:100]!r}.")
        self._width, self._expected, self._features_of = width, identity, features
        self._saved_folder = json.get("folder") if isinstance(json.get("folder"), str) else None
        self._mean, self._std = arrays["mean"], arrays["std"]
        self._located = self._backbone = self._fine_tuning = self._exported = None
        return self

    def backbone(self) -> ImageBackbone:
        """The backbone, loaded. Raises MissingDependencyError and ModelFolderError."""
        return self._load_backbone(self._locate())

    @property
    def reads_layers(self) -> bool:
        """Whether the features are those of all stages (``features: layers``)."""
        return self._features_of == "layers"

    def preprocessing(self) -> ImagePreprocessing:
        """How pictures are prepared for the backbone. Raises MissingDependencyError and ModelFolderError."""
        return self._locate().preprocessing

    def identity(self) -> dict[str, Any]:
        """Which backbone, by content, and how pictures are prepared for it."""
        return self._locate().identity()

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

    def _computed(self, pixels: np.ndarray) -> np.ndarray:
        """Features float32 [B, width] of pictures uint8 [B, 3, side, side], from the backbone, which is loaded only now."""
        backbone = self._load_backbone(self._locate())
        return backbone.layer_features(pixels) if self._features_of == "layers" else backbone.features(pixels)

    def _cache_name(self, located: _Located) -> str:
        """The cache's part for these features of this backbone."""
        return (
            _namespace(located)
            if self._features_of == "last"
            else f"{_namespace(located)}-{self._features_of}"
        )

    def _tuned(self) -> FineTuning:
        if self._fine_tuning is None:
            located, options = self._locate(), self.options
            tuning = Tuning(
                options.trainable_layers,
                self._features_of == "layers",
                options.learning_rate_scale,
                options.augment,
                options.variants,
            )
            self._fine_tuning = FineTuning(self._load_backbone(located), tuning, _namespace(located))
        return self._fine_tuning


def _namespace(located: _Located) -> str:
    """The cache's folder for one backbone, preprocessing and precision."""
    what = {**located.identity(), "version": _DECODING_VERSION, "precision": str(precision())}
    return f"{located.fingerprint}-{content_key(jsonlib.dumps(what, sort_keys=True).encode()).hex()}"


def _blank(located: _Located) -> np.ndarray:
    side = located.preprocessing.side
    return np.zeros((1, 3, side, side), dtype=np.uint8)
