"""A folder of predictions begun with a model went on with its int8 export, whose answers are others, and said nothing of it.

The service named both alike, too, although its number is there to tell later which model said what.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shelfwise import Catalog
from shelfwise.batch.manifest import Identity, Manifest
from shelfwise.demo import StoreFiles
from shelfwise.engine.manifest import EXPORT_FOLDER, MANIFEST_FILE
from shelfwise.errors import ShelfwiseError
from shelfwise.export.run import export_model
from shelfwise.serving.served_model import ModelSlot


def exported(model: Path, said: str) -> Path:
    """A folder that looks as if ``model`` had been exported into it."""
    folder = model.with_name(f"exported-{said}")
    shutil.copytree(model, folder)
    (folder / EXPORT_FOLDER).mkdir()
    (folder / EXPORT_FOLDER / MANIFEST_FILE).write_text(said, encoding="utf-8")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "checksums.txt").write_text("sums", encoding="utf-8")
    return folder


def test_a_folder_is_one_exports_alone(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "predictions"
    fp32, int8 = exported(model, "fp32"), exported(model, "int8")
    Manifest(folder, Identity.of([], fp32, {}))
    Manifest(folder, Identity.of([], fp32, {}))
    for other in (model, int8):
        with pytest.raises(ShelfwiseError, match="by the same model, but exported otherwise or not at all"):
            Manifest(folder, Identity.of([], other, {}))


def test_without_the_runtime_an_export_is_its_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfwise.exported_model.runtime_installed", lambda: False)
    Manifest(tmp_path / "predictions", Identity.of([], model, {}))
    Manifest(tmp_path / "predictions", Identity.of([], exported(model, "int8"), {}))


def test_the_service_tells_exports_apart(model_folder: Path, store: StoreFiles, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    catalog = Catalog.read(store.held_out)
    named = [ModelSlot(model_folder).load().fingerprint]
    for precision in ("fp32", "int8"):
        export_model(model_folder, tmp_path / precision, catalog, precision=precision, most_changed=1)  # type: ignore[arg-type]
        named.append(ModelSlot(tmp_path / precision).load().fingerprint)
    assert len(set(named)) == 3
    assert all(name.startswith(f"{named[0]}-") for name in named[1:])
