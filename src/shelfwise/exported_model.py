"""Puts an export's networks in the places of a model's own when the model is read, so that it runs without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shelfwise.encoders.base import Encoder
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.engine.manifest import (
    EXPORT_FOLDER,
    Manifest,
    digest,
    read_manifest,
    read_manifest_text,
    read_network,
)
from shelfwise.engine.runtime import runtime_installed
from shelfwise.errors import ModelFolderError
from shelfwise.recipe import ClassifierRecipe
from shelfwise.storage.model_files import read_checksum_text

PICTURES_A_PASS = 8
"""Of an exported backbone: on one thread more are no faster."""


@dataclass(frozen=True)
class Export:
    """The exported networks of one model folder."""

    folder: Path
    manifest: Manifest

    def attach_to(self, encoders: Mapping[str, Encoder]) -> None:
        """Let the encoders whose networks were exported use those. Raises ModelFolderError where they do not fit."""
        for name, exported in self.manifest.encoders.items():
            encoder = encoders.get(name)
            if encoder is None or encoder.kind != "pretrained_image":
                raise ModelFolderError(
                    f"'{self.folder / EXPORT_FOLDER}' has a network for the input '{name}', which has no image backbone in this "
                    "model; export the model again"
                )
            from shelfwise.encoders.exported_backbone import ExportedBackbone
            from shelfwise.encoders.pretrained_image import PretrainedImage

            assert isinstance(encoder, PretrainedImage)
            model = read_network(self.folder, exported)
            encoder.use_export(
                ExportedBackbone(model, exported.sha256, exported.identity, exported.width, PICTURES_A_PASS)
            )

    def classifier(
        self,
        recipe: ClassifierRecipe,
        state: Mapping[str, np.ndarray],
        sparse: Mapping[str, bool],
        encoders: Mapping[str, Encoder],
        outcomes: int,
    ) -> ExportedClassifier | None:
        """The exported classifier, None where it was not exported. ``state``: the arrays that the model keeps of it."""
        exported = self.manifest.classifiers.get(recipe.name)
        if exported is None:
            return None
        weights = {
            name: _weights(recipe.name, position, state, encoders[name].width)
            for position, name in enumerate(recipe.inputs)
            if sparse[name]
        }
        return ExportedClassifier(recipe, weights, state, read_network(self.folder, exported), outcomes)


def find_export(folder: Path) -> Export | None:
    """The export in a model folder, None where there is none or ONNX Runtime is not installed.

    Raises ModelFolderError where it is damaged, or of another model.
    """
    if not (folder / EXPORT_FOLDER).is_dir() or not runtime_installed():
        return None
    manifest = read_manifest(folder, model_digest(folder))
    return None if manifest is None else Export(folder, manifest)


def model_digest(folder: Path) -> str:
    """What an export is bound to: SHA-256 of the checksums of all that the model is. Raises ModelFolderError."""
    return digest(read_checksum_text(folder))


def export_digest(folder: Path) -> str | None:
    """Which export answers for a model folder: SHA-256 of what it says of itself, its networks' checksums among it.

    None where the model's own networks do: nothing is exported, or ONNX Runtime is not installed. Raises ModelFolderError.
    """
    if not (folder / EXPORT_FOLDER).is_dir() or not runtime_installed():
        return None
    return digest(read_manifest_text(folder))


def _weights(name: str, position: int, state: Mapping[str, np.ndarray], width: int) -> np.ndarray:
    """A sparse input's projection, float32 or float16 [width, out]. Raises ModelFolderError where there is none of that width."""
    found = state.get(f"inputs.input_{position}.project.weight")
    if found is None or found.dtype not in (np.float32, np.float16) or found.ndim != 2 or len(found) != width:
        told = "none" if found is None else f"{found.dtype} {list(found.shape)}"
        raise ModelFolderError(
            f"expected the weights of {width} features of input {position} of classifier '{name}', got {told}"
        )
    if not np.isfinite(found).all():
        raise ModelFolderError(f"expected finite weights of classifier '{name}', got others")
    return found
