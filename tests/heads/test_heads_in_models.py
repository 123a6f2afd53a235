"""Path heads with options in whole models: trained, saved, checked and read back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.confidence_checks import check_confidence
from tests.tiny_catalog import LINEAR, PATHS, read, text_recipe, tiny_rows

from shelfwise import Catalog, Categorizer
from shelfwise.errors import ModelFolderError, RecipeError
from shelfwise.heads import build_head
from shelfwise.heads.dependent import DependentHead
from shelfwise.taxonomy.targets import PathTarget

HEADS: list[str | dict[str, Any]] = [
    "conditional_tree",
    {"kind": "tree", "smoothing": 0.1},
    {"kind": "per_level", "level_weights": [1, 2, 0.5]},
    {"kind": "sequential", "width": 16, "decode": "beam", "scheduled_sampling": 0.2},
    {"kind": "sequential", "width": 16, "previous": "embedding", "layers": "separate"},
    {"kind": "level_decoder", "width": 16, "cell": "lstm", "decode": "greedy"},
]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("heads")
    return read(folder / "catalog.csv", tiny_rows())


def recipe(head: str | dict[str, Any], **changes: Any) -> Any:
    early = {
        "hidden": [16],
        "embedding": 16,
        "dropout": 0.1,
        "epochs": 10,
        "batch": 16,
        "learning_rate": 1e-2,
    }
    classifier = {"name": "early", "inputs": ["title", "brand"], "head": head, **early}
    # On so few products held-out accuracy stands still for epochs: it must not end the training.
    return text_recipe(
        inputs=[{"name": "title"}, {"name": "brand"}],
        classifiers=[classifier | changes],
        training={"threads": 1, "refit": False, "patience": 100},
    )


@pytest.mark.parametrize(
    "head", HEADS, ids=lambda head: head if isinstance(head, str) else "-".join(map(str, head.values()))
)
def test_learns_and_comes_back_the_same(head: str | dict[str, Any], catalog: Catalog, tmp_path: Path) -> None:
    model = Categorizer(recipe(head)).fit(catalog)
    model.save(tmp_path / "model")
    loaded = Categorizer.load(tmp_path / "model")
    assert loaded.recipe_.classifiers[0].head == head
    predictions = model.predict(catalog)
    assert loaded.predict(catalog) == predictions
    right = [
        " > ".join(one.answer) == path
        for one, path in zip(predictions, catalog.column("category").to_pylist(), strict=True)
    ]
    assert sum(right) / len(right) > 0.8
    assert {" > ".join(one.answer) for one in predictions if one.answer} <= set(PATHS)
    check_confidence(loaded, catalog)


def test_a_linear_classifier_can_have_a_dependent_head(catalog: Catalog) -> None:
    """Its weights start at zero, and still learn."""
    model = Categorizer(recipe({"kind": "sequential", "width": 16}, hidden=[], **LINEAR)).fit(catalog)
    head = model.ensemble_.classifiers[0].head
    assert isinstance(head, DependentHead)
    assert model.evaluate(catalog).headline.value > 0.8


def test_options_that_do_not_fit_the_target_stop_before_training(catalog: Catalog) -> None:
    with pytest.raises(RecipeError, match="expected 3 level_weights"):
        Categorizer(recipe({"kind": "per_level", "level_weights": [1]})).fit(catalog)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 17}, "expected"),
        ({"kind": "level_decoder"}, "expected|got"),
        ({"previous": "embedding"}, "expected|got"),
        ({"decode": "magic"}, "'exact', 'beam' or 'greedy'"),
        ({"extra": 1}, "expected options among"),
        ({"kind": "nonsense"}, "did you mean|expected a head"),
    ],
    ids=str,
)
def test_an_altered_head_is_refused(
    change: dict[str, Any], says: str, catalog: Catalog, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    Categorizer(recipe({"kind": "sequential", "width": 16}, epochs=1)).fit(catalog).save(folder)
    stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    stored["recipe"]["classifiers"][0]["head"] |= change
    (folder / "model.json").write_text(json.dumps(stored), encoding="utf-8")
    sums = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("model.json", "weights.safetensors")
    ]
    (folder / "checksums.txt").write_text("".join(sums), encoding="ascii")
    with pytest.raises(ModelFolderError, match=says):
        Categorizer.load(folder)


def test_a_large_taxonomy_is_built_and_decoded_in_no_time() -> None:
    """As many categories as the published taxonomies have."""
    target = PathTarget(
        tuple((f"{a}", f"{b}", f"{a}-{b}-{c}") for a in range(25) for b in range(20) for c in range(10))
    )
    for kind in ("conditional_tree", "sequential", "level_decoder"):
        head = build_head(kind, target).eval()
        with torch.inference_mode():
            logits = head.outcome_logits(torch.randn(4, head.n_scores))
        assert logits.shape == (4, 5000)
        torch.testing.assert_close(logits.exp().sum(1), torch.ones(4))
        assert torch.isfinite(head.loss(torch.randn(4, head.n_scores), torch.tensor([0, 17, 4999, 2500])))
