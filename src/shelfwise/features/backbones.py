"""Which pretrained networks compute a catalog's features, and how: by default as `train` reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from shelfwise.batch.packed import PackedFolder
from shelfwise.catalog.column import Role
from shelfwise.encoders.hub import TEXT_FILES, backbone_folder
from shelfwise.encoders.pretrained import PretrainedEncoder
from shelfwise.encoders.pretrained_image import OPTION as IMAGE_OPTION
from shelfwise.encoders.pretrained_image import Features, PretrainedImage, PretrainedImageOptions
from shelfwise.encoders.pretrained_text import PretrainedText, PretrainedTextOptions
from shelfwise.encoders.text_backbone import OPTION as TEXT_OPTION
from shelfwise.errors import ShelfwiseError
from shelfwise.learning.meaning import MAX_TOKENS

GPU_PICTURES, GPU_TOKENS = 64, 16_384
"""A pass on a GPU, which wants more than a CPU."""
_READ = (".json", ".safetensors", ".txt", ".model")
"""The endings of files that a backbone is read from: other formats of its weights need not be sent."""


@dataclass(frozen=True)
class Backbones:
    """A network for images, one for texts, or both, as local folders or hub names.

    ``image_features`` and ``max_tokens``: see the options of `PretrainedImage` and `PretrainedText`.
    """

    image: str | None = None
    text: str | None = None
    image_features: Features = "layers"
    max_tokens: int = MAX_TOKENS

    def model_for(self, role: Role) -> str | None:
        """The one that reads columns of ``role``; None where there is none."""
        return {Role.IMAGE: self.image, Role.TEXT: self.text, Role.CATEGORY: self.text}.get(role)

    def encoder(self, role: Role) -> PretrainedEncoder[Any]:
        """A fresh encoder of columns of ``role``; its network is loaded when it is needed. Raises ShelfwiseError."""
        model = self.model_for(role)
        if model is None:
            raise ShelfwiseError(f"no backbone reads columns of {role.value}")
        if role is Role.IMAGE:
            pictures = PretrainedImageOptions(model=model, features=self.image_features)
            return PretrainedImage(_on_gpu(pictures, GPU_PICTURES))
        texts = PretrainedTextOptions(model=model, max_tokens=self.max_tokens)
        return PretrainedText(_on_gpu(texts, GPU_TOKENS))

    def digest(self) -> str:
        """What the features depend on besides the catalog and the precision. Raises MissingDependencyError."""
        roles = [role for role in (Role.IMAGE, Role.TEXT) if self.model_for(role) is not None]
        known = {role.value: self.encoder(role).identity() for role in roles}
        what = {**known, "image_features": self.image_features}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _on_gpu(options: Any, batch: int) -> Any:
    return options.model_copy(update={"batch": batch}) if torch.cuda.is_available() else options


@dataclass(frozen=True)
class PackedBackbones:
    """`Backbones` with their files, for machines that do not have them."""

    backbones: Backbones
    image: PackedFolder | None
    text: PackedFolder | None

    @classmethod
    def of(cls, backbones: Backbones) -> PackedBackbones:
        """What ``backbones`` consists of. Raises MissingDependencyError, OSError."""
        image, text = backbones.image, backbones.text
        return cls(
            backbones,
            None if image is None else PackedFolder.of(backbone_folder(image, IMAGE_OPTION), _READ),
            None if text is None else PackedFolder.of(backbone_folder(text, TEXT_OPTION, TEXT_FILES), _READ),
        )

    @contextmanager
    def unpacked(self) -> Iterator[Backbones]:
        """The same, in folders of this machine for as long as they are needed."""
        with _folder(self.image) as image, _folder(self.text) as text:
            yield replace(
                self.backbones,
                image=None if image is None else str(image),
                text=None if text is None else str(text),
            )


@contextmanager
def _folder(packed: PackedFolder | None) -> Iterator[Path | None]:
    if packed is None:
        yield None
        return
    with packed.unpacked() as folder:
        yield folder
