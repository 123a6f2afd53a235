"""Takes given words out of texts, so that a model cannot read the answer off them and has to learn from the rest."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from shelfwise.catalog.column import InputColumn, State

_WORD = re.compile(r"[^\W_]+")
_HISSING = ("s", "x", "z", "ch", "sh")


def words_of(text: str) -> list[str]:
    """The words of a text, as ``word_stem`` takes them.

    >>> words_of("T-Shirts_2024 für Söhne")
    ['T', 'Shirts', '2024', 'für', 'Söhne']
    """
    return _WORD.findall(text)


@lru_cache(maxsize=200_000)
def word_stem(word: str) -> str:
    """What a word and its English plural have in common: no capitals, no plural ending.

    >>> [word_stem(word) for word in ("Dresses", "DRESS", "Accessories", "shoes", "Glass")]
    ['dress', 'dress', 'accessory', 'shoe', 'glass']
    """
    word = word.casefold()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("es") and word[:-2].endswith(_HISSING):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class WordMask:
    """Removes words, in whatever capitals, singular or plural; what stands around them stays as it was written.

    Two words of a text that together are one to remove ("T shirt", "T-shirt" for "Tshirts") are removed too.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.stems = frozenset(word_stem(word) for word in words)

    def __call__(self, text: str) -> str:
        """The text without the words."""
        found = list(_WORD.finditer(text))
        spans = [match.span() for match in found if word_stem(match.group()) in self.stems]
        for first, second in itertools.pairwise(found):
            between = text[first.end() : second.start()]
            if between in ("", " ", "-") and word_stem(first.group() + second.group()) in self.stems:
                spans.append((first.start(), second.end()))
        if not spans:
            return text
        kept, end = [], 0
        for start, stop in sorted(spans):
            kept.append(text[end:start])  # empty where two spans overlap
            end = max(end, stop)
        return " ".join("".join((*kept, text[end:])).split())


def mask_words(column: InputColumn, words: Sequence[str]) -> InputColumn:
    """A text input without ``words``; a product of whose text no word is left has none (ABSENT).

    With no words the column itself. States of rows that are not PRESENT, and reasons, stay.
    """
    if not words or not isinstance(column.values, pa.Array | pa.ChunkedArray):
        return column
    mask = WordMask(words)
    encoded = column.values.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    # Each different text is worked on once: variants of a product share theirs.
    masked = [None if text is None else mask(text) for text in encoded.dictionary.to_pylist()]
    left = [text if text is not None and _WORD.search(text) else None for text in masked]
    values = pa.array(
        [None if code is None else left[code] for code in encoded.indices.to_pylist()], pa.string()
    )
    state = column.state.copy()
    state[(state == State.PRESENT) & np.asarray(values.is_null())] = State.ABSENT
    return InputColumn(column.name, column.role, values, state, column.reasons)
