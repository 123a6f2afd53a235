"""A text's vector is its own, whatever it is computed with, and is what sentence-transformers would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.text_backbones import real_text_model, tiny_sentence_model

from shelfwise.encoders.sentence_layout import read_layout
from shelfwise.encoders.text_backbone import TextBackbone
from shelfwise.errors import MissingDependencyError

TEXTS = [
    "blue shoes",
    "red cotton shirt for men",
    "",
    "x",
    "ünïcode 靴 🙂 \x00",
    "shoes " * 200,
    *(f"{word} model number {'x' * length}" for word in ("lamp", "doll") for length in range(1, 20)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_sentence_model(tmp_path_factory.mktemp("text"))


def network(folder: Path, batch: int = 64, **changes: object) -> TextBackbone:
    layout = read_layout(folder, changes.get("pooling")).changed(
        changes.get("max_tokens"), changes.get("pooling")
    )  # type: ignore[arg-type]
    return TextBackbone(layout, batch)


def vectors(network: TextBackbone, texts: list[str]) -> np.ndarray:
    found: dict[int, np.ndarray] = {}
    for places, made in network.vectors(network.tokens(texts)):
        found |= dict(zip(places.tolist(), made, strict=True))
    assert sorted(found) == list(range(len(texts)))
    return np.stack([found[place] for place in range(len(texts))])


@pytest.fixture(scope="module")
def whole(folder: Path) -> tuple[TextBackbone, np.ndarray]:
    tiny = network(folder)
    return tiny, vectors(tiny, TEXTS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=30))
def test_company_order_and_padding_change_no_bit(
    whole: tuple[TextBackbone, np.ndarray], rows: list[int]
) -> None:
    tiny, expected = whole
    np.testing.assert_array_equal(vectors(tiny, [TEXTS[row] for row in rows]), expected[rows])


def test_finite_and_of_length_one(whole: tuple[TextBackbone, np.ndarray]) -> None:
    np.testing.assert_allclose(np.linalg.norm(whole[1], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("batch", [16, 64, 1024])
def test_the_size_of_a_pass_changes_rounding_only(
    folder: Path, whole: tuple[TextBackbone, np.ndarray], batch: int
) -> None:
    np.testing.assert_allclose(vectors(network(folder, batch), TEXTS), whole[1], atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_each_pooling_is_what_it_says(folder: Path, pooling: str) -> None:
    tiny = network(folder, pooling=pooling)
    [ids] = tiny.tokens(["red cotton shirt"])
    with torch.no_grad():
        hidden = tiny._model(input_ids=torch.tensor([ids])).last_hidden_state[0]  # no padding, no mask
    by_hand = {"mean": hidden.mean(0), "cls": hidden[0], "max": hidden.amax(0)}[pooling]
    expected = torch.nn.functional.normalize(by_hand, dim=0).numpy()
    np.testing.assert_allclose(vectors(tiny, ["red cotton shirt"])[0], expected, atol=1e-5)


def test_long_texts_are_cut_and_read_no_further(folder: Path) -> None:
    tiny = network(folder, max_tokens=8)
    assert max(map(len, tiny.tokens(TEXTS))) == 8
    [long, book] = vectors(tiny, ["shoes " * 10, "shoes " * 10 + "car " * 500_000])
    np.testing.assert_array_equal(long, book)


def test_the_same_as_sentence_transformers() -> None:
    library = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    folder = real_text_model()
    texts = ["Blue running shoes for men", "Red cotton shirt", "Stainless steel pot, 3 litres. " * 5]
    expected = library.SentenceTransformer(str(folder), device="cpu").encode(texts, batch_size=1)
    np.testing.assert_allclose(vectors(network(folder), texts), expected, atol=2e-5)


def test_the_real_model_knows_what_words_mean() -> None:
    real = network(real_text_model(), 512)
    trainers, sneakers, kettle = vectors(
        real, ["men's trainers", "sneakers for gentlemen", "electric kettle"]
    )
    assert trainers @ sneakers > 0.5 > 0.3 > trainers @ kettle


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_folder_is_one_clear_line(tmp_path: Path, name: str, damage: str) -> None:
    folder = tiny_sentence_model(tmp_path)
    layout = read_layout(folder)
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage == "cut":
        (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(MissingDependencyError, match="--text-model FOLDER") as caught:
        TextBackbone(layout, 64)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "{", "{}", '{"version": "1.0", "model": {"type": "Nonsense"}}'])
def test_a_tokenizer_that_is_missing_or_damaged_is_one_clear_line(
    tmp_path: Path, content: str | None
) -> None:
    folder = tiny_sentence_model(tmp_path)
    (folder / "tokenizer.json").unlink()
    if content is not None:
        (folder / "tokenizer.json").write_text(content)
    with pytest.raises(MissingDependencyError, match=r"tokenizer.*--text-model FOLDER") as caught:
        network(folder)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_never_read(tmp_path: Path) -> None:
    folder = tiny_sentence_model(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(MissingDependencyError, match="does not load"):
        network(folder)


def test_a_model_of_pictures_is_refused(tmp_path: Path) -> None:
    from tests.encoders.backbones import tiny_resnet

    text, pictures = tiny_sentence_model(tmp_path / "text"), tiny_resnet(tmp_path / "pictures")
    for name in ("config.json", "model.safetensors"):
        (text / name).write_bytes((pictures / name).read_bytes())
    with pytest.raises(MissingDependencyError, match="--text-model FOLDER"):
        network(text)
