"""What tests of the search share: a bench on the tiny catalog, and recipes that take no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny_catalog import LINEAR, read, text_recipe, tiny_rows

from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.search.bench import Bench, set_up


def quick_recipe(**changes: Any) -> Recipe:
    """Two linear classifiers, two folds, and policies that are fitted at once."""
    declared: dict[str, Any] = {
        "inputs": [{"name": "title"}, {"name": "brand"}],
        "classifiers": [
            {"name": "words", "inputs": ["title"], **LINEAR, "epochs": 4},
            {"name": "brand", "inputs": ["brand"], **LINEAR, "epochs": 3},
        ],
        "fusion": {
            "policies": ["opinion_pool", {"kind": "policy_network", "widths": [4], "epochs": 2}, "mean"]
        },
        "training": {"threads": 1, "folds": 2},
    }
    return text_recipe(**(declared | changes))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def quick_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """160 products, 24 of them aside. Not to be changed."""
    return make_bench(tmp_path_factory.mktemp("bench"), quick_recipe())


def make_bench(folder: Path, recipe: Recipe, products: int = 160, test_share: float = 0.15) -> Bench:
    """A bench on the tiny catalog."""
    return set_up(recipe, read(folder / "shop.csv", tiny_rows(products)), test_share, Silent())
