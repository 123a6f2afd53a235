"""Words behind columns: nothing of a weight is lost, and it goes to the words that carry it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.explain.terms import word_weights

TEXTS = ["Red running shoes, red!", "Schöne Lampe aus Messing", "running lamp"]


def weights_of(
    kind: str, text: str, role: Role = Role.TEXT, **options: object
) -> tuple[dict[str, float], np.ndarray]:
    """The words of ``text`` and the weights (their columns' numbers + 1) that were given to its columns."""
    texts = [*TEXTS, text]
    encoder: Encoder = build_encoder(kind, options)
    state = np.where([bool(one.strip()) for one in texts], State.PRESENT, State.ABSENT).astype(np.int8)
    column = InputColumn("x", role, pa.array(texts), state)
    prepared = encoder.prepare(column)
    matrix = encoder.fit(prepared, np.arange(len(texts))).transform(prepared).matrix
    first, last = matrix.indptr[-2:]
    weights = np.arange(last - first) + 1.0
    return word_weights(encoder, text, matrix.indices[first:last], weights), weights


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60))
def test_no_weight_is_lost_whatever_the_text(text: str) -> None:
    found, weights = weights_of("ngrams", text, words=(1, 2), chars=(2, 5))
    assert sum(found.values()) == pytest.approx(weights.sum())


@pytest.mark.parametrize(
    ("kind", "role"),
    [("ngrams", Role.TEXT), ("bag_of_words", Role.TEXT), ("kim_cnn", Role.TEXT), ("one_hot", Role.CATEGORY)],
)
def test_no_weight_is_lost_in_any_encoder(kind: str, role: Role) -> None:
    found, weights = weights_of(kind, "Red lamp RED", role)
    assert sum(found.values()) == pytest.approx(weights.sum())
    words = {"one_hot": {"Red lamp RED"}, "ngrams": {"red", "lamp", "red lamp", "lamp red"}}
    assert set(found) == words.get(kind, {"red", "lamp"})


def test_words_in_order_have_the_weights_of_their_places() -> None:
    assert weights_of("kim_cnn", "red lamp red")[0] == {"red": 1.0 + 3.0, "lamp": 2.0}


def test_case_is_kept_where_the_encoder_keeps_it() -> None:
    found, _ = weights_of("ngrams", "Red red", words=(1, 1), lowercase=False)
    assert set(found) == {"Red", "red"}


def test_parts_of_words_count_for_their_words() -> None:
    found, weights = weights_of("ngrams", "lampe", words=None, chars=(2, 3))
    assert found == {"lampe": pytest.approx(weights.sum())}


def test_pictures_and_numbers_have_no_words() -> None:
    number = build_encoder("number", {})
    assert word_weights(number, "12", np.arange(2), np.ones(2)) == {}
