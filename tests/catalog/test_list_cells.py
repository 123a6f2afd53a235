"""Lists written into cells are read as their writers meant them, and nothing that is none passes for one."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog.list_cells import MAX_CHARACTERS, joined_list, looks_like_list, mostly_lists, read_list

elements = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=8)


@given(elements)
def test_what_json_and_python_write_is_read_back(written: list[str]) -> None:
    for text in (
        json.dumps(written),
        json.dumps(written, ensure_ascii=False),
        str(written),
        str(tuple(written)),
    ):
        if text == "()":
            continue
        assert looks_like_list(text) or not written
        assert read_list(text) == tuple(written)


@given(st.lists(st.text("abc '\"\\,é", max_size=9), min_size=1, max_size=60))
def test_what_numpy_writes_is_read_back(written: list[str]) -> None:
    assert read_list(str(np.array(written, dtype=object))) == tuple(written)
    assert read_list(str([np.str_(one) for one in written])) == tuple(written)


@given(st.text("[]()'\",\\ab1 .n", max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    found = read_list(text)
    assert found is None or all(isinstance(one, str) for one in found)
    assert looks_like_list(text) or not found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1, 2.5, 'x']", ("1", "2.5", "x")),
        ("[nan, 'a', None, null]", ("a",)),
        ("[np.int64(3)]", ("3",)),
        ("['a',]", ("a",)),
        ("  [ 'a' ]  ", ("a",)),
        ("[]", ()),
    ],
)
def test_numbers_and_words_for_nothing(text: str, expected: tuple[str, ...]) -> None:
    assert read_list(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "]",
        "(12)",
        "()",
        "[a, b]",
        '["a", "b"',
        '["a"] and more',
        '["a", ["b"]]',
        '[{"a": 1}]',
        "[True]",
        "[1-2]",
        "['a' 'b' ... 'c']",
        "[print('a')]",
        "['a' * 9]",
        '["\\ud83d"]',
        "['a'b]",
    ],
)
def test_what_is_no_flat_list_is_none(text: str) -> None:
    assert read_list(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "[" * 90_000 + "]" * 9_000,
        "['" * 45_000 + "]",
        '["' + '\\"' * 45_000 + "]",
        "[" + "'a'," * 24_000 + "[",
    ],
)
def test_hostile_cells_cost_no_more_than_their_length(text: str) -> None:
    start = time.perf_counter()
    assert read_list(text) is None
    assert time.perf_counter() - start < 1


def test_what_is_too_long_is_none() -> None:
    assert read_list("['" + "a" * MAX_CHARACTERS + "']") is None


def test_most_filled_cells_count() -> None:
    assert mostly_lists(["['a']", "", "b"], [2, 50, 1])
    assert not mostly_lists(["['a']", "b"], [1, 1])
    assert not mostly_lists(["[]", "(Sale)"], [9, 1])


def test_only_lists_of_texts_are_joined() -> None:
    assert joined_list("['a, b', 'nan', '', 'c']", " | ") == "a, b | nan | c"
    for text in ("[0, 5]", "['a'", "['a'] b", "a"):
        assert joined_list(text, " | ") == text
