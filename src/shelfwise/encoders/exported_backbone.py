"""A frozen image backbone that was exported with its model: needs ONNX Runtime, and neither PyTorch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shelfwise.engine.runtime import OnnxNetwork
from shelfwise.errors import ModelFolderError

INPUT, OUTPUT = "pixels", "features"


@dataclass(frozen=True)
class ExportedBackbone:
    """From pictures to features. ``identity`` is that of the backbone it was made of; ``digest`` is of the file ``model``."""

    model: bytes
    digest: str
    identity: dict[str, Any]
    width: int
    batch: int

    def computed(self, pixels: np.ndarray) -> np.ndarray:
        """Pictures uint8 [B, 3, side, side], 1 ≤ B ≤ ``batch``, as features float32 [B, width].

        Any number of threads may call it at once, and each computes in its own. Every pass has ``batch`` pictures, the last one
        filled up, so that a picture's features are the same bit for bit whatever it is computed with.
        """
        count = len(pixels)
        filled = np.zeros((self.batch, *pixels.shape[1:]), np.uint8)
        filled[:count] = pixels
        found = self._network.run({INPUT: filled})
        if found.shape != (self.batch, self.width):
            raise ModelFolderError(
                f"expected {self.width} features a picture of the exported backbone, got {found.shape[1:]}; "
                "export the model again"
            )
        return found[:count].astype(np.float32)

    @cached_property
    def _network(self) -> OnnxNetwork:
        return OnnxNetwork(self.model, {INPUT}, OUTPUT)
