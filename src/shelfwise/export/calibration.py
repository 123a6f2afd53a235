"""Real products as networks take them: they show in which ranges an 8-bit network has to compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from shelfwise.catalog.column import InputColumn, State
from shelfwise.catalog.decoding import decode_many
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.exported_backbone import INPUT as PIXELS
from shelfwise.encoders.pretrained_image import PretrainedImage
from shelfwise.engine.classifier import input_name, presence_name

MOST_SHOWN = 128
"""Pictures or products: so many show the range of every activation."""
LEAST_SHOWN = 8
"""Fewer show too little; also how many are shown at a time."""


def pictures(encoder: PretrainedImage, column: InputColumn) -> list[dict[str, np.ndarray]]:
    """Pictures as the backbone takes them, in batches."""
    preprocessing = encoder.preprocessing()
    rows = np.unique(np.linspace(0, len(column) - 1, 2 * MOST_SHOWN).astype(np.int64))
    found: list[np.ndarray] = []
    for batch in decode_many(column.values, rows, preprocessing.side, square=preprocessing.square, batch=64):
        found += list(batch.pixels[batch.states == State.PRESENT])
        if len(found) >= MOST_SHOWN:
            break
    whole = min(len(found), MOST_SHOWN) // LEAST_SHOWN * LEAST_SHOWN
    return [{PIXELS: np.stack(found[start : start + LEAST_SHOWN])} for start in range(0, whole, LEAST_SHOWN)]


def products(
    inputs: Sequence[str], sparse: Mapping[str, bool], data: Mapping[str, Encoded]
) -> list[dict[str, np.ndarray]]:
    """Products as a classifier's network takes them, where all its inputs are dense; those alone have convolutions."""
    if any(sparse[name] for name in inputs):
        return []
    rows = np.flatnonzero(np.logical_and.reduce([data[name].present for name in inputs]))[:MOST_SHOWN]
    batches = []
    for start in range(0, len(rows) - LEAST_SHOWN + 1, LEAST_SHOWN):
        part = rows[start : start + LEAST_SHOWN]
        arrays: dict[str, np.ndarray] = {}
        for position, name in enumerate(inputs):
            arrays[input_name(position)] = np.asarray(data[name].matrix[part])
            arrays[presence_name(position)] = data[name].present[part]
        batches.append(arrays)
    return batches
