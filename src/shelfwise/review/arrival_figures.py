"""What is told of a prediction file on the page of numbers: counted while it is queued, so that no page has to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.catalog.input_figures import InputFigures, counted_like
from shelfwise.catalog.inputs import absent_input, number_input, text_input
from shelfwise.predictions import Prediction
from shelfwise.review.keys import to_key

BANDS = 10
"""Confidence is counted in tenths."""
_STATES = {state.name.lower(): state for state in State}


@dataclass
class ArrivalFigures:
    """The figures of one file. ``trained``: what the model's inputs looked like in training, empty where it does not say."""

    trained: Mapping[str, InputFigures] = field(default_factory=dict)
    categories: Counter[str] = field(default_factory=Counter)
    confidence: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    inputs: dict[str, Counter[str]] = field(default_factory=dict)
    figures: dict[str, InputFigures] = field(default_factory=dict)

    def count(
        self, block: Sequence[Prediction], fields: Sequence[Mapping[str, str]], multilabel: bool
    ) -> None:
        """Some predictions, with what the catalog says of each product (nothing where it is not known)."""
        for one in block:
            self.routes[one.decision] += 1
            self.confidence[min(int(one.confidence * BANDS), BANDS - 1)] += 1
            self.categories.update(one.answer if multilabel else [to_key(one.answer)] if one.answer else [])
            for name, state in one.inputs.items():
                self.inputs.setdefault(name, Counter())[_state_of(state)] += 1
        for name, trained in self.trained.items():
            found = _counted(name, trained, block, fields)
            if found is not None:
                self.figures[name] = self.figures[name] + found if name in self.figures else found

    def to_json(self) -> str:
        """The figures as the database keeps them."""
        return json.dumps(
            {
                "categories": self.categories,
                "confidence": [self.confidence[band] for band in range(BANDS)],
                "routes": self.routes,
                "inputs": self.inputs,
                "figures": {name: figures.model_dump() for name, figures in self.figures.items()},
            },
            ensure_ascii=False,
        )


def _state_of(told: str) -> str:
    return told.split(":")[0]


def _counted(
    name: str, trained: InputFigures, block: Sequence[Prediction], fields: Sequence[Mapping[str, str]]
) -> InputFigures | None:
    """One input of the products whose fields are known; None where of no product anything is."""
    role = Role(trained.role)
    known = [place for place, one in enumerate(fields) if one and name in block[place].inputs]
    if role is Role.IMAGE:
        # Pictures are not fields: the prediction alone says whether there was one.
        known = [place for place, one in enumerate(block) if name in one.inputs]
    if not known:
        return None
    state = np.array(
        [_STATES.get(_state_of(block[place].inputs[name]), State.ABSENT) for place in known], np.int8
    )
    if role is Role.IMAGE:
        return counted_like(trained, absent_input(name, role, len(known), {}), state)
    column = _column(name, role, [fields[place].get(name) for place in known])
    # What the catalog at hand lacks, though the prediction read it, is no value that could be compared.
    state = np.where((state == State.PRESENT) & (column.state != State.PRESENT), column.state, state)
    return counted_like(trained, column, state.astype(np.int8))


def _column(name: str, role: Role, texts: Sequence[str | None]) -> InputColumn:
    values = pa.array(texts, pa.string())
    return number_input(name, values, {}) if role is Role.NUMBER else text_input(name, role, values, {})
