"""Texts of unequal length in batches: together with their like, padded no further than the longest of them.

In training a batch is padded to its longest text. In prediction that would not do: kernels round differently for other
shapes, and a product's vector must not depend on the company it is in. There, every text is computed in a block whose shape
its own length decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from shelfwise.encoders.base import Encoded

_POOL_BATCHES = 64
"""Batches whose products are sorted by length together: more pads less, and mixes a little less."""
_LENGTH_STEP = 1.1
"""Ratio of lengths that count as the same where the texts of several inputs are to be of one length."""
_BLOCK_WORDS = 8192
_LARGEST_BLOCK, _SMALLEST_BLOCK = 512, 16  # products
_SHORTEST = 4  # words: the shortest block


def is_sequence(encoded: Encoded) -> bool:
    """Whether an input is a sequence of word numbers."""
    return not isinstance(encoded.matrix, np.ndarray) and encoded.matrix.dtype.kind == "i"


def lengths(encoded: Encoded) -> np.ndarray:
    """int64 [N]: words of every product."""
    words: sp.csr_matrix = encoded.matrix
    return np.diff(words.indptr).astype(np.int64)


def padded(matrix: sp.csr_matrix, rows: np.ndarray, length: int | None = None) -> torch.Tensor:
    """int32 [rows, length]: word numbers with 0 after the end; ``length`` None is the longest row's, at least 1."""
    starts, ends = matrix.indptr[rows], matrix.indptr[rows + 1]
    sizes = (ends - starts).astype(np.int64)
    words = np.zeros((len(rows), length or max(1, int(sizes.max(initial=0)))), np.int32)
    before = np.cumsum(sizes) - sizes
    places = np.arange(sizes.sum()) + np.repeat(starts - before, sizes)
    words[np.arange(words.shape[1]) < sizes[:, None]] = matrix.data[places]
    return torch.from_numpy(words)


class LengthOrder:
    """Minibatches of products whose texts are about equally long, in an order that a random generator decides."""

    def __init__(self, data: Mapping[str, Encoded], names: Iterable[str], count: int) -> None:
        """``names``: the inputs that a classifier reads, of ``count`` products; without a sequence among them the order is
        plain chance."""
        found = [lengths(data[name]) for name in names if is_sequence(data[name])]
        found.sort(key=lambda one: -int(one.sum()))
        # Of equals in the longest input, those of one length in the next: that takes coarse steps in all but the last.
        keys = [_step(one) for one in found[:-1]] + found[-1:]
        self._keys = np.stack(keys, axis=1) if keys else np.zeros((count, 0), np.int64)

    def batches(self, rows: np.ndarray, batch: int, random: np.random.Generator) -> Sequence[np.ndarray]:
        """Each of ``rows`` once, in ⌈rows / batch⌉ batches, all but one of ``batch`` products."""
        order = random.permutation(rows)
        if not self._keys.shape[1]:
            return _cut(order, batch)
        found: list[np.ndarray] = []
        for pool in _cut(order, batch * _POOL_BATCHES):
            by_length = np.lexsort(self._keys[pool].T[::-1])  # stable: equals stay in their random order
            found += _cut(pool[by_length], batch)
        return [found[place] for place in random.permutation(len(found))]


def padding_waste(batches: Iterable[np.ndarray], lengths: np.ndarray) -> float:
    """Share (0–1) of the places in batches, each padded to its longest text, that hold no word."""
    words = places = 0
    for batch in batches:
        words += int(lengths[batch].sum())
        places += len(batch) * max(1, int(lengths[batch].max(initial=0)))
    return 1 - words / places if places else 0.0


def sequence_vectors(
    network: nn.Module, encoded: Encoded, rows: np.ndarray, width: int, device: torch.device
) -> torch.Tensor:
    """float32 [rows, width]: what ``network`` (in inference mode) makes of the texts; zeros for products without words.

    A text of n words is computed among ``block_rows(block_length(n))`` others, padded to that length; a block that is not
    full is filled up with copies. So its vector is a function of the text alone, bit for bit.
    """
    vectors = torch.zeros(len(rows), width, device=device)
    sizes = lengths(encoded)[rows]
    blocks = np.array([block_length(size) if size else 0 for size in range(sizes.max(initial=0) + 1)])[sizes]
    for length in np.unique(blocks[blocks > 0]).tolist():
        mine = np.flatnonzero(blocks == length)
        for places in _cut(mine, block_rows(length)):
            filled = np.pad(places, (0, block_rows(length) - len(places)), mode="edge")
            words = padded(encoded.matrix, rows[filled], length).to(device)
            vectors[torch.from_numpy(places).to(device)] = network(words)[: len(places)]
    return vectors


def block_length(words: int) -> int:
    """The length to which a text of ``words`` words is padded in prediction: 4, 6, 8, 12, 16, 24, 32 …"""
    power = _SHORTEST
    while True:
        for length in (power, power * 3 // 2):
            if words <= length:
                return length
        power *= 2


def block_rows(length: int) -> int:
    """How many texts of one padded length are computed at once: about as much work in every block."""
    return min(_LARGEST_BLOCK, max(_SMALLEST_BLOCK, _BLOCK_WORDS // length))


def _step(sizes: np.ndarray) -> np.ndarray:
    return np.floor(np.log(np.maximum(sizes, 1)) / np.log(_LENGTH_STEP)).astype(np.int64)


def _cut(values: np.ndarray, size: int) -> list[np.ndarray]:
    return [values[start : start + size] for start in range(0, len(values), size)]
