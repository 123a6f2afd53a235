"""Preprocessing done here equals what the model's own processor does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.encoders.backbones import save_preprocessor
from tests.images_zoo import noise

from shelfwise.encoders.image_preprocessing import read_preprocessing
from shelfwise.errors import MissingDependencyError

REAL_BACKBONE = Path(__file__).parents[3] / "shared/data/weights/mobilenet_v2_1.0_224"
SHAPES = [(60, 80), (120, 180), (300, 200), (33, 31)]

CONFIGS = {
    "vit": {"image_processor_type": "ViTImageProcessor"},
    "vit_bilinear": {"image_processor_type": "ViTImageProcessor", "resample": 2},
    "clip": {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
    },
    "dinov2": {
        "image_processor_type": "BitImageProcessor",
        "size": {"shortest_edge": 40},
        "crop_size": {"height": 32, "width": 32},
        "do_center_crop": True,
    },
    "convnext": {
        "image_processor_type": "ConvNextImageProcessor",
        "size": {"shortest_edge": 28},
        "crop_pct": 0.875,
    },
    "not_normalized": {"image_processor_type": "ViTImageProcessor", "do_normalize": False},
}


def model_input(preprocessing, image) -> np.ndarray:
    pixels = preprocessing.square(image, preprocessing.side).astype(np.float32)
    mean, std = (
        np.array(values, np.float32)[:, None, None] for values in (preprocessing.mean, preprocessing.std)
    )
    return (pixels * preprocessing.scale - mean) / std


def assert_equals_the_processor(folder: Path) -> None:
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(folder)
    preprocessing = read_preprocessing(folder)
    for seed, (width, height) in enumerate(SHAPES):
        image = noise(seed, width, height)
        expected = np.asarray(processor(image, return_tensors="np")["pixel_values"])[0]
        got = model_input(preprocessing, image)
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_processor(name, tmp_path):
    assert_equals_the_processor(save_preprocessor(tmp_path, **CONFIGS[name]))


def test_terse_configurations_take_their_processors_defaults(tmp_path):
    terse = {
        "image_processor_type": "ViTImageProcessor",
        "size": 32,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(terse))
    assert_equals_the_processor(tmp_path)


@pytest.mark.real_data
def test_equals_the_real_backbones_processor():
    if not REAL_BACKBONE.is_dir():
        pytest.skip("needs ../shared/data/weights/mobilenet_v2_1.0_224, which is not here")
    assert_equals_the_processor(REAL_BACKBONE)


def test_another_side_keeps_the_margin_that_is_cropped(tmp_path):
    whole = read_preprocessing(save_preprocessor(tmp_path, **CONFIGS["dinov2"]))
    half = whole.changed(16, None)
    assert (half.side, half.edge, half.resize) == (16, 20, "crop")
    assert whole.changed(None, "stretch").resize == "stretch"
    assert whole.changed(None, None) == whole


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (60, 80)])
def test_every_shape_fills_the_square(tmp_path, resize, size):
    preprocessing = read_preprocessing(save_preprocessor(tmp_path)).changed(None, resize)
    pixels = preprocessing.square(noise(0, *size), 32)
    assert (pixels.shape, pixels.dtype) == ((3, 32, 32), np.uint8)


def test_swapped_channels(tmp_path):
    plain = read_preprocessing(save_preprocessor(tmp_path / "a"))
    swapped = read_preprocessing(save_preprocessor(tmp_path / "b", do_flip_channel_order=True))
    image = noise(0)
    np.testing.assert_array_equal(swapped.square(image, 32), plain.square(image, 32)[::-1])


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (None, "cannot be read"),
        ("{not json", "cannot be read"),
        ("[1, 2]", "not understood"),
        ('{"size": 32, "image_processor_type": "NoSuchProcessor"}', "not understood"),
    ],
)
def test_what_is_no_preprocessing_is_said_clearly(tmp_path, content, word):
    if content is not None:
        (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(MissingDependencyError, match=word) as caught:
        read_preprocessing(tmp_path)
    assert "--image-model" in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"size": {"height": 32, "width": 16}}, {"size": {}}, {"image_mean": [0.5, 0.5]}]
)
def test_what_is_not_done_here_is_refused(tmp_path, changes):
    with pytest.raises(MissingDependencyError, match="not understood"):
        read_preprocessing(save_preprocessor(tmp_path, **changes))
