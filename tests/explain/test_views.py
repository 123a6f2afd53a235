"""Views: folding keeps cosines, rows stand for themselves, and every kind of encoder is seen or left out rightly."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.explain.views import SLOTS, WORDS, View, check_views, narrow, views_of

TEXTS = ["red running shoes", "blue running shoes", "a lamp of brass", "", "red running shoes"]


def read(kind: str, texts: list[str], role: Role = Role.TEXT, **options: object) -> tuple[Encoder, Encoded]:
    """Texts as a fitted encoder sees them."""
    state = np.where([bool(text) for text in texts], State.PRESENT, State.ABSENT).astype(np.int8)
    encoder = build_encoder(kind, options)
    prepared = encoder.prepare(InputColumn("x", role, pa.array(texts), state))
    return encoder, encoder.fit(prepared, np.arange(len(texts))).transform(prepared)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other)


@pytest.mark.parametrize("kind", ["ngrams", "bag_of_words", "kim_cnn", "lstm"])
def test_texts_alike_are_near(kind: str) -> None:
    encoder, encoded = read(kind, TEXTS)
    [view] = views_of({"x": encoder}, {"x": encoded})
    vectors = view.vectors({"x": encoded}, np.arange(5))
    assert vectors.shape == (5, SLOTS)
    assert vectors.dtype == np.float32
    assert cosine(vectors[0], vectors[4]) == pytest.approx(1, abs=1e-6)
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.2
    assert not vectors[3].any()
    assert view.given({"x": encoded}, np.arange(5)).tolist() == [True, True, True, False, True]


def test_folding_keeps_cosines() -> None:
    random = np.random.default_rng(0)
    matrix = sp.random(200, 50_000, density=0.002, format="csr", dtype=np.float32, random_state=0)
    mixed = sp.csr_matrix(matrix + matrix[random.permutation(200)] * 0.7)
    encoded = Encoded(mixed, np.zeros(200, np.int8))
    view = View(WORDS, ("x",), (1.0,))
    dense = mixed.toarray()
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    vectors = view.vectors({"x": encoded}, np.arange(200))
    errors = (vectors @ vectors.T - dense @ dense.T)[np.triu_indices(200, 1)]
    assert np.abs(errors.mean()) < 0.01
    assert errors.std() < 1.5 / np.sqrt(SLOTS)


def test_a_row_depends_on_its_own_product_alone() -> None:
    _, encoded = read("ngrams", [f"{text} {number}" for number in range(300) for text in TEXTS[:3]])
    view = View(WORDS, ("x",), (1.0,))
    data = {"x": encoded}
    together = view.wide(data, np.arange(900))
    np.testing.assert_array_equal(together[[5, 600]].toarray(), view.wide(data, np.array([5, 600])).toarray())
    np.testing.assert_array_equal(narrow(together)[7], view.vectors(data, np.array([7]))[0])


def test_which_views_there_are() -> None:
    words, text = read("ngrams", TEXTS)
    brand, value = read("one_hot", TEXTS, Role.CATEGORY)
    features = Encoded(np.ones((5, 40), np.float32), np.zeros(5, np.int8))
    number = build_encoder("number", {})
    pixels = Encoded(np.zeros((5, 3, 8, 8), np.uint8), np.zeros(5, np.int8))

    class Frozen(type(number)):  # type: ignore[misc]
        kind = "pretrained_image"

    encoders = {
        "t": words,
        "b": brand,
        "photo": Frozen(number.options),
        "price": number,
        "small": build_encoder("small_cnn", {}),
    }
    data = {"t": text, "b": value, "photo": features, "price": features, "small": pixels}
    found = views_of(encoders, data)
    assert [(view.name, view.inputs, view.weights) for view in found] == [
        (WORDS, ("t", "b"), (1.0, 0.5)),
        ("photo", ("photo",), (1.0,)),
    ]
    assert check_views(found, encoders)
    assert not check_views(found, {"t": words})
    assert not check_views([*found, found[0]], encoders)
    assert not check_views([View("x", ("t",), ())], encoders)
