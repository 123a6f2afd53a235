"""Remembers what an experiment has computed, so that an interrupted or extended one computes only what is missing.

A piece of work is named by ``work_key`` of all that it depends on; its result is arrays and JSON in one ``.npz`` file, which
appears whole or not at all. Nothing in it is ever executed. What cannot be read is computed again.

    store = ResultStore(folder)
    result = store.get("title", work_key(recipe=part, catalog=fingerprint, split=rows, seed=0), train_it)
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from shelfwise import __version__
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.image_source import image_hashes
from shelfwise.catalog.rows import Progress, no_progress
from shelfwise.errors import ShelfwiseError
from shelfwise.whole_files import whole_file

FORMAT = 1
"""Counts up when what is computed, or how it is stored, changes its meaning."""
_FACTS = "facts.json"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
_KEY_CHARACTERS = 24


@dataclass(frozen=True)
class Result:
    """What a piece of work gave: ``arrays`` by name (no objects), and ``facts`` that JSON can hold."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class ResultStore:
    """Results by name and key, one file each, in a folder that may be deleted at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        """Results computed, not found."""

    def get(self, name: str, key: str, make: Callable[[], Result]) -> Result:
        """The result of the work ``name`` with ``key`` (see ``work_key``): as stored, else made now and stored.

        ``name`` is for people who look into the folder. Raises ShelfwiseError where it cannot be written.
        """
        found = self.find(name, key)
        if found is not None:
            return found
        made = make()
        self.made += 1
        self.put(name, key, made)
        return made

    def find(self, name: str, key: str) -> Result | None:
        """The stored result; None where there is none, or none that can be read."""
        try:
            # Never pickles: a cache is a folder that anyone may have written.
            with np.load(self._file(name, key), allow_pickle=False) as stored:
                facts = json.loads(stored[_FACTS].tobytes().decode("utf-8"))
                arrays = {one: stored[one] for one in stored.files if one != _FACTS}
        except _UNREADABLE:
            return None
        return Result(arrays, facts) if isinstance(facts, dict) else None

    def put(self, name: str, key: str, result: Result) -> None:
        """Store a result. Raises ShelfwiseError where it cannot be written."""
        path = self._file(name, key)
        facts = np.frombuffer(json.dumps(dict(result.facts)).encode("utf-8"), np.uint8)
        arrays: dict[str, np.ndarray] = {_FACTS: facts, **result.arrays}
        try:
            with whole_file(path) as part, part.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **arrays)
        except OSError as error:
            raise ShelfwiseError(
                f"expected to keep an experiment's results in {self.folder}, but: {error.strerror or error}; free some space or "
                "choose another folder"
            ) from error

    def _file(self, name: str, key: str) -> Path:
        plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:60]
        return self.folder / f"{plain}-{key}.npz"


def work_key(**parts: Any) -> str:
    """The key of a piece of work: changes with any of ``parts``, the version of shelfwise and ``FORMAT``.

    Parts are what JSON holds, recipes (pydantic models), arrays of numbers, or tuples and dicts of these. Give everything that
    the result depends on: recipe parts, the catalog's fingerprint, rows of the split, the seed.
    """
    everything = {"format": FORMAT, "version": __version__, **parts}
    text = json.dumps(_plain(everything), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:_KEY_CHARACTERS]


def fingerprint(catalog: Catalog, progress: Progress = no_progress) -> str:
    """A digest of all that a catalog's products are: ids, columns, roles, unreadable rows, and the bytes of images.

    Where the files lie, and how the rows were divided among them, makes no difference. ``progress`` is told how many products'
    images were read.
    """
    digest = hashlib.blake2b(digest_size=16)
    roles = {name: str(one.role) for name, one in catalog.fields.items()}
    digest.update(_bytes([catalog.ids, roles, sorted(catalog.row_errors.items())]))
    for name in catalog.table.column_names:
        digest.update(_bytes([name, str(catalog.table[name].type)]))
        digest.update(_column_bytes(catalog.column(name)))
        if name in catalog.fields and catalog.fields[name].role == Role.IMAGE:
            digest.update(_bytes(image_hashes(catalog.input(name, Role.IMAGE).values, progress)))
    return digest.hexdigest()


def _column_bytes(column: pa.Array) -> bytes:
    """The values, not how they lie in memory: equal columns of different offsets give equal bytes."""
    return json.dumps(column.to_pylist(), default=repr).encode()


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, np.ndarray):
        digest = hashlib.blake2b(np.ascontiguousarray(value).tobytes(), digest_size=16).hexdigest()
        return ["array", value.dtype.str, list(value.shape), digest]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
