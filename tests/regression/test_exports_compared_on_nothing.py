"""An export was "compared on 800 products, 0.00% changed" where none of them had a picture, or none could be categorized at all.

And `--precision int8` was then quietly fp32: its ranges come from pictures. A model trained with `--images` came to this by
default, for the catalog is read again without it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.conftest import Shelfwise

from shelfwise import Catalog
from shelfwise.demo import StoreFiles
from shelfwise.engine.manifest import EXPORT_FOLDER, MANIFEST_FILE
from shelfwise.errors import ShelfwiseError
from shelfwise.export.run import export_model

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def without_pictures(store: StoreFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled products whose pictures are somewhere else."""
    file = tmp_path_factory.mktemp("elsewhere") / "products.csv"
    file.write_bytes(store.held_out.read_bytes())
    return file


def test_int8_without_pictures_is_refused(model_folder: Path, without_pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ShelfwiseError, match="in int8: that takes a network with convolutions, and 8 or more products"
    ):
        export_model(model_folder, tmp_path / "model", Catalog.read(without_pictures), precision="int8")
    assert not (tmp_path / "model").exists()


def test_what_no_product_has_is_said(
    shelfwise: Shelfwise, model_folder: Path, without_pictures: Path, store: StoreFiles, tmp_path: Path
) -> None:
    made = shelfwise("export", model_folder, without_pictures, "-o", tmp_path / "model", "--products", 20)
    assert made.status == 0, made.err
    assert "none of the 20 products has 'image', so what reads it was not compared" in made.err
    assert "int8" not in made.out
    asked = ["-o", tmp_path / "other", "--products", 20, "--images", store.held_out.parent]
    made = shelfwise(
        "export", model_folder, without_pictures, *asked, "--precision", "int8", "--most-changed", 1
    )
    assert made.status == 0, made.err
    assert "not compared" not in made.err
    told = json.loads((tmp_path / "other" / EXPORT_FOLDER / MANIFEST_FILE).read_text())
    in_int8 = [one for one in told["classifiers"].values() if one["precision"] == "int8"]
    assert in_int8
    assert f"{len(told['classifiers'])} in ONNX, {len(in_int8)} of them in int8" in made.out


def test_products_of_another_kind_show_nothing(model_folder: Path, tmp_path: Path) -> None:
    with (tmp_path / "other.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["sku", "name"], ["1", "foo"], ["2", "bar"]])
    with pytest.raises(ShelfwiseError, match="none of the 2 can be categorized"):
        export_model(model_folder, tmp_path / "model", Catalog.read(tmp_path / "other.csv"))
    assert not (tmp_path / "model").exists()
