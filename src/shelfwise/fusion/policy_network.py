"""A small network over what all classifiers say: it learns which of them to believe on what, and which outcomes go together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import expit

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import HeldOut, Policy, PolicyOptions, deal_groups, refuse_others
from shelfwise.fusion.features import Columns, Feature, columns
from shelfwise.fusion.opinion_pool import OpinionPool

Activation = Literal["relu", "sigmoid", "tanh"]

_LEAST_PRODUCTS = 20
"""Fewer held-out products teach no network anything."""
_ROWS_AT_ONCE = 512
"""Products are computed this many at a time, filled up with copies: matrix kernels round differently for other sizes, and a
product's prediction must not depend on how many others came with it."""

_PAPER: dict[str, Any] = {
    "widths": [200, 150],
    "residual": False,
    "features": "probabilities",
    "dropout": 0.0,
    "weight_decay": 0.0,
    "members": 1,
    "learning_rate": 3e-3,
    "batch": 256,
    "epochs": 200,
    "patience": 10,
}
PRESETS: dict[str, dict[str, Any]] = {
    "paper_bimodal": {**_PAPER, "activations": ["sigmoid", "sigmoid"]},
    "paper_trimodal": {**_PAPER, "activations": ["sigmoid", "tanh"]},
}
"""Wirojwatanakul & Wangperawong 2019: dense 200, dense 150, one output per label with a sigmoid (a softmax where outcomes are
exclusive). The paper gives the widths of the bi-modal network only, and no regularisation or training time."""


class PolicyNetworkOptions(PolicyOptions):
    """A policy network's shape and training. ``preset`` sets all options that are not given beside it."""

    preset: Literal["paper_bimodal", "paper_trimodal"] | None = None
    widths: tuple[int, ...] = Field(default=(100,), min_length=1, max_length=8)
    """Widths of the hidden layers."""
    activations: tuple[Activation, ...] = Field(default=("relu",), min_length=1)
    """One a hidden layer, or one for all."""
    residual: bool = True
    """Correct the opinion pool's logits instead of replacing them: with little to learn from, the pool is what is left."""
    features: Feature = "root_probabilities"
    learning_rate: float = Field(default=6e-3, gt=0)
    epochs: int = Field(default=30, ge=1)
    """At most; training stops where products not learned from are fused best."""
    patience: int = Field(default=6, ge=1)
    batch: int = Field(default=512, ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    weight_decay: float = Field(default=1e-2, ge=0)
    hide_inputs: float = Field(default=0.15, ge=0, lt=1)
    """How often a classifier is hidden from a product in training, so that the network learns to do without it."""
    members: int = Field(default=8, ge=1, le=32)
    """Networks whose logits are averaged; each is trained without another part of the groups. On Myntra 8 of width 100 fuse .1 to
    .2 points better than 4 of width 200, held out and in the test, in the same time."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("preset") in PRESETS:
            return {**PRESETS[values["preset"]], **values}
        return values

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(width < 1 for width in self.widths):
            raise ValueError("expected widths of 1 or more")
        if len(self.activations) not in (1, len(self.widths)):
            raise ValueError(f"expected one activation for all, or one for each of {len(self.widths)} widths")
        return self

    def changed(self) -> dict[str, Any]:
        """See the base class; what the preset says is not repeated."""
        values = super().changed()
        if self.preset is not None:
            usual = PolicyNetworkOptions(preset=self.preset).model_dump(mode="json")
            values = {
                key: value
                for key, value in self.model_dump(mode="json").items()
                if key == "preset" or value != usual[key]
            }
        return values

    @property
    def every_activation(self) -> tuple[Activation, ...]:
        """One a hidden layer."""
        return self.activations * len(self.widths) if len(self.activations) == 1 else self.activations


class PolicyNetwork(Policy):
    """A network on every classifier's probabilities and presence, added to the logits of the opinion pool.

    The policy network of Wirojwatanakul & Wangperawong 2019 (their best fusion) as a correction of a pool: what few products
    can teach is left to the pool's few weights, and the network starts from there. Where even on more products the network
    does not better the pool, it is left out. For the paper's own networks see ``PRESETS``.
    """

    kind = "policy_network"
    Options = PolicyNetworkOptions
    options: PolicyNetworkOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self._pool = OpinionPool(exclusive)
        self._members: list[list[tuple[np.ndarray, np.ndarray]]] = []

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        from shelfwise.fusion.network_training import Plan, train_members

        options = self.options
        self._pool = OpinionPool(self.exclusive).learn(products, seed)
        self._members = []
        held = self._learnable(products, seed)
        if len(held) < _LEAST_PRODUCTS or self._pool.weights is None:
            return self
        plan = Plan(
            widths=options.widths,
            activations=options.every_activation,
            pool=(self._pool.weights, self._pool.bias) if options.residual else None,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            dropout=options.dropout,
            hide_inputs=options.hide_inputs,
            epochs=options.epochs,
            batch=options.batch,
            patience=options.patience,
            members=options.members,
        )
        read = columns(held.logits, held.present, self.exclusive, options.features)
        self._members = train_members(plan, held, read, self.exclusive, seed)
        return self

    def cross_learn(self, products: HeldOut, seed: int) -> np.ndarray:
        """See the base class. Each member was trained without a part of the groups, so it can speak for that part, and nothing
        is trained twice. What all members share (the pool's few weights, when to stop) was fitted on all."""
        from shelfwise.fusion.network_training import folds_of

        if folds_of(self.options.members) != self.options.members:
            return super().cross_learn(products, seed)
        self.learn(products, seed)
        fused = self._combined(products)
        if not self._members:
            return fused
        learned = self._learnable(products, seed)
        fold_of = deal_groups(learned.groups, len(self._members), seed)
        everyone = self._members
        for number, member in enumerate(everyone):
            rows = np.flatnonzero(np.isin(products.groups, learned.groups[fold_of == number]))
            self._members = [member]
            fused[rows] = self._combined(products.take(rows))
        self._members = everyone
        return fused

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        pooled = self._pool.combine(logits, present)
        if not self._members:
            return pooled
        said = np.zeros(pooled.shape)
        for start in range(0, logits.shape[1], _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            read = columns(logits[:, part], present[:, part], self.exclusive, self.options.features)
            said[part] = self._network(read, present[:, part].T)
        return self._normalised(said + pooled if self.options.residual else said, present)

    def _network(self, read: Columns, present: np.ndarray) -> np.ndarray:
        """[N, outcomes]: the mean of the members' outputs, for N ≤ 512."""
        count = len(present)
        missing = _ROWS_AT_ONCE - count
        values = np.pad(read.values, ((0, missing), (0, 0)), mode="edge")
        places = None if read.places is None else np.pad(read.places, ((0, missing), (0, 0)), mode="edge")
        filled = Columns(values, places, read.width)
        flags = np.pad(present, ((0, missing), (0, 0)), mode="edge").astype(np.float32)
        total = np.zeros((_ROWS_AT_ONCE, self._members[0][-1][1].shape[0]))
        for layers in self._members:
            (first, bias), *others = layers
            hidden = filled.times(first[: read.width].astype(np.float64)) + flags @ first[read.width :] + bias
            for activation, (weights, bias) in zip(self.options.every_activation, others, strict=True):
                hidden = _activate(activation, hidden) @ weights.astype(np.float64) + bias
            total += hidden
        return total[:count] / len(self._members)

    def state(self) -> dict[str, Any]:
        """``pool``: the opinion pool's state; ``members``: how many networks there are."""
        return {"pool": self._pool.state(), "members": len(self._members)}

    def arrays(self) -> dict[str, np.ndarray]:
        """``member_M/layer_L/weights`` [in, out] and ``…/bias`` [out], float32."""
        return {
            f"member_{member}/layer_{number}/{name}": array
            for member, layers in enumerate(self._members)
            for number, layer in enumerate(layers)
            for name, array in zip(("weights", "bias"), layer, strict=True)
        }

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        pool, members = state.get("pool"), state.get("members")
        if not isinstance(pool, dict) or type(members) is not int or not 0 <= members <= self.options.members:
            raise ModelFolderError(
                f"expected a policy network's pool and up to {self.options.members} members, got {pool!r:.100} and "
                f"{members!r:.50}"
            )
        sizes = [classifiers * outcomes + classifiers, *self.options.widths, outcomes]
        shapes: dict[str, tuple[int, ...]] = {}
        for member in range(members):
            for number, (wide, narrow) in enumerate(pairwise(sizes)):
                shapes[f"member_{member}/layer_{number}/weights"] = (wide, narrow)
                shapes[f"member_{member}/layer_{number}/bias"] = (narrow,)
        refuse_others(self.kind, arrays, shapes)
        self._pool.load_state(pool, {}, classifiers, outcomes)
        self._members = [
            [
                (
                    arrays[f"member_{member}/layer_{number}/weights"],
                    arrays[f"member_{member}/layer_{number}/bias"],
                )
                for number in range(len(sizes) - 1)
            ]
            for member in range(members)
        ]
        return self


def _activate(name: Activation, values: np.ndarray) -> np.ndarray:
    if name == "relu":
        return np.maximum(values, 0)
    return expit(values) if name == "sigmoid" else np.tanh(values)
