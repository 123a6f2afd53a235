"""What encoders of word sequences share: vectors from a file, what is saved of them, and what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders.registry import build_encoder
from shelfwise.encoders.token_encoder import TokenEncoder
from shelfwise.encoders.tokens import FIRST_WORD, word_hash
from shelfwise.errors import ModelFolderError, RecipeError

TEXTS = ["red shoe", "red hat", "blue hat", None]
VECTORS = "red 1 2 3\nblue 4 5 6\nsock 7 8 9\n"


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    file = tmp_path / "glove.txt"
    file.write_text(VECTORS, encoding="utf-8")
    return file


@pytest.fixture(params=["kim_cnn", "lstm"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def fitted(kind: str, texts: list[str | None] = TEXTS, **options: Any) -> TokenEncoder:
    encoder = build_encoder(kind, {key: str(v) if isinstance(v, Path) else v for key, v in options.items()})
    assert isinstance(encoder, TokenEncoder)
    state = np.array([State.ABSENT if text is None else State.PRESENT for text in texts], np.int8)
    prepared = encoder.prepare(InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), state))
    return encoder.fit(prepared, np.arange(len(texts)))


def row(encoder: TokenEncoder, network: torch.nn.Module, word: str) -> list[float]:
    place = encoder.state_arrays()["words"].tolist().index(word_hash(word))
    return network.embedding.weight[FIRST_WORD + place].tolist()


class TestVectors:
    def test_words_start_from_the_file(self, kind: str, vectors: Path) -> None:
        encoder = fitted(kind, word_vectors=vectors)
        network = encoder.network()
        assert network.embedding.weight.shape == (FIRST_WORD + 4, 3)
        assert row(encoder, network, "red") == [1, 2, 3]
        assert row(encoder, network, "blue") == [4, 5, 6]

    def test_coverage_is_counted_and_said(self, kind: str, vectors: Path) -> None:
        encoder = fitted(kind, word_vectors=vectors)
        assert encoder.coverage is not None
        assert encoder.coverage.share == 0.5
        said = "word vectors of glove.txt cover 2 of 4 words (50.0%); the others start at random"
        assert encoder.remarks() == [said]
        assert fitted(kind).coverage is None
        assert fitted(kind).remarks() == []

    def test_the_same_seed_draws_the_same_others(self, kind: str, vectors: Path) -> None:
        encoder = fitted(kind, word_vectors=vectors)
        drawn = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(row(encoder, encoder.network(), "hat"))
        assert drawn[0] == drawn[1] != drawn[2]

    def test_frozen_or_trained(self, kind: str, vectors: Path) -> None:
        for trained in (True, False):
            network = fitted(kind, word_vectors=vectors, train_vectors=trained).network().train()
            network(torch.tensor([[2, 3, 0]])).sum().backward()
            assert bool(network.embedding.touched) == trained

    def test_another_size_than_asked_for(self, kind: str, vectors: Path) -> None:
        with pytest.raises(RecipeError, match=r"of 50 numbers .* has 3"):
            fitted(kind, word_vectors=vectors, embedding=50)

    def test_a_missing_file(self, kind: str, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match=r"word_vectors.*nowhere\.txt"):
            fitted(kind, word_vectors=tmp_path / "nowhere.txt")

    def test_fitted_again_without_products_nothing_is_left(self, kind: str, vectors: Path) -> None:
        encoder = fitted(kind, texts=[None, None], word_vectors=vectors)
        assert encoder.coverage is not None
        assert encoder.coverage.words == 0
        assert encoder.network()(torch.tensor([[0]])).shape == (1, encoder.width)


class TestState:
    def test_the_file_is_not_needed_again(self, kind: str, vectors: Path) -> None:
        encoder = fitted(kind, word_vectors=vectors)
        arrays, saved = encoder.state_arrays(), json.loads(json.dumps(encoder.state_json()))
        trained = encoder.network().state_dict()
        vectors.unlink()
        options = json.loads(encoder.options.model_dump_json())
        again = build_encoder(kind, options).load_state(arrays, saved)
        network = again.network()
        network.load_state_dict(trained)
        assert isinstance(again, TokenEncoder)
        assert row(again, network, "red") == [1, 2, 3]
        assert again.remarks() == encoder.remarks()

    @pytest.mark.parametrize("names", [0, 30])
    def test_texts_of_unknown_words_are_read_as_before(self, kind: str, names: int) -> None:
        encoder = fitted(kind, texts=["red shoe"] * 100 + [f"name{number}" for number in range(names)])
        saved = json.loads(json.dumps(encoder.state_json()))
        again = build_encoder(kind).load_state(encoder.state_arrays(), saved)
        column = InputColumn("title", Role.TEXT, pa.array(["tilda", "red"]), np.zeros(2, np.int8))
        for one in (encoder, again):
            assert one.transform(one.prepare(column)).present.tolist() == [names > 0, True]
        del saved["reads_unknown"]  # as models of before
        older = build_encoder(kind).load_state(encoder.state_arrays(), saved)
        assert older.transform(older.prepare(column)).present.tolist() == [False, True]

    @pytest.mark.parametrize(
        "change",
        [
            {"embedding": 1},
            {"embedding": 5000},
            {"embedding": 2.5},
            {"embedding": "128"},
            {"embedding": 64},
            {"surprise": 1},
            {"reads_unknown": 1},
            {"coverage": {}},
            {"coverage": {"words": -1, "found": 0, "repeated": 0, "skipped": 0, "lines": 0}},
            {"coverage": 0.5},
        ],
        ids=str,
    )
    def test_an_altered_state_is_refused(self, kind: str, change: dict[str, Any]) -> None:
        encoder = fitted(kind, embedding=128)
        arrays, saved = encoder.state_arrays(), encoder.state_json()
        with pytest.raises(ModelFolderError):
            build_encoder(kind, {"embedding": 128}).load_state(arrays, saved | change)

    @pytest.mark.parametrize("missing", ["embedding", "coverage"])
    def test_a_missing_part_is_refused(self, kind: str, missing: str) -> None:
        encoder = fitted(kind)
        saved = {key: value for key, value in encoder.state_json().items() if key != missing}
        with pytest.raises(ModelFolderError, match=missing):
            build_encoder(kind).load_state(encoder.state_arrays(), saved)


def test_rare_words_are_unknown_where_there_are_enough_products(kind: str) -> None:
    many = [f"common rare{number}" for number in range(200)]
    assert len(fitted(kind, texts=list(many)).state_arrays()["words"]) == 1
    assert len(fitted(kind, texts=list(many), min_products=1).state_arrays()["words"]) == 201
    assert len(fitted(kind, texts=list(many), min_products=1, vocabulary=9).state_arrays()["words"]) == 9
