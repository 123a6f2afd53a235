"""Texts in batches: every product once, little padding in training, and in prediction the same vector in any company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import build_encoder
from shelfwise.encoders.tokens import by_place
from shelfwise.ensemble import build_classifier
from shelfwise.progress import Silent
from shelfwise.recipe import ClassifierRecipe, TrainingRecipe
from shelfwise.taxonomy.targets import PathTarget
from shelfwise.training.loop import Fit, outcome_logits, train
from shelfwise.training.network import Classifier, input_batch
from shelfwise.training.sequences import (
    LengthOrder,
    block_length,
    block_rows,
    is_sequence,
    lengths,
    padded,
    padding_waste,
    sequence_vectors,
)

CPU = torch.device("cpu")
KINDS: list[dict[str, Any]] = [
    {"kind": "kim_cnn", "filters": 24, "dense": 12},
    {"kind": "kim_cnn", "preset": "kim", "filters": 8},
    {"kind": "lstm", "units": 16},
    {"kind": "lstm", "units": 12, "cell": "gru", "bidirectional": True, "pooling": "max"},
]
WORDS = (("red", "crimson"), ("blue", "navy"), ("green", "lime"))


def sequences(sizes: list[int] | np.ndarray, seed: int = 0) -> Encoded:
    """Random word numbers, so many a product."""
    sizes = np.asarray(sizes, np.int64)
    numbers = np.random.default_rng(seed).integers(2, 50, int(sizes.sum())).astype(np.int32)
    matrix = by_place(numbers, np.concatenate([[0], sizes]), 300)
    return Encoded(matrix, np.where(sizes > 0, State.PRESENT, State.ABSENT).astype(np.int8))


@dataclass(frozen=True)
class Texts:
    """Titles and descriptions of 300 products, of 0 to 60 words, whose outcomes some of the words tell."""

    encoders: dict[str, Encoder]
    data: dict[str, Encoded]
    truth: np.ndarray

    def classifier(self, **recipe: Any) -> Classifier:
        declared = ClassifierRecipe(name="one", **{"inputs": ["title"], **recipe})
        target = PathTarget((("a", "x"), ("a", "y"), ("b",)))
        return build_classifier(declared, self.encoders, self.data, target, 0)

    def train(self, classifier: Classifier, **options: Any) -> Fit:
        rows = np.arange(200)
        return train(
            classifier, self.data, self.truth, rows, TrainingRecipe(), Silent().stage("", 0), **options
        )


def texts_of(encoder: dict[str, Any]) -> Texts:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 300)
    encoders, data = {}, {}
    for name, longest in (("title", 12), ("description", 60)):
        values: list[str | None] = []
        for outcome in truth:
            filler = [f"w{word}" for word in random.integers(0, 80, random.integers(0, longest))]
            filler.insert(int(random.integers(0, len(filler) + 1)), str(random.choice(WORDS[outcome])))
            values.append(" ".join(filler) if random.random() < 0.9 else None)
        state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
        options = {"embedding": 8} | {key: value for key, value in encoder.items() if key != "kind"}
        one = build_encoder(encoder["kind"], options)
        prepared = one.prepare(InputColumn(name, Role.TEXT, pa.array(values, pa.string()), state))
        encoders[name], data[name] = one.fit(prepared, np.arange(200)), one.transform(prepared)
    return Texts(encoders, data, truth)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind['kind']}-{len(kind)}")
def texts(request: pytest.FixtureRequest) -> Texts:
    torch.set_num_threads(1)
    return texts_of(request.param)


class TestPadded:
    def test_to_the_longest_of_the_rows(self) -> None:
        encoded = sequences([3, 0, 5, 1])
        full = encoded.matrix.toarray()
        found = padded(encoded.matrix, np.array([3, 0]))
        assert found.dtype == torch.int32
        np.testing.assert_array_equal(found.numpy(), full[[3, 0], :3])
        np.testing.assert_array_equal(padded(encoded.matrix, np.array([0]), 9).numpy(), full[[0], :9])

    def test_rows_without_words_have_one_place(self) -> None:
        assert padded(sequences([0, 0]).matrix, np.array([0, 1])).tolist() == [[0], [0]]
        assert padded(sequences([0]).matrix, np.zeros(0, np.int64)).shape == (0, 1)

    def test_they_are_told_from_features(self, material: Any) -> None:
        assert is_sequence(sequences([1]))
        assert not any(is_sequence(encoded) for encoded in material.data.values())
        batch = input_batch(sequences([2, 0]), np.array([1, 0]), CPU, training=True, drop=0.5)
        assert batch.values.shape == (2, 2)
        assert batch.present.tolist() == [False, True]


class TestLengthOrder:
    def order(self, *sizes: np.ndarray) -> LengthOrder:
        data = {str(number): sequences(one) for number, one in enumerate(sizes)}
        return LengthOrder(data, data, len(sizes[0]))

    @given(
        st.lists(st.integers(0, 40), min_size=1, max_size=300),
        st.integers(1, 40),
        st.integers(0, 99),
        st.booleans(),
    )
    @settings(deadline=None, max_examples=60)
    def test_every_product_once_in_as_few_batches(
        self, sizes: list[int], batch: int, seed: int, two: bool
    ) -> None:
        rows = np.arange(0, len(sizes), 2)
        found = self.order(*[np.array(sizes)] * (1 + two)).batches(rows, batch, np.random.default_rng(seed))
        assert sorted(np.concatenate(found).tolist()) == rows.tolist()
        assert len(found) == -(-len(rows) // batch)
        assert sorted(map(len, found))[1:] == [batch] * (len(found) - 1)

    def test_a_function_of_the_generator(self) -> None:
        order = self.order(np.random.default_rng(1).integers(0, 40, 500))
        first, again, other = (
            order.batches(np.arange(500), 16, np.random.default_rng([seed, 3])) for seed in (5, 5, 6)
        )
        assert all(map(np.array_equal, first, again))
        assert not all(map(np.array_equal, first, other))

    def test_batches_of_texts_of_like_length_come_in_any_order(self) -> None:
        sizes = np.random.default_rng(1).integers(1, 100, 2000)
        found = self.order(sizes).batches(np.arange(2000), 20, np.random.default_rng(0))
        spread = [int(sizes[batch].max() - sizes[batch].min()) for batch in found]
        assert np.median(spread) <= 4
        means = [sizes[batch].mean() for batch in found]
        assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3

    def test_equal_texts_meet_others_each_epoch(self) -> None:
        order = self.order(np.full(100, 7))
        first, second = (order.batches(np.arange(100), 10, np.random.default_rng(seed)) for seed in (0, 1))
        assert {frozenset(batch.tolist()) for batch in first} != {
            frozenset(batch.tolist()) for batch in second
        }

    @pytest.mark.parametrize("batch", [16, 64, 256])
    def test_less_than_a_fifth_is_padding(self, batch: int) -> None:
        """With lengths as descriptions have them, and beside it titles that have nothing to do with them."""
        random = np.random.default_rng(0)
        long = np.clip(random.lognormal(3.2, 0.7, 8000), 1, 300).astype(np.int64)
        short = np.clip(random.lognormal(1.2, 0.4, 8000), 1, 57).astype(np.int64)
        by_chance = np.array_split(random.permutation(8000), 8000 // batch)
        assert padding_waste(by_chance, long) > 0.4
        alone = self.order(long).batches(np.arange(8000), batch, random)
        assert padding_waste(alone, long) < 0.2
        if batch == 256:
            return  # 31 batches are too few to sort by two lengths
        both = self.order(short, long).batches(np.arange(8000), batch, random)
        words = places = 0.0
        for sizes in (short, long):
            words += sizes.sum()
            places += sizes.sum() / (1 - padding_waste(both, sizes))
        assert 1 - words / places < 0.2

    def test_without_texts_order_is_chance(self, material: Any) -> None:
        order = LengthOrder(material.data, ["title", "price"], 120)
        found = order.batches(np.arange(120), 50, np.random.default_rng(4))
        np.testing.assert_array_equal(
            np.concatenate(found), np.random.default_rng(4).permutation(np.arange(120))
        )

    def test_waste_of_nothing(self) -> None:
        assert padding_waste([], np.zeros(3)) == 0
        assert padding_waste([np.array([0, 1])], np.array([1, 3])) == pytest.approx(1 / 3)


class TestBlocks:
    def test_a_ladder_of_lengths(self) -> None:
        ladder = sorted({block_length(words) for words in range(1, 10_001)})
        assert ladder[:6] == [4, 6, 8, 12, 16, 24]
        assert all(words <= block_length(words) <= max(4, words * 1.5) for words in range(1, 10_001))
        assert all(16 <= block_rows(length) <= 512 for length in ladder)

    def test_vectors_are_the_networks(self, texts: Texts) -> None:
        network, encoded = texts.encoders["description"].network().eval(), texts.data["description"]
        rows = np.arange(300)[::-1].copy()
        with torch.no_grad():
            found = sequence_vectors(network, encoded, rows, texts.encoders["description"].width, CPU)
            expected = network(padded(encoded.matrix, rows))
        known = encoded.present[rows]
        torch.testing.assert_close(found[known], expected[known], rtol=0, atol=1e-6)
        assert not found[~known].any()

    def test_of_nothing(self, texts: Texts) -> None:
        network, encoded = texts.encoders["title"].network().eval(), texts.data["title"]
        absent = np.flatnonzero(~encoded.present)
        for rows in (absent, np.zeros(0, np.int64)):
            assert sequence_vectors(network, encoded, rows, 5, CPU).shape == (len(rows), 5)


class TestClassifier:
    RECIPES = ({}, {"inputs": ["title", "description"], "hidden": [16], "embedding": 8, "hide_inputs": 0.2})

    @pytest.mark.parametrize("recipe", RECIPES, ids=["one", "two"])
    def test_the_same_bits_in_any_company(self, texts: Texts, recipe: dict[str, Any]) -> None:
        """Alone, among others, in another order and beside much longer texts."""
        classifier = texts.classifier(**recipe)
        texts.train(classifier, epochs=1)
        rows = np.arange(300)
        whole = outcome_logits(classifier, texts.data, rows)
        order = np.random.default_rng(3).permutation(300)
        np.testing.assert_array_equal(outcome_logits(classifier, texts.data, order), whole[order])
        parts = [outcome_logits(classifier, texts.data, part) for part in np.split(rows, [1, 8, 150])]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        repeated = outcome_logits(classifier, texts.data, np.repeat(rows, 3))
        np.testing.assert_array_equal(repeated, np.repeat(whole, 3, axis=0))

    def test_many_blocks_are_as_one(self, texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
        classifier = texts.classifier(**self.RECIPES[1])
        rows = np.arange(300)
        whole = outcome_logits(classifier, texts.data, rows)
        monkeypatch.setattr("shelfwise.training.loop.PREDICT_ROWS", 7)
        monkeypatch.setattr("shelfwise.training.loop._BLOCKS_AHEAD", 2)
        np.testing.assert_allclose(outcome_logits(classifier, texts.data, rows), whole, atol=1e-5)

    @pytest.mark.parametrize("recipe", RECIPES, ids=["one", "two"])
    def test_a_seed_makes_a_model(self, texts: Texts, recipe: dict[str, Any]) -> None:
        found = []
        for _ in range(2):
            classifier = texts.classifier(**recipe)
            torch.rand(3)
            texts.train(classifier, epochs=2)
            found.append(classifier.state_dict())
        assert all(torch.equal(one, found[1][key]) for key, one in found[0].items())

    @pytest.mark.parametrize("recipe", [*RECIPES, {"batch": 1}], ids=["one", "two", "batches of one"])
    def test_every_part_learns(self, texts: Texts, recipe: dict[str, Any]) -> None:
        """Word vectors too, also of batches of one product; padding's stays zero."""
        classifier = texts.classifier(**recipe)
        before = {key: value.clone() for key, value in classifier.state_dict().items()}
        texts.train(classifier, epochs=1)
        for key, value in classifier.state_dict().items():
            assert not torch.equal(value, before[key]), f"{key} did not move"
        for table in classifier.word_tables():
            assert not table.weight[0].any()
            assert table.touched == []

    def test_it_learns(self, texts: Texts) -> None:
        classifier = texts.classifier(batch=16, learning_rate=1e-2)
        texts.train(classifier, epochs=20)
        rows = np.arange(200, 300)[texts.data["title"].present[200:]]
        right = outcome_logits(classifier, texts.data, rows).argmax(1) == texts.truth[rows]
        assert right.mean() > 0.7


def test_frozen_vectors_stay(tmp_path: Any) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("".join(f"{word} 1 2 3 {number}\n" for number, word in enumerate(["red", "navy", "w7"])))
    frozen = {"kind": "lstm", "embedding": 4, "word_vectors": str(file), "train_vectors": False}
    texts = texts_of(frozen)
    classifier = texts.classifier()
    (table,) = classifier.word_tables()
    before = table.weight.clone()
    texts.train(classifier, epochs=1)
    assert torch.equal(table.weight, before)


def test_lengths() -> None:
    assert lengths(sequences([3, 0, 2])).tolist() == [3, 0, 2]
