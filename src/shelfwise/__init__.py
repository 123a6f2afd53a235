"""shelfwise: every product on the right shelf, and a person asked only where it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Catalog", "Categorizer", "Evaluation", "Prediction", "Recipe", "ShelfwiseError", "__version__"]

if TYPE_CHECKING:
    from shelfwise.catalog.catalog import Catalog
    from shelfwise.categorizer import Categorizer
    from shelfwise.errors import ShelfwiseError
    from shelfwise.evaluation.results import Evaluation
    from shelfwise.predictions import Prediction
    from shelfwise.recipe import Recipe

_HOMES = {
    "Catalog": "shelfwise.catalog.catalog",
    "Categorizer": "shelfwise.categorizer",
    "Evaluation": "shelfwise.evaluation.results",
    "Prediction": "shelfwise.predictions",
    "Recipe": "shelfwise.recipe",
    "ShelfwiseError": "shelfwise.errors",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: PyTorch takes seconds, and `shelfwise --help` must not.
    if name not in _HOMES:
        raise AttributeError(f"module 'shelfwise' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
