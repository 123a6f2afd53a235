"""Rules beside the model: "brand X and word Y → category Z", written at the review desk by people who know their shop.

One implementation for the desk, `shelfwise predict` and `shelfwise serve`: the same product falls under the same rule
everywhere. Of several rules that match a product the oldest counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from shelfwise.catalog.words import words_of

Answer = tuple[str, ...]


@dataclass(frozen=True)
class RuleText:
    """What a person wrote: products whose ``field`` says ``value``, and that have all ``words``, are ``target``.

    Either condition may be empty, not both. Case and accents do not count.
    """

    field: str
    value: str
    words: tuple[str, ...]
    target: Answer

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether a product with these fields is one of the rule's."""
        return self._value_matches(fields) and _words(fields).issuperset(self.words)

    def _value_matches(self, fields: Mapping[str, str]) -> bool:
        return not self.field or words_of(fields.get(self.field, "")) == words_of(self.value)

    @property
    def searched(self) -> list[str]:
        """Words that every matching product holds: what a search index can find them by."""
        return [*words_of(self.value), *self.words] if self.field else list(self.words)

    def told(self) -> str:
        """The conditions in words.

        >>> RuleText("brand", "Acme", ("torch",), ("Home",)).told()
        "brand is 'Acme', with 'torch'"
        """
        value = f"{self.field} is '{self.value}'" if self.field else ""
        words = "with " + ", ".join(f"'{word}'" for word in self.words) if self.words else ""
        return ", ".join(filter(None, (value, words)))


@dataclass(frozen=True)
class Rule:
    """A rule in force, by its number, with how it did: ``right`` of ``judged`` decided products are its category."""

    number: int
    text: RuleText
    judged: int = 0
    right: int = 0


@dataclass(frozen=True)
class RuleSet:
    """The rules in force, oldest first."""

    rules: tuple[Rule, ...] = ()

    def __len__(self) -> int:
        return len(self.rules)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def find(self, fields: Mapping[str, str]) -> Rule | None:
        """The rule that a product with these fields falls under, or None. ``fields``: column → text."""
        if not self.rules:
            return None
        have = _words(fields)
        candidates = {place for word in have for place in self._by_word.get(word, ())}
        for place in sorted(candidates):
            text = self.rules[place].text
            if have.issuperset(text.words) and text._value_matches(fields):
                return self.rules[place]
        return None

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        """Places of rules under the rarest of the words that each asks for: few products meet it by chance."""
        asked = [rule.text.searched for rule in self.rules]
        times: dict[str, int] = {}
        for words in asked:
            for word in words:
                times[word] = times.get(word, 0) + 1
        places: dict[str, list[int]] = {}
        for place, words in enumerate(asked):
            if words:
                places.setdefault(min(words, key=lambda word: (times[word], word)), []).append(place)
        return places


def suggestion(target: Answer, answer: Answer, multilabel: bool) -> Answer:
    """What a rule makes of the model's answer: another path, or the same labels with the rule's added.

    >>> suggestion(("red",), ("blue",), multilabel=True)
    ('blue', 'red')
    """
    return (*answer, *(name for name in target if name not in answer)) if multilabel else target


def _words(fields: Mapping[str, str]) -> set[str]:
    return {word for text in fields.values() for word in words_of(text)}


def rules_of(texts: Iterable[tuple[int, RuleText]]) -> RuleSet:
    """A set of rules, put in the order of their numbers, of which nothing is known yet."""
    return RuleSet(tuple(Rule(number, text) for number, text in sorted(texts, key=lambda one: one[0])))
