"""How good a model is on products whose categories are known: its predictions against the catalog's own answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfwise import __version__
from shelfwise.answers import per_classifier_answers
from shelfwise.catalog.catalog import Catalog
from shelfwise.decision.router import Router
from shelfwise.errors import TargetError
from shelfwise.evaluation.category_records import Category
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.promises import CHOICES, hand_out, measure_promises, right_as_given
from shelfwise.evaluation.results import CurvePoint, DataFacts, Evaluation
from shelfwise.predicting import predicted_blocks
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter
from shelfwise.strangers import names_of
from shelfwise.taxonomy.checks import remarks
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import Truth, has_truth, read_truth

if TYPE_CHECKING:
    from shelfwise.categorizer import Categorizer


def evaluate_model(
    model: Categorizer, catalog: Catalog, reporter: Reporter, command: str, review_cost: float | None
) -> Evaluation:
    """Score the predictions of a fitted ``model``; see ``Categorizer.evaluate``."""
    from shelfwise.learning.task import group  # needs PyTorch, which processes that only predict do without

    truth = _truth_of(model, catalog)
    notes = _of_answers(truth, model)
    for note in notes:
        reporter.say(note)
    groups = group(catalog, reporter)
    predictions, singles = _predict(model, catalog, reporter)
    told: dict[str, Any] = {
        "predicted": [one.answer for one in predictions],
        "confidence": np.array([one.confidence for one in predictions]),
        "part_confidence": [one.part_confidence for one in predictions],
        "per_classifier": singles,
        "groups": groups,
        "data": _data_facts(model, catalog, command, groups, notes, _learned_from(model, catalog, reporter)),
        **_handed_out(model, truth, predictions),
        "promises": measure_promises(
            model.router_,
            _other_routers(model),
            model.target_,
            truth.values,
            predictions,
            review_cost,
            groups,
        ),
    }
    counts = dict(model.facts_.training_counts)
    if isinstance(model.target_, LabelTarget):
        of_labels = {path[-1]: count for path, count in counts.items()}
        return evaluate_label_sets(
            truth.values, labels=model.target_.labels, training_counts=of_labels, **told
        )
    names = model.target_.level_names or None
    return evaluate_paths(truth.values, level_names=names, training_counts=counts, **told)


def _truth_of(model: Categorizer, catalog: Catalog) -> Truth:
    target = model.recipe_.target
    if not has_truth(catalog, target):
        columns = catalog.table.column_names
        missing = [name for name in target.columns if name not in columns]
        raise TargetError(
            f"expected the target column '{missing[0]}' to evaluate against, but the catalog has "
            f"{', '.join(columns)}; use predict for products without known categories"
        )
    return read_truth(catalog, target, model.target_.as_paths)


def _predict(
    model: Categorizer, catalog: Catalog, reporter: Reporter
) -> tuple[list[Prediction], dict[str, list[Category]]]:
    """Every product's whole answer, and what each classifier alone would have said."""
    ensemble = model.ensemble_
    predictions: list[Prediction] = []
    singles: dict[str, list[Category]] = {name: [] for name in ensemble.names}
    router = model.router_.whole_answers()
    trained = model.facts_.inputs
    for block in predicted_blocks(model.recipe_, ensemble, router, catalog, reporter, trained=trained):
        predictions += block.predictions
        for name, answers in per_classifier_answers(ensemble, block.logits, block.present).items():
            singles[name] += answers
    return predictions, singles


def _handed_out(model: Categorizer, truth: Truth, predictions: list[Prediction]) -> dict[str, Any]:
    """What becomes of each prediction, and whether as much of it as is handed out is right."""
    handed = hand_out(model.router_, model.target_, predictions)
    paths = isinstance(model.target_, PathTarget)
    return {
        "decisions": [
            "failed" if one.decision == "failed" else given.routed.decision
            for one, given in zip(predictions, handed, strict=True)
        ],
        "as_given": [
            right_as_given(true, given, paths) for true, given in zip(truth.values, handed, strict=True)
        ],
    }


def _other_routers(model: Categorizer) -> dict[float, Router]:
    """What other precisions than the one asked for would accept, by precision; its own among them."""
    own = model.recipe_.routing.precision
    others = {*CHOICES} - {own} if model.ensemble_.evidence is not None else set()
    routers = {precision: model.with_routing(precision=precision).router_ for precision in others}
    return {own: model.router_, **routers}


def _of_answers(truth: Truth, model: Categorizer) -> list[str]:
    """What was changed in the catalog's answers to read them, and whether they are the model's kind of answers at all."""
    target = model.target_
    # What a taxonomy looks like was said in training; here it is another catalog's part of it.
    of_taxonomy = set() if target.multilabel else set(remarks(truth.values, truth.level_names))
    notes = [note for note in truth.notes if note not in of_taxonomy]
    known = _known_names(target)
    answered = [value for value in truth.values if value]
    strange = [value for value in answered if not known(value)]
    if not strange:
        return notes
    if isinstance(target, PathTarget):
        what, first, own = "a category", " > ".join(strange[0]), " > ".join(target.outcomes[0])
    else:
        first = next(label for label in strange[0] if label not in target.labels)
        what, own = "labels", target.labels[0]
    note = (
        f"{len(strange):,} of {len(answered):,} products have {what} that the model does not know ('{first:.80}', for one): they "
        "count as wrong"
    )
    if len(strange) == len(answered):
        note += f"; the model's are like '{own:.80}': are the target's columns and separators those it was trained on?"
    return [*notes, note]


def _known_names(target: Target) -> Callable[[Category], bool]:
    """Whether the model could give an answer: a path that it has, or labels of which it has all."""
    if isinstance(target, PathTarget):
        return set(target.outcomes).__contains__
    return set(target.labels).issuperset


def _learned_from(model: Categorizer, catalog: Catalog, reporter: Reporter) -> int:
    """How many of the catalog's products the model was trained on, as far as it remembers them."""
    memory = model.ensemble_.memory
    if memory is None or not memory.named:
        return 0
    remembered = set(zip(memory.ids, memory.titles, strict=True))
    ids, titles = names_of(model.recipe_, catalog, np.arange(len(catalog)))
    # Without a text an id alone, such as a row's number, says nothing.
    met = sum(bool(one[1]) and one in remembered for one in zip(ids, titles, strict=True))
    if met:
        reporter.say(
            f"{met:,} of {len(catalog):,} products have the id and the text of a product that the model was trained on: figures "
            "are too good; evaluate on products that it was not trained on"
        )
    return met


def _data_facts(
    model: Categorizer, catalog: Catalog, command: str, groups: np.ndarray, notes: list[str], remembered: int
) -> DataFacts:
    facts = model.facts_
    return DataFacts(
        catalogs=[Path(source).name for source in catalog.sources],
        products=len(catalog),
        split=(
            f"the products given to evaluate; the model was trained on {facts.labelled:,} products in "
            f"{facts.groups:,} groups of near-duplicates, of which {facts.held_out:,} were first held out"
            + (f", in {facts.folds} folds," if facts.folds > 1 else "")
            + " to choose and calibrate"
        ),
        seed=model.recipe_.training.seed,
        command=command,
        shelfwise_version=__version__,
        groups=len(np.unique(groups)),
        remembered=remembered,
        training_products=facts.labelled,
        training_curve=[
            CurvePoint(part=name, epoch=epoch, loss=loss, metric=score)
            for name, curve in facts.curves.items()
            for epoch, loss, score in curve
        ],
        curve_metric="micro-F1 on held-out products"
        if model.multilabel_
        else "whole path on held-out products",
        notes=[*catalog.notes, *notes],
    )
