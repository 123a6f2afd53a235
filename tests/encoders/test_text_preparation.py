"""Which words of a text are read: each option alone, the papers' settings, and what holds for any text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shelfwise.encoders.hashing import MAX_TEXT_CHARS, hash_texts
from shelfwise.encoders.stop_words import ENGLISH
from shelfwise.encoders.text_preparation import TEXT_PRESETS, TextPreparation

TEXT = "The  NEW t-shirt, 100% cotton:\n2XL for Women's\tday & night"


def words(text: str, /, **options: object) -> list[str]:
    return TextPreparation.model_validate(options).words(text)


class TestOptions:
    def test_by_default_all_words_are_read(self) -> None:
        expected = "the new t shirt 100 cotton 2xl for women s day night"
        assert words(TEXT) == expected.split()

    def test_stop_words(self) -> None:
        expected = "new t shirt 100 cotton 2xl women s day night"
        assert words(TEXT, stop_words="english") == expected.split()
        assert words("THE Hat", stop_words="english", lowercase=False) == ["Hat"]
        assert words(" ".join(ENGLISH), stop_words="english") == []

    def test_digits(self) -> None:
        expected = "the new t shirt cotton xl for women s day night"
        assert words(TEXT, drop_digits=True) == expected.split()
        assert words("a1b 22 ٣x ²", drop_digits=True) == ["ab", "x"]

    def test_punctuation(self) -> None:
        assert words("don't, 5% <b>", drop_punctuation=False) == [
            "don",
            "'",
            "t",
            ",",
            "5",
            "%",
            "<",
            "b",
            ">",
        ]
        assert words("snake_case", drop_punctuation=False) == ["snake", "_", "case"]
        assert words("snake_case") == ["snake", "case"]

    def test_white_space_only_separates(self) -> None:
        assert words(" a \u00a0\u3000b\r\n\n c\x00d ") == ["a", "b", "c", "d"]
        assert words(" a  \t b ", drop_punctuation=False) == ["a", "b"]
        assert words("a\x00\x07b", drop_punctuation=False) == ["a", "b"]

    def test_long_words(self) -> None:
        assert words(f"{'x' * 30} {'y' * 31} z") == ["x" * 30, "z"]
        assert words(f"{'y' * 31} z", max_characters=None) == ["y" * 31, "z"]
        assert words("abc de f", max_characters=2) == ["de", "f"]

    def test_the_cut_comes_last(self) -> None:
        assert words("the a red of blue hat", stop_words="english", max_words=2) == ["red", "blue"]
        assert words("a b c", max_words=2) == ["a", "b"]

    def test_case(self) -> None:
        assert words("Straße ÉTÉ", lowercase=False) == ["Straße", "ÉTÉ"]
        assert words("Straße ÉTÉ ﬁne") == ["strasse", "été", "fine"]

    @pytest.mark.parametrize("drop", [True, False])
    def test_scripts_whose_words_hold_marks(self, drop: bool) -> None:
        assert words("हिन्दी ภาษาไทย", drop_punctuation=drop) == ["हिन्दी", "ภาษาไทย"]

    @pytest.mark.parametrize("text", ["", "   ", "!?", "🙂", "\x00"])
    def test_texts_without_words(self, text: str) -> None:
        assert words(text) == []

    def test_endless_texts_are_cut(self) -> None:
        assert len(words("ab " * MAX_TEXT_CHARS, max_words=10_000)) == pytest.approx(
            MAX_TEXT_CHARS / 3, abs=1
        )

    @pytest.mark.parametrize(
        "options",
        [{"text": "paper"}, {"stop_words": "klingon"}, {"max_words": 0}, {"max_characters": 0}, {"stop": 1}],
    )
    def test_what_cannot_work_is_refused(self, options: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            TextPreparation.model_validate(options)


class TestPresets:
    def test_the_papers_description(self) -> None:
        found = words(
            f"The 3 best, hand-made shoes of {'w' * 31} 2019! " + "shoe " * 400, text="paper_description"
        )
        assert found[:5] == ["best", "hand", "made", "shoes", "shoe"]
        assert len(found) == 300

    def test_the_papers_title(self) -> None:
        found = words("The shoe for the foot, no. 9 " * 20, text="paper_title")
        assert found[:6] == ["the", "shoe", "for", "the", "foot", "no"]
        assert len(found) == 57

    @pytest.mark.parametrize("name", TEXT_PRESETS)
    def test_what_is_given_wins_and_the_preset_is_spelled_out(self, name: str) -> None:
        chosen = TextPreparation.model_validate({"text": name, "max_words": 7})
        told = chosen.model_dump(mode="json")
        assert told == {"lowercase": True, **TEXT_PRESETS[name], "max_words": 7}
        again = TextPreparation.model_validate(told)
        assert again.words("The " + TEXT) == chosen.words("The " + TEXT)


@given(st.text(max_size=60))
@settings(deadline=None, max_examples=200)
def test_words_are_those_of_the_other_encoders(text: str) -> None:
    """As many words, and as many different ones, as the hashed counts have."""
    found = words(text, max_characters=None)
    counts = hash_texts([text], words=(1, 1))
    assert counts.sum() == len(found)
    assert counts.nnz == len(set(found))
    np.testing.assert_array_equal(
        np.unique(hash_texts(found, words=(1, 1)).indices) if found else [], np.unique(counts.indices)
    )


@given(
    st.text(max_size=80), st.booleans(), st.booleans(), st.booleans(), st.integers(1, 9), st.integers(1, 9)
)
@settings(deadline=None, max_examples=200)
def test_what_holds_for_any_text(
    text: str, stop: bool, digits: bool, punctuation: bool, characters: int, most: int
) -> None:
    options = TextPreparation(
        stop_words="english" if stop else None,
        drop_digits=digits,
        drop_punctuation=punctuation,
        max_characters=characters,
        max_words=most,
    )
    found = options.words(text)
    assert len(found) <= most
    for word in found:
        assert 0 < len(word) <= characters
        assert not any(letter.isspace() for letter in word)
        assert not (stop and word in ENGLISH)
        assert not (digits and any(letter.isdecimal() for letter in word))
    assert options.words(f" \t{text} \n") == found
