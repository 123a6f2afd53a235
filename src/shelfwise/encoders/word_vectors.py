"""Reads published word vectors (GloVe, word2vec as text, plain or gzip), keeping only what a vocabulary needs."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from shelfwise.errors import RecipeError

_LONGEST_LINE = 1 << 20  # bytes; 4,096 numbers take less than a tenth of it
_MOST_SIZE = 4096
_TOLERATED = 0.01
"""Share of lines that may be unreadable: the largest published files hold a few broken ones."""
_GZIP_MAGIC = b"\x1f\x8b"

Place = Callable[[str], int]
"""A word → its place in the vocabulary, or -1."""


@dataclass(frozen=True)
class Coverage:
    """What a file of word vectors gave to a vocabulary of ``words`` words.

    ``found``: words that have a vector. ``repeated``: further lines of such words, left out. ``skipped``: lines that
    could not be read. ``lines``: all of them.
    """

    words: int
    found: int
    repeated: int
    skipped: int
    lines: int

    @property
    def share(self) -> float:
        """Share (0–1) of the vocabulary that has a vector."""
        return self.found / self.words if self.words else 0.0

    def sentence(self, file: str) -> str:
        """What a person should know of it."""
        text = f"word vectors of {file} cover {self.found:,} of {self.words:,} words ({self.share:.1%})"
        text += "" if self.found == self.words else "; the others start at random"
        if self.repeated:
            text += f"; {self.repeated:,} lines repeat a word and were left out"
        if self.skipped:
            text += f"; {self.skipped:,} of {self.lines:,} lines could not be read"
        return text


@dataclass(frozen=True)
class WordVectors:
    """Vectors of words of a vocabulary: ``places`` int64 [K] ascending, ``values`` float32 [K, size]."""

    places: np.ndarray
    values: np.ndarray
    coverage: Coverage


def read_word_vectors(
    file: Path, place: Place, words: int, normalised: Callable[[str], str], size: int | None
) -> WordVectors:
    """The vectors of the words of a vocabulary, read line by line; nothing else of the file is kept.

    A line is a word and its numbers with spaces between. A first line of two whole numbers (word2vec's: how many words,
    how many numbers) is no vector. A word counts as ``normalised`` gives it: with lowercase texts "Nike" in the file
    is read for "nike", unless the file has "nike" itself. Of repeated words the first counts.

    Parameters
    ----------
    file: text in UTF-8, gzip or not (by its content, whatever its name).
    place: a normalised word → its place in the vocabulary of ``words`` words, or -1.
    size: the numbers a vector must have; None takes those of the file.

    Raises RecipeError where the file is missing, is no such text (binary, truncated gzip, fewer lines than it announces,
    over 1 % of lines unreadable), or has vectors of another size.
    """
    try:
        with _opened(file) as stream:
            return _Reading(file, place, words, normalised, size).read(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise RecipeError(
            f"expected a readable file of word vectors as word_vectors, but '{file}' cannot be read ({error}); "
            "check the path, or download it again"
        ) from error


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    with file.open("rb") as raw:
        if raw.peek(2)[:2] == _GZIP_MAGIC:
            with gzip.open(raw) as unpacked:
                yield unpacked  # type: ignore[misc]
        else:
            yield raw


class _Reading:
    """One pass over a file: what was found so far, and what was wrong."""

    def __init__(
        self,
        file: Path,
        place: Place,
        words: int,
        normalised: Callable[[str], str],
        size: int | None,
    ) -> None:
        self.file, self.place, self.words, self.normalised = file, place, words, normalised
        self.size = size
        self.announced: int | None = None
        self.lines = self.repeated = self.skipped = 0
        self.vectors: dict[int, np.ndarray] = {}
        self.exact: set[int] = set()

    def read(self, stream: BinaryIO) -> WordVectors:
        first = self._line(stream)
        if not self._is_header(first):
            self._take_size(first)
            self._take(first)
        while line := self._line(stream):
            self._take(line)
        self._check_end()
        places = np.array(sorted(self.vectors), np.int64)
        values = np.array([self.vectors[one] for one in places.tolist()], np.float32)
        coverage = Coverage(self.words, len(places), self.repeated, self.skipped, self.lines)
        return WordVectors(places, values.reshape(len(places), self.size or 0), coverage)

    def _line(self, stream: BinaryIO) -> bytes:
        line = stream.readline(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE:
            raise self._not_vectors(f"line {self.lines + 1} is longer than {_LONGEST_LINE:,} bytes")
        return line

    def _is_header(self, line: bytes) -> bool:
        parts = line.split()
        if len(parts) != 2 or not all(part.isdigit() for part in parts):
            return False
        self.announced = int(parts[0])
        self._check_size(int(parts[1]))
        return True

    def _take_size(self, line: bytes) -> None:
        numbers = len(line.split()) - 1
        if numbers < 2:
            raise self._not_vectors("its first line is not a word and its numbers")
        self._check_size(numbers)

    def _check_size(self, found: int) -> None:
        if not 2 <= found <= _MOST_SIZE:
            raise self._not_vectors(f"it announces vectors of {found} numbers")
        if self.size is not None and found != self.size:
            raise RecipeError(
                f"expected word vectors of {self.size} numbers (the option embedding), but '{self.file}' has {found}; "
                "leave embedding out to take the file's, or name another file"
            )
        self.size = found

    def _take(self, line: bytes) -> None:
        """Keep the line's vector where its word is wanted; numbers of other words are counted, not read."""
        assert self.size is not None
        self.lines += 1
        word, _, numbers = line.rstrip().partition(b" ")
        if numbers.count(b" ") != self.size - 1:
            parts = line.split()  # tabs, or more than one space
            if len(parts) != self.size + 1:
                self.skipped += 1
                return
            word, numbers = parts[0], b" ".join(parts[1:])
        try:
            told = word.decode("utf-8")
        except UnicodeDecodeError:
            self.skipped += 1
            return
        wanted = self.normalised(told)
        place = self.place(wanted)
        if place < 0:
            return
        exact = wanted == told
        if place in self.exact if exact else place in self.vectors:
            self.repeated += exact
            return
        vector = _vector(numbers, self.size)
        if vector is None:
            self.skipped += 1
            return
        self.vectors[place] = vector
        if exact:
            self.exact.add(place)

    def _check_end(self) -> None:
        if not self.lines:
            raise self._not_vectors("it holds no vector")
        if self.skipped > _TOLERATED * self.lines:
            raise self._not_vectors(
                f"{self.skipped:,} of {self.lines:,} lines are not a word and {self.size} numbers"
            )
        if self.announced is not None and self.lines < self.announced:
            raise self._not_vectors(
                f"its first line announces {self.announced:,} words, but {self.lines:,} follow (it is truncated)"
            )

    def _not_vectors(self, problem: str) -> RecipeError:
        return RecipeError(
            f"expected word vectors as text (a word and its numbers a line, as GloVe and word2vec write them), "
            f"but in '{self.file}' {problem}; convert or download it again"
        )


def _vector(numbers: bytes, size: int) -> np.ndarray | None:
    """float32 [size], or None where there are not so many numbers, or one is not finite."""
    try:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite
            vector = np.array(numbers.split(), np.float32)
    except ValueError:
        return None
    return vector if len(vector) == size and np.isfinite(vector).all() else None
