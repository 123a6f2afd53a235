"""`shelfwise search`: tries recipes on a catalog, keeps every trial in a folder, and writes the best recipe there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import RecipeError, ShelfwiseError
from shelfwise.experiments.cache import ResultStore, work_key
from shelfwise.locking import holding
from shelfwise.progress import Reporter
from shelfwise.recipe import PRESETS, Recipe, read_values
from shelfwise.search.aside import AsideScores, compare, count_right
from shelfwise.search.bench import Bench, set_up
from shelfwise.search.candidates import Candidates, describe
from shelfwise.search.outcome import Outcome, Taken, write_tables
from shelfwise.search.picture import write_picture
from shelfwise.search.scorer import Scorer
from shelfwise.search.space import Domain, parse_space
from shelfwise.search.study import STUDY_FILE, Study, TrialRow

DEFAULT_TRIALS = 50
TEST_SHARE = 0.15
_SCORES_FOLDER = "scores"
_LOCK_FILE = ".lock"
_STAGE = "trials"


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during a search; the message says what is kept and how to go on."""


@dataclass(frozen=True)
class SearchOptions:
    """How long to search. ``trials`` in all, those of earlier runs in the same folder counted; ``minutes`` of this run, after
    which no trial is begun; where neither is given, ``DEFAULT_TRIALS``. ``test_share`` (0–0.5) of the products is kept aside."""

    trials: int | None = None
    minutes: float | None = None
    test_share: float = TEST_SHARE


def read_search_recipe(name_or_file: str | Path) -> tuple[Recipe, dict[str, Domain] | None]:
    """A recipe, and what its block ``search`` says to try; None where it has none. Raises RecipeError."""
    if str(name_or_file) in PRESETS:
        return Recipe.read(name_or_file), None
    file = Path(name_or_file)
    values = read_values(file)
    block = values.pop("search", None)
    try:
        return Recipe(**values), None if block is None else parse_space(block)
    except RecipeError as error:
        raise RecipeError(f"{file}: {error}") from error
    except TypeError as error:
        raise RecipeError(f"{file}: keys must be words: {error}") from error


def check_search_folder(folder: Path) -> None:
    """Refuse, before any work, a folder that is neither new, empty, nor an earlier search's. Raises ShelfwiseError."""
    if folder.exists() and not folder.is_dir():
        raise ShelfwiseError(
            f"expected a folder to write to, got the file '{folder}'; choose another with -o"
        )
    if folder.is_dir() and any(map(_is_shown, folder.iterdir())) and not (folder / STUDY_FILE).is_file():
        raise ShelfwiseError(
            f"expected a new or empty folder, or an earlier search's, but '{folder}' holds something else; choose another with -o"
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ShelfwiseError(f"the folder '{folder}' cannot be written; choose another, or change its rights")


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")


def search(
    recipe: Recipe,
    space: Mapping[str, Domain] | None,
    catalog: Catalog,
    folder: Path,
    options: SearchOptions,
    reporter: Reporter,
    command: str = "shelfwise.search.run.search",
) -> Outcome:
    """Search, and write everything to ``folder``; the same call goes on with a search that was interrupted or is to be longer.

    ``space`` None tries the shape and training of the recipe's policy network. Raises ShelfwiseError (RecipeError, TargetError …)
    for what cannot be searched, before anything is trained, and SearchInterrupted on Ctrl-C.
    """
    check_search_folder(folder)
    with holding(folder / _LOCK_FILE) as mine:
        if not mine:
            raise ShelfwiseError(
                f"another search is at work in '{folder}'; wait for it, or choose another folder with -o"
            )
        if recipe.training.threads:
            torch.set_num_threads(recipe.training.threads)
        bench = set_up(recipe, catalog, options.test_share, reporter)
        candidates = Candidates(bench.recipe, space, bench.target)
        study = Study(folder, candidates, bench.recipe.training.seed, _made_for(bench, candidates, options))
        search_ = _Search(folder, bench, candidates, study, reporter, command)
        return search_.run(options)


def _made_for(bench: Bench, candidates: Candidates, options: SearchOptions) -> dict[str, str]:
    recipe = bench.recipe
    rest = recipe.model_copy(update={"target": type(recipe.target)(), "training": type(recipe.training)()})
    training = recipe.training.model_dump(exclude={"threads", "device", "seed"})
    return {
        "catalog": bench.fingerprint,
        "target": work_key(target=recipe.target),
        "space": work_key(space=candidates.to_json()),
        "recipe": work_key(recipe=rest, training=training),
        "seed": str(recipe.training.seed),
        "share of products kept aside": f"{options.test_share:g}",
    }


class _Search:
    """One run of a search: what the parts of it share."""

    def __init__(
        self,
        folder: Path,
        bench: Bench,
        candidates: Candidates,
        study: Study,
        reporter: Reporter,
        command: str,
    ) -> None:
        self.folder, self.bench, self.candidates, self.study = folder, bench, candidates, study
        self.reporter, self.command = reporter, command
        self.scorer = Scorer(
            bench,
            ResultStore(folder / _SCORES_FOLDER),
            candidates.touched_classifiers(),
            candidates.touched_policies(),
            reporter,
        )

    def run(self, options: SearchOptions) -> Outcome:
        before = len(self.study.rows())
        for line in describe(self.candidates.dimensions):
            self.reporter.say(f"trying {line}")
        if before:
            self.reporter.say(f"going on after {before:,} trials that are in {self.folder}")
        start = None
        try:
            start = self.study.start_score(lambda: self.scorer.score(self.bench.recipe, self.reporter).value)
            self._try(options, before)
            outcome = self._outcome(start)
            aside, taken = self._score_aside(outcome), self._taken(outcome)
        except KeyboardInterrupt as error:
            raise SearchInterrupted(self._keep(start)) from error
        outcome = self._outcome(start, aside, taken)
        self._write(outcome)
        return outcome

    def _try(self, options: SearchOptions, before: int) -> None:
        trials = options.trials
        if trials is None and options.minutes is None:
            trials = DEFAULT_TRIALS
        left = None if trials is None else max(0, trials - before)
        if left == 0:
            self.reporter.say(f"there are {before:,} trials already; ask for more with --trials to go on")
        with self.reporter.stage("searching", left, _STAGE) as stage:
            ended = self.study.run(self.scorer, trials, options.minutes, stage)
        if ended == "everything":
            self.reporter.say("nothing new is suggested any more: what can be tried has been tried")

    def _keep(self, start: float | None) -> str:
        """Write what there is after Ctrl-C, and say how to go on."""
        count = len(self.study.rows())
        if start is None or not count:
            return (
                f"interrupted before a trial was finished; what was trained is kept in {self.folder}, and the same command goes "
                "on from there"
            )
        self._write(
            self._outcome(start, why_no_aside="The search was interrupted before its best recipe was tested.")
        )
        return (
            f"interrupted; {count:,} trials and the best recipe so far are kept in {self.folder}, and the same command goes on "
            "from there"
        )

    def _best(self, start: float) -> TrialRow | None:
        best = self.study.best()
        return None if best is None or best.score is None or best.score <= start else best

    def _outcome(
        self,
        start: float,
        aside: AsideScores | None = None,
        taken: Mapping[str, Taken] | None = None,
        why_no_aside: str = "No products were kept aside to test it on.",
    ) -> Outcome:
        best = self._best(start)
        values: Mapping[str, Any] = {} if best is None else best.values
        folds = len(self.bench.rounds)
        held_out = sum(len(one.held_out) for one in self.bench.rounds)
        return Outcome(
            measure="micro-F1" if self.bench.target.multilabel else "whole path right",
            judged_on=f"{held_out:,} held-out products" + (f" in {folds} folds" if folds > 1 else ""),
            start=start,
            start_values={one.path: one.start for one in self.candidates.dimensions},
            domains={one.path: one.domain for one in self.candidates.dimensions},
            rows=self.study.rows(),
            best=best,
            recipe=self.candidates.recipe(values),
            importances=self.study.importances(),
            aside=aside,
            why_no_aside=why_no_aside,
            taken=taken or {},
            seed=self.bench.recipe.training.seed,
            command=self.command,
        )

    def _score_aside(self, outcome: Outcome) -> AsideScores | None:
        bench = self.bench
        if not len(bench.aside):
            return None
        self.reporter.say(f"testing on {len(bench.aside):,} products that were kept aside")
        first = count_right(bench, *self.scorer.final(bench.recipe, self.reporter))
        second = first
        if outcome.best is not None:
            second = count_right(bench, *self.scorer.final(outcome.recipe, self.reporter))
        return compare(first, second, bench.groups[bench.aside], bench.recipe.training.seed)

    def _taken(self, outcome: Outcome) -> dict[str, Taken]:
        if not self.scorer.policies:
            return {}
        recipes = {"the recipe as it was": self.bench.recipe, "the best": outcome.recipe}
        if outcome.best is None:
            recipes.popitem()
        found = {name: self.scorer.whole(one, self.reporter)[0] for name, one in recipes.items()}
        return {name: Taken(one.told, one.scores[one.told]) for name, one in found.items()}

    def _write(self, outcome: Outcome) -> None:
        write_tables(outcome, self.folder)
        write_picture(outcome, self.folder)
