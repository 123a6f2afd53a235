"""The model that answers, with all that is told of it; a new one takes its place between two batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shelfwise.batch.rows import prediction_row
from shelfwise.catalog import Catalog
from shelfwise.categorizer import Categorizer
from shelfwise.decision.rules import RuleSet
from shelfwise.decision.ruling import Ruling
from shelfwise.encoders.pretrained_image import PretrainedImage
from shelfwise.errors import ModelFolderError
from shelfwise.exported_model import export_digest, model_digest
from shelfwise.predictions import Prediction
from shelfwise.review.categories import Categories
from shelfwise.review.model_card import FINGERPRINT_CHARACTERS
from shelfwise.serving.products import Product, as_catalog
from shelfwise.storage.model_files import refuse_incomplete

EXPORT_CHARACTERS = 8
_PRODUCT_FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a product could make encoders and networks raise, were there one that nobody thought of."""


@dataclass(frozen=True)
class ServedModel:
    """A loaded model, the rules that act after it, and its fingerprint (with its export's, where one answers)."""

    categorizer: Categorizer
    ruling: Ruling
    fingerprint: str

    def answers(self, products: Sequence[Product]) -> list[dict[str, Any]]:
        """One prediction a product as JSON, in order, with the columns of a prediction file.

        A product that makes the model fail comes out as ``failed`` with the reason; the others are not touched.
        """
        catalog = as_catalog(products, self.categorizer.recipe_.inputs)
        multilabel = self.categorizer.multilabel_
        return [prediction_row(one, multilabel) for one in self._predicted(catalog)]

    def _predicted(self, catalog: Catalog) -> list[Prediction]:
        try:
            return self.ruling.apply(catalog, self.categorizer.predict(catalog))
        except _PRODUCT_FAULTS as error:
            if len(catalog) > 1:
                rows = range(len(catalog))
                return [one for row in rows for one in self._predicted(catalog.take([row]))]  # type: ignore[arg-type]
            reason = f"the model failed on this product ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
            return [Prediction(catalog.ids[0], (), 0.0, (), "failed", reason)]

    @cached_property
    def categories(self) -> Categories:
        """Everything that can be predicted, inner categories included."""
        counts = {tuple(path): count for path, count in self.categorizer.facts_.training_counts}
        return Categories.of(self.categorizer.target_, counts)

    def taxonomy(self) -> dict[str, Any]:
        """The answer of ``/v1/taxonomy``."""
        leaves = set(self.categorizer.target_.as_paths)
        categories = self.categories
        return {
            "model": self.fingerprint,
            "kind": "labels" if self.categorizer.multilabel_ else "path",
            "version": categories.version,
            "categories": [
                {"path": list(path), "leaf": path in leaves, "products": count}
                for path, count in zip(categories.all, categories.counts, strict=True)
            ],
        }


ReadRules = Callable[[bool], RuleSet]
"""Reads the rules anew; told whether the model predicts label sets."""


class ModelSlot:
    """Holds the model that answers. ``load`` reads the folder anew, tries the model, and only then puts it in place."""

    def __init__(self, folder: Path, read_rules: ReadRules | None = None) -> None:
        self._folder = folder
        self._read_rules = read_rules
        self._one_at_a_time = threading.Lock()
        self._served: ServedModel | None = None

    @property
    def current(self) -> ServedModel | None:
        """The model in place; None before the first is loaded."""
        return self._served

    def load(self) -> ServedModel:
        """Put the folder's model in place. Raises ShelfwiseError; then the model that was there stays."""
        with self._one_at_a_time:
            fingerprint = _fingerprint(self._folder)
            categorizer = Categorizer.load(self._folder)
            if _fingerprint(self._folder) != fingerprint:
                raise ModelFolderError(f"'{self._folder}' was replaced while it was being read; try again")
            _pictures_one_by_one(categorizer)
            rules = self._read_rules(categorizer.multilabel_) if self._read_rules else RuleSet()
            accept = categorizer.ensemble_.accept
            columns = categorizer.recipe_.target.columns
            served = ServedModel(
                categorizer, Ruling.of(rules, categorizer.target_, accept.precision, columns), fingerprint
            )
            _warm_up(served)
            self._served = served
            return served


def _fingerprint(folder: Path) -> str:
    """The model's, and after a hyphen that of the export which answers in its place, for it may answer otherwise (int8).

    Raises ModelFolderError; what a stranger has put there is not followed, and not read beyond its size.
    """
    refuse_incomplete(folder)
    trained, export = model_digest(folder)[:FINGERPRINT_CHARACTERS], export_digest(folder)
    return trained if export is None else f"{trained}-{export[:EXPORT_CHARACTERS]}"


def _pictures_one_by_one(categorizer: Categorizer) -> None:
    """Have backbones compute single pictures: in passes of always eight, one alone would take the time of eight."""
    for encoder in categorizer.ensemble_.encoders.values():
        if isinstance(encoder, PretrainedImage):
            encoder.options = encoder.options.model_copy(update={"batch": 1})


def _warm_up(served: ServedModel) -> None:
    """One made-up product: what is missing for predictions (a backbone) is found now and not by the first caller."""
    inputs = served.categorizer.recipe_.inputs
    fields = {column: "1" for one in inputs if one.role != "image" for column in one.columns}
    served.categorizer.predict(as_catalog([Product("warm-up", fields)], inputs))
