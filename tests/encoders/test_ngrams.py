"""N-grams: scikit-learn's TF-IDF as the oracle, and what is kept, saved and refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.ngrams import Ngrams, NgramsOptions
from shelfwise.errors import ModelFolderError

WORDS = ["red", "blue", "shoe", "shirt", "cotton", "men", "women", "42", "running", "jacket"]


def text_column(values: list[str | None]) -> InputColumn:
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    return InputColumn("title", Role.TEXT, pa.array(values, pa.string()), state)


def fitted(values: list[str | None], **options: object) -> tuple[Ngrams, Encoded]:
    encoder = Ngrams(NgramsOptions.model_validate(options))
    prepared = encoder.prepare(text_column(values))
    return encoder.fit(prepared, np.arange(len(values))), prepared


def titles(n: int, seed: int = 0) -> list[str | None]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 9))) for _ in range(n)]


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("min_products", [1, 3])
def test_words_equal_scikit_learns_tfidf(sublinear: bool, min_products: int) -> None:
    texts = titles(150)
    encoder, prepared = fitted(texts, sublinear=sublinear, min_products=min_products)
    oracle = TfidfVectorizer(
        ngram_range=(1, 2), min_df=min_products, sublinear_tf=sublinear, token_pattern=r"\w+"
    )
    expected = oracle.fit_transform(texts)
    ours = encoder.transform(prepared).matrix
    assert encoder.width == expected.shape[1]
    # The columns are in another order, which neither the rows' products nor their sorted entries can see.
    np.testing.assert_allclose((ours @ ours.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)
    for row in range(len(texts)):
        np.testing.assert_allclose(np.sort(ours[row].data), np.sort(expected[row].data), atol=1e-6)


def test_characters_equal_scikit_learns_char_wb() -> None:
    texts = titles(120)
    encoder, prepared = fitted(texts, words=None, chars=(2, 5), min_products=1)
    expected = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True).fit_transform(texts)
    ours = encoder.transform(prepared).matrix
    assert encoder.width == expected.shape[1]
    np.testing.assert_allclose((ours @ ours.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.text("ab é靴", max_size=12), min_size=1, max_size=15), st.booleans())
def test_rows_have_length_one_or_are_absent(texts: list[str | None], chars: bool) -> None:
    encoder, prepared = fitted(texts, chars=(2, 3) if chars else None)
    found = encoder.transform(prepared)
    lengths = np.sqrt(found.matrix.multiply(found.matrix).sum(1)).A1
    np.testing.assert_allclose(lengths, found.present.astype(float), atol=1e-6)


def test_only_training_rows_count() -> None:
    texts: list[str | None] = ["red shoe", "red shirt", "held out words"]
    encoder = Ngrams(NgramsOptions(words=(1, 1)))
    prepared = encoder.prepare(text_column(texts))
    found = encoder.fit(prepared, np.array([0, 1])).transform(prepared)
    assert encoder.width == 3
    assert found.state.tolist() == [State.PRESENT, State.PRESENT, State.ABSENT]
    assert found.reasons == {}
    assert prepared.state[2] == State.PRESENT, "what was prepared is not changed"


def test_rare_ngrams_go_except_in_tiny_catalogs() -> None:
    rare: list[str | None] = ["unicorn"]
    large, _ = fitted(["common"] * 99 + rare, words=(1, 1))
    tiny, _ = fitted(["common"] * 98 + rare, words=(1, 1))
    assert (large.width, tiny.width) == (1, 2)


def test_absent_products_neither_count_nor_weigh() -> None:
    texts: list[str | None] = ["red shoe", "red shirt"] * 60
    encoder, _ = fitted(texts)
    padded, _ = fitted([*texts, *[None] * 500])
    for name, array in encoder.state_arrays().items():
        np.testing.assert_array_equal(array, padded.state_arrays()[name])


def test_max_features_keeps_those_in_most_products() -> None:
    texts: list[str | None] = ["a b c", "a b", "a d"] * 50
    encoder, prepared = fitted(texts, words=(1, 1), max_features=2)
    assert encoder.width == 2
    counts = encoder.transform(prepared).matrix.getnnz(axis=1)
    assert counts.tolist() == [2, 2, 1] * 50


def test_characters_forgive_typos() -> None:
    encoder, _ = fitted(["running shoes"] * 3 + ["silk scarf"] * 3, words=None, chars=(2, 4))
    shoe, scarf, typo = encoder.transform(
        encoder.prepare(text_column(["running shoes", "silk scarf", "runing shoess"]))
    ).matrix
    assert (typo @ shoe.T).toarray().item() > 0.6 > (typo @ scarf.T).toarray().item()


def test_progress_reports_every_product() -> None:
    done: list[int] = []
    Ngrams(NgramsOptions()).prepare(text_column(["a"] * 9000), done.append)
    assert sum(done) == 9000
    assert len(done) > 1


def test_a_text_in_a_row_that_failed_is_not_read() -> None:
    column = InputColumn(
        "title",
        Role.TEXT,
        pa.array(["red", "red"]),
        np.array([State.PRESENT, State.FAILED], np.int8),
        {1: "undecodable"},
    )
    prepared = Ngrams(NgramsOptions()).prepare(column)
    assert prepared.matrix.getnnz(axis=1).tolist() == [1, 0]
    assert prepared.reasons == {1: "undecodable"}


@pytest.mark.parametrize(
    "options",
    [{"words": None}, {"words": (2, 1)}, {"chars": (0, 3)}, {"chars": (2, 99)}, {"max_features": 0}],
)
def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected|greater"):
        NgramsOptions.model_validate(options)


@pytest.mark.parametrize(
    "change",
    [
        {"buckets": None},
        {"idf": None},
        {"buckets": np.array([1, 1, 5], np.int32)},
        {"buckets": np.array([5, 1, 7], np.int32)},
        {"buckets": np.array([-1, 1, 5], np.int32)},
        {"buckets": np.array([0, 1, 1 << 22], np.int32)},
        {"buckets": np.array([0, 1, 2], np.int64)},
        {"buckets": np.array([[0, 1, 2]], np.int32)},
        {"idf": np.ones(4, np.float32)},
        {"idf": np.ones(3, np.float64)},
        {"idf": np.array([1, np.nan, 1], np.float32)},
        {"idf": np.array([1, -1, 1], np.float32)},
        {"idf": np.array([1, 1e30, 1], np.float32)},
    ],
)
def test_an_altered_state_is_refused(change: dict[str, np.ndarray | None]) -> None:
    encoder, _ = fitted(["red shoe", "red shoe"])
    state = {**encoder.state_arrays(), **change}
    arrays = {name: array for name, array in state.items() if array is not None}
    with pytest.raises(ModelFolderError, match=r"expected .* (got|found)"):
        Ngrams(NgramsOptions()).load_state(arrays, {})


def test_more_columns_than_the_options_allow_are_refused() -> None:
    encoder, _ = fitted(["red shoe", "red shoe"])
    with pytest.raises(ModelFolderError, match="at most 2"):
        Ngrams(NgramsOptions(max_features=2)).load_state(encoder.state_arrays(), {})
