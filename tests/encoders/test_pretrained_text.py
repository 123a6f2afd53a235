"""Sentence vectors: each product's own, computed once, and only with the backbone of the training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.encoders.text_backbones import tiny_sentence_model
from tests.sending import sent

from shelfwise.catalog.column import InputColumn, Role, State
from shelfwise.encoders import pretrained_text, text_features
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.pretrained_text import PretrainedText, PretrainedTextOptions
from shelfwise.encoders.text_backbone import TextBackbone
from shelfwise.errors import MissingDependencyError, ModelFolderError

TEXTS = [
    "blue shoes",
    None,
    "red cotton shirt",
    "blue shoes",
    "steel pot for the lamp",
    None,
    "a",
    "doll " * 90,
]


@pytest.fixture(scope="module")
def saved_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_sentence_model(tmp_path_factory.mktemp("backbone"))


@pytest.fixture
def backbone(saved_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backbone of this test alone, and an empty cache."""
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(pretrained_text.BACKBONE_VARIABLE, raising=False)
    return Path(shutil.copytree(saved_backbone, tmp_path / "backbone"))


def encoder_on(folder: Path | str, **options: Any) -> PretrainedText:
    return PretrainedText(PretrainedTextOptions(model=str(folder), batch=64, **options))


def column_of(texts: list[str | None], failed: dict[int, str] | None = None) -> InputColumn:
    state = np.array([State.ABSENT if text is None else State.PRESENT for text in texts], np.int8)
    for row in failed or {}:
        state[row] = State.FAILED
    return InputColumn("title", Role.TEXT, pa.array(texts, pa.string()), state, failed or {})


class CountedTexts:
    """Counts the texts that the backbone really sees."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = 0
        whole = TextBackbone.tokens

        def tokens(backbone: TextBackbone, texts: list[str]) -> list[list[int]]:
            self.texts += len(texts)
            return whole(backbone, texts)

        monkeypatch.setattr(TextBackbone, "tokens", tokens)


def test_every_row_keeps_its_place_state_and_reason(backbone: Path) -> None:
    done: list[int] = []
    prepared = encoder_on(backbone).prepare(column_of(TEXTS, {2: "line 4 is broken"}), done.append)
    assert prepared.matrix.shape == (8, 16)
    assert prepared.matrix.dtype == np.float32
    assert prepared.state.tolist() == [0, State.ABSENT, State.FAILED, 0, 0, State.ABSENT, 0, 0]
    assert prepared.reasons == {2: "line 4 is broken"}
    assert not prepared.matrix[~prepared.present].any()
    assert prepared.matrix[prepared.present].any(axis=1).all()
    np.testing.assert_array_equal(prepared.matrix[3], prepared.matrix[0])  # the same text
    assert sum(done) == 8


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_order_and_company_change_no_bit(
    backbone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    texts = [*TEXTS, *(f"model {'x' * length} for men" for length in range(40))]
    whole = encoder_on(backbone).prepare(column_of(texts))
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / f"other-cache-{seed}"))
    order = np.random.default_rng(seed).permutation(len(texts))[: 9 + 7 * seed]
    shuffled = encoder_on(backbone).prepare(column_of([texts[row] for row in order]))
    np.testing.assert_array_equal(shuffled.matrix, whole.matrix[order])
    np.testing.assert_array_equal(shuffled.state, whole.state[order])


def test_each_distinct_text_is_computed_once_ever(backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = CountedTexts(monkeypatch)
    first = encoder_on(backbone).prepare(column_of(TEXTS))
    assert seen.texts == 5 + 1  # and one, to learn the width
    second = encoder_on(backbone).prepare(column_of(TEXTS))
    assert seen.texts == 6
    np.testing.assert_array_equal(first.matrix, second.matrix)


def test_cached_vectors_need_neither_transformers_nor_the_network(
    backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = encoder_on(backbone).prepare(column_of(TEXTS))

    def refuse(*args: object) -> None:
        raise AssertionError("the backbone was loaded")

    monkeypatch.setattr(TextBackbone, "__init__", refuse)
    np.testing.assert_array_equal(encoder_on(backbone).prepare(column_of(TEXTS)).matrix, expected.matrix)


def test_another_reading_or_backbone_has_a_cache_of_its_own(backbone: Path, tmp_path: Path) -> None:
    column = column_of(["blue cotton shirt for men " * 3])
    results = [
        encoder_on(backbone).prepare(column),
        encoder_on(backbone, max_tokens=8).prepare(column),
        encoder_on(backbone, pooling="max").prepare(column),
        encoder_on(tiny_sentence_model(tmp_path / "other", seed=1)).prepare(column),
        encoder_on(tiny_sentence_model(tmp_path / "plain", plain=True)).prepare(column),
    ]
    for one in range(5):
        for other in range(one):
            assert not np.allclose(results[one].matrix, results[other].matrix)


def test_without_a_writable_cache_it_works(
    backbone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    expected = encoder_on(backbone).prepare(column_of(TEXTS))
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(encoder_on(backbone).prepare(column_of(TEXTS)).matrix, expected.matrix)


def test_an_interrupt_keeps_what_was_computed(backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    column = column_of([f"model {number}" for number in range(40)])
    monkeypatch.setattr(text_features, "_TEXTS_AT_ONCE", 16)

    def interrupt(done: int) -> None:
        interrupt.done += done  # type: ignore[attr-defined]
        if interrupt.done >= 24:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    interrupt.done = 0  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        encoder_on(backbone).prepare(column, interrupt)
    seen = CountedTexts(monkeypatch)
    encoder_on(backbone).prepare(column)
    assert 8 <= seen.texts <= 16


def test_fit_standardises_the_present_training_rows_only(backbone: Path) -> None:
    encoder = encoder_on(backbone)
    prepared = encoder.prepare(column_of([*TEXTS, *(f"{word} shirt" for word in "abcdefghijklm")]))
    rows = np.arange(18)
    found = encoder.fit(prepared, rows).transform(prepared)
    training = found.matrix[rows][prepared.present[rows]]
    np.testing.assert_allclose(training.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.median(training.std(axis=0)), 1, atol=1e-4)
    assert not found.matrix[~prepared.present].any()
    assert encoder.width == 16


def test_fit_without_texts() -> None:
    encoder = encoder_on("")
    nothing = Encoded(np.zeros((3, 4), np.float32), np.full(3, State.ABSENT, np.int8))
    assert not encoder.fit(nothing, np.arange(3)).transform(nothing).matrix.any()
    with pytest.raises(ValueError, match="fitted"):
        encoder_on("").transform(nothing)


def fitted(backbone: Path) -> PretrainedText:
    encoder = encoder_on(backbone)
    return encoder.fit(encoder.prepare(column_of(TEXTS)), np.arange(7))


def test_what_another_encoder_prepared_still_names_the_backbone(backbone: Path) -> None:
    prepared = encoder_on(backbone).prepare(column_of(TEXTS))
    fitted_elsewhere = encoder_on(backbone).fit(prepared, np.arange(7))
    assert fitted_elsewhere.state_json() == fitted(backbone).state_json()


def test_state_and_process_go_round(backbone: Path) -> None:
    encoder = fitted(backbone)
    prepared = encoder.prepare(column_of(TEXTS))
    loaded = encoder_on(backbone).load_state(encoder.state_arrays(), encoder.state_json())
    for other in (loaded, sent(encoder)):
        np.testing.assert_array_equal(
            other.transform(other.prepare(column_of(TEXTS))).matrix, encoder.transform(prepared).matrix
        )
        assert other.state_json() == encoder.state_json()
    assert encoder.identity() == loaded.identity()


@pytest.mark.parametrize(
    ("arrays", "width"),
    [
        ({}, 16),
        ({"mean": np.zeros(16)}, 16),
        ({"mean": np.zeros(16, "f4"), "std": np.ones(15, "f4")}, 16),
        ({"mean": np.zeros(16, "f4"), "std": np.ones(16, "f4")}, "16"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(backbone: Path, arrays: dict[str, Any], width: object) -> None:
    identity = fitted(backbone).identity()
    with pytest.raises(ModelFolderError, match="Expected the state"):
        encoder_on(backbone).load_state(arrays, {"width": width, "backbone": identity})
    whole = {"mean": np.zeros(16, "f4"), "std": np.ones(16, "f4")}
    for wrong in (None, [], {"fingerprint": 3}):
        with pytest.raises(ModelFolderError, match="identity"):
            encoder_on(backbone).load_state(whole, {"width": 16, "backbone": wrong})


def test_a_backbone_that_is_gone_or_changed_is_said_clearly(
    backbone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    encoder = fitted(backbone)
    state = encoder.state_arrays(), encoder.state_json()
    moved = backbone.rename(tmp_path / "moved")
    with pytest.raises(MissingDependencyError, match="SHELFWISE_TEXT_MODEL"):
        encoder_on(backbone).load_state(*state).prepare(column_of(TEXTS))
    monkeypatch.setenv("SHELFWISE_TEXT_MODEL", str(moved))
    encoder_on(backbone).load_state(*state).prepare(column_of(TEXTS))
    monkeypatch.delenv("SHELFWISE_TEXT_MODEL")
    tiny_sentence_model(backbone, seed=5)
    with pytest.raises(ModelFolderError, match="another text backbone"):
        encoder_on(backbone).load_state(*state).prepare(column_of(TEXTS))


def test_a_saved_model_finds_a_relative_backbone_from_elsewhere(
    backbone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(backbone.parent)
    encoder = fitted(Path("backbone"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    state = encoder.state_arrays(), encoder.state_json()
    encoder_on("backbone").load_state(*state).prepare(column_of(TEXTS))


@pytest.mark.parametrize("model", ["", "/no/such/backbone"])
def test_no_backbone_names_the_option(model: str) -> None:
    with pytest.raises(MissingDependencyError, match="--text-model"):
        encoder_on(model).prepare(column_of([]))


def test_no_rows(backbone: Path) -> None:
    assert encoder_on(backbone).prepare(column_of([])).matrix.shape == (0, 16)
