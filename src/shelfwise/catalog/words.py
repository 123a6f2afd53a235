"""Text as the words that are searched for: one rule for products, categories, rules and queries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_WORD = 64
"""Characters of a word that count."""
MAX_WORDS = 2_000
"""Words of one product that can be searched for; what follows is shown but not found."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text in order: case and accents do not count, punctuation separates.

    >>> words_of("Crème-brûlée TORCH, 20 cm")
    ['creme', 'brulee', 'torch', '20', 'cm']
    """
    whole = unicodedata.normalize("NFKD", text[: MAX_WORDS * MAX_WORD])
    # Once more: small letters of some alphabets come apart only when they are small.
    plain = unicodedata.normalize("NFKD", whole.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # The underscore counts as a letter for Python, and separates for both databases.
    return [word[:MAX_WORD] for word in _WORD.findall(bare.replace("_", " "))[:MAX_WORDS]]


def searchable(texts: Iterable[str]) -> str:
    """The different words of some texts, in order, separated by spaces."""
    return " ".join(dict.fromkeys(word for text in texts for word in words_of(text)))
