"""What the desk needs to know of a model: who it is, its categories, and what it promised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shelfwise.catalog.input_figures import InputFigures
from shelfwise.decision.evidence import Evidence
from shelfwise.decision.router import Router
from shelfwise.errors import ModelFolderError
from shelfwise.review.arrival_figures import BANDS
from shelfwise.review.categories import Categories, Category

FINGERPRINT_CHARACTERS = 16


@dataclass(frozen=True)
class ModelCard:
    """A model without its weights.

    ``precision`` (0–1) is what was promised of accepted predictions, of departments weighted by what was accepted of each;
    ``coverage`` (0–1) the share of held-out products that were accepted at training, None where none could be, or where
    the promise is about single labels. ``training_counts``: products per category in the training catalog.
    """

    fingerprint: str
    multilabel: bool
    categories: Categories
    precision: float
    coverage: float | None = None
    training_counts: Mapping[Category, int] = field(default_factory=dict)
    target_columns: tuple[str, ...] = ()
    separator: str | None = None
    inputs: Mapping[str, InputFigures] = field(default_factory=dict)
    """What each input looked like in training; empty where the model does not say."""
    of_labels: bool = False
    """Whether the promise is about single labels rather than whole answers."""
    confidence: tuple[float, ...] = ()
    """Shares of held-out products by tenths of confidence; empty where the model does not say."""

    @property
    def kind(self) -> str:
        """``path`` or ``labels``: a database holds products of one kind."""
        return "labels" if self.multilabel else "path"

    def to_json(self) -> str:
        """What the database keeps of it, so that old decisions can be understood without the model folder."""
        return json.dumps(
            {
                "kind": self.kind,
                "precision": self.precision,
                "coverage": self.coverage,
                "categories": [list(category) for category in self.categories.all],
                "training_counts": [[list(name), count] for name, count in self.training_counts.items()],
            },
            ensure_ascii=False,
        )


def model_fingerprint(folder: Path) -> str:
    """Which model a folder holds: the beginning of its checksums' SHA-256. Raises ModelFolderError."""
    from shelfwise.storage.model_folder import CHECKSUM_FILE

    try:
        checksums = (folder / CHECKSUM_FILE).read_bytes()
    except OSError as error:
        raise ModelFolderError(
            f"expected a model folder, but '{folder}' has no readable {CHECKSUM_FILE}; train one with `shelfwise train`"
        ) from error
    return hashlib.sha256(checksums).hexdigest()[:FINGERPRINT_CHARACTERS]


def read_model_card(folder: Path) -> ModelCard:
    """The card of a model folder, which is checked as for predicting. Raises ModelFolderError."""
    from shelfwise.categorizer import Categorizer

    model = Categorizer.load(folder)
    recipe, target, facts = model.recipe_, model.target_, model.facts_
    precision, coverage = _promised(model.router_)
    counts = {tuple(name): count for name, count in facts.training_counts}
    return ModelCard(
        fingerprint=model_fingerprint(folder),
        multilabel=target.multilabel,
        categories=Categories.of(target, counts),
        precision=precision,
        coverage=coverage,
        of_labels=model.router_.about == "label",
        training_counts=counts,
        target_columns=tuple(recipe.target.columns),
        separator=recipe.target.separator,
        inputs=facts.inputs,
        confidence=_tenths(model.ensemble_.evidence),
    )


def _promised(router: Router) -> tuple[float, float | None]:
    """The precision of everything accepted, and the share accepted of the held-out products."""
    rules = [promise.rule for promise in router.promises if promise.about != "level"]
    accepted = [rule.coverage * rule.basis for rule in rules]
    if not sum(accepted):
        return min(rule.precision for rule in rules), None
    precision = float(np.average([rule.precision for rule in rules], weights=accepted))
    products = sum(rule.basis for rule in rules)
    return round(precision, 6), None if router.about == "label" else sum(accepted) / products


def _tenths(evidence: Evidence | None) -> tuple[float, ...]:
    confidence = np.zeros(0) if evidence is None else evidence.whole.confidence
    if not len(confidence):
        return ()
    counts = np.bincount(np.minimum((confidence * BANDS).astype(int), BANDS - 1), minlength=BANDS)
    return tuple(map(float, counts / len(confidence)))
