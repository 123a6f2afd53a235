"""Turns PyTorch networks into ONNX: image backbones whole, classifiers from behind their sparse inputs on."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from shelfwise.encoders.base import Encoded
from shelfwise.encoders.exported_backbone import INPUT as PIXELS
from shelfwise.encoders.exported_backbone import OUTPUT as FEATURES
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.engine.classifier import BLOCK_ROWS, OUTPUT, input_name, presence_name
from shelfwise.errors import MissingDependencyError
from shelfwise.heads.tree import TreeHead
from shelfwise.training.network import Classifier, InputBatch
from shelfwise.training.sequences import is_sequence

OPSET = 17
_BATCH_AXIS = "products"


class NotExportable(Exception):
    """A network has no form in ONNX; the message says why. It then stays with PyTorch."""


def backbone_to_onnx(backbone: ImageBackbone, layers: bool) -> bytes:
    """A frozen image network, preparing of pixels included. ``layers``: with what every stage saw (``layer_features``)."""
    side = backbone.preprocessing.side
    random = np.random.default_rng(0).integers(0, 256, (2, 3, side, side), dtype=np.uint8)
    module = backbone.as_module(layers)
    return _to_onnx(module, (torch.from_numpy(random),), [PIXELS], FEATURES)


def classifier_to_onnx(classifier: Classifier, data: dict[str, Encoded]) -> bytes:
    """All of a classifier but its sparse inputs' projections. ``data``: any products, to see what its inputs look like.

    Raises NotExportable for a classifier that reads words in their order (their networks run in blocks by length), and for
    what ONNX has no operators for.
    """
    arrays: list[torch.Tensor] = []
    names: list[str] = []
    for position, name in enumerate(classifier.recipe.inputs):
        encoded = data[name]
        if is_sequence(encoded):
            raise NotExportable(f"its input '{name}' is read word by word")
        layer = classifier.inputs[f"input_{position}"]
        if isinstance(encoded.matrix, np.ndarray):
            values = torch.from_numpy(np.zeros((BLOCK_ROWS, *encoded.matrix.shape[1:]), encoded.matrix.dtype))
        else:
            values = torch.zeros(BLOCK_ROWS, _projected_width(layer))
        arrays += [values, torch.ones(BLOCK_ROWS, dtype=torch.bool)]
        names += [input_name(position), presence_name(position)]
    return _to_onnx(_BehindSparse(classifier), tuple(arrays), names, OUTPUT)


def _projected_width(layer: nn.Module) -> int:
    weight = layer.get_parameter("project.weight")  # [features, width] of a sparse input
    return int(weight.shape[1])


class _BehindSparse(nn.Module):
    """A classifier that is given its sparse inputs as projected, and all others as their encoders gave them."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier.eval()

    def forward(self, *arrays: torch.Tensor) -> torch.Tensor:
        """values and presence of each input in turn → logits [B, outcomes]."""
        classifier = self.classifier
        vectors = []
        for position, name in enumerate(classifier.recipe.inputs):
            values, present = arrays[2 * position], arrays[2 * position + 1]
            layer = classifier.inputs[f"input_{position}"]
            if not classifier.reads_sparse[name]:
                vectors.append(layer(InputBatch(values, present), None))
            elif layer.absent is None:
                vectors.append(values)
            else:
                vectors.append(torch.where(present[:, None], values, layer.get_parameter("absent")))
        joined = torch.cat(vectors, dim=1) if classifier.joins else reduce(torch.add, vectors)
        scores = classifier.body(joined)
        scores = scores if classifier.bias is None else scores + classifier.bias
        head = classifier.head
        return _tree_logits(head, scores) if type(head) is TreeHead else head.outcome_logits(scores)


def _tree_logits(head: TreeHead, scores: torch.Tensor) -> torch.Tensor:
    """``head.outcome_logits``, with products as columns: ONNX Runtime picks whole rows ten times as fast as columns."""
    padded = F.pad(scores * head.scale, (0, 1)).t().contiguous()  # [parts + 1, B]
    total = padded.index_select(0, head.parts[0])
    for part in head.parts[1:]:
        total = total + padded.index_select(0, part)
    return F.log_softmax(total.t(), dim=1)


def _to_onnx(
    module: nn.Module, arrays: tuple[torch.Tensor, ...], inputs: Sequence[str], output: str
) -> bytes:
    try:
        import onnx  # noqa: F401 - PyTorch's exporter needs it, and says so less clearly
    except ImportError as error:
        raise MissingDependencyError(
            f"Exporting needs the onnx library, which does not import here ({error}): pip install 'shelfwise[onnx]'"
        ) from error
    written = io.BytesIO()
    axes = {name: {0: _BATCH_AXIS} for name in (*inputs, output)}
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter that traces is deprecated; its successor needs one more library and takes ten times as long.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                module.eval(),
                arrays,
                written,  # type: ignore[arg-type]
                dynamo=False,
                input_names=list(inputs),
                output_names=[output],
                dynamic_axes=axes,
                opset_version=OPSET,
            )
        except (
            torch.onnx.OnnxExporterError,
            RuntimeError,
            TypeError,
            ValueError,
            NotImplementedError,
        ) as error:
            raise NotExportable(" ".join(str(error).split())[:160]) from error
    return written.getvalue()
