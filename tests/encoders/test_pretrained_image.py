"""Frozen features: each product's own, computed once, and only with the backbone of the training."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.encoders.backbones import tiny_resnet
from tests.images_zoo import ListImages, broken_files, image_column, jpeg, present

from shelfwise.catalog.column import RawImage, State
from shelfwise.encoders import pretrained_image
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.pretrained_image import PretrainedImage, PretrainedImageOptions
from shelfwise.engine.threads import compute_threads
from shelfwise.errors import MissingDependencyError, ModelFolderError

REAL_BACKBONE = Path(__file__).parents[3] / "shared/data/weights/mobilenet_v2_1.0_224"


@pytest.fixture(scope="module")
def saved_backbone(tmp_path_factory) -> Path:
    return tiny_resnet(tmp_path_factory.mktemp("backbone"))


@pytest.fixture
def backbone(saved_backbone, tmp_path, monkeypatch) -> Path:
    """A backbone of this test alone, and an empty cache."""
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(pretrained_image.BACKBONE_VARIABLE, raising=False)
    return Path(shutil.copytree(saved_backbone, tmp_path / "backbone"))


def encoder_on(folder: Path, **options: object) -> PretrainedImage:
    return PretrainedImage(PretrainedImageOptions(model=str(folder), batch=4, **options))


def mixed() -> list[RawImage]:
    good = [present(jpeg(seed)) for seed in range(11)]
    bad = [
        RawImage(State.ABSENT),
        present(broken_files()["truncated_jpeg"][0]),
        RawImage(State.FAILED, reason="file not found"),
        present(jpeg(3)),
        present(broken_files()["truncated_jpeg"][0]),
    ]
    return [*good[:6], *bad, *good[6:]]


class CountedPasses:
    """Counts the pictures that the backbone really sees."""

    def __init__(self, monkeypatch):
        self.pictures = 0
        whole = pretrained_image.ImageBackbone.features

        def features(backbone, pixels):
            self.pictures += len(pixels)
            return whole(backbone, pixels)

        monkeypatch.setattr(pretrained_image.ImageBackbone, "features", features)


def test_every_row_keeps_its_place_state_and_reason(backbone):
    done: list[int] = []
    prepared = encoder_on(backbone).prepare(image_column(mixed()), done.append)
    assert prepared.matrix.shape == (16, 16)
    assert prepared.matrix.dtype == np.float32
    expected = [State.PRESENT] * 16
    expected[6], expected[7], expected[8], expected[10] = (
        State.ABSENT,
        State.FAILED,
        State.FAILED,
        State.FAILED,
    )
    assert prepared.state.tolist() == expected
    assert list(prepared.reasons) == [7, 8, 10]
    assert prepared.reasons[7] == prepared.reasons[10]
    assert "truncated" in prepared.reasons[7]
    assert prepared.reasons[8] == "file not found"
    assert not prepared.matrix[~prepared.present].any()
    assert prepared.matrix[prepared.present].any(axis=1).all()
    np.testing.assert_array_equal(prepared.matrix[9], prepared.matrix[3])  # the same bytes
    assert sum(done) == 16


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_order_and_company_change_no_bit(backbone, monkeypatch, tmp_path, seed):
    images = mixed()
    whole = encoder_on(backbone).prepare(image_column(images))
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / f"other-cache-{seed}"))
    order = np.random.default_rng(seed).permutation(len(images))
    part = order[: 5 + seed]
    shuffled = encoder_on(backbone).prepare(image_column([images[row] for row in part]))
    np.testing.assert_array_equal(shuffled.matrix, whole.matrix[part])
    np.testing.assert_array_equal(shuffled.state, whole.state[part])


def test_each_distinct_image_is_computed_once_ever(backbone, monkeypatch):
    seen = CountedPasses(monkeypatch)
    first = encoder_on(backbone).prepare(image_column(mixed()))
    assert seen.pictures == 11 + 1  # and one blank, to learn the width
    second = encoder_on(backbone).prepare(image_column(mixed()))
    assert seen.pictures == 12
    np.testing.assert_array_equal(first.matrix, second.matrix)


def test_cached_features_need_neither_transformers_nor_the_network(backbone, monkeypatch):
    encoder_on(backbone).prepare(image_column(mixed()))

    def refuse(*args: object) -> None:
        raise AssertionError("the backbone was loaded")

    monkeypatch.setattr(pretrained_image, "ImageBackbone", refuse)
    encoder_on(backbone).prepare(image_column(mixed()))


def test_another_preprocessing_or_backbone_has_a_cache_of_its_own(backbone, monkeypatch, tmp_path):
    column = image_column([present(jpeg(seed)) for seed in range(3)])
    results = [
        encoder_on(backbone).prepare(column),
        encoder_on(backbone, side=48).prepare(column),
        encoder_on(backbone, resize="pad").prepare(column),
        encoder_on(tiny_resnet(tmp_path / "other", seed=1)).prepare(column),
    ]
    for one in range(4):
        for other in range(one):
            assert not np.allclose(results[one].matrix, results[other].matrix)


def test_without_a_writable_cache_it_works(backbone, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    expected = encoder_on(backbone).prepare(image_column(mixed()))
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(encoder_on(backbone).prepare(image_column(mixed())).matrix, expected.matrix)


def test_an_interrupt_keeps_what_was_computed(backbone, monkeypatch):
    images = [present(jpeg(seed, 20, 20)) for seed in range(300)]

    class Interrupted(ListImages):
        def load(self, rows):
            if len(self.loads) == 1:
                raise KeyboardInterrupt
            return super().load(rows)

    column = image_column(images)
    interrupted = type(column)(column.name, column.role, Interrupted(images), column.state)
    with pytest.raises(KeyboardInterrupt):
        encoder_on(backbone).prepare(interrupted)
    seen = CountedPasses(monkeypatch)
    encoder_on(backbone).prepare(column)
    decoded_ahead = 8 * (2 * compute_threads() + 1)  # batches of 8 that had not come to the network
    assert 300 - 128 <= seen.pictures <= 300 - 128 + decoded_ahead


def test_fit_standardises_the_present_training_rows_only(backbone):
    encoder = encoder_on(backbone)
    prepared = encoder.prepare(image_column(mixed()))
    rows = np.arange(10)
    vectors = encoder.fit(prepared, rows).transform(prepared)
    assert vectors.matrix.dtype == np.float32
    training = vectors.matrix[rows][prepared.present[rows]]
    np.testing.assert_allclose(training.mean(axis=0), 0, atol=1e-5)
    spread = training.std(axis=0)
    assert (spread <= 1 + 1e-4).all()
    assert np.median(spread) == pytest.approx(1, abs=1e-4)
    assert not vectors.matrix[~prepared.present].any()
    assert vectors.reasons == prepared.reasons
    assert encoder.width == 16


def test_fit_without_images_and_constant_features():
    encoder = PretrainedImage(PretrainedImageOptions())
    nothing = Encoded(np.zeros((3, 4), np.float32), np.full(3, State.ABSENT, np.int8))
    vectors = encoder.fit(nothing, np.arange(3)).transform(nothing)
    assert not vectors.matrix.any()
    constant = Encoded(np.full((3, 4), 7, np.float32), np.zeros(3, np.int8))
    assert not encoder.fit(constant, np.arange(3)).transform(constant).matrix.any()


def test_state_goes_round(backbone):
    encoder = encoder_on(backbone)
    prepared = encoder.prepare(image_column(mixed()))
    encoder.fit(prepared, np.arange(12))
    loaded = encoder_on(backbone).load_state(encoder.state_arrays(), encoder.state_json())
    assert loaded.width == encoder.width
    np.testing.assert_array_equal(loaded.transform(prepared).matrix, encoder.transform(prepared).matrix)
    np.testing.assert_array_equal(loaded.prepare(image_column(mixed())).matrix, prepared.matrix)
    again = encoder_on(backbone).load_state(loaded.state_arrays(), loaded.state_json())
    assert again.state_json() == encoder.state_json()


def test_what_another_encoder_prepared_still_names_the_backbone(backbone):
    prepared = encoder_on(backbone).prepare(image_column(mixed()))
    elsewhere = encoder_on(backbone).fit(prepared, np.arange(12))
    assert elsewhere.state_json()["backbone"] == encoder_on(backbone).identity()


@pytest.mark.parametrize(
    "arrays",
    [{}, {"mean": np.zeros(16)}, {"mean": np.zeros(16, "f4"), "std": np.ones(15, "f4")}],
)
def test_a_state_that_does_not_fit_is_refused(backbone, arrays):
    with pytest.raises(ModelFolderError, match="Expected the state"):
        encoder_on(backbone).load_state(arrays, {"width": 16, "backbone": None})


def fitted_state(backbone: Path) -> tuple[dict, dict]:
    encoder = encoder_on(backbone)
    encoder.fit(encoder.prepare(image_column(mixed())), np.arange(12))
    return encoder.state_arrays(), encoder.state_json()


def test_a_backbone_that_is_gone_or_changed_is_said_clearly(backbone, monkeypatch, tmp_path):
    state = fitted_state(backbone)
    moved = backbone.rename(tmp_path / "moved")
    with pytest.raises(MissingDependencyError, match="SHELFWISE_IMAGE_MODEL"):
        encoder_on(backbone).load_state(*state).prepare(image_column(mixed()))
    monkeypatch.setenv("SHELFWISE_IMAGE_MODEL", str(moved))
    encoder_on(backbone).load_state(*state).prepare(image_column(mixed()))
    monkeypatch.delenv("SHELFWISE_IMAGE_MODEL")
    tiny_resnet(backbone, seed=5)
    with pytest.raises(ModelFolderError, match="another image backbone"):
        encoder_on(backbone).load_state(*state).prepare(image_column(mixed()))


def test_a_saved_model_finds_a_relative_backbone_from_elsewhere(backbone, monkeypatch, tmp_path):
    monkeypatch.chdir(backbone.parent)
    state = fitted_state(Path("backbone"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    encoder_on(Path("backbone")).load_state(*state).prepare(image_column(mixed()))


def test_features_of_all_layers_are_wider_and_have_a_cache_of_their_own(backbone):
    column = image_column(mixed())
    last, layers = (encoder_on(backbone, features=which).prepare(column) for which in ("last", "layers"))
    assert layers.matrix.shape == (16, 16 + 6 * 8)
    np.testing.assert_array_equal(layers.matrix[:, :16], last.matrix)
    np.testing.assert_array_equal(
        encoder_on(backbone, features="layers").prepare(column).matrix, layers.matrix
    )
    assert encoder_on(backbone, features="layers").width == 64


def test_a_saved_model_keeps_its_features_whatever_the_default_becomes(backbone):
    encoder = encoder_on(backbone, features="layers")
    encoder.fit(encoder.prepare(image_column(mixed())), np.arange(12))
    state = encoder.state_json()
    assert (
        encoder_on(backbone)
        .load_state(encoder.state_arrays(), state)
        .prepare(image_column(mixed()))
        .matrix.shape[1]
        == 64
    )
    arrays, older = fitted_state(backbone)
    del older["features"]  # as models were written before there was a choice
    loaded = encoder_on(backbone, features="layers").load_state(arrays, older)
    assert loaded.prepare(image_column(mixed())).matrix.shape[1] == 16
    with pytest.raises(ModelFolderError, match="image features among"):
        encoder_on(backbone).load_state(encoder.state_arrays(), {**state, "features": "everything"})


@pytest.mark.parametrize("model", ["", "/no/such/backbone"])
def test_no_backbone_names_the_option(model):
    with pytest.raises(MissingDependencyError, match="--image-model"):
        PretrainedImage(PretrainedImageOptions(model=model)).prepare(image_column([]))


def test_no_rows(backbone):
    assert encoder_on(backbone).prepare(image_column([])).matrix.shape == (0, 16)


@pytest.mark.real_data
def test_the_real_backbone_tells_pictures_apart(monkeypatch, tmp_path):
    if not REAL_BACKBONE.is_dir():
        pytest.skip("needs ../shared/data/weights/mobilenet_v2_1.0_224, which is not here")
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    encoder = PretrainedImage(PretrainedImageOptions(model=str(REAL_BACKBONE), side=96))
    features = encoder.prepare(image_column([present(jpeg(seed)) for seed in range(3)])).matrix
    assert features.shape == (3, 1280)
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_fitted_on_what_another_prepared_it_still_says_which_backbone(backbone):
    prepared = encoder_on(backbone).prepare(image_column(mixed()))
    encoder = encoder_on(backbone).fit(prepared, np.arange(5))
    assert encoder.state_json()["backbone"] == encoder.identity()
