"""How ``model.json`` tells what a model remembers of its training products, and its rule for what is unlike them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from shelfwise.decision.novelty import NoveltyRule, signal_names
from shelfwise.encoders.base import Encoder
from shelfwise.errors import ModelFolderError
from shelfwise.explain.memory import Memory
from shelfwise.explain.views import View, check_views
from shelfwise.taxonomy.targets import LabelTarget, Target

_LARGEST = 1e6
_Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
_Positive = Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class StoredView(BaseModel):
    """``View``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    inputs: list[str] = Field(min_length=1)
    weights: list[_Positive]

    @classmethod
    def of(cls, view: View) -> Self:
        """What is written down of ``view``."""
        return cls(name=view.name, inputs=list(view.inputs), weights=list(view.weights))

    def read(self) -> View:
        """The view."""
        return View(self.name, tuple(self.inputs), tuple(self.weights))


class StoredSignal(BaseModel):
    """One signal of a ``NoveltyRule``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    mean: _Number
    spread: _Positive
    weight: _Number


class StoredNovelty(BaseModel):
    """``NoveltyRule``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    signals: list[StoredSignal]
    bias: _Number
    share: _Share
    separation: _Share
    basis: int = Field(ge=0)

    @classmethod
    def of(cls, rule: NoveltyRule) -> Self:
        """What is written down of ``rule``."""
        columns = zip(rule.names, rule.means, rule.spreads, rule.weights, strict=True)
        signals = [
            StoredSignal(name=name, mean=float(mean), spread=float(spread), weight=float(weight))
            for name, mean, spread, weight in columns
        ]
        return cls(
            signals=signals, bias=rule.bias, share=rule.share, separation=rule.separation, basis=rule.basis
        )

    def read(self) -> NoveltyRule:
        """The rule."""
        return NoveltyRule(
            tuple(one.name for one in self.signals),
            np.array([one.mean for one in self.signals]),
            np.array([one.spread for one in self.signals]),
            np.array([one.weight for one in self.signals]),
            self.bias,
            self.share,
            self.separation,
            self.basis,
        )


def read_novelty(
    views: Sequence[StoredView],
    stored: StoredNovelty | None,
    arrays: Mapping[str, np.ndarray],
    encoders: Mapping[str, Encoder],
    target: Target,
    classifiers: Sequence[str],
) -> tuple[Memory | None, NoveltyRule | None]:
    """The remembered products and the rule of a model with these encoders and classifiers.

    Raises ModelFolderError where they are not of such a model.
    """
    memory = None
    found = tuple(view.read() for view in views)
    if found or arrays:
        if not check_views(found, encoders):
            raise ModelFolderError(
                "expected remembered products as the model's encoders see them, got others"
            )
        categories = len(target.labels) if isinstance(target, LabelTarget) else target.n_outcomes
        memory = Memory.read(found, arrays, categories)
    rule = None if stored is None else stored.read()
    seen = [view.name for view in found] if memory is not None and memory.compared else []
    signals = signal_names(classifiers, memory is not None and memory.recogniser is not None, seen)
    if rule is not None and list(rule.names) != signals:
        raise ModelFolderError(
            f"expected a novelty made of {', '.join(signals):.200}, got one of {', '.join(rule.names):.200}"
        )
    return memory, rule
