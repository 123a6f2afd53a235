"""Predictions of many products column by column, as they are computed: a file of columns is written from them without a Python
object for each product, and `Prediction` objects are made where somebody wants those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from shelfwise.predictions import Alternative, Decision, Prediction
from shelfwise.taxonomy.targets import Target

DECISIONS: tuple[Decision, ...] = get_args(Decision)
ACCEPT, REVIEW, FAILED = range(len(DECISIONS))


@dataclass(frozen=True, eq=False)
class Listed:
    """A list of things and their probabilities for each of N products, end to end: ``places`` int64 and ``probabilities`` float64
    [all of them], and ``counts`` int64 [N]. What a place stands for depends on the column."""

    places: np.ndarray
    probabilities: np.ndarray
    counts: np.ndarray

    @classmethod
    def where(cls, kept: np.ndarray, places: np.ndarray, probabilities: np.ndarray) -> Listed:
        """Those of ``places`` and ``probabilities`` [N, M] that are ``kept``, bool [N, M], in their order."""
        return cls(places[kept], probabilities[kept], kept.sum(1))

    @classmethod
    def of_rows(cls, places: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]) -> Listed:
        """One array a product."""
        return cls(
            np.concatenate([np.zeros(0, np.int64), *places]),
            np.concatenate([np.zeros(0), *probabilities]),
            np.array([len(one) for one in places], np.int64),
        )

    def only(self, kept: np.ndarray) -> Listed:
        """The same, with empty lists for products that are not ``kept``, bool [N]."""
        if kept.all():
            return self
        there = np.repeat(kept, self.counts)
        return Listed(self.places[there], self.probabilities[there], np.where(kept, self.counts, 0))

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where each product's list begins and ends."""
        ends = np.cumsum(self.counts).tolist()
        return list(zip([0, *ends], ends, strict=False))


@dataclass(frozen=True, eq=False)
class InputColumns:
    """What is told of every input of N products: ``names`` of the inputs, ``told``: what can be said of one, and ``places`` int64
    [N, inputs] in ``told``."""

    names: tuple[str, ...]
    told: tuple[str, ...]
    places: np.ndarray


@dataclass(frozen=True, eq=False)
class PredictedColumns:
    """N products' predictions.

    ``decisions``: int8 [N], places in ``DECISIONS``. ``parts``: the levels of the answer (places among the taxonomy's categories)
    or its labels, with their probabilities. ``alternatives`` and ``sets``: outcomes or labels; ``sets`` is None where nothing was
    asked. ``confidence`` and ``novelty`` are float64 [N], ``novelty`` None where the model cannot tell. Of products that failed
    nothing is told but why.
    """

    target: Target
    ids: list[str]
    decisions: np.ndarray
    reasons: list[str]
    confidence: np.ndarray
    parts: Listed
    alternatives: Listed
    inputs: InputColumns
    sets: Listed | None = None
    novelty: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def failed(self) -> np.ndarray:
        """bool [N]."""
        return np.asarray(self.decisions == FAILED)

    def predictions(self) -> list[Prediction]:
        """One object a product."""
        names, answers = self.target.part_names, self.target.as_paths
        parts = [names[place] for place in self.parts.places.tolist()]
        sure = self.parts.probabilities.tolist()
        confidence = self.confidence.tolist()
        novelty = None if self.novelty is None else self.novelty.tolist()
        others = _alternatives(self.alternatives, answers)
        sets = None if self.sets is None else _alternatives(self.sets, answers)
        inputs = self._inputs()
        return [
            Prediction(
                self.ids[row],
                tuple(parts[start:end]),
                confidence[row],
                tuple(sure[start:end]),
                DECISIONS[decision],
                self.reasons[row],
                others[row],
                dict(inputs[row]),
                set=None if sets is None or decision == FAILED else sets[row],
                novelty=None if novelty is None or decision == FAILED else novelty[row],
            )
            for row, ((start, end), decision) in enumerate(
                zip(self.parts.spans, self.decisions.tolist(), strict=True)
            )
        ]

    def _inputs(self) -> list[dict[str, str]]:
        """Most products of a catalog share one of a few dictionaries."""
        patterns: dict[tuple[int, ...], dict[str, str]] = {}
        found = []
        for places in map(tuple, self.inputs.places.tolist()):
            if places not in patterns:
                told = (self.inputs.told[place] for place in places)
                patterns[places] = dict(zip(self.inputs.names, told, strict=True))
            found.append(patterns[places])
        return found


def _alternatives(listed: Listed, answers: Sequence[tuple[str, ...]]) -> list[tuple[Alternative, ...]]:
    named = [answers[place] for place in listed.places.tolist()]
    flat = list(map(Alternative, named, listed.probabilities.tolist()))
    return [tuple(flat[start:end]) for start, end in listed.spans]
