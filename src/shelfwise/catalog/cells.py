"""A column's cells as few distinct values, whole and split at whatever separates lists in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.list_cells import joined_list, mostly_lists

SURE_SEPARATORS = (">", "|")
"""Hardly used for anything but lists and paths."""
LOOSE_SEPARATORS = (",", ";", "/")
"""Also used in running text, so a column split at one must look like a list."""
LOOKED_AT = 2_000
"""How many distinct values decide whether a loose separator separates a list."""
MIN_SPLIT_SHARE = 0.02
"""Share of the distinct values that must contain a separator for it to be tried."""
MAX_LIST_WORDS = 4.0
"""Mean words an element of a list has at most; clauses of a sentence have more."""
MAX_NEW_SHARE = 0.5
"""Share of the elements that may be new ones; lists draw from a vocabulary, titles do not."""


@dataclass(frozen=True)
class Cells:
    """One column: ``codes`` int64 [products] numbers the distinct ``values``, -1 where the cell is empty."""

    codes: np.ndarray
    values: list[str]
    lists: bool = False
    """Whether it is a column of lists, or of cells that hold lists written out; they are joined with " | "."""

    def splits(self) -> Iterator[tuple[np.ndarray, list[str]]]:
        """The values whole, then split at each separator that seems to separate.

        Each is (``lengths`` int64 [values], the elements of all values one after another).
        """
        yield np.ones(len(self.values), dtype=np.int64), self.values
        for separator in SURE_SEPARATORS + LOOSE_SEPARATORS:
            if self._separates(separator):
                parts = [_split(value, separator) for value in self.values]
                yield (
                    np.array([len(part) for part in parts], dtype=np.int64),
                    [e for part in parts for e in part],
                )

    def _separates(self, separator: str) -> bool:
        sample = self.values[:LOOKED_AT]
        split = [_split(value, separator) for value in sample if separator in value]
        if len(split) < MIN_SPLIT_SHARE * len(sample) or not split:
            return False
        if separator in SURE_SEPARATORS:
            return True
        elements = [normalise(element) for part in split for element in part]
        words = sum(len(element.split()) for element in elements)
        return words <= MAX_LIST_WORDS * len(elements) and len(set(elements)) <= MAX_NEW_SHARE * len(elements)


def read_cells(column: pa.Array | pa.ChunkedArray) -> Cells | None:
    """The cells of a column of strings, numbers, booleans or lists of strings; None for any other type."""
    lists = False
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
            return None
        array, lists = pc.binary_join(array, " | "), True
        kind = array.type
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
    if not any(test(kind) for test in (*plain, pa.types.is_boolean)):
        return None
    text = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)
    encoded = text.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    values = encoded.dictionary.to_pylist()
    if not lists and mostly_lists(values, np.bincount(codes[codes >= 0], minlength=len(values)).tolist()):
        numbers: dict[str, int] = {}
        again = [numbers.setdefault(joined_list(value, " | "), len(numbers)) for value in values]
        return Cells(np.where(codes >= 0, np.array(again)[codes], -1), list(numbers), True)
    return Cells(codes, values, lists)


def normalise(text: str) -> str:
    """A name as it is compared: case and runs of white space do not count."""
    return " ".join(text.casefold().split())


def _split(value: str, separator: str) -> list[str]:
    return [part.strip() for part in value.split(separator) if part.strip()]
