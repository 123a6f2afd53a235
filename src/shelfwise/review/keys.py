"""Texts as the database holds them: a category is one string, its names joined by a control character that none may hold."""

from __future__ import annotations

SEPARATOR = "\x1f"
"""ASCII's own "unit separator"; sorted before every printable character, so a category's children follow it."""

Answer = tuple[str, ...]


def to_key(answer: Answer) -> str:
    """A path or a label set as one string; empty for no answer.

    >>> from_key(to_key(("Home", "Lamps")))
    ('Home', 'Lamps')
    """
    return SEPARATOR.join(answer)


def from_key(key: str) -> Answer:
    """The names that `to_key` joined."""
    return tuple(key.split(SEPARATOR)) if key else ()


def below(key: str) -> tuple[str, str]:
    """The range [first, last) of keys strictly below a category, in code point order."""
    return key + SEPARATOR, key + chr(ord(SEPARATOR) + 1)


def storable(text: str) -> str:
    """A text without the one character that PostgreSQL's cannot hold."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
