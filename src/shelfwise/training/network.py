"""One classifier: its inputs' vectors, joined early, through a body to a head. With no body it is linear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.heads.base import Head
from shelfwise.recipe import ClassifierRecipe
from shelfwise.training.dropout import Dropout, dropped
from shelfwise.training.sequences import is_sequence, padded, sequence_vectors
from shelfwise.training.sparse import SparseLinear, drop_features

_NARROW = 32
"""Width that a single value (a brand, a price) is projected to in a body."""
_ABSENT_SPREAD = 0.1
"""Up to where the vectors that stand in for absent inputs of a body start."""


@dataclass(frozen=True)
class InputBatch:
    """One input of B products: a sparse batch, or float, pixel or word-number tensor [B, ...], and bool [B] presence.

    ``vectors``: the values are what the encoder's own network has made of the input already.
    """

    values: sp.csr_matrix | torch.Tensor
    present: torch.Tensor
    vectors: bool = False

    def take(self, places: np.ndarray) -> InputBatch:
        """The products at ``places``, of values that are one tensor."""
        assert isinstance(self.values, torch.Tensor)
        chosen = torch.from_numpy(places).to(self.present.device)
        return InputBatch(self.values[chosen], self.present[chosen], self.vectors)


def input_batch(
    encoded: Encoded,
    rows: np.ndarray,
    device: torch.device,
    training: bool = False,
    drop: float = 0.0,
    random: np.random.Generator | None = None,
) -> InputBatch:
    """Products ``rows`` of one input, ready for a network."""
    present = torch.from_numpy(encoded.state[rows] == int(State.PRESENT)).to(device)
    if isinstance(encoded.matrix, np.ndarray):
        values = np.asarray(encoded.matrix[rows])
        if training and drop and random is not None and _is_vectors(values):
            values = dropped(values, drop, random)
        return InputBatch(torch.from_numpy(values).to(device), present)
    if is_sequence(encoded):
        return InputBatch(padded(encoded.matrix, rows).to(device), present)
    matrix = encoded.matrix[rows]
    if training and drop and random is not None:
        matrix = drop_features(matrix, drop, random)
    return InputBatch(matrix, present)


def _is_vectors(values: np.ndarray) -> bool:
    """Whether these are an encoder's vectors already, not pixels or what lies below layers that are trained."""
    return values.ndim == 2 and values.dtype == np.float32


class _Input(nn.Module):
    """One input's way into the body: its encoder's trainable part, a projection, and a vector for "absent".

    There is no such vector where the encoder's option ``missing`` is ``zeros``: what is absent is then projected as zeros.
    """

    def __init__(self, encoder: Encoder, sparse: bool, out: int, drop: float, linear: bool) -> None:
        super().__init__()
        self.width = encoder.width
        self.network = encoder.network()
        modules = () if self.network is None else self.network.modules()
        self.has_batch_statistics = any(
            isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules
        )
        if sparse and self.network is None:
            self.project: nn.Module = SparseLinear(encoder.width, out, scale=0.0 if linear else 0.05)
        else:
            self.project = nn.Linear(encoder.width, out)
            # Vectors without a network have had their dropout before they became a batch (``input_batch``).
            self.drop = Dropout(drop if self.network is not None else 0.0)
        zeros = getattr(encoder.options, "missing", "learned") == "zeros"
        self.absent = None if zeros else nn.Parameter(torch.zeros(out))

    def forward(self, batch: InputBatch, hidden: torch.Tensor | None) -> torch.Tensor:
        values = batch.values
        known = batch.present if hidden is None else batch.present & ~hidden
        if isinstance(values, torch.Tensor):
            if self.network is not None and not batch.vectors:
                values = self._through_network(values, batch.present)
            if self.absent is None:
                values = values * known[:, None]
            vector = self.project(self.drop(values))
        else:
            vector = self.project(values)
        return vector if self.absent is None else torch.where(known[:, None], vector, self.absent)

    def _through_network(self, values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """[B, width]; in training only what is present goes through, so that stand-ins do not count in batch statistics.

        One picture alone has no statistics: it is seen with those kept so far.
        """
        assert self.network is not None
        if not (self.training and self.has_batch_statistics):
            return self.network(values)
        count = int(present.sum())
        if count == len(values) and count > 1:
            return self.network(values)
        vectors = torch.zeros(len(values), self.width, device=values.device)
        if count:
            self.network.train(count > 1)
            vectors[present] = self.network(values[present]).float()
            self.network.train()
        return vectors


class Classifier(nn.Module):
    """inputs → [B, n_scores] of ``head``. Absent inputs are stood in for by learned vectors (never by zeros).

    ``sparse`` says for each input whether its encoder gives sparse rows.
    """

    def __init__(
        self,
        recipe: ClassifierRecipe,
        encoders: Mapping[str, Encoder],
        sparse: Mapping[str, bool],
        head: Head,
    ) -> None:
        super().__init__()
        self.recipe = recipe
        self.head = head
        self.reads_sparse = {name: sparse[name] for name in recipe.inputs}
        self.reads_by = {name: encoders[name].kind for name in recipe.inputs}
        self.linear = not recipe.hidden
        joins = len(recipe.inputs) > 1 and not self.linear
        widths = {name: self._width_in_body(encoders[name], joins) for name in recipe.inputs}
        self.inputs = nn.ModuleDict(
            {
                f"input_{position}": _Input(
                    encoders[name],
                    sparse[name],
                    widths[name],
                    recipe.input_dropout,
                    self.linear and not recipe.rank,
                )
                for position, name in enumerate(recipe.inputs)
            }
        )
        first = sum(widths.values()) if joins else next(iter(widths.values()))
        sizes = [first, *recipe.hidden] if joins else [first, *recipe.hidden[1:]]
        layers: list[nn.Module] = []
        for position, size in enumerate(sizes[:-1]):
            layers += [nn.ReLU(), Dropout(recipe.dropout), nn.Linear(size, sizes[position + 1])]
        if not self.linear:
            layers += [nn.ReLU(), Dropout(recipe.dropout), nn.Linear(sizes[-1], head.n_scores)]
        elif recipe.rank:
            layers = [Dropout(recipe.dropout), nn.Linear(recipe.rank, head.n_scores)]
        self.body = nn.Sequential(*layers)
        self.bias = nn.Parameter(torch.zeros(head.n_scores)) if self.linear and not recipe.rank else None
        self.joins = joins
        if not self.linear:
            for layer in self._input_layers():
                if layer.absent is not None:
                    # The body begins with a ReLU, which passes no gradient at zero: from there nothing would be learned.
                    nn.init.uniform_(layer.absent, 0.0, _ABSENT_SPREAD)

    def _width_in_body(self, encoder: Encoder, joins: bool) -> int:
        if self.linear:
            return self.recipe.rank or self.head.n_scores
        if not joins:
            return self.recipe.hidden[0]
        few = encoder.kind in ("one_hot", "number")
        return min(self.recipe.embedding, _NARROW) if few else self.recipe.embedding

    def forward(self, batches: Mapping[str, InputBatch]) -> torch.Tensor:
        """Scores [B, n_scores]; ``batches`` holds every input of the recipe by name."""
        hidden = self._hide(batches)
        vectors = [
            layer(batches[name], None if hidden is None else hidden[:, position])
            for position, (name, layer) in enumerate(
                zip(self.recipe.inputs, self.inputs.values(), strict=True)
            )
        ]
        joined = torch.cat(vectors, dim=1) if self.joins else torch.stack(vectors).sum(0)
        scores = self.body(joined)
        return scores if self.bias is None else scores + self.bias

    def _hide(self, batches: Mapping[str, InputBatch]) -> torch.Tensor | None:
        """bool [B, inputs] in training: which inputs to hide from this step; at least one is left to each product."""
        count = len(self.recipe.inputs)
        if not self.training or not self.recipe.hide_inputs or count < 2:
            return None
        present = torch.stack([batches[name].present for name in self.recipe.inputs], dim=1)
        hidden = torch.rand(present.shape, device=present.device) < self.recipe.hide_inputs
        nothing_left = ~(present & ~hidden).any(dim=1)
        return hidden & ~nothing_left[:, None]

    @property
    def has_batch_statistics(self) -> bool:
        """Whether it has layers for statistics of the products that it learns from together (a backbone's, held still, count)."""
        return any(layer.has_batch_statistics for layer in self._input_layers())

    def _input_layers(self) -> list[_Input]:
        return [layer for layer in self.inputs.values() if isinstance(layer, _Input)]

    def sequence_batches(
        self, data: Mapping[str, Encoded], rows: np.ndarray, device: torch.device
    ) -> dict[str, InputBatch]:
        """The inputs that are sequences, by name, as vectors that do not depend on what other ``rows`` there are."""
        found = {}
        for name, layer in zip(self.recipe.inputs, self._input_layers(), strict=True):
            if is_sequence(data[name]):
                assert layer.network is not None, "sequences are read by their encoder's network"
                vectors = sequence_vectors(layer.network, data[name], rows, layer.width, device)
                present = torch.from_numpy(data[name].state[rows] == int(State.PRESENT)).to(device)
                found[name] = InputBatch(vectors, present, vectors=True)
        return found

    def sparse_layers(self) -> list[SparseLinear]:
        """The layers that RowAdagrad updates."""
        return [module for module in self.modules() if isinstance(module, SparseLinear)]

    def word_tables(self) -> list[WordEmbedding]:
        """The tables that RowOptimizer updates."""
        return [module for module in self.modules() if isinstance(module, WordEmbedding)]

    def dense_parameters(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The weights that autograd gives gradients to: those inside the inputs' encoders, and all others."""
        networks = [layer.network for layer in self._input_layers() if layer.network is not None]
        inner = {id(weight) for network in networks for weight in network.parameters()}
        trained = [weight for weight in self.parameters() if weight.requires_grad]
        return (
            [weight for weight in trained if id(weight) in inner],
            [weight for weight in trained if id(weight) not in inner],
        )
