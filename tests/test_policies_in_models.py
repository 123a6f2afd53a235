"""Every late fusion policy in a whole model: trained, saved, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.confidence_checks import check_confidence
from tests.tiny_catalog import read, text_recipe, tiny_rows

from shelfwise import Catalog, Categorizer
from shelfwise.fusion import POLICIES


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("catalog") / "shop.csv", tiny_rows(120))


SPECS: list[Any] = [
    *(kind for kind in POLICIES if kind != "single"),
    {"kind": "policy_network", "preset": "paper_bimodal", "epochs": 3},
    {"kind": "policy_network", "widths": [8, 4], "activations": ["tanh"], "residual": False, "epochs": 3},
    {"kind": "selected", "metric": "likelihood"},
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("multilabel", [False, True], ids=["paths", "labels"])
def test_a_model_read_back_says_the_same(
    catalog: Catalog, tmp_path: Path, spec: Any, multilabel: bool
) -> None:
    target: Any = (
        {"columns": ["tags"], "multilabel": True, "label_space": "labels"} if multilabel else "category"
    )
    recipe = text_recipe(
        target=target, fusion={"policies": [spec]}, training={"threads": 1, "folds": 1, "refit": False}
    )
    model = Categorizer(recipe).fit(catalog)
    model.save(tmp_path / "model")
    again = Categorizer.load(tmp_path / "model")
    assert again.ensemble_.policy.spec == model.ensemble_.policy.spec
    assert again.recipe_ == model.recipe_
    assert again.predict(catalog) == model.predict(catalog)
    check_confidence(again, catalog)
