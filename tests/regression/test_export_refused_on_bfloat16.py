"""On a machine that computes backbones in bfloat16 an export in fp32 was compared with the model's rounded features: of H&M's
products 4 % were decided otherwise, and the export was refused for what was no fault of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.encoders.backbones import tiny_resnet
from tests.tiny_catalog import read, tiny_rows, title_recipe, with_pictures

from shelfwise import Categorizer
from shelfwise.export.run import export_model
from shelfwise.precision import precision

pytest.importorskip("transformers")
pytest.importorskip("onnxruntime")


def test_an_export_is_compared_with_the_model_in_single_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHELFWISE_SINGLE_PRECISION")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision() is torch.bfloat16
    catalog = read(tmp_path / "products.csv", with_pictures(tiny_rows(60), tmp_path))
    recipe = title_recipe(
        inputs=[{"name": "photo"}],
        classifiers=[{"name": "photo", "inputs": ["photo"], "hidden": [8], "epochs": 3}],
        image_model=str(tiny_resnet(tmp_path / "backbone")),
    )
    model = Categorizer(recipe).fit(catalog)
    assert model.ensemble_.encoders["photo"].backbone()._dtype is torch.bfloat16
    model.save(tmp_path / "model")
    exported = export_model(tmp_path / "model", tmp_path / "exported", catalog, most_changed=0.0)
    assert exported.differences.largest < 1e-4
    assert precision() is torch.bfloat16
