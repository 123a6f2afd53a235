"""The file of features: which columns it has, and what it says of the networks they are from.

Columns, in this order:

================== ====================================================================================
``id``             string, exactly as the catalog has it
``NAME_features``  for each input: fixed-size list of float32, null where it is not present
``NAME_state``     ``present``, ``absent`` or ``failed: …``
``NAME_key``       16 bytes that only an input with the same content has; null where it is not present
================== ====================================================================================

The schema's metadata says, input by input, under which name and at which precision the feature cache keeps such vectors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.cache_files import KEY_BYTES

FEATURES, STATE, KEY = "_features", "_state", "_key"
"""Endings of the columns of an input."""
STATES = tuple(state.name.lower() for state in State)
_METADATA = b"shelfwise.features"
_CACHE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,150}")


@dataclass(frozen=True)
class Origin:
    """Where an input's vectors belong: ``cache``, the feature cache's name for them, and ``precision``."""

    cache: str
    precision: str


@dataclass(frozen=True)
class Computed:
    """One input of a batch of N products. ``keys``: row → the key of its content, for those that are present."""

    name: str
    encoded: Encoded
    keys: Mapping[int, bytes]
    origin: Origin

    def columns(self) -> dict[str, pa.Array]:
        """Its columns, N values each."""
        absent = ~self.encoded.present
        matrix = np.ascontiguousarray(self.encoded.matrix, dtype=np.float32)
        keys = [None if absent[row] else self.keys[row] for row in range(len(absent))]
        return {
            self.name + FEATURES: pa.FixedSizeListArray.from_arrays(
                pa.array(matrix.reshape(-1)), matrix.shape[1], mask=pa.array(absent)
            ),
            self.name + STATE: pa.array(self._states(), pa.string()),
            self.name + KEY: pa.array(keys, pa.binary(KEY_BYTES)),
        }

    def counts(self) -> dict[str, int]:
        """How many products are in each state; see `count_names`."""
        counts = np.bincount(self.encoded.state, minlength=len(State)).tolist()
        return dict(zip(count_names(self.name), counts, strict=True))

    def _states(self) -> list[str]:
        told = [STATES[state] for state in self.encoded.state.tolist()]
        for row in np.flatnonzero(self.encoded.state == State.FAILED).tolist():
            told[row] = f"failed: {self.encoded.reasons.get(row, 'unknown reason')}"
        return told


def count_names(name: str) -> tuple[str, ...]:
    """What a manifest counts the products of an input by, in the order of `State`."""
    return tuple(f"{name}: {state}" for state in STATES)


def features_table(ids: Sequence[str], inputs: Sequence[Computed]) -> pa.Table:
    """The table of one batch; see the module."""
    columns: dict[str, pa.Array] = {"id": pa.array(ids, pa.string())}
    for one in inputs:
        columns |= one.columns()
    origins = {one.name: {"cache": one.origin.cache, "precision": one.origin.precision} for one in inputs}
    return pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(origins).encode()})


def read_origins(schema: pa.Schema) -> dict[str, Origin] | None:
    """Input → where its vectors belong; None for a file that no run of this program writes."""
    try:
        told = json.loads((schema.metadata or {})[_METADATA])
        origins = {name: Origin(**origin) for name, origin in told.items()}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    for name, origin in origins.items():
        if not isinstance(origin.cache, str) or not _CACHE_NAME.fullmatch(origin.cache):
            return None
        if not isinstance(origin.precision, str):
            return None
        if not {name + FEATURES, name + KEY} <= set(schema.names):
            return None
        features = schema.field(name + FEATURES).type
        if not pa.types.is_fixed_size_list(features) or features.value_type != pa.float32():
            return None
        if features.list_size < 1:
            return None
        if schema.field(name + KEY).type != pa.binary(KEY_BYTES):
            return None
    return origins
