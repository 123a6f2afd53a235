"""Exports: the same answers by ONNX Runtime, refused where they are not, and never of another model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import Shelfwise
from tests.encoders.backbones import tiny_resnet
from tests.tiny_catalog import read, tiny_rows, title_recipe, with_pictures

from shelfwise import Catalog, Categorizer
from shelfwise.demo import StoreFiles
from shelfwise.engine.classifier import BLOCK_ROWS, ExportedClassifier
from shelfwise.engine.manifest import EXPORT_FOLDER, MANIFEST_FILE, Manifest
from shelfwise.errors import ModelFolderError, ShelfwiseError
from shelfwise.export.run import export_model
from shelfwise.training.loop import PREDICT_ROWS

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def exported(model_folder: Path, store: StoreFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up store's model (words, a small image network, early fusion) with its networks in ONNX."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    done = export_model(model_folder, folder, Catalog.read(store.held_out))
    assert (done.networks, done.kept) == (3, {})
    return folder


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / EXPORT_FOLDER / MANIFEST_FILE).read_text())


def test_blocks_are_as_large_as_pytorchs() -> None:
    assert BLOCK_ROWS == PREDICT_ROWS


def test_an_exported_model_answers_as_the_original(
    exported: Path, model_folder: Path, store: StoreFiles
) -> None:
    catalog = Catalog.read(store.new_products)
    model, original = Categorizer.load(exported), Categorizer.load(exported, exported=False)
    assert all(isinstance(one, ExportedClassifier) for one in model.ensemble_.classifiers)
    assert not any(isinstance(one, ExportedClassifier) for one in original.ensemble_.classifiers)
    mine, theirs = model.predict(catalog), Categorizer.load(model_folder).predict(catalog)
    assert [one.answer for one in mine] == [one.answer for one in theirs]
    np.testing.assert_allclose(
        [one.confidence for one in mine], [one.confidence for one in theirs], atol=1e-5
    )


def test_an_answer_does_not_depend_on_the_company(exported: Path, store: StoreFiles) -> None:
    catalog, model = Catalog.read(store.new_products), Categorizer.load(exported)
    order = np.random.default_rng(0).permutation(len(catalog))
    together = model.predict(catalog)
    assert model.predict(catalog.take(order)) == [together[row] for row in order]
    assert model.predict(catalog.take(np.array([3]))) == [together[3]]


def test_it_can_be_saved_again(exported: Path, model_folder: Path, tmp_path: Path) -> None:
    Categorizer.load(exported).save(tmp_path / "again")
    assert not (tmp_path / "again" / EXPORT_FOLDER).exists()
    assert (tmp_path / "again" / "weights.safetensors").read_bytes() == (
        model_folder / "weights.safetensors"
    ).read_bytes()


def test_the_command_line_says_how_much_changed(
    shelfwise: Shelfwise, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    made = shelfwise("export", model_folder, store.held_out, "-o", tmp_path / "model", "--products", 20)
    assert made.status == 0, made.err
    assert "compared on         20 products" in made.out
    assert "changed             0.00% of the answers and decisions" in made.out
    predicted = shelfwise("predict", tmp_path / "model", store.new_products, "-o", tmp_path / "out.csv")
    assert predicted.status == 0
    assert Manifest.model_validate(manifest(tmp_path / "model")).comparison is not None


def test_without_products_the_training_catalog_is_read(
    shelfwise: Shelfwise, model_folder: Path, tmp_path: Path
) -> None:
    made = shelfwise("export", model_folder, "-o", tmp_path / "model", "--products", 5)
    assert made.status == 0, made.err


def test_an_export_that_changes_too_much_is_not_written(
    monkeypatch: pytest.MonkeyPatch, model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    honest = ExportedClassifier.outcome_logits
    monkeypatch.setattr(
        ExportedClassifier, "outcome_logits", lambda self, data, rows: -honest(self, data, rows)
    )
    with pytest.raises(ShelfwiseError, match=r"answers otherwise than the model for .* was\s+not written"):
        export_model(model_folder, tmp_path / "model", Catalog.read(store.held_out))
    assert not list(tmp_path.iterdir())


def test_training_into_the_folder_takes_the_old_export_away(
    exported: Path, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    Categorizer.load(folder, exported=False).save(folder)
    assert not (folder / EXPORT_FOLDER).exists()


@pytest.mark.parametrize(
    "damage", ["truncated", "swapped", "other model", "no manifest", "newer", "linked", "nonsense"]
)
def test_a_damaged_export_is_refused(exported: Path, damage: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    place, told = folder / EXPORT_FOLDER, manifest(exported)
    first = place / "classifier_0.onnx"
    if damage == "truncated":
        first.write_bytes(first.read_bytes()[:-100])
    elif damage == "swapped":
        first.write_bytes((place / "classifier_1.onnx").read_bytes())
    elif damage == "other model":
        told["model"] = "0" * 64
    elif damage == "no manifest":
        (place / MANIFEST_FILE).unlink()
    elif damage == "newer":
        told["format_version"] = 2
    elif damage == "linked":
        data = first.read_bytes()
        first.unlink()
        (tmp_path / "elsewhere").write_bytes(data)
        first.symlink_to(tmp_path / "elsewhere")
    else:
        told["classifiers"] = {"words": {"file": "../../etc/passwd", "sha256": "x", "precision": "fp32"}}
    if damage in ("other model", "newer", "nonsense"):
        (place / MANIFEST_FILE).write_text(json.dumps(told))
    with pytest.raises(ModelFolderError, match="export the model again"):
        Categorizer.load(folder)
    assert Categorizer.load(folder, exported=False).target_.outcomes


def test_a_text_model_predicts_without_pytorch(tmp_path: Path) -> None:
    """What makes the first prediction quick: PyTorch takes seconds to import."""
    catalog = read(tmp_path / "products.csv", tiny_rows())
    Categorizer(title_recipe()).fit(catalog).save(tmp_path / "model")
    export_model(tmp_path / "model", tmp_path / "model", catalog)
    program = (
        "import sys; from shelfwise.cli import main\n"
        f"sys.argv = ['shelfwise', 'predict', {str(tmp_path / 'model')!r}, {str(tmp_path / 'products.csv')!r}, "
        f"'-o', {str(tmp_path / 'out.jsonl')!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == len(catalog)


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(A model that reads images by a tiny backbone, which is gone by now, with its export beside it; its catalog)."""
    folder = tmp_path_factory.mktemp("images")
    pytest.importorskip("transformers")
    catalog = read(folder / "products.csv", with_pictures(tiny_rows(60), folder))
    backbone = tiny_resnet(folder / "backbone")
    recipe = title_recipe(
        inputs=[{"name": "photo"}],
        classifiers=[{"name": "photo", "inputs": ["photo"], "hidden": [8], "epochs": 3}],
        image_model=str(backbone),
    )
    Categorizer(recipe).fit(catalog).save(folder / "model")
    export_model(folder / "model", folder / "model", catalog)
    shutil.rmtree(backbone)
    return folder / "model", folder / "products.csv"


def test_an_exported_backbone_needs_nothing_else(image_model: tuple[Path, Path]) -> None:
    folder, products = image_model
    predictions = Categorizer.load(folder).predict(Catalog.read(products))
    assert {one.inputs["photo"] for one in predictions} >= {"present"}
    assert any(one.answer for one in predictions)


def test_int8_is_for_networks_with_convolutions(
    model_folder: Path, store: StoreFiles, tmp_path: Path
) -> None:
    catalog = Catalog.read(store.held_out)
    export_model(model_folder, tmp_path / "model", catalog, precision="int8", most_changed=1.0)
    made = {name: one["precision"] for name, one in manifest(tmp_path / "model")["classifiers"].items()}
    assert made == {"words": "fp32", "image": "int8", "early": "fp32"}
    mine, theirs = (
        Categorizer.load(folder).predict(catalog) for folder in (tmp_path / "model", model_folder)
    )
    same = [one.answer == other.answer for one, other in zip(mine, theirs, strict=True)]
    assert np.mean(same) >= 0.8
