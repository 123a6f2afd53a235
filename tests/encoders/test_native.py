"""The compiled loops over text: the same bits as NumPy's way, and nothing read that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders import hashing, native, ngrams, vocabulary
from shelfwise.encoders.hashing import BUCKETS, MAX_TEXT_CHARS, hash_texts
from shelfwise.encoders.ngrams import Ngrams, NgramsOptions

pytestmark = pytest.mark.skipif(native.COUNT is None, reason="installed without the compiled loops")

TEXTS = st.lists(st.none() | st.text(max_size=60) | st.text("aAbBß É1-éक्\ud800İ", max_size=60), max_size=12)
RANGES = st.none() | st.sampled_from([(1, 1), (1, 2), (2, 3), (3, 3), (2, 5), (1, 10)])


@contextmanager
def by_numpy() -> Iterator[None]:
    """Without the compiled loops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "COUNT", None)
        patch.setattr(vocabulary, "SELECT", None)
        yield


def assert_same_bits(one: sp.csr_matrix, other: sp.csr_matrix) -> None:
    assert one.shape == other.shape
    for part in ("indptr", "indices", "data"):
        mine, theirs = getattr(one, part), getattr(other, part)
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@settings(max_examples=200, deadline=None)
@given(TEXTS, RANGES, RANGES, st.booleans())
def test_counts_are_those_of_numpy(texts: list[str | None], words, chars, lowercase: bool) -> None:
    if words is None and chars is None:
        words = (1, 2)
    found = hash_texts(texts, words=words, chars=chars, lowercase=lowercase)
    with by_numpy():
        assert_same_bits(found, hash_texts(texts, words=words, chars=chars, lowercase=lowercase))


@pytest.mark.parametrize("size", [MAX_TEXT_CHARS - 1, MAX_TEXT_CHARS, MAX_TEXT_CHARS + 1, 3 * MAX_TEXT_CHARS])
@pytest.mark.parametrize("unit", ["ab c", "äß 1"])
def test_long_texts_are_cut_alike(size: int, unit: str) -> None:
    texts = [(unit * size)[:size], "short"]
    found = hash_texts(texts, chars=(2, 5))
    with by_numpy():
        assert_same_bits(found, hash_texts(texts, chars=(2, 5)))


@settings(max_examples=60, deadline=None)
@given(TEXTS.filter(len), st.booleans(), st.integers(1, 20))
def test_weights_are_those_of_numpy(texts: list[str | None], sublinear: bool, kept: int) -> None:
    texts = [text and text.replace("\ud800", " ") for text in texts]
    state = np.where([text is not None for text in texts], State.PRESENT, State.ABSENT).astype(np.int8)
    column = InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), state)
    options = NgramsOptions(chars=(2, 4), sublinear=sublinear, min_products=1, max_features=kept)
    encoder = Ngrams(options)
    prepared = encoder.prepare(column)
    encoder.fit(prepared, np.arange(len(texts)))
    found = encoder.transform(prepared)
    with by_numpy():
        other = encoder.transform(prepared)
    assert_same_bits(found.matrix, other.matrix)
    np.testing.assert_array_equal(found.state, other.state)


def test_a_word_said_more_often_than_the_table_of_counts_is_long() -> None:
    counts = sp.csr_matrix(([9_999.0, 1.0], [3, 5], [0, 2]), shape=(1, BUCKETS), dtype=np.float32)
    encoder = Ngrams(NgramsOptions())
    encoder._set(np.array([3, 5], np.int32), np.array([1.5, 2.0], np.float32))
    found = encoder._weighted(counts)
    with by_numpy():
        assert_same_bits(found, encoder._weighted(counts))
    assert found.data[0] / found.data[1] == pytest.approx(ngrams._DAMPED[-1] * 1.5 / 2.0)


def csr(**changes: object) -> tuple[object, ...]:
    arrays = {
        "bounds": np.array([0, 1, 3], np.int64),
        "buckets": np.array([0, 1, 2], np.int32),
        "counts": np.ones(3, np.float32),
        "column_of": np.array([1, -1, 0], np.int32),
    }
    return tuple({**arrays, **changes}.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"buckets": np.array([0, 1, 3], np.int32)},
        {"buckets": np.array([0, -1, 2], np.int32)},
        {"bounds": np.array([0, 2, 1], np.int64)},
        {"bounds": np.array([-1, 1, 3], np.int64)},
        {"bounds": np.array([0, 9, 3], np.int64)},
        {"bounds": np.array([0, 1, 4], np.int64)},
        {"bounds": np.array([2**62, 1, 3], np.int64)},
    ],
)
def test_indices_out_of_range_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(IndexError):
        native.SELECT(*csr(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"bounds": np.zeros(0, np.int64)},
        {"bounds": np.zeros(3, np.int32)},
        {"buckets": np.zeros(2, np.int32)},
        {"counts": np.zeros(4, np.float32)},
        {"column_of": np.zeros(3, np.int8)},
    ],
)
def test_arrays_that_do_not_go_together_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="sizes that go together"):
        native.SELECT(*csr(**changes))


def test_weights_for_fewer_columns_than_there_are_are_refused() -> None:
    with pytest.raises(IndexError):
        native.SELECT(*csr(), np.ones(1, np.float32))


def test_counts_that_are_no_numbers_stay_inside_the_table() -> None:
    counts = np.array([np.nan, -5.0, np.inf], np.float32)
    found = native.SELECT(*csr(counts=counts), np.ones(2, np.float32), np.ones(4, np.float32))
    assert len(found) == 3


@pytest.mark.parametrize("lengths", [(0, 1, 0, 0), (2, 1, 0, 0), (1, 11, 0, 0), (0, 0, 1, 11), (1, -1, 0, 0)])
def test_lengths_out_of_range_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="n-grams"):
        native.COUNT(["a"], hashing._word_characters(), *lengths, True, 22)


@pytest.mark.parametrize("given", [["a", 1], [b"a"], 5])
def test_what_is_no_text_is_refused(given: object) -> None:
    with pytest.raises(TypeError):
        native.COUNT(given, hashing._word_characters(), 1, 2, 0, 0, True, 22)


def test_a_table_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="code point"):
        native.COUNT(["a"], np.zeros(128, bool), 1, 2, 0, 0, True, 22)
