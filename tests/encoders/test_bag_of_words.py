"""The bag of words against scikit-learn's CountVectorizer, with and without stop words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.bag_of_words import BagOfWords, BagOfWordsOptions
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.stop_words import ENGLISH
from shelfwise.errors import ModelFolderError


def text_column(values: list[str | None]) -> InputColumn:
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    return InputColumn("description", Role.TEXT, pa.array(values, pa.string()), state)


def fitted(values: list[str | None], **options: object) -> tuple[BagOfWords, Encoded]:
    encoder = BagOfWords(BagOfWordsOptions.model_validate(options))
    prepared = encoder.prepare(text_column(values))
    return encoder.fit(prepared, np.arange(len(values))), prepared


def test_equals_scikit_learns_binary_counts() -> None:
    rng = np.random.default_rng(3)
    texts: list[str | None] = [
        " ".join(f"w{int(word)}" for word in rng.zipf(1.5, 12).clip(0, 300)) for _ in range(80)
    ]
    encoder, prepared = fitted(texts, stop_words=None)
    ours = encoder.transform(prepared).matrix
    expected = CountVectorizer(binary=True).fit_transform(texts)
    assert ours.shape == expected.shape
    assert set(ours.data.tolist()) == {1.0}
    np.testing.assert_array_equal((ours @ ours.T).toarray(), (expected @ expected.T).toarray())


def test_the_most_frequent_words_are_kept_by_all_their_occurrences() -> None:
    texts: list[str | None] = ["shoe shoe shoe shoe", "red hat", "red hat", "red"]
    encoder, prepared = fitted(texts, max_words=2)
    assert encoder.transform(prepared).state.tolist() == [State.PRESENT] * 4
    assert encoder.transform(prepared).matrix.getnnz(axis=1).tolist() == [1, 1, 1, 1], "shoe and red, not hat"


def test_stop_words_take_no_place() -> None:
    texts: list[str | None] = ["The shoe for the feet", "the and of"]
    without, prepared = fitted(texts)
    assert without.width == 2
    assert without.transform(prepared).state.tolist() == [State.PRESENT, State.ABSENT]
    every, _ = fitted(texts, stop_words=None)
    assert every.width == 6


def test_stop_words_are_tidy_and_say_nothing_of_a_product() -> None:
    assert list(ENGLISH) == sorted(set(ENGLISH))
    assert all(word == word.casefold() and word.isalpha() for word in ENGLISH)
    assert not {"men", "women", "her", "his", "small", "xl", "s", "t", "one", "blue"} & set(ENGLISH)


def test_only_training_rows_count() -> None:
    encoder = BagOfWords(BagOfWordsOptions())
    prepared = encoder.prepare(text_column(["red shoe", "green boot", None]))
    found = encoder.fit(prepared, np.array([0, 2])).transform(prepared)
    assert encoder.width == 2
    assert found.state.tolist() == [State.PRESENT, State.ABSENT, State.ABSENT]


@pytest.mark.parametrize("buckets", [None, np.array([3, 2], np.int32), np.array([2.0, 3.0], np.float32)])
def test_an_altered_state_is_refused(buckets: np.ndarray | None) -> None:
    arrays = {} if buckets is None else {"buckets": buckets}
    with pytest.raises(ModelFolderError, match="buckets"):
        BagOfWords(BagOfWordsOptions()).load_state(arrays, {})
