"""Batches of similar products: twenty alike take one decision.

Products are alike when the model gave them the same answer and their titles share most words, numbers and sizes
aside. Titles are compared by MinHash signatures (Broder 1997) in bands: only titles that agree in a whole band are
ever compared word by word, so 100,000 of them take seconds. Each batch is named after its first product, and all
others are like that one: no chain of small steps leads from a lamp to a lamp shade.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from shelfwise.catalog.words import words_of

LEAST_SHARED = 0.6
"""Jaccard similarity of two titles' words from which products are alike."""
MAX_BATCH = 24
"""Products a person can look over at once."""
_BANDS, _ROWS = 6, 2
"""Titles that share 60 % of their words agree in at least one of six bands of two with 93 % probability."""
_PRIME = (1 << 31) - 1
_ON_A_SHELF = 10
"""Batches that share a band and are compared, the latest: common words must not make the work grow with the square."""


def title_words(title: str) -> frozenset[int]:
    """A title's words as numbers; words with digits (sizes, models) do not count."""
    return frozenset(
        zlib.crc32(word.encode("utf-8", "replace")) % _PRIME
        for word in words_of(title)
        if not any(letter.isdigit() for letter in word)
    )


def find_alike(titles: Sequence[str], answers: Sequence[str]) -> list[int]:
    """For every product [N] the position of the one its batch is named after: its own where it is alone.

    ``answers``: a key of the model's answer; only products with the same one are alike. A product without words in
    its title is alone.
    """
    leader = list(range(len(titles)))
    words = [title_words(title) for title in titles]
    members: dict[int, int] = {}
    shelves: dict[tuple[str, int, int, int], list[int]] = {}
    for position, bands in enumerate(_bands(words)):
        if not words[position]:
            continue
        places = [(answers[position], band, *pair) for band, pair in enumerate(bands)]
        candidates = dict.fromkeys(other for place in places for other in shelves.get(place, ()))
        for other in candidates:
            if members[other] < MAX_BATCH and _jaccard(words[position], words[other]) >= LEAST_SHARED:
                leader[position] = other
                members[other] += 1
                break
        else:
            members[position] = 1
            for place in places:
                shelf = shelves.setdefault(place, [])
                shelf.append(position)
                del shelf[:-_ON_A_SHELF]
    return leader


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _bands(words: Sequence[frozenset[int]]) -> list[list[tuple[int, int]]]:
    """Per product its signature, in bands of two minima."""
    random = np.random.default_rng(0)
    factors = random.integers(1, _PRIME, _BANDS * _ROWS, dtype=np.int64)
    shifts = random.integers(0, _PRIME, _BANDS * _ROWS, dtype=np.int64)
    lengths = np.array([max(len(one), 1) for one in words], dtype=np.int64)
    flat = np.fromiter((word for one in words for word in (one or (0,))), np.int64, int(lengths.sum()))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if len(lengths) else np.zeros(0, np.int64)
    minima = np.empty((len(words), _BANDS * _ROWS), np.int64)
    for column, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
        if len(words):
            minima[:, column] = np.minimum.reduceat((flat * factor + shift) % _PRIME, starts)
    paired = minima.reshape(len(words), _BANDS, _ROWS).tolist()
    return [[(int(one), int(other)) for one, other in bands] for bands in paired]
