"""What a search judges recipes on: the catalog's products, which of them are kept aside, and the rounds of all others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.split import grouped_split
from shelfwise.errors import TargetError
from shelfwise.experiments.cache import fingerprint, work_key
from shelfwise.learning.rounds import LEAST_PRODUCTS, Round, plan_rounds
from shelfwise.learning.task import labelled_rows, make_target, read_task
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import LabelTarget, Target

LEAST_ASIDE = 20
"""Fewer products than this say nothing about the best recipe, and are better learned from."""


@dataclass(frozen=True)
class Bench:
    """Where recipes are compared.

    ``recipe`` is the one to start from, spelled out. ``truth`` is what ``target.encode`` gave for every row of ``catalog``,
    ``answers`` what answers are compared with (int64 [N] outcomes, -1 unknown; or 0 and 1 [N, labels]). ``learned`` are the rows
    that every choice is made on, ``aside`` those that no trial sees. ``key`` changes with the products and their parts.
    """

    recipe: Recipe
    target: Target
    catalog: Catalog
    fingerprint: str
    truth: np.ndarray
    answers: np.ndarray
    groups: np.ndarray
    learned: np.ndarray
    aside: np.ndarray
    rounds: list[Round]
    key: str


def set_up(recipe: Recipe, catalog: Catalog, test_share: float, reporter: Reporter) -> Bench:
    """Divide the catalog's labelled products by group: ``test_share`` (0–1) of them aside, the others into rounds.

    The categories are those of the products that are not aside. Raises ShelfwiseError when there is not enough to learn from.
    """
    task = read_task(recipe, catalog, reporter)
    learned, aside = task.labelled, np.zeros(0, np.int64)
    if test_share and len(task.labelled) * test_share >= LEAST_ASIDE:
        keys = [catalog.ids[row] for row in task.labelled]
        shares = [1 - test_share, test_share]
        mine, others = grouped_split(task.groups[task.labelled], shares, task.recipe.training.seed, keys=keys)
        learned, aside = task.labelled[mine], task.labelled[others]
    elif test_share:
        reporter.say(
            f"no products are kept aside for a test: {test_share:.0%} of {len(task.labelled):,} are fewer than {LEAST_ASIDE}"
        )
    kept = np.zeros(len(catalog), bool)
    kept[learned] = True
    seen = replace(
        task.truth,
        values=[value if mine else () for value, mine in zip(task.truth.values, kept, strict=True)],
    )
    target = make_target(task.recipe, seen)
    learned = np.intersect1d(learned, labelled_rows(catalog, seen, target))
    if len(learned) < LEAST_PRODUCTS:
        raise TargetError(
            f"expected at least {LEAST_PRODUCTS} labelled products besides those kept aside, got {len(learned)}"
        )
    rounds = plan_rounds(learned, task.groups, catalog.ids, task.recipe)
    with reporter.stage("reading images for the catalog's fingerprint", len(catalog)) as stage:
        print_ = fingerprint(catalog, stage.advance)
    parts = [(one.fit, one.held_out) for one in rounds]
    values = list(task.truth.values)
    encoded = target.encode(values)
    return Bench(
        recipe=task.recipe,
        target=target,
        catalog=catalog,
        fingerprint=print_,
        truth=encoded,
        answers=target.encode_labels(values) if isinstance(target, LabelTarget) else encoded,
        groups=task.groups,
        learned=learned,
        aside=aside,
        rounds=rounds,
        key=work_key(catalog=print_, target=task.recipe.target, learned=learned, aside=aside, rounds=parts),
    )
