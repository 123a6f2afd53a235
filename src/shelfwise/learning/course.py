"""A whole training, from a catalog to a model: what there is to learn, who learns and who is held out, and what came of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from shelfwise import __version__
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.input_figures import InputFigures, training_figures
from shelfwise.decision.router_making import check_settings
from shelfwise.ensemble import Ensemble, Prepared, build_encoders, prepare, read_input
from shelfwise.learning.fitting import FittingRecord, fit_ensemble
from shelfwise.learning.label_doubts import without_suspects
from shelfwise.learning.rounds import Round, plan_rounds, refit_rows, with_every_category
from shelfwise.learning.task import LearningTask, group, read_task
from shelfwise.learning.unfinished import Unfinished
from shelfwise.learning.validation import held_out_rows
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.stacking import stack_encoded
from shelfwise.storage.fitted_facts import FittedFacts
from shelfwise.strangers import Learned, learn_novelty, names_of
from shelfwise.taxonomy.decided import Conflict
from shelfwise.taxonomy.decisions import Decisions
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import Truth, read_truth
from shelfwise.training.ranks import Ranks


@dataclass(frozen=True)
class TrainedModel:
    """What a training came to: ``recipe`` with every choice spelled out, the ``target``, the trained parts, what is told of
    the training, and the answers that people decided otherwise."""

    recipe: Recipe
    target: Target
    ensemble: Ensemble
    facts: FittedFacts
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True)
class _Material:
    """All products that take part; those of a validation catalog stand below the training catalog's.

    ``answers`` and ``groups`` int64 are of all rows of ``prepared``. ``refit``: the rows of the last fit, None for none.
    """

    prepared: Prepared
    answers: list[tuple[str, ...]]
    groups: np.ndarray
    rounds: list[Round]
    refit: np.ndarray | None


def train_model(
    recipe: Recipe,
    catalog: Catalog,
    reporter: Reporter,
    *,
    validation: Catalog | None = None,
    work: Unfinished | None = None,
    decisions: Decisions | None = None,
) -> TrainedModel:
    """Learn from the labelled products of ``catalog``; see ``Categorizer.fit``."""
    task = read_task(recipe, catalog, reporter, decisions)
    check_settings(task.target, task.recipe.routing)
    material = _gather(task, catalog, validation, reporter)
    if task.recipe.training.clean_labels:
        material = _cleaned(task, material, catalog, reporter)
    truth = task.target.encode(material.answers)
    ensemble, record = fit_ensemble(
        task.recipe,
        task.target,
        material.prepared,
        truth,
        material.groups,
        material.rounds,
        material.refit,
        reporter,
        work,
        material.answers,
    )
    with reporter.stage("learning what is unknown", total=None):
        learned = Learned(material.prepared, record.data, truth, material.groups, task.labelled)
        ensemble.memory, ensemble.novelty = learn_novelty(
            task.recipe,
            ensemble,
            record.held.known(truth, task.target),
            learned,
            partial(names_of, task.recipe, catalog),
        )
    return TrainedModel(
        task.recipe, task.target, ensemble, _facts(task, material, record, catalog), task.conflicts
    )


def _gather(
    task: LearningTask, catalog: Catalog, validation: Catalog | None, reporter: Reporter
) -> _Material:
    """The products, prepared, and the rounds. Only the validation catalog's are held out where there is one."""
    recipe, answers = task.recipe, list(task.truth.values)
    prepared = _prepared(recipe, catalog, reporter)
    if validation is None:
        rounds = plan_rounds(task.labelled, task.groups, catalog.ids, recipe)
        refit = refit_rows(recipe, task.labelled, rounds)
        if refit is None and isinstance(task.target, PathTarget):
            [only] = rounds
            whole = with_every_category(only, task.target.encode(answers), task.groups)
            if whole is None:
                reporter.say(
                    "many categories have too few products to learn them and check on others: all products are learned from once "
                    "more at the end, which takes as long again"
                )
                refit = task.labelled
            else:
                rounds = [whole]
        return _Material(prepared, answers, task.groups, rounds, refit)
    other = read_truth(validation, recipe.target, task.target.as_paths)
    theirs = _prepared(recipe, validation, reporter)
    stacked = {name: stack_encoded(mine, theirs[name]) for name, mine in prepared.items()}
    held_out = held_out_rows(catalog, validation, other, task.target, reporter) + len(answers)
    groups = np.concatenate([task.groups, group(validation, reporter) + task.groups.max(initial=0) + 1])
    return _Material(stacked, answers + other.values, groups, [Round(task.labelled, held_out)], None)


def _prepared(recipe: Recipe, catalog: Catalog, reporter: Reporter) -> Prepared:
    memory = recipe.training.feature_memory_gb * 1e9
    with Ranks.current().one_first():  # the others find its images' features in the cache
        return prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, reporter, memory)


def _cleaned(task: LearningTask, material: _Material, catalog: Catalog, reporter: Reporter) -> _Material:
    """Without the products whose label is probably wrong among those that are learned from."""
    rounds, refit = without_suspects(
        task.recipe,
        task.target,
        material.prepared,
        material.answers,
        material.groups,
        task.labelled,
        catalog.ids,
        material.rounds,
        material.refit,
        reporter,
    )
    return replace(material, rounds=rounds, refit=refit)


def _facts(task: LearningTask, material: _Material, record: FittingRecord, catalog: Catalog) -> FittedFacts:
    return FittedFacts(
        version=__version__,
        catalog=catalog.sources,
        products=len(catalog),
        labelled=len(task.labelled),
        groups=len(np.unique(task.groups[task.labelled])),
        fitted=len(material.rounds[0].fit),
        held_out=sum(len(one.held_out) for one in material.rounds),
        folds=len(material.rounds),
        refitted=material.refit is not None,
        training_counts=_counts(task.truth, task.target),
        policy=record.policy,
        scores=record.scores,
        curves={
            name: [(point.epoch, point.loss, point.score) for point in fit.curve]
            for name, fit in record.fits.items()
        },
        separator=task.truth.separator,
        inputs=_input_figures(task.recipe, catalog, material.prepared),
    )


def _counts(truth: Truth, target: Target) -> list[tuple[tuple[str, ...], int]]:
    """How many products each category has: each path, or each label that the target knows."""
    if isinstance(target, LabelTarget):
        known = set(target.labels)
        counts: Counter[tuple[str, ...]] = Counter(
            (label,) for row in truth.values for label in row if label in known
        )
    else:
        counts = Counter(path for path in truth.values if path)
    return sorted(counts.items())


def _input_figures(recipe: Recipe, catalog: Catalog, prepared: Prepared) -> dict[str, InputFigures]:
    """What the catalog's inputs look like; of ``prepared`` the first rows are its products."""
    figures = {}
    for one in recipe.inputs:
        column = read_input(catalog, one.model_copy(update={"mask_words": None}))
        figures[one.name] = training_figures(column, prepared[one.name].state[: len(catalog)])
    return figures
