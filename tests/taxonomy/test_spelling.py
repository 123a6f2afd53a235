"""One spelling a category: by hand, and that nothing but the spelling changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.taxonomy.spelling import one_spelling, one_spelling_of_labels, spelling_key

NAME = st.sampled_from(["Men", "men", "M EN", "Shoes", "shoes", "Bags", "ＢＡＧＳ", "x"])
PATHS = st.lists(st.lists(NAME, max_size=3).map(tuple), max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Shoes", "SHOES", True),
        ("Home Decor", "home  decor", True),
        ("T Shirts", "Tshirts", True),
        ("Straße", "STRASSE", True),
        ("Ｆｕｌｌ", "full", True),
        ("Shoes", "Shoe", False),
        ("T-Shirts", "TShirts", False),
        ("1 0", "10", False),
        ("size 10", "size10", True),
    ],
)
def test_what_counts_as_the_same(one: str, other: str, same: bool) -> None:
    assert (spelling_key(one) == spelling_key(other)) is same


def test_the_commonest_spelling_is_kept_of_equals_the_first() -> None:
    values, notes = one_spelling([("b",), ("B",), ("b",), ("C",), ("c",)])
    assert values == [("b",), ("b",), ("b",), ("C",), ("C",)]
    assert notes == (
        "2 category names are spelled in several ways and taken as one, 2 times: 'B' as 'b' (1), 'c' as 'C' (1)",
    )


def test_a_name_is_counted_below_all_spellings_of_its_parent() -> None:
    values, _ = one_spelling([("Men", "shoes"), ("men", "Shoes"), ("MEN", "Shoes"), ("Men", "x")])
    assert values == [("Men", "Shoes")] * 3 + [("Men", "x")]


def test_the_same_name_elsewhere_keeps_its_own_spelling() -> None:
    values, notes = one_spelling([("Men", "Shoes"), ("Women", "SHOES")])
    assert values == [("Men", "Shoes"), ("Women", "SHOES")]
    assert notes == ()


def test_of_many_a_few_are_named() -> None:
    _, (note,) = one_spelling([(name,) for letter in "abcdef" for name in (letter, letter, letter.upper())])
    assert note.endswith(", and 3 more")


def test_what_is_known_is_spelled_so_and_what_is_not_by_itself() -> None:
    values, _ = one_spelling([("MEN",), ("MEN", "hats"), ("MEN", "Hats"), ("MEN", "hats")], known=[("men",)])
    assert values == [("men",), ("men", "hats"), ("men", "hats"), ("men", "hats")]


@given(PATHS, PATHS)
@settings(deadline=None)
def test_only_the_spelling_changes(values: list[tuple[str, ...]], known: list[tuple[str, ...]]) -> None:
    found, _ = one_spelling(values, known)
    assert [tuple(map(spelling_key, path)) for path in found] == [
        tuple(map(spelling_key, path)) for path in values
    ]
    spellings = {tuple(map(spelling_key, path)): path for path in found}
    assert all(spellings[tuple(map(spelling_key, path))] == path for path in found)
    assert one_spelling(found, known)[0] == found
    assert one_spelling(found)[1] == ()


@given(PATHS)
@settings(deadline=None)
def test_labels_stay_a_set(values: list[tuple[str, ...]]) -> None:
    found, _ = one_spelling_of_labels(values)
    for before, after in zip(values, found, strict=True):
        assert {spelling_key(name) for name in before} == {spelling_key(name) for name in after}
        assert len(set(after)) == len(after)
