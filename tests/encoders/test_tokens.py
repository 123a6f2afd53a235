"""Texts as numbers of words: every row by itself, in order, and only what training rows held has a number."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.text_preparation import TextPreparation
from shelfwise.encoders.tokens import (
    FIRST_WORD,
    UNKNOWN,
    TokenVocabulary,
    by_place,
    prepare_tokens,
    word_hash,
)
from shelfwise.errors import ModelFolderError

TEXTS = ["red shoe red", None, "blue hat", "", "shoe"]


def prepared(texts: list[str | None], **options: object) -> Encoded:
    state = np.array([State.ABSENT if text is None else State.PRESENT for text in texts], np.int8)
    column = InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), state)
    return prepare_tokens(column, TextPreparation.model_validate(options))


def learned(encoded: Encoded, at_least: int = 1, at_most: int = 99) -> TokenVocabulary:
    return TokenVocabulary.learn(encoded.matrix, np.arange(len(encoded)), at_least, at_most)


class TestPrepare:
    def test_a_row_is_the_texts_words_in_order(self) -> None:
        found = prepared(TEXTS, max_words=4)
        assert found.matrix.dtype == np.int64
        expected = np.zeros((5, 4), np.int64)
        for row, text in enumerate(TEXTS):
            for place, word in enumerate((text or "").split()):
                expected[row, place] = word_hash(word)
        np.testing.assert_array_equal(found.matrix.toarray(), expected)
        assert found.state.tolist() == [0, 1, 0, 0, 0]

    def test_hashes_do_not_change_between_versions(self) -> None:
        """Model folders hold them."""
        assert word_hash("shoe") == 1166552567928764125
        assert word_hash("\ud800") > 0

    def test_only_present_rows_are_read(self) -> None:
        state = np.array([State.FAILED, State.PRESENT], np.int8)
        column = InputColumn("title", Role.TEXT, pa.array(["a b", "c"]), state, {0: "broken"})
        found = prepare_tokens(column, TextPreparation())
        assert np.diff(found.matrix.indptr).tolist() == [0, 1]
        assert found.reasons == {0: "broken"}

    def test_a_text_takes_the_memory_of_its_words(self) -> None:
        found = prepared(["one two"] * 1000, max_words=10_000)
        assert found.matrix.shape == (1000, 10_000)
        assert found.matrix.nnz == 2000

    def test_rows_can_be_taken(self) -> None:
        found = prepared(TEXTS)
        part = found.take(np.array([4, 0]))
        np.testing.assert_array_equal(part.matrix.toarray(), found.matrix.toarray()[[4, 0]])


class TestVocabulary:
    def test_words_of_most_products_are_kept(self) -> None:
        encoded = prepared(["a a a b", "b c", "b c", "d"])
        kept = learned(encoded, at_least=2)
        assert set(kept.words.tolist()) == {word_hash("b"), word_hash("c")}
        assert learned(encoded, at_most=1).words.tolist() == [word_hash("b")]

    def test_only_the_rows_given_count(self) -> None:
        encoded = prepared(["a", "b", "c"])
        kept = TokenVocabulary.learn(encoded.matrix, np.array([0, 2]), 1, 9)
        assert set(kept.words.tolist()) == {word_hash("a"), word_hash("c")}

    def test_numbers_and_unknown_words(self) -> None:
        encoded = prepared(["a b zz a", "zz", None, "", "b"], max_words=5)
        vocabulary = learned(prepared(["a b"]))
        found = vocabulary.numbers(encoded)
        number = {word: FIRST_WORD + vocabulary.words.tolist().index(word_hash(word)) for word in "ab"}
        expected = np.zeros((5, 5), np.int32)
        expected[0, :4] = [number["a"], number["b"], UNKNOWN, number["a"]]
        expected[4, 0] = number["b"]
        assert found.matrix.dtype == np.int32
        np.testing.assert_array_equal(found.matrix.toarray(), expected)
        absent = [State.PRESENT, State.ABSENT, State.ABSENT, State.ABSENT, State.PRESENT]
        assert found.state.tolist() == absent
        assert encoded.state.tolist() == [0, 0, 1, 0, 0], "what was prepared stays"

    @pytest.mark.parametrize("names", [19, 20])
    def test_texts_of_unknown_words_are_read_where_training_had_such(self, names: int) -> None:
        """H&M calls many products by a name that no other has; what is called so is no random product."""
        texts = ["a b"] * 5 + [f"name{number}" for number in range(names)]
        vocabulary = learned(prepared(texts), at_least=2)
        found = vocabulary.numbers(prepared(["zz yy", "a zz", "", None]))
        known = FIRST_WORD + vocabulary.words.tolist().index(word_hash("a"))
        assert found.matrix[[1]].data.tolist() == [known, UNKNOWN]
        if names < 20:
            assert found.state.tolist() == [State.ABSENT, State.PRESENT, State.ABSENT, State.ABSENT]
        else:
            assert found.matrix[[0]].data.tolist() == [UNKNOWN, UNKNOWN]
            assert found.state.tolist() == [State.PRESENT, State.PRESENT, State.ABSENT, State.ABSENT]

    def test_only_training_texts_of_unknown_words_count(self) -> None:
        encoded = prepared(["a b"] * 5 + [f"name{number}" for number in range(30)])
        assert not TokenVocabulary.learn(encoded.matrix, np.arange(20), 2, 9).reads_unknown

    def test_of_no_words_nothing_is_known(self) -> None:
        found = learned(prepared([None])).numbers(prepared(["a"]))
        assert found.matrix.nnz == 0
        assert found.state.tolist() == [State.ABSENT]

    @given(
        st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=9),
        st.integers(1, 3),
        st.integers(1, 6),
    )
    @settings(deadline=None, max_examples=80)
    def test_against_a_plain_count(self, texts: list[list[str]], at_least: int, at_most: int) -> None:
        encoded = prepared([" ".join(text) for text in texts])
        vocabulary = learned(encoded, at_least, at_most)
        counts = Counter(word for text in texts for word in set(text))
        ranked = sorted(counts, key=lambda word: (-counts[word], word_hash(word)))
        kept = sorted(word_hash(word) for word in [w for w in ranked if counts[w] >= at_least][:at_most])
        assert vocabulary.words.tolist() == kept
        found = vocabulary.numbers(encoded)
        for row, text in enumerate(texts):
            numbers = [
                kept.index(word_hash(word)) + FIRST_WORD if word_hash(word) in kept else UNKNOWN
                for word in text
            ]
            if set(numbers) <= {UNKNOWN}:
                numbers = []
            assert found.matrix[[row]].data.tolist() == numbers
            assert bool(found.present[row]) == bool(numbers)


class TestSaved:
    def test_it_is_the_vocabulary(self) -> None:
        vocabulary = learned(prepared(TEXTS))
        again = TokenVocabulary.saved({"words": vocabulary.words.copy()}, most=9)
        np.testing.assert_array_equal(again.words, vocabulary.words)

    @pytest.mark.parametrize(
        "words",
        [
            np.array([2, 1]),
            np.array([1, 1]),
            np.array([0, 1]),
            np.array([-3, 1]),
            np.array([1, 2], np.int32),
            np.array([[1, 2]]),
            np.array([1.0, 2.0]),
            np.array([1, 2, 3, 4]),
        ],
        ids=str,
    )
    def test_anything_else_is_refused(self, words: np.ndarray) -> None:
        with pytest.raises(ModelFolderError, match="words"):
            TokenVocabulary.saved({"words": words}, most=3)
        with pytest.raises(ModelFolderError, match="words"):
            TokenVocabulary.saved({}, most=3)


def test_by_place_of_nothing() -> None:
    found = by_place(np.empty(0, np.int64), np.array([0]), 7)
    assert found.shape == (0, 7)
    assert sp.issparse(found)
