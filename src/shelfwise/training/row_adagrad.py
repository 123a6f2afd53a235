"""Adagrad for the weights of sparse inputs: by the compiled step where it can be, else by PyTorch.

One accumulator a row (Duchi et al. 2011; the row-wise form is that of large embedding tables). The compiled step puts the
gradient of a feature's row together where it uses it (`_row_adagrad.c`); PyTorch first copies all rows of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from shelfwise.training.sparse import SparseLinear, sparse_matmul

try:
    from shelfwise.training import _row_adagrad  # type: ignore[attr-defined]
except ImportError:  # installed without a C compiler at hand: slower, with the same weights up to rounding
    _row_adagrad = None

NATIVE: Any = None if _row_adagrad is None else _row_adagrad.step
"""The compiled step, None where there is none."""
_LEAST = 1e-8


class RowAdagrad:
    """Updates the weights of ``layers`` from the gradients of what they gave. ``seen``: float32 [width] of each, its memory."""

    def __init__(self, layers: Sequence[SparseLinear], learning_rate: float) -> None:
        self.layers = layers
        self.learning_rate = learning_rate
        self.seen = [torch.zeros(len(layer.weight), device=layer.weight.device) for layer in layers]
        self._room = [np.zeros(len(layer.weight), np.int32) for layer in layers]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """Update the rows of the features met since the last step; ``scale`` (0–1) is the schedule's factor."""
        rate = self.learning_rate * scale
        for layer, seen, room in zip(self.layers, self.seen, self._room, strict=True):
            for batch, out in layer.given:
                if out.grad is None or not batch.nnz:
                    continue
                if NATIVE is None or seen.device.type != "cpu" or batch.indices.dtype != np.int32:
                    _by_pytorch(layer.weight, seen, batch, out.grad, rate)
                else:
                    arrays = (batch.indptr.astype(np.int32, copy=False), batch.indices, batch.data)
                    changed = (layer.weight.numpy(), seen.numpy(), room)
                    gradient = out.grad.contiguous().numpy()
                    NATIVE(*map(np.ascontiguousarray, arrays), gradient, *changed, rate, _LEAST)
            layer.given.clear()


def _by_pytorch(
    weight: torch.Tensor, seen: torch.Tensor, batch: sp.csr_matrix, gradient: torch.Tensor, rate: float
) -> None:
    """One batch's step: ``gradient`` [B, out] is that of the layer's output for ``batch`` [B, width]."""
    columns, position = np.unique(batch.indices, return_inverse=True)
    used = sp.csr_matrix(
        (batch.data, position.astype(np.int32), batch.indptr), shape=(batch.shape[0], len(columns))
    )
    found = sparse_matmul(used.T.tocsr(), gradient.contiguous())
    rows = torch.from_numpy(columns.astype(np.int64)).to(seen.device)
    total = seen[rows] + found.square().mean(1)
    seen[rows] = total
    weight.index_add_(0, rows, found.mul_(-(rate / (total.sqrt() + _LEAST))[:, None]))
