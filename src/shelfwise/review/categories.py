"""The categories that can be chosen at the desk, and the search over all of them while a person types."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from shelfwise.catalog.words import words_of
from shelfwise.taxonomy.targets import PathTarget, Target

Category = tuple[str, ...]

_TRIGRAM = 3
_LEAST_LIKENESS = 0.3
"""Shared trigrams (Dice) below which a category is not offered for a mistyped query."""


@dataclass(frozen=True)
class Categories:
    """Every category in a fixed order, so that a page can name one by its number.

    Attributes
    ----------
    all
        Paths from the root down, sorted, inner categories included; labels are paths of one name.
    counts
        How many training products each one has, those below it included.
    version
        A fingerprint of ``all``: pages and decisions say by it which categories they mean.
    """

    all: tuple[Category, ...]
    counts: tuple[int, ...]
    version: str

    @classmethod
    def of(cls, target: Target, training_counts: Mapping[Category, int] | None = None) -> Categories:
        """The categories of a model's target."""
        if isinstance(target, PathTarget):
            return cls.from_names(target.taxonomy.paths, training_counts)
        return cls.from_names([(label,) for label in target.labels], training_counts)

    @classmethod
    def from_names(
        cls, names: Iterable[Category], training_counts: Mapping[Category, int] | None = None
    ) -> Categories:
        """Of paths, whose ancestors must be among them."""
        everything = tuple(sorted(set(names)))
        summed: dict[Category, int] = dict.fromkeys(everything, 0)
        for path, count in (training_counts or {}).items():
            for depth in range(1, len(path) + 1):
                if path[:depth] in summed:
                    summed[path[:depth]] += count
        digest = hashlib.sha256(json.dumps(everything, ensure_ascii=False).encode("utf-8", "replace"))
        return cls(everything, tuple(summed.values()), digest.hexdigest()[:16])

    def __len__(self) -> int:
        return len(self.all)

    def __contains__(self, category: object) -> bool:
        return category in self.number

    @cached_property
    def number(self) -> dict[Category, int]:
        """Category → its place in ``all``."""
        return {category: place for place, category in enumerate(self.all)}

    def search(self, query: str, limit: int = 12) -> list[int]:
        """The categories whose names hold every word of ``query`` (or begin with it), best first, by number.

        Best are those whose own name, not their ancestors', matches; then those with more training products.
        Where nothing matches, the names that look most alike are given: a mistyped word still finds.
        """
        wanted = words_of(query)[:12]
        if not wanted:
            return []
        marks = [f" {word}" for word in wanted]
        exact = f" {' '.join(wanted)} "
        found = [
            (self._rank(place, marks, exact), place)
            for place, name in enumerate(self._searched)
            if all(mark in name for mark in marks)
        ]
        if not found:
            return self._alike(" ".join(wanted), limit)
        return [place for _, place in sorted(found)[:limit]]

    @cached_property
    def _searched(self) -> list[str]:
        return [f" {' '.join(words_of(' '.join(category)))} " for category in self.all]

    @cached_property
    def _own_names(self) -> list[str]:
        return [f" {' '.join(words_of(category[-1]))} " for category in self.all]

    def _rank(self, place: int, marks: list[str], exact: str) -> tuple[bool, bool, bool, int, int]:
        own = self._own_names[place]
        return (
            own != exact,
            not own.startswith(exact[:-1]),
            not all(mark in own for mark in marks),
            -self.counts[place],
            len(self.all[place]),
        )

    @cached_property
    def _trigrams(self) -> list[frozenset[str]]:
        return [_trigrams_of(name) for name in self._own_names]

    def _alike(self, query: str, limit: int) -> list[int]:
        mine = _trigrams_of(f" {query} ")
        likeness = [
            (2 * len(mine & theirs) / (len(mine) + len(theirs) or 1), place)
            for place, theirs in enumerate(self._trigrams)
        ]
        best = sorted(likeness, key=lambda one: (-one[0], one[1]))[:limit]
        return [place for share, place in best if share >= _LEAST_LIKENESS]


def _trigrams_of(text: str) -> frozenset[str]:
    return frozenset(text[start : start + _TRIGRAM] for start in range(len(text) - _TRIGRAM + 1))
