"""A classifier without PyTorch: sparse inputs by a loop in C or by SciPy, all behind them by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded
from shelfwise.engine.runtime import OnnxNetwork
from shelfwise.engine.sparse import smallest, sparse_times_dense
from shelfwise.errors import ModelFolderError
from shelfwise.recipe import ClassifierRecipe

BLOCK_ROWS = 512
"""Products are always computed this many at a time, the last block filled up with copies: kernels round differently for other
sizes, and a product's prediction must not depend on how many others came with it."""
OUTPUT = "logits"


def input_name(position: int) -> str:
    """The network's name for the values of a classifier's input: [B, projected width] of a sparse one, else as encoded."""
    return f"values_{position}"


def presence_name(position: int) -> str:
    """The network's name for bool [B]: which products carry the input."""
    return f"present_{position}"


class ExportedClassifier:
    """Gives the logits that the PyTorch classifier of the same recipe gives, up to rounding.

    ``weights``: of each sparse input, float32 [width, projected width]: a product needs a hundred of its rows, which ONNX has
    no fast operator for.
    """

    def __init__(
        self,
        recipe: ClassifierRecipe,
        weights: Mapping[str, np.ndarray],
        state: Mapping[str, np.ndarray],
        model: bytes,
        outcomes: int,
    ) -> None:
        self.recipe = recipe
        self.reads_sparse = {name: name in weights for name in recipe.inputs}
        self.state = dict(state)
        """All arrays that the PyTorch classifier has, by their names there: what a model folder keeps of it."""
        self._weights = {name: smallest(matrix) for name, matrix in weights.items()}
        self._outcomes = outcomes
        places = range(len(recipe.inputs))
        self._network = OnnxNetwork(model, {*map(input_name, places), *map(presence_name, places)}, OUTPUT)

    def outcome_logits(self, data: Mapping[str, Encoded], rows: np.ndarray) -> np.ndarray:
        """float32 [rows, outcomes]: log-probabilities (path target) or log-odds (label set); products do not interact."""
        logits = np.empty((len(rows), self._outcomes), np.float32)
        for start, block in _blocks(rows):
            filled = np.pad(block, (0, BLOCK_ROWS - len(block)), mode="edge")
            arrays: dict[str, np.ndarray] = {}
            for position, name in enumerate(self.recipe.inputs):
                arrays[input_name(position)] = self._values(name, data[name], filled, len(block))
                arrays[presence_name(position)] = data[name].state[filled] == State.PRESENT
            found = self._network.run(arrays)
            if found.shape != (BLOCK_ROWS, self._outcomes):
                raise ModelFolderError(
                    f"expected scores of {self._outcomes} outcomes of the exported classifier '{self.recipe.name}', got "
                    f"{list(found.shape)}; export the model again"
                )
            logits[start : start + len(block)] = found[: len(block)]
        return logits

    def _values(self, name: str, encoded: Encoded, filled: np.ndarray, count: int) -> np.ndarray:
        if isinstance(encoded.matrix, np.ndarray):
            return encoded.matrix[filled]
        projected = sparse_times_dense(encoded.matrix[filled[:count]], self._weights[name])
        return np.pad(projected, ((0, BLOCK_ROWS - count), (0, 0)), mode="edge")


def _blocks(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(rows), BLOCK_ROWS):
        yield start, rows[start : start + BLOCK_ROWS]
