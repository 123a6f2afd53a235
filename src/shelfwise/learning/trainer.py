"""Trains the classifiers of a recipe: on whichever products it is given, one after the other or side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch

from shelfwise.encoders.base import Encoder
from shelfwise.ensemble import Prepared, build_encoders, choose_device, usable
from shelfwise.heads.class_weights import class_weights
from shelfwise.learning.across import Across
from shelfwise.learning.lessons import (
    Lesson,
    Material,
    Scores,
    effort_a_product,
    learned_from,
    put_together,
    recall,
    score_rows,
    teach,
    teach_elsewhere,
    trains_encoders,
)
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.unfinished import KeptLesson, Unfinished
from shelfwise.profiling import timed
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, Recipe
from shelfwise.taxonomy.targets import UNLABELLED, Target
from shelfwise.training.loop import EpochRecord
from shelfwise.training.ranks import Ranks
from shelfwise.training.side_by_side import SideBySide, processes_possible, threads

_LEAST_HELD_OUT = 4
"""Fewer held-out products than this choose nothing."""
_CHECKED = 2_000
"""Held-out products that are scored after every epoch: enough to see when to stop."""
_WORTH_PROCESSES = 300_000.0
"""Effort of all lessons together (`effort_a_product`), from which on starting processes (some seconds) pays: some ten seconds of
one thread."""


Choice = Callable[[Sequence[Lesson]], Sequence[Lesson]]
"""All lessons of a plan → those to be done by this process."""


def _all(lessons: Sequence[Lesson]) -> Sequence[Lesson]:
    return lessons


def raw_scores(found: Trained, rows: np.ndarray) -> dict[str, Scores]:
    """Each kept classifier's raw logits of ``rows`` and for which of them it is present."""
    return {name: score_rows(classifier, found.data, rows) for name, classifier in found.classifiers.items()}


class Trainer:
    """Fits encoders and classifiers of one recipe on whichever rows it is given.

    Small classifiers are trained on one thread each, in processes side by side where there is enough to learn from; networks that
    train an encoder too are given all threads where there are fewer of them than threads. Which of the ways is taken does not
    change a classifier trained on one thread by a bit.
    """

    def __init__(
        self,
        recipe: Recipe,
        target: Target,
        prepared: Prepared,
        truth: np.ndarray,
        reporter: Reporter,
        work: Unfinished | None = None,
    ) -> None:
        self.work = work
        self.recipe, self.target, self.prepared = recipe, target, prepared
        self.truth, self.reporter = truth, reporter
        self.device = choose_device(recipe)
        self.told: set[str] = set()

    def fit(
        self,
        rows: np.ndarray,
        held_out: np.ndarray | None,
        epochs: Mapping[str, int] | None,
        where: str,
        on_epoch: Callable[[str, EpochRecord], None] | None = None,
    ) -> Trained:
        """Every classifier that has something to learn from; one whose inputs are all empty is left out, and so is one
        that ``epochs`` does not name. ``on_epoch`` is told a classifier's name and each of its epochs, one after the other."""
        plan = Plan(rows, held_out, epochs, where)
        if on_epoch is not None:
            return self._here(plan, *self._lessons(plan, _all), on_epoch)
        return self.fit_all([plan])[0]

    @timed("train")
    def fit_all(self, plans: Sequence[Plan]) -> list[Trained]:
        """Carry out ``plans``, side by side where that is sooner; divided among the processes that train together."""
        ranks = Ranks.current()
        if ranks.count == 1:
            return self._fit_all(plans, _all)
        across = Across(ranks, [self._finished(plan) for plan in plans])
        mine = self._fit_all(plans, across.mine)
        return across.together(plans, mine, self.recipe, self.target)

    def _fit_all(self, plans: Sequence[Plan], chosen: Choice) -> list[Trained]:
        workers = torch.get_num_threads() if processes_possible() else 1
        if self.device.type != "cpu" or workers == 1 or not self._worth_processes(plans):
            return [self._here(plan, *self._lessons(plan, chosen)) for plan in plans]
        with SideBySide.working(workers) as pool:
            return self._side_by_side(plans, pool, chosen)

    def _worth_processes(self, plans: Sequence[Plan]) -> bool:
        """Whether there is much to do, and more than one thing at a time."""
        encoders = build_encoders(self.recipe.inputs)
        efforts = [
            len(plan.fit) * self._effort_a_product(one, plan.epochs, encoders)
            for plan in plans
            for one in self.recipe.classifiers
        ]
        return len(efforts) > 1 and sum(efforts) >= _WORTH_PROCESSES

    def _effort_a_product(
        self, one: ClassifierRecipe, epochs: Mapping[str, int] | None, encoders: Mapping[str, Encoder]
    ) -> float:
        return effort_a_product(one, _epochs(one, epochs), self.target.n_outcomes, encoders)

    def _finished(self, plan: Plan) -> list[str]:
        """The classifiers that an interrupted training has finished."""
        return [
            one.name
            for number, one in enumerate(self.recipe.classifiers, start=1)
            if (kept := self._kept(plan, number)) is not None and kept.read() is not None
        ]

    def _kept(self, plan: Plan, number: int) -> KeptLesson | None:
        return self.work.lesson(plan.unit, number) if self.work is not None and plan.unit else None

    def _side_by_side(self, plans: Sequence[Plan], pool: SideBySide, chosen: Choice) -> list[Trained]:
        kept: list[tuple[Material | None, Sequence[Lesson], list[Lesson]]] = []
        found: list[Trained] = []
        steps = 0
        for plan in plans:
            material, lessons = self._lessons(plan, chosen)
            here, sent = self._divided(plan, len(plans), material, lessons, pool.processes)
            if sent:
                shared = pool.share(material)
                for one in sent:
                    pool.submit(teach_elsewhere, one, shared, plan.keep)
            steps += sum(one.steps for one in sent)
            mine = self._here(plan, material, here)
            found.append(mine)
            kept.append((material if plan.keep else None, lessons, sent))
        where = plans[0].where if len(plans) == 1 else f" on {len(plans)} folds"
        count = len({one.recipe.name for _, _, sent in kept for one in sent})
        with self.reporter.stage(f"training {count} classifiers side by side{where}", steps) as stage:
            results = iter(pool.results(stage))
        for mine, (whole, _, sent) in zip(found, kept, strict=True):
            for one in sent:
                learned = next(results)
                mine.fits[one.recipe.name] = learned.fit
                if learned.scores is not None:
                    mine.scores[one.recipe.name] = learned.scores
                if self.work is not None:
                    self.work.check(one.kept)
                if whole is not None and learned.weights is not None:
                    mine.classifiers[one.recipe.name] = put_together(one, whole, learned.weights)
        return [_in_order(mine, lessons) for mine, (_, lessons, _) in zip(found, kept, strict=True)]

    @staticmethod
    def _divided(
        plan: Plan, plans: int, material: Material, lessons: Sequence[Lesson], processes: int
    ) -> tuple[list[Lesson], list[Lesson]]:
        """What is done here (finished already, or large and would leave threads idle), and what is sent, longest first."""
        unknown = [one for one in lessons if recall(one, material, plan.keep) is None]
        large = {one.recipe.name for one in unknown if trains_encoders(one.recipe, material.encoders)}
        sent = {one.recipe.name for one in unknown} - (large if len(large) * plans < processes else set())
        return (
            [one for one in lessons if one.recipe.name not in sent],
            sorted(
                (one for one in lessons if one.recipe.name in sent), key=lambda one: one.effort, reverse=True
            ),
        )

    def _here(
        self,
        plan: Plan,
        material: Material,
        lessons: Sequence[Lesson],
        on_epoch: Callable[[str, EpochRecord], None] | None = None,
    ) -> Trained:
        """Train one after the other, in this process."""
        trained = Trained(material.encoders, {}, {}, material.data) if plan.keep else Trained()
        for one in lessons:
            name = one.recipe.name
            known = recall(one, material, plan.keep)
            if known is not None:
                trained.fits[name] = known.fit
                if known.scores is not None:
                    trained.scores[name] = known.scores
                if known.weights is not None:
                    trained.classifiers[name] = put_together(one, material, known.weights).to(self.device)
                continue
            large = self.device.type != "cpu" or trains_encoders(one.recipe, material.encoders)
            told = None if on_epoch is None else partial(on_epoch, name)
            with (
                self.reporter.stage(f"training {name}{plan.where}", one.steps) as stage,
                threads(torch.get_num_threads() if large else 1),
            ):
                classifier, trained.fits[name] = teach(one, material, self.device, stage, told)
                if one.scored is not None:
                    trained.scores[name] = score_rows(classifier, material.data, one.scored)
            learned_from(one, classifier, trained.fits[name], trained.scores.get(name), plan.keep)
            if self.work is not None:
                self.work.check(one.kept)
            if plan.keep:
                trained.classifiers[name] = classifier
        return trained

    def _lessons(self, plan: Plan, chosen: Choice) -> tuple[Material, Sequence[Lesson]]:
        """Encoders fitted on the plan's products, what they make of all, and what each chosen classifier is to learn."""
        rows, epochs = plan.fit, plan.epochs
        encoders = build_encoders(self.recipe.inputs)
        encoders = {name: encoder.fit(self.prepared[name], rows) for name, encoder in encoders.items()}
        for name, encoder in encoders.items():
            for remark in encoder.remarks() if epochs is None else ():
                self._say_once(f"'{name}': {remark}")
        data = {name: encoder.transform(self.prepared[name]) for name, encoder in encoders.items()}
        weights = class_weights(
            self.recipe.training.class_weights,
            self.target.exclusive,
            self.truth[rows],
            self.target.n_outcomes,
        )
        lessons = []
        for number, one in enumerate(self.recipe.classifiers, start=1):
            if epochs is not None and one.name not in epochs:
                continue
            carried = usable(one, data)
            mine = rows[carried[rows]]
            if not len(mine) or all(encoders[name].width == 0 for name in one.inputs):
                self._say_once(
                    f"classifier '{one.name}' left out: its inputs are empty in all products to learn from"
                )
                continue
            held = plan.held_out
            checked = None if held is None else self._checked(held[carried[held]])
            effort = len(mine) * self._effort_a_product(one, epochs, encoders)
            kept = self._kept(plan, number)
            lessons.append(Lesson(one, mine, checked, held, _epochs(one, epochs), effort, kept))
        return Material(self.recipe.training, self.target, encoders, data, self.truth, weights), chosen(
            lessons
        )

    def _checked(self, held_out: np.ndarray) -> np.ndarray | None:
        """The held-out products of known answers that choose the number of epochs; None where they are too few to."""
        if self.target.exclusive:
            held_out = held_out[self.truth[held_out] != UNLABELLED]
        if len(held_out) < _LEAST_HELD_OUT:
            return None
        drawn = np.random.default_rng(self.recipe.training.seed).permutation(held_out)[:_CHECKED]
        return np.sort(drawn)

    def _say_once(self, line: str) -> None:
        if line not in self.told:
            self.told.add(line)
            self.reporter.say(line)


def _epochs(classifier: ClassifierRecipe, epochs: Mapping[str, int] | None) -> int:
    """For how long to train a classifier; 0 for one that ``epochs`` does not name."""
    return classifier.epochs if epochs is None else epochs.get(classifier.name, 0)


def _in_order(mine: Trained, lessons: Sequence[Lesson]) -> Trained:
    """The same with classifiers, curves and scores in the recipe's order."""
    names = [one.recipe.name for one in lessons]
    return Trained(
        mine.encoders,
        {name: mine.classifiers[name] for name in names if name in mine.classifiers},
        {name: mine.fits[name] for name in names},
        mine.data,
        {name: mine.scores[name] for name in names if name in mine.scores},
    )
