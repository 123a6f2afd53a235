"""A picture's features are its own, and half-loaded models are refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from tests.encoders import backbones

from shelfwise.encoders import image_backbone
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.encoders.image_preprocessing import read_preprocessing
from shelfwise.encoders.transformers_model import quiet_transformers
from shelfwise.errors import MissingDependencyError


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)


def loaded(folder, batch: int = 4) -> ImageBackbone:
    return ImageBackbone(folder, read_preprocessing(folder), batch)


def test_features_are_the_models_own_pooling(tmp_path):
    from transformers import AutoModel

    folder = backbones.tiny_resnet(tmp_path)
    pixels = pictures(3)
    preprocessing = read_preprocessing(folder)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    with torch.no_grad():
        expected = AutoModel.from_pretrained(folder).eval()(
            (torch.from_numpy(pixels).float() / 255 - mean) / std
        )
    features = loaded(folder).features(pixels)
    assert (features.dtype, features.shape) == (np.float32, (3, 16))
    np.testing.assert_allclose(features, expected.pooler_output.flatten(1).numpy(), atol=1e-4)


def test_features_are_bit_equal_in_any_company(tmp_path):
    backbone = loaded(backbones.tiny_resnet(tmp_path), batch=8)
    pixels = pictures(8)
    together = backbone.features(pixels)
    np.testing.assert_array_equal(
        np.concatenate([backbone.features(pixels[row : row + 1]) for row in range(8)]), together
    )
    order = np.random.default_rng(1).permutation(8)
    np.testing.assert_array_equal(backbone.features(pixels[order]), together[order])


def test_without_a_trained_pooling_layer_tokens_are_averaged(tmp_path):
    folder = backbones.vit_without_pooler(tmp_path)
    one, other = loaded(folder), loaded(folder)
    pixels = pictures(2)
    np.testing.assert_array_equal(one.features(pixels), other.features(pixels))  # no random pooling weights
    with torch.no_grad():
        mean, std = (
            torch.tensor(v).view(1, 3, 1, 1) for v in (one.preprocessing.mean, one.preprocessing.std)
        )
        hidden = one._model((torch.from_numpy(pixels).float() / 255 - mean) / std).last_hidden_state
    np.testing.assert_allclose(one.features(pixels), hidden.mean(dim=1).numpy(), atol=1e-4)


def test_another_side_than_the_models(tmp_path):
    folder = backbones.vit_without_pooler(tmp_path)
    backbone = ImageBackbone(folder, read_preprocessing(folder).changed(48, None), 2)
    assert backbone.features(np.zeros((1, 3, 48, 48), np.uint8)).shape == (1, 16)


def test_loading_says_nothing_and_restores_the_librarys_voice(tmp_path, capfd):
    from transformers.utils import logging

    folder = backbones.vit_without_pooler(tmp_path)
    capfd.readouterr()
    before = logging.get_verbosity()
    loaded(folder)
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == before


def test_missing_weights_are_refused_not_made_up(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = backbones.tiny_resnet(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if name.endswith("convolution.weight")))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingDependencyError, match="weights are missing"):
        loaded(folder)


def test_a_model_of_text_is_refused(tmp_path):
    with pytest.raises(MissingDependencyError, match="does not take pictures"):
        loaded(backbones.tiny_bert(tmp_path))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_folder_is_one_clear_line(tmp_path, name, damage):
    folder = backbones.tiny_resnet(tmp_path)
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MissingDependencyError, match="does not load") as caught:
        loaded(folder)
    assert "--image-model" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_never_read(tmp_path):
    folder = backbones.tiny_resnet(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(MissingDependencyError, match="does not load"):
        loaded(folder)


def test_without_transformers_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with (
        pytest.raises(MissingDependencyError, match=r"pip install 'shelfwise\[pretrained\]'"),
        quiet_transformers(),
    ):
        pass


def test_bfloat16_gives_nearly_the_same(tmp_path, monkeypatch):
    folder = backbones.tiny_resnet(tmp_path)
    exact = loaded(folder).features(pictures(2))
    monkeypatch.setattr(image_backbone, "precision", lambda: torch.bfloat16)
    rounded = loaded(folder).features(pictures(2))
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, exact, rtol=0.1, atol=0.1)


def test_layer_features_are_the_features_and_the_stages_before_by_place(tmp_path):
    folder = backbones.tiny_resnet(tmp_path)
    backbone = loaded(folder)
    pixels = pictures(3)
    found = backbone.layer_features(pixels)
    np.testing.assert_array_equal(found[:, :16], backbone.features(pixels))
    with torch.no_grad():
        x = backbone.preprocessing.normalised(torch.from_numpy(pixels))
        stages = backbone._model(pixel_values=x, output_hidden_states=True).hidden_states
    before = stages[1]  # of 8 channels, the last before the resolution of the features
    assert before.shape[2] > stages[-1].shape[2]
    by_place = torch.nn.functional.adaptive_avg_pool2d(before, (3, 2)).flatten(1)
    np.testing.assert_allclose(found[:, 16:], by_place.numpy(), atol=1e-4)


def test_layer_features_of_tokens_are_the_features(tmp_path):
    backbone = loaded(backbones.vit_without_pooler(tmp_path))
    np.testing.assert_array_equal(backbone.layer_features(pictures(2)), backbone.features(pictures(2)))


def test_wide_layers_are_projected_the_same_everywhere():
    wide = torch.randn(4, 300, 6, 4, generator=torch.Generator().manual_seed(0))
    narrow, last = torch.randn(4, 128, 3, 2), torch.randn(4, 500, 1, 1)
    (projected, kept) = image_backbone.spatial_layers([torch.zeros(4, 9, 6, 4), wide, narrow, last])
    assert projected.shape == kept.shape == (4, 6 * 128)
    torch.testing.assert_close(kept, narrow.flatten(1))
    whole = torch.nn.functional.adaptive_avg_pool2d(wide, (3, 2)).flatten(2)
    lengths = projected.view(4, 128, 6).norm(dim=1) / whole.norm(dim=1)
    assert float(lengths.min()) > 0.7
    assert float(lengths.max()) < 1.3
    signs = image_backbone._projection(300)
    assert signs.shape == (300, 128)
    # The first eight signs, once and for all: cached features and saved models depend on them.
    assert (signs[0, :8] > 0).tolist() == [False, True, False, True, True, True, False, True]
