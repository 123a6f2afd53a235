"""What there is to learn, before anything is trained: the recipe spelled out, the target, the products and their groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.deduplicate import one_a_group
from shelfwise.catalog.groups import group_products
from shelfwise.catalog.image_source import image_hashes
from shelfwise.learning.presets import complete
from shelfwise.profiling import timed
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.checks import single_products
from shelfwise.taxonomy.decided import Conflict, lay_over
from shelfwise.taxonomy.decisions import Decisions
from shelfwise.taxonomy.label_words import mask_labels
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import Truth, read_truth
from shelfwise.taxonomy.whose_decisions import about, left_out_line


@dataclass(frozen=True)
class LearningTask:
    """A catalog seen as something to learn.

    ``recipe`` has every choice spelled out. ``truth`` are the catalog's answers, ``groups`` int64 [N] its groups of
    near-duplicates, ``labelled`` the ascending rows to learn from, ``conflicts`` the answers that people decided otherwise.
    """

    recipe: Recipe
    target: Target
    truth: Truth
    groups: np.ndarray
    labelled: np.ndarray
    conflicts: tuple[Conflict, ...] = ()


@timed("choose inputs and categories")
def read_task(
    recipe: Recipe, catalog: Catalog, reporter: Reporter, decisions: Decisions | None = None
) -> LearningTask:
    """What ``recipe`` asks to learn from ``catalog``; what was noticed and chosen on the way is said.

    ``decisions`` of people take the place of the catalog's answers.
    Raises ShelfwiseError (TargetError, RecipeError …) when the catalog does not have it.
    """
    truth = read_truth(catalog, recipe.target)
    if decisions is not None:
        decisions, others = about(catalog, decisions)
        if others:
            reporter.say(left_out_line(others))
    decided = None if decisions is None else lay_over(truth, catalog.ids, decisions)
    truth = truth if decided is None else decided.truth
    declared = _with_separator(recipe, truth)
    single = None if declared.target.multilabel else single_products(truth.values)
    for note in (*catalog.notes, *truth.notes, *([single] if single else [])):
        reporter.say(note)
    for line in () if decided is None else decided.told():
        reporter.say(line)
    groups = group(catalog, reporter)
    completed = mask_labels(complete(declared, catalog, truth, groups, reporter), truth.values)
    target = make_target(completed, truth)
    labelled = labelled_rows(catalog, truth, target)
    if completed.training.deduplicate:
        labelled = _deduplicated(labelled, groups, truth, catalog.ids, reporter)
    conflicts = () if decided is None else decided.conflicts
    return LearningTask(completed, target, truth, groups, labelled, conflicts)


def _with_separator(recipe: Recipe, truth: Truth) -> Recipe:
    """The recipe with the separator that the training catalog showed: other catalogs are split as it was."""
    target = recipe.target.model_copy(update={"separator": truth.separator or ""})
    return recipe.model_copy(update={"target": target})


def make_target(recipe: Recipe, truth: Truth) -> PathTarget | LabelTarget:
    """The categories that can be predicted: those of the answers given. Raises TargetError when there are too few."""
    if recipe.target.multilabel:
        return LabelTarget.from_truth(truth.values, recipe.target.min_products, recipe.target.label_space)
    return PathTarget.from_truth(truth.values, truth.level_names)


def labelled_rows(catalog: Catalog, truth: Truth, target: PathTarget | LabelTarget) -> np.ndarray:
    """Rows to learn from: readable, and with an answer that the target knows."""
    known = set(target.labels) if isinstance(target, LabelTarget) else None
    has_answer = [
        bool(value) and row not in catalog.row_errors and (known is None or not known.isdisjoint(value))
        for row, value in enumerate(truth.values)
    ]
    return np.flatnonzero(has_answer)


def _deduplicated(
    labelled: np.ndarray, groups: np.ndarray, truth: Truth, ids: list[str], reporter: Reporter
) -> np.ndarray:
    kept = one_a_group(labelled, groups, truth.values, ids)
    reporter.say(
        f"learning from one product of every group of near-duplicates: {len(kept):,} products, {len(labelled) - len(kept):,} "
        "left aside"
    )
    return kept


@timed("group near-duplicates")
def group(catalog: Catalog, reporter: Reporter) -> np.ndarray:
    """The group of every product: near-duplicates that must not stand on two sides of a split."""
    images = [name for name, field in catalog.fields.items() if field.role == Role.IMAGE]
    hashes = None
    if images:
        with reporter.stage("grouping near-duplicates", len(catalog)) as stage:
            hashes = image_hashes(catalog.input(images[0], Role.IMAGE).values, stage.advance)
    return group_products(catalog, image_hashes=hashes)
