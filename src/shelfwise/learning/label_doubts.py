"""Products whose label is probably wrong: every label is judged by quick classifiers that learned from other products only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelfwise.catalog.split import grouped_folds
from shelfwise.decision.category_groups import groups_of_each_category, groups_of_each_label
from shelfwise.decision.label_noise import LabelNoise, fit_label_noise
from shelfwise.decision.label_set_noise import fit_set_noise
from shelfwise.ensemble import Prepared
from shelfwise.errors import TargetError
from shelfwise.learning import recommended
from shelfwise.learning.plans import Plan
from shelfwise.learning.random_labels import pooled_probabilities
from shelfwise.learning.rounds import LEAST_PRODUCTS, Round
from shelfwise.learning.trainer import Trainer
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, Recipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

FOLDS = 4
"""Every label is judged by classifiers that learned from three quarters of the other groups."""
SUSPECT = 0.5
"""Probability of being wrong above which a label is a suspect."""
LEAST_GROUPS = 3
"""Labels of categories that stand in fewer groups of near-duplicates are not suspected: those who judge one of them learned of
the category from a single other product, or from none."""
_QUICK: dict[str, Any] = {"epochs": 8, "batch": 128, "learning_rate": 3e-3}
_FULL_RANK, _RANK = 1_000, 128
"""Outcomes up to which a linear classifier has a weight for every pair of word and outcome, and its inner width above that."""


@dataclass(frozen=True)
class Judged:
    """What classifiers that had not seen them say of labelled products.

    ``rows`` int64 [M] ascending; ``probabilities`` float32 [M, outcomes]; ``groups`` int64 [M] of near-duplicates. Products that
    no classifier can read are not in it.
    """

    rows: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray


@dataclass(frozen=True)
class LabelDoubts:
    """How doubtful the given answers are; all arrays and lists have one entry a product judged.

    ``rows`` int64 ascending; ``wrong`` float64 (0–1), the probability that the answer is wrong; ``own`` float64 (0–1),
    how probable the classifiers find it as given (of labels decided one by one, the least); ``suggestion`` the likeliest
    answer in its place (the same where nothing is better) and ``likely`` float64, its probability. ``known``, bool: whether the
    answer stands in enough groups for classifiers to know anything of it; the others are never suspects. Of the known, ``share``
    (0–1) look wrong in all, and with ``agreement`` (0–1) the classifiers agree: they find no other answer likelier or, of labels
    decided one by one, the set likelier than nine in ten of other products' sets.
    """

    rows: np.ndarray
    wrong: np.ndarray
    own: np.ndarray
    suggestion: list[tuple[str, ...]]
    likely: np.ndarray
    known: np.ndarray
    share: float
    agreement: float

    @property
    def ranked(self) -> np.ndarray:
        """int64: places in the arrays, the most doubtful first."""
        return np.lexsort((self.rows, self.own, -self.wrong))

    @property
    def suspects(self) -> np.ndarray:
        """bool: more probably wrong than right."""
        return self.wrong > SUSPECT


def judge(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    truth: np.ndarray,
    groups: np.ndarray,
    labelled: np.ndarray,
    ids: Sequence[str],
    reporter: Reporter,
) -> Judged:
    """Score each of the ``labelled`` products (ascending rows) by classifiers trained without its fold of groups.

    ``recipe`` is spelled out; its inputs are read, but by quick classifiers: a second opinion on every label is asked for, and
    soon. ``truth`` is what ``target.encode`` gave. Raises TargetError when there is too little to learn from.
    """
    mine = groups[labelled]
    folds = min(FOLDS, len(np.unique(mine)))
    if len(labelled) < LEAST_PRODUCTS or folds < 2:
        raise TargetError(
            f"expected at least {LEAST_PRODUCTS} labelled products that are not all near-duplicates to judge labels by, got "
            f"{len(labelled)} in {folds} group(s)"
        )
    quick = quick_recipe(recipe, target, len(labelled))
    fold_of = grouped_folds(mine, folds, recipe.training.seed, keys=[ids[row] for row in labelled])
    plans = [
        Plan(
            labelled[fold_of != fold],
            labelled[fold_of == fold],
            where=f" (labels, fold {fold + 1})",
            keep=False,
        )
        for fold in range(folds)
    ]
    names = [one.name for one in quick.classifiers]
    logits = np.zeros((len(names), len(labelled), target.n_outcomes), np.float32)
    present = np.zeros((len(names), len(labelled)), bool)
    for fold, found in enumerate(Trainer(quick, target, prepared, truth, reporter).fit_all(plans)):
        out = fold_of == fold
        for name, (scores, here) in found.scores.items():
            place = names.index(name)
            logits[place, out], present[place, out] = np.where(here[:, None], scores, 0.0), here
    read = present.any(0)
    if not read.any():
        raise TargetError(
            "expected labelled products with at least one usable input, but all inputs are empty"
        )
    rows, learned = labelled[read], present.any(1)
    said, here = logits[learned][:, read], present[learned][:, read]
    seed = recipe.training.seed
    probabilities = pooled_probabilities(target, said, here, truth[rows], groups[rows], seed)
    return Judged(rows, probabilities.astype(np.float32, copy=False), groups[rows])


def find_doubts(judged: Judged, target: Target, answers: Sequence[tuple[str, ...]]) -> LabelDoubts:
    """What is doubtful of ``answers`` (of all rows of the catalog, paths or label sets) after what was judged."""
    given = [answers[row] for row in judged.rows]
    if isinstance(target, LabelTarget) and not target.sets:
        return _label_doubts(judged, target, given)
    return _outcome_doubts(judged, target, given)


def quick_recipe(recipe: Recipe, target: Target, products: int) -> Recipe:
    """The spelled-out recipe with classifiers that are trained soon: one linear one over all words, values and numbers, and
    one on each input of pictures with a pretrained backbone; where there is neither, those of the preset ``fast``.

    They are trained by their likelihood and not by a margin, because what is asked of them is a probability.
    """
    words = [one.name for one in recipe.inputs if one.role in ("text", "category", "number")]
    images = [
        one.name
        for one in recipe.inputs
        if recommended.pretrained(one) and not recommended.trains_on_pictures(one)
    ]
    rank = None if target.n_outcomes <= _FULL_RANK else _RANK
    classifiers = [
        ClassifierRecipe(name=f"image {place}", inputs=[name], hidden=[256], input_dropout=0.2, **_QUICK)
        for place, name in enumerate(images)
    ]
    if words:
        linear = ClassifierRecipe(
            name="words", inputs=words, rank=rank, dropout=0.2, weight_decay=0.0, **_QUICK
        )
        classifiers.insert(0, linear)
    if not classifiers:
        classifiers = recommended.fast(
            recipe.inputs, recommended.Task(products, target.n_outcomes, target.multilabel)
        )
    used = {name for one in classifiers for name in one.inputs}
    return recipe.model_copy(
        update={"classifiers": classifiers, "inputs": [one for one in recipe.inputs if one.name in used]}
    )


def _outcome_doubts(judged: Judged, target: Target, answers: Sequence[tuple[str, ...]]) -> LabelDoubts:
    """Of paths, and of label sets that are decided as wholes."""
    given, said = target.encode(answers), judged.probabilities
    known = groups_of_each_category(given, judged.groups) >= LEAST_GROUPS
    noise = fit_label_noise(said[known], given[known]) if known.any() else LabelNoise(0.0, 1.0)
    best = said.argmax(1)
    return LabelDoubts(
        judged.rows,
        noise.wrong(said, given) * (known & (best != given)),
        noise.expected_of(said, given),
        [outcome_names(target, outcome) for outcome in best],
        noise.expected_of(said, best),
        known,
        noise.share,
        float((best == given)[known].mean()) if known.any() else 0.0,
    )


def outcome_names(target: Target, outcome: int) -> tuple[str, ...]:
    """The path, or the label set, that an outcome stands for."""
    if isinstance(target, PathTarget):
        return target.outcomes[outcome]
    return tuple(target.labels[label] for label in target.sets[outcome])


def _label_doubts(judged: Judged, target: LabelTarget, answers: Sequence[tuple[str, ...]]) -> LabelDoubts:
    """Where labels are decided one by one: the sets as they are given. What is suggested for a suspect is the labels that are
    more probable than not, or the likeliest one."""
    by_label = target.label_probabilities(judged.probabilities)
    given = target.encode_labels(answers) > 0
    known = groups_of_each_label(given, judged.groups) >= LEAST_GROUPS
    noise = fit_set_noise(by_label, given, known)
    likely = by_label >= 0.5
    likely[np.arange(len(likely)), by_label.argmax(1)] = True
    turned = (noise.wrong > SUSPECT) & (likely != given).any(1)
    better = np.where(turned[:, None], likely, given)
    suggestion = [
        tuple(target.labels[label] for label in np.flatnonzero(row)) if other else tuple(answer)
        for row, other, answer in zip(better, turned, answers, strict=True)
    ]
    return LabelDoubts(
        judged.rows,
        noise.wrong * (likely != given).any(1),
        np.where(given, by_label, 1 - by_label).min(1, initial=1.0).astype(np.float64),
        suggestion,
        np.where(better, by_label, 1 - by_label).min(1, initial=1.0).astype(np.float64),
        np.asarray((given & known).any(1)),
        noise.share,
        noise.agreement,
    )


def without_suspects(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    answers: Sequence[tuple[str, ...]],
    groups: np.ndarray,
    labelled: np.ndarray,
    ids: Sequence[str],
    rounds: Sequence[Round],
    refit: np.ndarray | None,
    reporter: Reporter,
) -> tuple[list[Round], np.ndarray | None]:
    """The rounds and the rows of the last fit without products whose label is probably wrong, so that nothing is learned
    from them.

    They stay among the held-out products: to measure on what remains when the hard ones are gone would promise too much.
    ``answers`` are of all rows of ``prepared``; ``labelled`` those to learn from.
    """
    judged = judge(recipe, target, prepared, target.encode(answers), groups, labelled, ids, reporter)
    doubts = find_doubts(judged, target, answers)
    left_out = doubts.rows[doubts.suspects]
    reporter.say(
        f"{len(left_out):,} of {len(labelled):,} products are not learned from, because their label is probably wrong; about "
        f"{doubts.share:.1%} of the labels look it"
    )
    kept = [Round(one.fit[~np.isin(one.fit, left_out)], one.held_out) for one in rounds]
    if any(not len(one.fit) for one in kept):
        return list(rounds), refit
    return kept, None if refit is None else refit[~np.isin(refit, left_out)]
