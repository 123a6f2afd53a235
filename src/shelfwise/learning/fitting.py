"""How a model is made: what is fitted on which products, and in what order.

1. In each round (``rounds.py``) encoders and classifiers are fitted on some products and score others.
2. Temperatures, policy, thresholds and the fused probability are fitted on those held-out scores (``fusing.py``).
3. If the recipe says so, encoders and classifiers are fitted once more on all labelled products, but for those whose label looks
   random by then, for the number of epochs that the rounds found; nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.ensemble import Ensemble, Prepared
from shelfwise.errors import TargetError
from shelfwise.fusion import build_policy
from shelfwise.heads import build_head
from shelfwise.learning.fingerprint import training_fingerprint
from shelfwise.learning.fusing import HeldOutScores, LabelTruth, fuse
from shelfwise.learning.lessons import Scores
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.rounds import Round
from shelfwise.learning.trainer import Trainer
from shelfwise.learning.unfinished import Unfinished
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import PathTarget, Target
from shelfwise.training.loop import Fit

_MANY_NEVER_LEARNED = 0.1
"""Share of the held-out products."""


@dataclass(frozen=True)
class FittingRecord:
    """What is told of a fit: every classifier's training in the first round, the scores on held-out products, what was
    chosen; and what more can be learned from: the classifiers' held-out scores, and all inputs as the last encoders see them."""

    fits: dict[str, Fit]
    scores: dict[str, float]
    policy: str
    held: HeldOutScores
    data: Prepared


def fit_ensemble(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    truth: np.ndarray,
    groups: np.ndarray,
    rounds: Sequence[Round],
    refit: np.ndarray | None,
    reporter: Reporter,
    work: Unfinished | None = None,
    answers: Sequence[tuple[str, ...]] | None = None,
) -> tuple[Ensemble, FittingRecord]:
    """Fit everything; ``truth`` is what ``target.encode`` gave for every row of ``prepared``, ``groups`` their groups.

    ``refit``: the rows of the last fit; None keeps the classifiers of the only round. ``work``: what is finished is kept there,
    and taken up from there. ``answers``: of all rows as they are written, labels that the target does not know among them;
    None: as ``truth`` says. Raises RecipeError, before anything is trained, for a policy or head that is unknown or does not
    fit the target.
    """
    for kind in recipe.fusion.policies:
        build_policy(kind, target.exclusive)
    for one in recipe.classifiers:
        build_head(one.head, target)
    trainer = Trainer(recipe, target, prepared, truth, reporter, work)
    if work is not None:
        work.begin(
            training_fingerprint(recipe, target, prepared, truth, groups, rounds, refit, trainer.device)
        )
    several = len(rounds) > 1
    trained = trainer.fit_all(
        [
            Plan(
                one.fit,
                one.held_out,
                where=f" (fold {number} of {len(rounds)})" if several else "",
                keep=refit is None,
                unit=f"round-{number}",
            )
            for number, one in enumerate(rounds, start=1)
        ]
    )
    names = [one.name for one in recipe.classifiers if any(one.name in found.fits for found in trained)]
    if not names:
        raise TargetError(
            "expected labelled products with at least one usable input to learn from, but no input has a value in any of "
            "them that says something (signs alone are no words); check the input columns"
        )
    held = _stack(names, [one.scores for one in trained], rounds, target)
    learned = _told_learned(target, rounds, held.rows, truth, reporter)
    labels = None if answers is None else LabelTruth.of(target, [answers[row] for row in held.rows])
    fused = fuse(recipe, target, names, held, truth, groups, reporter, labels, learned)
    last = trained[0]
    if refit is not None:
        kept = _trusted(refit, fused.left_out, reporter)
        plan = Plan(kept, epochs=_epochs(names, trained), where=" on all products", unit="all")
        (last,) = trainer.fit_all([plan])
    ensemble = Ensemble(
        target,
        last.encoders,
        [last.classifiers[name] for name in names],
        fused.policy,
        fused.calibration,
        fused.accept,
        names,
        fused.label_rules,
        fused.evidence,
        label_wise=fused.label_wise,
    )
    return ensemble, FittingRecord(trained[0].fits, fused.scores, fused.told, held, last.data)


def _told_learned(
    target: Target, rounds: Sequence[Round], rows: np.ndarray, truth: np.ndarray, reporter: Reporter
) -> np.ndarray | None:
    """bool [N], of the held-out ``rows``: whether the classifiers that scored a product had learned of its path; None for labels.
    Where they often had not, that is said."""
    if not isinstance(target, PathTarget):
        return None
    known = np.zeros(len(truth), bool)
    for one in rounds:
        known[one.held_out] = np.isin(truth[one.held_out], truth[one.fit])
    learned: np.ndarray = known[rows]
    missing = len(learned) - int(learned.sum())
    if missing > _MANY_NEVER_LEARNED * len(learned):
        reporter.say(
            f"{missing:,} of {len(learned):,} held-out products have answers that only they and their near-duplicates have: what "
            "could not be learned from others says nothing of the classifiers, and little can be promised"
        )
    return learned


def _trusted(rows: np.ndarray, left_out: np.ndarray, reporter: Reporter) -> np.ndarray:
    """The ``rows`` of the last fit but for those ``left_out``, which is said."""
    kept = np.setdiff1d(rows, left_out)
    if len(kept) < len(rows):
        reporter.say(
            f"{len(rows) - len(kept):,} of {len(rows):,} products are left out of the last training: to classifiers that "
            "did not learn from them nothing explains their labels; see `shelfwise inspect --doctor`"
        )
    return kept


def _epochs(names: Sequence[str], trained: Sequence[Trained]) -> dict[str, int]:
    """For how many epochs each classifier was best, on average over the rounds."""
    found = {}
    for name in names:
        best = [one.fits[name].best_epoch for one in trained if name in one.fits]
        found[name] = max(1, round(sum(best) / len(best)))
    return found


def _stack(
    names: Sequence[str],
    parts: Sequence[Mapping[str, Scores]],
    rounds: Sequence[Round],
    target: Target,
) -> HeldOutScores:
    """All rounds' scores, without the products that no classifier can read: of them nothing can be learned."""
    rows = np.concatenate([one.held_out for one in rounds])
    logits = np.zeros((len(names), len(rows), target.n_outcomes), np.float32)
    present = np.zeros((len(names), len(rows)), bool)
    start = 0
    for one, part in zip(rounds, parts, strict=True):
        place = slice(start, start + len(one.held_out))
        for which, name in enumerate(names):
            if name in part:
                mine, here = part[name]
                logits[which, place], present[which, place] = np.where(here[:, None], mine, 0.0), here
        start = place.stop
    reachable = np.flatnonzero(present.any(0))
    return HeldOutScores(logits[:, reachable], present[:, reachable], rows[reachable])
