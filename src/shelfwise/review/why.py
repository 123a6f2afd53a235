"""Why the model answers as it does, as a product's page shows it: shares as bars, words for and against, similar products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shelfwise.explain.explanation import Explanation, SimilarProduct, Vote, Word
from shelfwise.review.keys import Answer

_MOST_WORDS = 6


@dataclass(frozen=True)
class ShownWord:
    """A word and how strong it is beside the strongest (0–1)."""

    word: Word
    strength: float


@dataclass(frozen=True)
class Why:
    """What of an explanation is shown. ``similar``: products, each with its category's number to choose it by, or None."""

    votes: tuple[Vote, ...]
    words_for: tuple[ShownWord, ...]
    words_against: tuple[ShownWord, ...]
    similar: tuple[tuple[SimilarProduct, int | None], ...]


def shown(text: str, numbers: Mapping[Answer, int]) -> Why | None:
    """The explanation that the database holds as JSON; None where it holds none."""
    if not text:
        return None
    explanation = Explanation.from_json(text)
    strongest = max((abs(word.weight) for word in explanation.words), default=0.0) or 1.0
    words = [ShownWord(word, abs(word.weight) / strongest) for word in explanation.words]
    return Why(
        explanation.votes,
        tuple(one for one in words if one.word.weight > 0)[:_MOST_WORDS],
        tuple(one for one in words if one.word.weight < 0)[:_MOST_WORDS],
        tuple((one, numbers.get(one.answer)) for one in explanation.similar),
    )
