"""How much each part of each input speaks for an answer in one classifier: exactly where it is linear, else to first order.

The answer's score is measured against the mean of all outcomes' scores. Of a linear classifier that difference is a sum over
features, value times weight, which is given exactly. Of a network each feature's value times the slope of the difference is given
(gradient × input; Shrikumar et al. 2016, *Not Just a Black Box*), which a linear classifier's exact sum is a case of.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from shelfwise.encoders.base import Encoded
from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.engine.sparse import entry_rows
from shelfwise.training.network import Classifier, input_batch
from shelfwise.training.sequences import is_sequence
from shelfwise.training.sparse import SparseLinear


def contributions(
    classifier: Classifier, data: Mapping[str, Encoded], rows: np.ndarray, contrast: np.ndarray
) -> dict[str, sp.csr_matrix]:
    """For each sparse input and each sequence of words: CSR float64 with the entries of its ``rows``, what each contributes.

    ``contrast`` float [rows, outcomes], summing to 0 in each row: the difference of scores to be explained. Inputs of other
    kinds (pictures, numbers) have no parts that could be named.
    """
    classifier.eval()
    device = next(classifier.parameters()).device
    batches = {name: input_batch(data[name], rows, device) for name in classifier.recipe.inputs}
    caught: dict[str, torch.Tensor] = {}
    handles = [
        handle
        for name, layer in zip(classifier.recipe.inputs, classifier.inputs.values(), strict=True)
        for handle in _catch(name, layer, caught)
    ]
    try:
        # On a GPU, cuDNN's recurrent layers have no way back outside training.
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            logits = classifier.head.outcome_logits(classifier(batches))
            score = (logits * torch.from_numpy(contrast).to(logits)).sum()
            slopes = _slopes(score, caught)
    finally:
        for handle in handles:
            handle.remove()
    found = {}
    for name, layer in zip(classifier.recipe.inputs, classifier.inputs.values(), strict=True):
        if name not in slopes:
            continue
        matrix: sp.csr_matrix = sp.csr_matrix(data[name].matrix[rows])
        if is_sequence(data[name]):
            parts = (slopes[name] * caught[name]).sum(2).detach().double().cpu().numpy()
            values = parts[entry_rows(matrix), _entry_places(matrix)]
        else:
            assert isinstance(layer.project, SparseLinear), "only what is sparse is caught besides words"
            values = _of_features(matrix, layer.project.weight, slopes[name])
        found[name] = sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)
    return found


def _catch(name: str, layer: nn.Module, caught: dict[str, torch.Tensor]) -> list[RemovableHandle]:
    """Have the layer leave in ``caught`` what its sparse projection, or its table of word vectors, makes of the input."""

    def keep(_module: nn.Module, _given: object, made: torch.Tensor) -> torch.Tensor:
        caught[name] = made.detach().requires_grad_()
        return caught[name]

    if isinstance(layer.project, SparseLinear):
        return [layer.project.register_forward_hook(keep)]
    tables = [module for module in layer.modules() if isinstance(module, WordEmbedding)]
    return [table.register_forward_hook(keep) for table in tables[:1]]


def _slopes(score: torch.Tensor, caught: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    if not caught:
        return {}
    found = torch.autograd.grad(score, list(caught.values()), allow_unused=True)
    return {name: slope for name, slope in zip(caught, found, strict=True) if slope is not None}


def _of_features(matrix: sp.csr_matrix, weight: torch.Tensor, slope: torch.Tensor) -> np.ndarray:
    """float64 [nnz]: each entry's value times how its row of ``weight`` [width, out] lies along the row's ``slope`` [out]."""
    along = weight.detach()[torch.from_numpy(matrix.indices.astype(np.int64)).to(weight.device)]
    mine = slope[torch.from_numpy(entry_rows(matrix)).to(slope.device)]
    return matrix.data * (along * mine).sum(1).double().cpu().numpy()


def _entry_places(matrix: sp.csr_matrix) -> np.ndarray:
    return np.arange(len(matrix.indices)) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
