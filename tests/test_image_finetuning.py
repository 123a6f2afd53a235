"""A fine-tuned image model from catalog to model folder and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.encoders.backbones import tiny_resnet
from tests.tiny_catalog import read, tiny_rows, with_pictures

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.encoders.image_network import UpperLayers, epoch_seed
from shelfwise.encoders.pretrained_image import BACKBONE_VARIABLE
from shelfwise.errors import MissingDependencyError, ModelFolderError


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_resnet(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("catalog")
    return read(folder / "products.csv", with_pictures(tiny_rows(80), folder))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(BACKBONE_VARIABLE, raising=False)


def recipe(backbone: Path, classifier: dict[str, Any] | None = None, **options: Any) -> Recipe:
    small_steps = {"trainable_layers": 2, "learning_rate_scale": 0.1}  # for weights that are random
    encoder = {"kind": "pretrained_image", "model": str(backbone), **small_steps, **options}
    one = {"name": "image", "inputs": ["photo"], "hidden": [16], "epochs": 6, "batch": 16}
    return Recipe(
        target="category",
        inputs=[{"name": "photo", "encoder": encoder}],
        classifiers=[{**one, "learning_rate": 0.01, **(classifier or {})}],
        training={"threads": 1, "device": "cpu"},
    )


AUGMENTED: list[dict[str, Any]] = [
    {},
    {"augment": {"flip": True, "crop": 0.2}, "variants": 2},
    {"augment": {"flip": True, "colour": 0.2}},
]


@pytest.mark.parametrize("options", AUGMENTED, ids=["plain", "variants", "anew"])
def test_trained_saved_and_loaded_it_predicts_the_same(backbone, catalog, tmp_path, options):
    model = Categorizer(recipe(backbone, **options)).fit(catalog)
    predictions = model.predict(catalog)
    right = [
        one.answer == tuple(path.split(" > "))
        for one, path in zip(predictions, answers(catalog), strict=True)
    ]
    assert np.mean([good for good, one in zip(right, predictions, strict=True) if one.answer]) > 0.8
    assert [one.decision for one in predictions].count("failed") == 7  # those without a picture
    model.save(tmp_path / "model")
    loaded = Categorizer.load(tmp_path / "model")
    assert loaded.predict(catalog) == predictions
    assert loaded.predict(catalog.take(np.arange(5, 30))) == predictions[5:30]
    size = (tmp_path / "model" / "weights.safetensors").stat().st_size
    assert size < 200_000  # the trained layers, not the backbone a second time


def answers(catalog: Catalog) -> list[str]:
    return catalog.column("category").to_pylist()


def test_the_same_seed_trains_the_same_and_the_backbone_moves(backbone, catalog):
    first, second = (
        Categorizer(recipe(backbone, augment={"flip": True}, variants=1)).fit(catalog) for _ in range(2)
    )
    ours, theirs = (model.ensemble_.classifiers[0].state_dict() for model in (first, second))
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=0)
    fresh = first.ensemble_.encoders["photo"].network()
    assert fresh is not None
    moved = [
        name
        for name, weight in fresh.state_dict().items()
        if not torch.equal(weight, ours[f"inputs.input_0.network.{name}"])
    ]
    assert sum(name.endswith("convolution.weight") for name in moved) == 2


def test_the_loop_gives_every_epoch_a_number_of_its_own(backbone, catalog, monkeypatch):
    """``epoch_seed`` rests on the training loop seeding PyTorch once at the start of every epoch."""
    seen: list[int] = []
    whole = UpperLayers._vectors

    def vectors(network, values):
        if network.training:
            seen.append(epoch_seed())
        return whole(network, values)

    monkeypatch.setattr(UpperLayers, "_vectors", vectors)
    changed = recipe(backbone, {"epochs": 3, "batch": 32})
    Categorizer(
        changed.model_copy(update={"training": changed.training.model_copy(update={"refit": False})})
    ).fit(catalog)
    in_order = list(dict.fromkeys(seen))
    assert len(in_order) == 3
    assert len(seen) % 3 == 0
    assert seen == [number for number in in_order for _ in range(len(seen) // 3)]


def test_the_body_learns_at_its_own_rate(backbone, catalog):
    def moved(scale: float) -> float:
        model = Categorizer(recipe(backbone, learning_rate_scale=scale)).fit(catalog)
        fresh = model.ensemble_.encoders["photo"].network()
        assert fresh is not None
        trained = model.ensemble_.classifiers[0].state_dict()
        return max(
            float((weight - trained[f"inputs.input_0.network.{name}"]).abs().max())
            for name, weight in fresh.state_dict().items()
            if name.endswith("convolution.weight")
        )

    assert 0 < moved(0.001) < 0.05 * moved(1.0)


def test_without_its_backbone_a_saved_model_says_so(backbone, catalog, tmp_path, monkeypatch):
    moved = tmp_path / "here"
    moved.symlink_to(backbone, target_is_directory=True)
    declared = recipe(moved)
    model = Categorizer(declared).fit(catalog)
    model.save(tmp_path / "model")
    monkeypatch.setenv(BACKBONE_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(MissingDependencyError, match="SHELFWISE_IMAGE_MODEL"):
        Categorizer.load(tmp_path / "model").predict(catalog)
    monkeypatch.setenv(BACKBONE_VARIABLE, str(tiny_resnet(tmp_path / "other", seed=4)))
    with pytest.raises(ModelFolderError, match="another image backbone"):
        Categorizer.load(tmp_path / "model").predict(catalog)


@pytest.mark.parametrize("trained", [0, 2])
def test_zeros_for_missing_images_as_in_wang_and_guthrie(backbone, catalog, trained, tmp_path):
    """A classifier of images and brands, whose products without an image are seen as an image of zeros."""
    declared = recipe(backbone, trainable_layers=trained, missing="zeros")
    declared = declared.model_copy(
        update={
            "inputs": [*declared.inputs, *Recipe(target="category", inputs=[{"name": "brand"}]).inputs],
            "classifiers": [
                declared.classifiers[0].model_copy(update={"inputs": ["photo", "brand"], "name": "both"})
            ],
        }
    )
    model = Categorizer(declared).fit(catalog)
    classifier = model.ensemble_.classifiers[0]
    names = set(classifier.state_dict())
    assert "inputs.input_0.absent" not in names
    assert "inputs.input_1.absent" in names
    without = [one for one in model.predict(catalog) if one.inputs["photo"] == "absent"]
    assert {one.inputs["brand"] for one in without} == {"present", "absent"}
    for one in without:
        assert (one.decision == "failed") == (one.inputs["brand"] == "absent")  # zeros alone are no answer
    model.save(tmp_path / "model")
    assert Categorizer.load(tmp_path / "model").predict(catalog) == model.predict(catalog)
