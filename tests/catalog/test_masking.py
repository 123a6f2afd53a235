"""Words taken out of texts: which are, and that everything else stays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.catalog.image_source import AbsentImages
from shelfwise.catalog.masking import WordMask, mask_words, word_stem, words_of


def column(*texts: str | None) -> InputColumn:
    state = np.array([State.ABSENT if text is None else State.PRESENT for text in texts], np.int8)
    return InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), state)


@pytest.mark.parametrize(
    ("words", "text", "left"),
    [
        (["shoes"], "Red Shoes, a SHOE and shoelaces", "Red , a and shoelaces"),
        (["Dress", "accessory"], "Two dresses with accessories.", "Two with ."),
        (["Tshirts"], "A T-shirt, a t shirt, T-Shirts & tshirt!", "A , a , & !"),
        (["shirts"], "A T-shirt", "A T-"),
        (["bags"], "handbags and bag-like", "handbags and -like"),
        (["glass", "bus"], "glasses; GLASS; buses; glas", "; ; ; glas"),
        (["söhne"], "SÖHNE des Söhne-Hauses", "des -Hauses"),
        (["men"], "Women and men", "Women and"),
        (["x"], "nothing  here\tto take", "nothing  here\tto take"),
        ([], "Red Shoes", "Red Shoes"),
    ],
)
def test_by_hand(words: list[str], text: str, left: str) -> None:
    assert WordMask(words)(text) == left


def test_a_text_of_nothing_else_is_absent() -> None:
    given = column("Shoes", "Red shoes", None, "Shoes!", "")
    given.state[4] = State.FAILED
    given.reasons[4] = "broken"
    masked = mask_words(given, ["shoe"])
    assert masked.values.to_pylist() == [None, "Red", None, None, None]
    assert masked.state.tolist() == [
        State.ABSENT,
        State.PRESENT,
        State.ABSENT,
        State.ABSENT,
        State.FAILED,
    ]
    assert masked.reasons == {4: "broken"}
    assert given.state[0] == State.PRESENT, "the column given is not changed"


def test_without_words_or_without_text_the_column_itself() -> None:
    given = column("Shoes")
    assert mask_words(given, []) is given
    images = InputColumn("image", Role.IMAGE, AbsentImages(1), np.ones(1, np.int8))
    assert mask_words(images, ["shoe"]) is images


def test_a_column_in_chunks() -> None:
    given = column("Red shoes", "Blue shoes", "Red shoes")
    chunked = InputColumn(
        "title", Role.TEXT, pa.chunked_array([given.values[:1], given.values[1:]]), given.state
    )
    assert mask_words(chunked, ["shoes"]).values.to_pylist() == ["Red", "Blue", "Red"]


@given(st.text(max_size=60), st.lists(st.text("abcs ", min_size=1, max_size=4), max_size=4))
@settings(deadline=None)
def test_no_masked_word_is_left_and_no_other_is_lost(text: str, words: list[str]) -> None:
    mask = WordMask(words)
    left = words_of(mask(text))
    assert not {word_stem(word) for word in left} & mask.stems
    remaining = list(left)
    for word in words_of(text):
        if remaining and word == remaining[0]:
            remaining.pop(0)
    assert not remaining, "what is left stands in its old order"


@given(st.lists(st.one_of(st.none(), st.text("ab shoe", max_size=12)), max_size=8), st.integers(0, 7))
@settings(deadline=None)
def test_products_do_not_interact(texts: list[str | None], which: int) -> None:
    masked = mask_words(column(*texts), ["shoe", "a"])
    if which < len(texts):
        alone = mask_words(column(texts[which]), ["shoe", "a"])
        assert masked.values[which].as_py() == alone.values[0].as_py()
        assert masked.state[which] == alone.state[0]
