"""How good a recipe is on held-out products, with no needless training: a classifier that no trial changes is trained once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from shelfwise.encoders.base import Encoded
from shelfwise.encoders.rows_on_demand import is_on_demand
from shelfwise.ensemble import build_encoders, prepare
from shelfwise.errors import TargetError
from shelfwise.experiments.cache import Result, ResultStore, work_key
from shelfwise.fusion import build_policy
from shelfwise.learning.fusing import Fused, HeldOutScores, fuse
from shelfwise.learning.rounds import refit_rows
from shelfwise.learning.trainer import Trainer, raw_scores
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe
from shelfwise.search.bench import Bench
from shelfwise.training.loop import EpochRecord

_MOST_BYTES = 500_000_000
"""Of held-out scores and of prepared inputs that are kept in memory, each."""

Thing = TypeVar("Thing")
OnStep = Callable[[int, EpochRecord], None]
"""Told of every epoch of every classifier, with a number that is the same in all trials for the same classifier and fold."""


@dataclass(frozen=True)
class Said:
    """What one classifier said: logits float32 [N, outcomes], presence bool [N], and for how many epochs it was best (0: it had
    nothing to learn from)."""

    logits: np.ndarray
    present: np.ndarray
    epochs: int


@dataclass(frozen=True)
class Scored:
    """A recipe's score (0–1, see ``learning.quality``), what was fitted on held-out products, and the classifiers behind it."""

    value: float
    fused: Fused
    names: list[str]


class Scorer:
    """Scores recipes on one bench.

    ``changing``: classifiers that trials change; what the others say is kept in ``store``, and a later run finds it there.
    ``policies``: positions of the fusion policies that the score is of; empty: of the one that ``train`` would take.
    """

    def __init__(
        self, bench: Bench, store: ResultStore, changing: set[str], policies: set[int], reporter: Reporter
    ) -> None:
        self.bench, self.store, self.changing, self.policies = bench, store, changing, policies
        self.reporter = reporter
        self._said: _Kept[Said] = _Kept(lambda one: one.logits.nbytes)
        self._prepared: _Kept[Encoded] = _Kept(_bytes_of)

    def score(self, recipe: Recipe, reporter: Reporter, on_step: OnStep | None = None) -> Scored:
        """Train what was not trained before, and fuse. Raises RecipeError for what cannot be trained, and what ``on_step``
        raises."""
        names, held = self._held_out(recipe, reporter, on_step)
        if not self.policies:
            fused = self._fuse(recipe, names, held)
            return Scored(fused.scores[fused.told], fused, names)
        specs = [recipe.fusion.policies[position] for position in sorted(self.policies)]
        fusion = recipe.fusion.model_copy(update={"policies": specs, "by_label": False})
        narrowed = recipe.model_copy(update={"fusion": fusion})
        fused = self._fuse(narrowed, names, held)
        scores = [fused.scores.get(build_policy(spec, self.bench.target.exclusive).name) for spec in specs]
        found = [score for score in scores if score is not None]
        # With one classifier that has anything to say, there is no policy: it speaks for itself.
        return Scored(max(found) if found else fused.scores[fused.told], fused, names)

    def whole(self, recipe: Recipe, reporter: Reporter) -> tuple[Fused, list[str]]:
        """What ``train`` would fit on held-out products, with all the recipe's policies, and the names of the classifiers."""
        names, held = self._held_out(recipe, reporter, None)
        return self._fuse(recipe, names, held), names

    def final(self, recipe: Recipe, reporter: Reporter) -> tuple[Fused, np.ndarray, np.ndarray]:
        """The model that ``train`` would make of ``recipe``, asked about the products kept aside: what is fused and calibrated on
        held-out products, and raw logits [classifiers, N, outcomes] and presence [classifiers, N]."""
        fused, names = self.whole(recipe, reporter)
        by_name = {one.name: one for one in recipe.classifiers}
        said = [self._aside(recipe, by_name[name], reporter) for name in names]
        return fused, np.stack([one.logits for one in said]), np.stack([one.present for one in said])

    def _fuse(self, recipe: Recipe, names: Sequence[str], held: HeldOutScores) -> Fused:
        bench = self.bench
        return fuse(recipe, bench.target, names, held, bench.truth, bench.groups)

    def _held_out(
        self, recipe: Recipe, reporter: Reporter, on_step: OnStep | None
    ) -> tuple[list[str], HeldOutScores]:
        said = self._all_said(recipe, reporter, on_step)
        names = [one.name for one in recipe.classifiers if said[one.name].epochs]
        if not names:
            raise TargetError(
                "expected labelled products with at least one usable input to learn from, but no input has a value in any of them"
            )
        rows = np.concatenate([one.held_out for one in self.bench.rounds])
        present = np.stack([said[name].present for name in names])
        reachable = np.flatnonzero(present.any(0))
        logits = np.stack([said[name].logits[reachable] for name in names])
        return names, HeldOutScores(logits, present[:, reachable], rows[reachable])

    def _all_said(self, recipe: Recipe, reporter: Reporter, on_step: OnStep | None) -> dict[str, Said]:
        """What each classifier says of all held-out products, in the rounds' order."""
        said: dict[str, Said] = {}
        missing = []
        for one in recipe.classifiers:
            found = self._find(one, self._key(recipe, one, "held out"))
            if found is None:
                missing.append(one)
            else:
                said[one.name] = found
        if missing:
            made = self._train_rounds(recipe, missing, reporter, on_step)
            for one in missing:
                self._keep(one, self._key(recipe, one, "held out"), made[one.name])
            said |= made
        return said

    def _train_rounds(
        self, recipe: Recipe, missing: list[ClassifierRecipe], reporter: Reporter, on_step: OnStep | None
    ) -> dict[str, Said]:
        rounds, trainer = self.bench.rounds, self._trainer(recipe, missing, reporter)
        places = {one.name: place for place, one in enumerate(recipe.classifiers)}
        parts: dict[str, list[Said]] = {one.name: [] for one in missing}
        for number, one_round in enumerate(rounds):
            where = f" (fold {number + 1} of {len(rounds)})" if len(rounds) > 1 else ""
            first = number * len(recipe.classifiers)
            tell = None if on_step is None else partial(_tell, on_step, first, places)
            found = trainer.fit(one_round.fit, one_round.held_out, None, where, tell)
            scores = raw_scores(found, one_round.held_out)
            for one in missing:
                parts[one.name].append(self._part(one.name, scores, found.fits, len(one_round.held_out)))
        return {name: _join(mine) for name, mine in parts.items()}

    def _aside(self, recipe: Recipe, one: ClassifierRecipe, reporter: Reporter) -> Said:
        """What a classifier that learned from all products but those aside says of them."""
        key = self._key(recipe, one, "aside")
        found = self._find(one, key)
        if found is not None:
            return found
        epochs = self._all_said(recipe, reporter, None)[one.name].epochs
        refit = refit_rows(recipe, self.bench.learned, self.bench.rounds)
        rows = self.bench.rounds[0].fit if refit is None else refit
        trained = self._trainer(recipe, [one], reporter).fit(
            rows, None, {one.name: epochs}, " on all products"
        )
        aside = self.bench.aside
        made = self._part(one.name, raw_scores(trained, aside), trained.fits, len(aside))
        self._keep(one, key, made)
        return made

    def _part(
        self, name: str, scores: Mapping[str, tuple[np.ndarray, np.ndarray]], fits: Mapping, count: int
    ) -> Said:
        if name not in scores:
            shape = (count, self.bench.target.n_outcomes)
            return Said(np.zeros(shape, np.float32), np.zeros(count, bool), 0)
        logits, present = scores[name]
        return Said(
            np.where(present[:, None], logits, 0.0).astype(np.float32), present, fits[name].best_epoch
        )

    def _trainer(self, recipe: Recipe, classifiers: list[ClassifierRecipe], reporter: Reporter) -> Trainer:
        """What trains these classifiers alone, with the inputs they read."""
        read = {name for one in classifiers for name in one.inputs}
        inputs = [one for one in recipe.inputs if one.name in read]
        narrowed = recipe.model_copy(update={"classifiers": classifiers, "inputs": inputs})
        prepared = {one.name: self._prepare(one, reporter) for one in inputs}
        return Trainer(narrowed, self.bench.target, prepared, self.bench.truth, reporter)

    def _prepare(self, one: InputRecipe, reporter: Reporter) -> Encoded:
        key = one.model_dump_json()
        found = self._prepared.get(key)
        if found is None:
            found = prepare(build_encoders([one]), [one], self.bench.catalog, reporter)[one.name]
            self._prepared.put(key, found)
        return found

    def _key(self, recipe: Recipe, one: ClassifierRecipe, products: str) -> str:
        inputs = [given for given in recipe.inputs if given.name in one.inputs]
        training = recipe.training.model_dump(
            include={"seed", "patience", "schedule", "class_weights", "refit"}
        )
        return work_key(
            bench=self.bench.key, classifier=one, inputs=inputs, training=training, products=products
        )

    def _find(self, one: ClassifierRecipe, key: str) -> Said | None:
        found = self._said.get(key)
        if found is None and one.name not in self.changing:
            stored = self.store.find(one.name, key)
            if stored is not None:
                found = _from_result(stored)
                self._said.put(key, found)
        return found

    def _keep(self, one: ClassifierRecipe, key: str, said: Said) -> None:
        self._said.put(key, said)
        if one.name not in self.changing:
            arrays = {"logits": said.logits, "present": said.present}
            self.store.put(one.name, key, Result(arrays, {"epochs": said.epochs}))


class _Kept(Generic[Thing]):
    """The things used last, up to ``_MOST_BYTES``."""

    def __init__(self, size: Callable[[Thing], int]) -> None:
        self._size = size
        self._things: OrderedDict[str, Thing] = OrderedDict()

    def get(self, key: str) -> Thing | None:
        """The thing, which is then the one used last."""
        if key not in self._things:
            return None
        self._things.move_to_end(key)
        return self._things[key]

    def put(self, key: str, thing: Thing) -> None:
        """Keep it, and let go of those longest unused where there is no room."""
        self._things[key] = thing
        while len(self._things) > 1 and sum(map(self._size, self._things.values())) > _MOST_BYTES:
            self._things.popitem(last=False)


def _tell(on_step: OnStep, first: int, places: Mapping[str, int], name: str, record: EpochRecord) -> None:
    on_step(first + places[name], record)


def _bytes_of(encoded: Encoded) -> int:
    matrix = encoded.matrix
    if isinstance(matrix, np.ndarray):
        return matrix.nbytes
    if is_on_demand(matrix):
        return int(matrix.shape[0])
    return int(matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)


def _join(parts: Sequence[Said]) -> Said:
    """All rounds' parts, one after the other; the epochs are those of the rounds in which it learned, on average."""
    best = [one.epochs for one in parts if one.epochs]
    epochs = max(1, round(sum(best) / len(best))) if best else 0
    return Said(
        np.concatenate([one.logits for one in parts]), np.concatenate([one.present for one in parts]), epochs
    )


def _from_result(stored: Result) -> Said:
    return Said(stored.arrays["logits"], stored.arrays["present"], int(stored.facts["epochs"]))
