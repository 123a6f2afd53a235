"""Texts as sequences of words: hashed while reading, numbered by a vocabulary learned from training products."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from shelfwise.catalog.column import InputColumn, State
from shelfwise.encoders.base import Encoded, Progress, no_progress
from shelfwise.encoders.text_preparation import TextPreparation
from shelfwise.encoders.vocabulary import ALTERED, row_blocks, saved_array, without_known
from shelfwise.errors import ModelFolderError

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2
"""Word numbers: no word at all, a word that training did not keep, and the first one that it did."""
_LEAST_OF_UNKNOWN_WORDS = 20
"""So many training texts of unknown words alone teach what such a text may be: names ("Tilda"), more often than not."""


def word_hash(word: str) -> int:
    """A number in 1 … 2**63 - 1 for a word: two of a million words share one with a chance of 1 in 10 million.

    It is the same on every machine, so that model folders can store it (and need not list a shop's words).
    """
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1 or 1


def prepare_tokens(
    column: InputColumn, preparation: TextPreparation, progress: Progress = no_progress
) -> Encoded:
    """Each text's words, hashed, in order: CSR int64 [N, ``max_words``], whose columns are the places in the text.

    Rows that are not PRESENT, and texts without a word, are empty. A row does not depend on the others.
    """
    assert isinstance(column.values, pa.Array | pa.ChunkedArray), "text columns hold Arrow strings"
    hashes: dict[str, int] = {}
    values, lengths = [np.empty(0, np.int64)], [np.zeros(1, np.int64)]
    for block in row_blocks(len(column)):
        texts = column.values.slice(block.start, block.stop - block.start).to_pylist()
        words = [
            preparation.words(text) if text and state == State.PRESENT else []
            for text, state in zip(texts, column.state[block], strict=True)
        ]
        for word in {word for text in words for word in text} - hashes.keys():
            hashes[word] = word_hash(word)
        lengths.append(np.fromiter(map(len, words), np.int64, len(words)))
        values.append(
            np.fromiter((hashes[word] for text in words for word in text), np.int64, lengths[-1].sum())
        )
        progress(len(texts))
    return Encoded(
        by_place(np.concatenate(values), np.concatenate(lengths), preparation.max_words),
        column.state,
        column.reasons,
    )


def by_place(values: np.ndarray, lengths: np.ndarray, longest: int) -> sp.csr_matrix:
    """CSR [N, longest] of sequences that lie one after the other in ``values``; ``lengths`` int64 [1 + N] starts with 0."""
    ends = np.cumsum(lengths)
    places = np.arange(len(values)) - np.repeat(ends[:-1], lengths[1:])
    kind = np.int32 if ends[-1] < 2**31 else np.int64
    matrix = sp.csr_matrix(
        (values, places.astype(kind), ends.astype(kind)), shape=(len(lengths) - 1, longest)
    )
    matrix.has_canonical_format = True
    return matrix


class TokenVocabulary:
    """The words that were kept, as ascending hashes: a word's number is its place there plus ``FIRST_WORD``."""

    def __init__(self, words: np.ndarray, reads_unknown: bool = False) -> None:
        """``words``: int64 [W], ascending, unique, positive. ``reads_unknown``: texts of other words alone are texts, too."""
        self.words = words
        self.reads_unknown = reads_unknown

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def learn(cls, tokens: sp.csr_matrix, rows: np.ndarray, at_least: int, at_most: int) -> TokenVocabulary:
        """Keep the words that ``at_least`` of the ``rows`` have, the ``at_most`` of most rows (of equals the lower hash).

        Texts of unknown words alone are read where some of the rows are such texts.
        """
        words, products = _count_words(tokens, rows)
        kept = np.flatnonzero(products >= at_least)
        if len(kept) > at_most:
            kept = np.sort(kept[np.argsort(-products[kept], kind="stable")[:at_most]])
        found = cls(words[kept])
        silent = _silent(found._numbers(tokens.data), tokens)[rows]
        found.reads_unknown = int(silent.sum()) >= _LEAST_OF_UNKNOWN_WORDS
        return found

    def numbers(self, prepared: Encoded) -> Encoded:
        """The words' numbers: CSR int32 [N, ``max_words``]; words not kept are ``UNKNOWN``.

        A text of unknown words alone says nothing, unless training had such texts: its row becomes empty and ABSENT.
        """
        tokens: sp.csr_matrix = prepared.matrix
        numbers = self._numbers(tokens.data)
        lengths = np.diff(tokens.indptr)
        silent = _silent(numbers, tokens)
        if silent.any() and not self.reads_unknown:
            numbers = numbers[~np.repeat(silent, lengths)]
            lengths[silent] = 0
        found = by_place(numbers, np.concatenate([[0], lengths]), tokens.shape[1])
        return without_known(found, prepared)

    def _numbers(self, hashes: np.ndarray) -> np.ndarray:
        """int32 [words of all texts]."""
        numbers = np.full(len(hashes), UNKNOWN, np.int32)
        for block in _value_blocks(len(hashes) if len(self) else 0):
            places = np.searchsorted(self.words, hashes[block])
            known = self.words[np.minimum(places, len(self) - 1)] == hashes[block]
            numbers[block] = np.where(known, places + FIRST_WORD, UNKNOWN)
        return numbers

    @classmethod
    def saved(cls, arrays: dict[str, np.ndarray], most: int, reads_unknown: bool = False) -> TokenVocabulary:
        """The vocabulary of a model folder: array "words". Raises ModelFolderError where it is none."""
        words = saved_array(arrays, "words", np.int64)
        if len(words) and not (words[0] > 0 and np.all(words[1:] > words[:-1])):
            raise ModelFolderError(
                f'expected ascending positive numbers in the encoder\'s array "words"; {ALTERED}'
            )
        if len(words) > most:
            raise ModelFolderError(
                f'expected at most {most} numbers in the encoder\'s array "words" (by its options), got {len(words)}; '
                f"{ALTERED}"
            )
        return cls(words, reads_unknown)


def _silent(numbers: np.ndarray, tokens: sp.csr_matrix) -> np.ndarray:
    """bool [N]: the rows that have words, all of them ``UNKNOWN``; ``numbers`` int32 are those of all rows' words."""
    # Padding stands last, so that an empty row at the end has a place to begin.
    count = np.add.reduceat(np.append(numbers != UNKNOWN, False), tokens.indptr[:-1], dtype=np.int64)
    silent: np.ndarray = (count == 0) & (np.diff(tokens.indptr) > 0)
    return silent


_VALUES_AT_ONCE = 1 << 20


def _value_blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _VALUES_AT_ONCE):
        yield slice(start, min(start + _VALUES_AT_ONCE, count))


def _count_words(tokens: sp.csr_matrix, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The words of the rows, ascending int64 [W], and in how many rows each occurs, int64 [W]."""
    words, products = np.empty(0, np.int64), np.empty(0, np.int64)
    for block in row_blocks(len(rows)):
        part = tokens[rows[block]]
        found, which = np.unique(part.data, return_inverse=True)
        row = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        once = np.unique(row * max(len(found), 1) + which)
        counts = np.bincount(once % max(len(found), 1), minlength=len(found))
        merged, where = np.unique(np.concatenate([words, found]), return_inverse=True)
        products = np.bincount(where, np.concatenate([products, counts]), minlength=len(merged)).astype(
            np.int64
        )
        words = merged
    return words, products
