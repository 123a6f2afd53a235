"""One classifier's weights: as arrays for the model folder, and as a network again, if they fit the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.engine.classifier import ExportedClassifier
from shelfwise.ensemble import build_classifier
from shelfwise.errors import ModelFolderError
from shelfwise.recipe import ClassifierRecipe
from shelfwise.taxonomy.targets import Target

if TYPE_CHECKING:
    import torch

    from shelfwise.training.network import Classifier


_LEAST_TO_PACK = 1 << 16
"""Numbers of an array; the bytes of smaller ones do not matter."""
_LOOKED_AT = 1_024


def packed(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same numbers: large arrays in half precision where that loses nothing, as of support vector machines' planes."""
    return {key: _half(array) for key, array in arrays.items()}


def unpacked(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ``packed`` was given."""
    return {
        key: array.astype(np.float32) if array.dtype == np.float16 and array.size >= _LEAST_TO_PACK else array
        for key, array in arrays.items()
    }


def _half(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32 or array.size < _LEAST_TO_PACK:
        return array
    with np.errstate(over="ignore"):
        first = array.reshape(-1)[:_LOOKED_AT]
        if not np.array_equal(first, first.astype(np.float16)):
            return array
        half = array.astype(np.float16)
    return half if np.array_equal(array, half) else array


def classifier_arrays(classifier: Classifier | ExportedClassifier) -> dict[str, np.ndarray]:
    """The weights, whichever of the two runs them."""
    if isinstance(classifier, ExportedClassifier):
        return classifier.state
    return {
        key: tensor.detach().cpu().contiguous().numpy() for key, tensor in classifier.state_dict().items()
    }


def build_with_weights(
    one: ClassifierRecipe,
    state: Mapping[str, np.ndarray],
    sparse: Mapping[str, bool],
    encoders: Mapping[str, Encoder],
    target: Target,
) -> Classifier:
    """The network of a recipe with the weights ``state``, ready to predict. ``sparse``: by input, whether its vectors are.

    Raises ModelFolderError, before memory is taken for it, where the weights are not those of such a network.
    """
    import torch

    shapes = {key: _shape(sparse[key], encoders[key]) for key in one.inputs}
    with torch.device("meta"):  # takes no memory, whatever sizes the recipe claims
        expected = build_classifier(one, encoders, shapes, target, 0).state_dict()
    _refuse_unfit(one.name, state, expected)
    classifier = build_classifier(one, encoders, shapes, target, 0)
    classifier.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()}, strict=True)
    return classifier.eval()


def _refuse_unfit(name: str, state: Mapping[str, np.ndarray], expected: Mapping[str, torch.Tensor]) -> None:
    found = {key: (array.dtype.name, array.shape) for key, array in state.items()}
    wanted = {
        key: (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        for key, tensor in expected.items()
    }
    for key in sorted({*found, *wanted}):
        if found.get(key) != wanted.get(key):
            raise ModelFolderError(
                f"expected {wanted.get(key, 'no array')} as '{key}' of classifier '{name}', got {found.get(key, 'none')}"
            )
        if not np.isfinite(state[key]).all():
            raise ModelFolderError(f"expected finite numbers as '{key}' of classifier '{name}', got others")


def _shape(sparse: bool, encoder: Encoder) -> Encoded:
    """An empty input of the kind the classifier was trained on."""
    width = encoder.width
    matrix = sp.csr_matrix((0, width), dtype=np.float32) if sparse else np.zeros((0, width), np.float32)
    return Encoded(matrix, np.zeros(0, np.int8))
