"""The trials: Optuna suggests values, a scorer scores them, and a file keeps what came out, so that a search can go on."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shelfwise.errors import RecipeError, ShelfwiseError
from shelfwise.progress import Silent, Stage
from shelfwise.recipe import Recipe
from shelfwise.search.candidates import Candidates
from shelfwise.search.scorer import OnStep, Scorer
from shelfwise.training.loop import EpochRecord

if TYPE_CHECKING:
    import optuna

STUDY_FILE = "study.db"
_NAME = "search"
_MADE_FOR = "made for"
_START = "start"
_NO_REPEAT_LEFT = 25
"""After so many repeated suggestions in a row, what can be tried has been tried."""
_RANDOM_FIRST = 10
_STEPS_A_PART = 10_000
_LEAST_SHARE_OF_EPOCHS = 1 / 3
"""No trial is given up in the first third of its schedule: rates still high, look alike there."""

_KEPT_PERCENT = 75.0
"""A trial goes on while it is among these at a step. What is compared there is one classifier's score, not that of all together,
so that only what is clearly behind is given up."""

State = Literal["finished", "pruned", "refused"]


@dataclass(frozen=True)
class TrialRow:
    """One trial. ``score`` is None where it was given up (``pruned``) or where its values do not go together (``refused``,
    ``note`` says why). ``repeats``: it had the values of this earlier trial and was not computed again."""

    number: int
    state: State
    score: float | None
    values: Mapping[str, Any]
    seconds: float
    note: str
    repeats: int | None


class Study:
    """The trials of one search, in ``folder/study.db``.

    ``made_for`` tells searches apart. Raises ShelfwiseError where the file there was made for another search (naming what
    differs), or is no search.
    """

    def __init__(self, folder: Path, candidates: Candidates, seed: int, made_for: Mapping[str, str]) -> None:
        self.file = folder / STUDY_FILE
        self.candidates, self.seed = candidates, seed
        self._study = _open(self.file)
        attributes = self._study.user_attrs
        if _MADE_FOR not in attributes:
            self._study.set_user_attr(_MADE_FOR, dict(made_for))
        elif attributes[_MADE_FOR] != made_for:
            known = attributes[_MADE_FOR]
            differs = [what for what in made_for if known.get(what) != made_for[what]]
            raise ShelfwiseError(
                f"{folder} holds a search that was made for another {' and another '.join(differs)}; its trials cannot be "
                "compared with these, so write to another folder with -o, or ask for the same as then"
            )
        self._give_up_stale()

    def start_score(self, compute: Callable[[], float]) -> float:
        """The score of the recipe that the search starts from, as known, else computed now."""
        known = self._study.user_attrs.get(_START)
        if known is None:
            known = compute()
            self._study.set_user_attr(_START, known)
        return float(known)

    def rows(self) -> list[TrialRow]:
        """All trials that came to an end, in order."""
        return [_row(one, self.candidates) for one in self._ended()]

    def best(self) -> TrialRow | None:
        """The trial with the highest score; the first of equals."""
        rows = [one for one in self.rows() if one.score is not None]
        return max(rows, key=lambda one: (one.score or 0.0, -one.number), default=None)

    def importances(self) -> dict[str, float]:
        """Path → share (0–1) of the scores' variance that it explains (fANOVA; Hutter et al. 2014); empty with few trials."""
        import optuna

        done = [one for one in self._ended() if one.state.name == "COMPLETE"]
        if len(done) < _RANDOM_FIRST or len({one.value for one in done}) < 2:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.seed)
        try:
            return optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        except (ValueError, RuntimeError):  # fewer than two different values of a field: nothing to explain
            return {}

    def run(
        self, scorer: Scorer, trials: int | None, minutes: float | None, stage: Stage
    ) -> Literal["trials", "minutes", "everything"]:
        """Try until there are ``trials`` in all, ``minutes`` are over, or nothing new is suggested; says which it was.

        A KeyboardInterrupt goes through, and leaves the trials that came to an end.
        """
        ends = None if minutes is None else time.monotonic() + minutes * 60
        repeated = 0
        while True:
            ended = self._ended()
            if trials is not None and len(ended) >= trials:
                return "trials"
            if ends is not None and time.monotonic() >= ends:
                return "minutes"
            if repeated >= _NO_REPEAT_LEFT:
                return "everything"
            row = self._try(scorer, ended)
            repeated = repeated + 1 if row.repeats is not None else 0
            best = self.best()
            stage.advance(1, "" if best is None else f"best {best.score:.4f}")

    def _try(self, scorer: Scorer, ended: Sequence[optuna.trial.FrozenTrial]) -> TrialRow:
        """One trial. The sampler's chance comes from the seed and the number of trials that ended before: a search that was
        interrupted goes on with the trials it would have had."""
        import optuna

        if not ended:
            self._begin_with_start()
        sampler_seed = int(np.random.SeedSequence([self.seed, len(ended)]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(
            seed=sampler_seed, n_startup_trials=_RANDOM_FIRST, constant_liar=False
        )
        trial, done = self._study.ask(), None
        try:
            values = self.candidates.suggest(trial)
            earlier = next((one for one in ended if one.params == trial.params), None)
            if earlier is not None:
                first = earlier.user_attrs.get("repeats", earlier.number)
                trial.set_user_attr("repeats", first)
                if "refused" in earlier.user_attrs:
                    trial.set_user_attr("refused", earlier.user_attrs["refused"])
                value = earlier.value if earlier.state.name == "COMPLETE" else None
                done = self._study.tell(trial, value, state=earlier.state)
            else:
                done = self._score(trial, values, scorer)
        finally:
            if done is None:  # Ctrl-C, or an error that ends the search: this trial counts for nothing
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
        return _row(done, self.candidates)

    def _score(
        self, trial: optuna.Trial, values: Mapping[str, Any], scorer: Scorer
    ) -> optuna.trial.FrozenTrial:
        import optuna

        try:
            recipe = self.candidates.recipe(values)
            scored = scorer.score(recipe, Silent(), _pruning(trial, recipe))
        except RecipeError as error:
            trial.set_user_attr("refused", str(error))
            return self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        except optuna.TrialPruned:
            return self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return self._study.tell(trial, scored.value)

    def _begin_with_start(self) -> None:
        start = self.candidates.start()
        waiting = any(one.state.name == "WAITING" for one in self._study.get_trials(deepcopy=False))
        if start is not None and not waiting:
            self._study.enqueue_trial(start)

    def _ended(self) -> list[optuna.trial.FrozenTrial]:
        trials = self._study.get_trials(deepcopy=False)
        return [one for one in trials if one.state.name in ("COMPLETE", "PRUNED")]

    def _give_up_stale(self) -> None:
        """Trials that a killed run left behind count for nothing."""
        import optuna

        for one in self._study.get_trials(deepcopy=False):
            if one.state.name == "RUNNING":
                self._study.tell(one.number, state=optuna.trial.TrialState.FAIL)


def _open(file: Path) -> optuna.Study:
    import optuna
    import sqlalchemy.exc

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file.absolute()}")
        pruner = optuna.pruners.PercentilePruner(_KEPT_PERCENT, n_startup_trials=5, n_min_trials=4)
        return optuna.create_study(
            storage=storage, study_name=_NAME, direction="maximize", pruner=pruner, load_if_exists=True
        )
    except (
        sqlalchemy.exc.DatabaseError,
        optuna.exceptions.StorageInternalError,
        RuntimeError,
        AssertionError,
    ) as error:
        raise ShelfwiseError(
            f"expected {file} to hold the trials of a search, but it cannot be read: {' '.join(str(error).split())[:200]}; write "
            "to another folder with -o, or delete the file to begin anew"
        ) from error


def _pruning(trial: optuna.Trial, recipe: Recipe) -> OnStep:
    """Reports every epoch's held-out score, and gives up a trial whose best is in the lowest quarter of others at that step."""
    import optuna

    def on_step(part: int, record: EpochRecord) -> None:
        if record.score is None:
            return
        trial.report(record.score, part * _STEPS_A_PART + record.epoch)
        one = recipe.classifiers[part % len(recipe.classifiers)]
        late = one.solver == "svm" or record.epoch >= one.epochs * _LEAST_SHARE_OF_EPOCHS
        if late and trial.should_prune():
            raise optuna.TrialPruned

    return on_step


def _row(trial: optuna.trial.FrozenTrial, candidates: Candidates) -> TrialRow:
    refused = trial.user_attrs.get("refused", "")
    state: State = "finished" if trial.state.name == "COMPLETE" else "refused" if refused else "pruned"
    note = refused
    if state == "pruned" and trial.last_step is not None:
        note = f"given up at a held-out score of {trial.intermediate_values[trial.last_step]:.4f} of one classifier"
    return TrialRow(
        number=trial.number,
        state=state,
        # A pruned trial's value is what one classifier had reached, not the whole's score.
        score=trial.value if state == "finished" else None,
        values=candidates.values(trial.params),
        seconds=trial.duration.total_seconds() if trial.duration else 0.0,
        note=note,
        repeats=trial.user_attrs.get("repeats"),
    )


def written(value: Any) -> str:
    """A value of a recipe as people read it: JSON, and short where it is a number."""
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
