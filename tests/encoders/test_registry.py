"""One suite for every encoder there is: whatever a kind does, it keeps the contract of ``Encoder``."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from tests.encoders.text_backbones import tiny_sentence_model

from shelfwise.catalog.column import INPUT_ROLES, ImageSource, InputColumn, RawImage, Role, State
from shelfwise.encoders.base import Encoded, Encoder
from shelfwise.encoders.registry import ENCODERS, build_encoder, default_encoder_for, encoder_class
from shelfwise.errors import ModelFolderError, RecipeError

TEXTS = [
    "Blue running shoes for men",
    "Red cotton shirt",
    None,
    "Red running shoes",
    "Ünïcode çottön 靴 हिन्दी 🙂",
    "",
    "blue   RUNNING shoes for men",
    None,
    "Red cotton shirt",
    "a\x00b " * 50,
    "wholly unseen words",
    "!!!",
]
NUMBERS = [1.0, 2.5, None, 1e308, -3.0, float("nan"), float("inf"), None, 0.0, 2.5, 9.0, 5e-324]
TRAINING = np.arange(10)


@dataclass(frozen=True)
class Pictures:
    """Images in memory, as a catalog would give them."""

    raw: tuple[RawImage, ...]

    def __len__(self) -> int:
        return len(self.raw)

    def load(self, rows: Sequence[int]) -> list[RawImage]:
        return [self.raw[row] for row in rows]

    def take(self, rows: np.ndarray) -> ImageSource:
        return Pictures(tuple(self.raw[row] for row in rows))


def pictures() -> Pictures:
    rng = np.random.default_rng(0)
    raw = []
    for number in range(12):
        if number in (2, 7):
            raw.append(RawImage(State.ABSENT))
        elif number == 5:
            raw.append(RawImage(State.PRESENT, b"not an image"))
        elif number == 6:
            raw.append(RawImage(State.FAILED, None, "no such file"))
        else:
            buffer = io.BytesIO()
            size = (20 + 9 * number, 64, 3)
            Image.fromarray(rng.integers(0, 256, size, np.uint8)).save(buffer, "PNG")
            raw.append(RawImage(State.PRESENT, buffer.getvalue()))
    return Pictures(tuple(raw))


def column_of(values: list[Any] | Pictures, role: Role) -> InputColumn:
    if isinstance(values, Pictures):
        return InputColumn("in", role, values, np.array([one.state for one in values.raw], np.int8))
    state = np.array([State.ABSENT if value is None else State.PRESENT for value in values], np.int8)
    kind = pa.float64() if role == Role.NUMBER else pa.string()
    return InputColumn("in", role, pa.array(values, kind, from_pandas=False), state)


def part_of(column: InputColumn, rows: Sequence[int]) -> InputColumn:
    taken = np.asarray(rows, np.int64)
    reasons = {new: column.reasons[old] for new, old in enumerate(rows) if old in column.reasons}
    return InputColumn(column.name, column.role, column.values.take(taken), column.state[taken], reasons)


@pytest.fixture(scope="session")
def tiny_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random vision transformer of a few thousand weights, saved as transformers saves them."""
    transformers = pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    folder = tmp_path_factory.mktemp("backbone")
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
    )
    torch.manual_seed(0)
    transformers.ViTModel(config).save_pretrained(folder)
    processing = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": 32, "width": 32},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_center_crop": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processing))
    return folder


@pytest.fixture(scope="session")
def tiny_text_backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of a few thousand weights, saved as sentence-transformers saves them."""
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_sentence_model(tmp_path_factory.mktemp("text_backbone"))


@dataclass(frozen=True)
class Case:
    """One encoder reading a column of one of its roles."""

    kind: str
    options: dict[str, Any]
    column: InputColumn

    def new(self) -> Encoder:
        return build_encoder(self.kind, self.options)

    def fitted(self, rows: np.ndarray = TRAINING) -> tuple[Encoder, Encoded]:
        encoder = self.new()
        prepared = encoder.prepare(self.column)
        return encoder.fit(prepared, rows), prepared


CASES = [
    ("bag_of_words", {}, Role.TEXT),
    ("bag_of_words", {"stop_words": None, "max_words": 4}, Role.TEXT),
    ("ngrams", {}, Role.TEXT),
    ("ngrams", {"chars": (2, 5), "max_features": 50}, Role.TEXT),
    ("ngrams", {"words": None, "chars": (1, 3)}, Role.CATEGORY),
    ("one_hot", {}, Role.CATEGORY),
    ("one_hot", {"min_products": 1, "max_values": 2}, Role.CATEGORY),
    ("number", {}, Role.NUMBER),
    ("kim_cnn", {"embedding": 8, "filters": 6, "dense": 5}, Role.TEXT),
    ("kim_cnn", {"preset": "kim", "text": "paper_title", "vocabulary": 4}, Role.CATEGORY),
    ("lstm", {"embedding": 8, "units": 6}, Role.TEXT),
    ("lstm", {"cell": "gru", "bidirectional": True, "pooling": "max", "units": 4, "max_words": 3}, Role.TEXT),
    ("small_cnn", {"side": 32, "width": 64}, Role.IMAGE),
    ("pretrained_image", {}, Role.IMAGE),
    ("pretrained_image", {"trainable_layers": 2}, Role.IMAGE),
    ("pretrained_text", {}, Role.TEXT),
    ("pretrained_text", {"pooling": "max"}, Role.CATEGORY),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[2].value}-{len(case[1])}")
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    kind, options, role = request.param
    if kind == "pretrained_image":
        monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
        options = {**options, "model": str(request.getfixturevalue("tiny_backbone"))}
    if kind == "pretrained_text":
        monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
        options = {**options, "model": str(request.getfixturevalue("tiny_text_backbone"))}
    values: Any = pictures() if role == Role.IMAGE else NUMBERS if role == Role.NUMBER else TEXTS
    return Case(kind, options, column_of(values, role))


def dense(encoded: Encoded) -> np.ndarray:
    return encoded.matrix if isinstance(encoded.matrix, np.ndarray) else encoded.matrix.toarray()


def holds_zeros_only(encoded: Encoded, rows: np.ndarray) -> bool:
    """Whether these rows are empty; what was prepared may be too wide to be made dense."""
    return not abs(encoded.matrix[rows]).sum()


def assert_equal(one: Encoded, other: Encoded) -> None:
    """Bit for bit: a prediction must not move by a rounding either."""
    assert one.matrix.shape == other.matrix.shape
    if isinstance(one.matrix, np.ndarray):
        np.testing.assert_array_equal(one.matrix, other.matrix)
    else:
        for part in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(one.matrix, part), getattr(other.matrix, part))
    np.testing.assert_array_equal(one.state, other.state)
    assert one.reasons == other.reasons


def test_every_kind_is_in_the_suite() -> None:
    assert {kind for kind, _, _ in CASES} == set(ENCODERS)


def test_names_and_defaults_agree() -> None:
    for kind in ENCODERS:
        found = encoder_class(kind)
        assert found.kind == kind
        assert found.roles <= INPUT_ROLES
        found.Options()  # every option has a default
    for role in INPUT_ROLES:
        assert role in encoder_class(default_encoder_for(role)).roles


def test_vectors_or_pixels_of_the_stated_width(case: Case) -> None:
    encoder, prepared = case.fitted()
    found = encoder.transform(prepared)
    assert len(found) == len(prepared) == len(case.column) == found.matrix.shape[0]
    assert found.state.dtype == np.int8
    network = encoder.network()
    if network is None:
        assert found.matrix.dtype == np.float32
        assert found.matrix.shape == (len(case.column), encoder.width)
        assert np.isfinite(dense(found)).all()
    else:
        with torch.no_grad():
            vectors = network.eval()(torch.from_numpy(dense(found)[:3]))
        assert vectors.shape == (3, encoder.width)


def test_absent_and_failed_products_are_zeros_with_their_state(case: Case) -> None:
    encoder, prepared = case.fitted()
    found = encoder.transform(prepared)
    assert found.present.any()
    for row in np.flatnonzero(case.column.state != State.PRESENT):
        assert found.state[row] == case.column.state[row]
    assert holds_zeros_only(found, ~found.present)
    assert holds_zeros_only(prepared, ~prepared.present)
    for row in range(len(found)):
        if found.state[row] == State.FAILED and case.column.state[row] == State.PRESENT:
            assert found.reasons[row]
        if found.state[row] != State.FAILED:
            assert row not in found.reasons


def test_permuted_and_split_batches_give_the_same_rows(case: Case) -> None:
    encoder, prepared = case.fitted()
    whole = encoder.transform(prepared)
    order = np.random.default_rng(5).permutation(len(case.column))
    permuted = encoder.transform(encoder.prepare(part_of(case.column, order.tolist())))
    assert_equal(permuted, whole.take(order))
    for rows in ([0], [2], [4, 1], [11, 10, 9, 8, 7, 6, 5]):
        alone = encoder.transform(encoder.prepare(part_of(case.column, rows)))
        assert_equal(alone, whole.take(np.array(rows)))
    nothing = encoder.transform(encoder.prepare(part_of(case.column, [])))
    assert len(nothing) == 0


def test_prepare_needs_no_fit_and_fit_leaves_it_as_it_is(case: Case) -> None:
    before = case.new().prepare(case.column)
    encoder, prepared = case.fitted()
    encoder.transform(prepared)
    assert_equal(prepared, before)
    assert_equal(encoder.prepare(case.column), before)


def test_the_same_twice(case: Case) -> None:
    (one, prepared), (two, again) = case.fitted(), case.fitted()
    assert_equal(one.transform(prepared), two.transform(again))
    assert one.state_json() == two.state_json()


def test_held_out_products_do_not_change_what_is_learned(case: Case) -> None:
    encoder, _ = case.fitted(np.arange(5))
    alone = case.new()
    alone.fit(alone.prepare(part_of(case.column, range(5))), np.arange(5))
    ours, theirs = encoder.state_arrays(), alone.state_arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])


@pytest.mark.parametrize("rows", [np.array([2, 7]), np.arange(0)], ids=["all absent", "no rows"])
def test_learns_from_nothing(case: Case, rows: np.ndarray) -> None:
    encoder, prepared = case.fitted(rows)
    found = encoder.transform(prepared)
    assert encoder.width >= 1
    assert len(found) == len(prepared)
    if encoder.network() is None:
        assert np.isfinite(dense(found)).all()
        assert found.matrix.shape[1] == encoder.width


def test_a_catalog_without_this_input(case: Case) -> None:
    encoder, _ = case.fitted()
    found = encoder.transform(encoder.prepare(part_of(case.column, [2, 7, 2])))
    assert found.state.tolist() == [State.ABSENT] * 3
    assert not dense(found).any()


def test_the_saved_state_is_the_encoder(case: Case) -> None:
    encoder, prepared = case.fitted()
    arrays = {name: array.copy() for name, array in encoder.state_arrays().items()}
    saved = json.loads(json.dumps(encoder.state_json()))
    options = json.loads(encoder.options.model_dump_json())
    loaded = build_encoder(case.kind, options).load_state(arrays, saved)
    assert loaded.width == encoder.width
    assert_equal(loaded.transform(loaded.prepare(case.column)), encoder.transform(prepared))


def test_a_foreign_state_is_refused(case: Case) -> None:
    with pytest.raises(ModelFolderError):
        case.new().load_state({"surprise": np.zeros(3)}, {})


def test_progress_counts_every_product(case: Case) -> None:
    done: list[int] = []
    case.new().prepare(case.column, done.append)
    assert sum(done) == len(case.column)


def test_unknown_kinds_and_options_name_the_nearest() -> None:
    with pytest.raises(RecipeError, match='did you mean "one_hot"'):
        build_encoder("onehot")
    with pytest.raises(RecipeError, match='did you mean "max_features"'):
        build_encoder("ngrams", {"max_feature": 3})
    with pytest.raises(RecipeError, match='expected options among bins, values for encoder "number"'):
        build_encoder("number", {"scale": 1})
    with pytest.raises(RecipeError, match="expected an encoder among"):
        build_encoder("")


def test_values_that_cannot_work_are_named() -> None:
    with pytest.raises(RecipeError, match=r'option "min_products" of encoder "ngrams".*got 0'):
        build_encoder("ngrams", {"min_products": 0})
    with pytest.raises(RecipeError, match=r'option "words\.0".*got .zwei'):
        build_encoder("ngrams", {"words": ["zwei", 3]})
    with pytest.raises(RecipeError, match="shortest ≤ longest"):
        build_encoder("ngrams", {"words": [3, 1]})
    with pytest.raises(RecipeError, match="english"):
        build_encoder("bag_of_words", {"stop_words": "klingon"})


def test_roles_that_are_no_input_have_no_encoder() -> None:
    with pytest.raises(RecipeError, match="got target"):
        default_encoder_for(Role.TARGET)
