"""A classifier without PyTorch: sparse inputs by a loop in C or by SciPy, all behind them by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded
from shelfwise.engine.runtime import OnnxNetwork
from shelfwise.engine.sparse import smallest, sparse_times_dense, take_rows
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

    ``weights``: of each sparse input, float32 or float16 [width, projected width]: a product needs a hundred of its rows, which
    ONNX has no fast operator for. ``state`` is kept as given.
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
        for start in range(0, len(rows), BLOCK_ROWS):
            block = rows[start : start + BLOCK_ROWS]
            given: dict[str, np.ndarray] = {}
            for position, name in enumerate(self.recipe.inputs):
                given[input_name(position)] = _filled(self._values(name, data[name], block))
                given[presence_name(position)] = _filled(data[name].state[block] == State.PRESENT)
            found = self._network.run(given)
            if found.shape != (BLOCK_ROWS, self._outcomes):
                raise ModelFolderError(
                    f"expected scores of {self._outcomes} outcomes of the exported classifier '{self.recipe.name}', got "
                    f"{list(found.shape)}; export the model again"
                )
            logits[start : start + len(block)] = found[: len(block)]
        return logits

    def _values(self, name: str, encoded: Encoded, rows: np.ndarray) -> np.ndarray:
        if isinstance(encoded.matrix, np.ndarray):
            return encoded.matrix[rows]
        return sparse_times_dense(take_rows(encoded.matrix, rows), self._weights[name])


def _filled(block: np.ndarray) -> np.ndarray:
    """``BLOCK_ROWS`` rows: the last is repeated where there are fewer."""
    missing = BLOCK_ROWS - len(block)
    return np.concatenate([block, np.repeat(block[-1:], missing, axis=0)]) if missing else block
