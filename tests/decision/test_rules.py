"""Rules: which products they match, and which of several counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.decision.rules import Rule, RuleSet, RuleText, rules_of, suggestion

HOME = ("Home", "Lamps")


def test_case_accents_and_order_do_not_count() -> None:
    rule = RuleText("brand", "Crème Co", ("torch",), HOME)
    assert rule.matches({"brand": "CREME, co.", "title": "A Torch!"})
    assert not rule.matches({"brand": "Creme", "title": "torch"})
    assert not rule.matches({"brand": "Creme Co", "title": "torches"})
    assert not rule.matches({"title": "torch creme co"})


@pytest.mark.parametrize("words", [("torch",), ("torch", "red")])
def test_words_may_stand_in_any_field(words: tuple[str, ...]) -> None:
    assert RuleText("", "", words, HOME).matches({"title": "red lamp", "description": "no torch"})


def test_the_oldest_counts() -> None:
    rules = rules_of([(7, RuleText("", "", ("lamp",), ("B",))), (2, RuleText("", "", ("red",), ("A",)))])
    found = rules.find({"title": "red lamp"})
    assert found is not None
    assert found.number == 2
    assert rules.find({"title": "blue pot"}) is None
    assert RuleSet().find({"title": "red"}) is None


def test_suggestions() -> None:
    assert suggestion(("A",), ("B", "C"), multilabel=False) == ("A",)
    assert suggestion(("a", "b"), ("b",), multilabel=True) == ("b", "a")


WORDS = st.sampled_from(["red", "blue", "lamp", "pot", "torch", "acme"])
TEXTS = st.builds(
    lambda brand, words: RuleText("brand" if brand else "", brand, tuple(dict.fromkeys(words)), HOME),
    st.sampled_from(["", "acme", "red acme"]),
    st.lists(WORDS, max_size=2),
).filter(lambda text: text.searched)
FIELDS = st.fixed_dictionaries(
    {"brand": st.sampled_from(["", "Acme", "RED Acme", "acme red"]), "title": st.lists(WORDS).map(" ".join)}
)


@given(st.lists(TEXTS, max_size=6), FIELDS)
def test_looking_rules_up_by_words_finds_what_trying_all_finds(
    texts: list[RuleText], fields: dict[str, str]
) -> None:
    rules = RuleSet(tuple(Rule(number, text) for number, text in enumerate(texts, start=1)))
    expected = next((rule for rule in rules if rule.text.matches(fields)), None)
    assert rules.find(fields) == expected
