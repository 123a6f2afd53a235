"""What every method of a fusion experiment answers: one classifier alone, or a policy over several.

A policy is fitted on out-of-fold outputs; thresholds are chosen on its cross-fitted outputs; both are then applied to the test
products as they are. The *leaky* way fits policy and thresholds on outputs for products that the classifiers learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import expit, softmax

from shelfwise.decision.thresholds import THRESHOLD_KINDS, LabelThresholds, ThresholdKind, fit_thresholds
from shelfwise.experiments.cache import Result, ResultStore, work_key
from shelfwise.experiments.fusion_outputs import Outputs, Scores
from shelfwise.experiments.fusion_plan import Method
from shelfwise.fusion import build_policy
from shelfwise.fusion.policies import Policy, Single
from shelfwise.learning.quality import as_answers
from shelfwise.learning.scales import fit_temperatures, tempered
from shelfwise.progress import Reporter, Stage
from shelfwise.taxonomy.targets import LabelTarget, Target
from shelfwise.training.side_by_side import Shared, SideBySide, processes_possible, threads

ONE_ANSWER = "whole path"
"""Paths have one way to answer; label sets have one a kind of threshold."""


@dataclass(frozen=True)
class Answered:
    """What a method answers. ``given``: by way of answering (a kind of threshold, or ``ONE_ANSWER``) a CSR matrix bool
    [test products, categories]; ``thresholds``: the values, by kind; ``held_out``: the score of the tuned way on the training
    products, cross-fitted; ``hidden``: for each member, the score on the test products with it hidden from half of them, and from
    all."""

    method: Method
    given: dict[str, sp.csr_matrix]
    thresholds: dict[str, list[float]]
    held_out: float
    hidden: dict[str, dict[str, float]]


def ways(target: Target) -> tuple[str, ...]:
    """The ways of answering that a target has."""
    return THRESHOLD_KINDS if isinstance(target, LabelTarget) else (ONE_ANSWER,)


def tuned(target: Target) -> str:
    """The way that tables of single categories are about: one tuned threshold, or the only way."""
    return "one" if isinstance(target, LabelTarget) else ONE_ANSWER


class MethodRunner:
    """Fits, or finds in the store, what methods answer."""

    def __init__(
        self,
        outputs: Outputs,
        target: Target,
        truth: np.ndarray,
        groups: np.ndarray,
        seed: int,
        store: ResultStore,
    ) -> None:
        """``truth``: encoded, of all rows; ``groups`` int64, of all rows."""
        self.outputs, self.target, self.store, self.seed = outputs, target, store, seed
        self.truth, self.groups = truth[outputs.rows], groups[outputs.rows]
        self.test_truth = truth_matrix(target, truth[outputs.test_rows])

    def run_all(self, methods: Sequence[Method], reporter: Reporter) -> list[Answered]:
        """What each method answers; those that are not in the store are fitted side by side, each on one thread."""
        lacking = [one for one in methods if self.store.find(*self._place(one)) is None]
        processes = min(torch.get_num_threads(), len(lacking))
        with reporter.stage("fusing", len(lacking), "policies") as stage:
            if processes < 2 or not processes_possible():
                for method in lacking:
                    self.run(method)
                    stage.advance(1, method.name)
            else:
                with SideBySide.working(processes) as pool:
                    shared = pool.share(self)
                    # The last have the most members, and take the longest.
                    for method in reversed(lacking):
                        pool.submit(_run_elsewhere, method, shared)
                    self.store.made += sum(pool.results(stage))
        return [self.run(method) for method in methods]

    def _place(self, method: Method) -> tuple[str, str]:
        """A method's name and key in the store."""
        key = work_key(
            method=method.policy
            if method.policy is None or isinstance(method.policy, str)
            else dict(method.policy),
            leaky=method.family == "leaky",
            outputs=[self.outputs.keys[name] for name in method.members],
            target=self.target.to_json(),
            seed=self.seed,
        )
        return f"method-{method.kind or 'alone'}-{len(method.members)}", key

    def run(self, method: Method) -> Answered:
        """What ``method`` answers for the test products. Raises RecipeError for a policy that cannot be."""
        result = self.store.get(*self._place(method), lambda: self._make(method))
        shape = self.test_truth.shape
        given = {
            way: sp.csr_matrix(
                (
                    np.ones(len(result.arrays[f"{way}/categories"]), bool),
                    result.arrays[f"{way}/categories"],
                    result.arrays[f"{way}/starts"],
                ),
                shape=shape,
            )
            for way in ways(self.target)
        }
        facts = result.facts
        return Answered(method, given, facts["thresholds"], facts["held_out"], facts["hidden"])

    def _make(self, method: Method) -> Result:
        places = [self.outputs.names.index(name) for name in method.members]
        leaky = method.family == "leaky"
        learn = (self.outputs.seen if leaky else self.outputs.held).of(places)
        temperatures = self._temperatures(learn)
        learn, test = (
            self._scaled(learn, temperatures),
            self._scaled(self.outputs.test.of(places), temperatures),
        )
        policy: Policy
        if method.policy is None:
            policy = Single(self.target.exclusive, 0)
            fused = policy.combine(learn.logits, learn.present)
        else:
            policy = build_policy(method.policy, self.target.exclusive)
            with threads(1):  # layers as small as a policy's only wait for each other on more
                fused = policy.cross_fit(learn.logits, learn.present, self.truth, self.groups, self.seed)
        here = np.asarray(learn.present.any(0))
        probabilities = self._probabilities(fused, here)
        decide = _Decide.fit(self.target, probabilities, as_answers(self.target, self.truth))
        held_out = self._score(truth_matrix(self.target, self.truth), decide(probabilities))
        arrays: dict[str, np.ndarray] = {}
        answers = decide(self._combined(policy, test))
        for way, given in answers.items():
            arrays |= {f"{way}/categories": given.indices, f"{way}/starts": given.indptr}
        thresholds = {way: np.atleast_1d(one.values).tolist() for way, one in decide.thresholds.items()}
        hidden = self._with_hidden(method, policy, test, decide) if len(places) > 1 else {}
        return Result(arrays, {"thresholds": thresholds, "hidden": hidden, "held_out": held_out})

    def _with_hidden(
        self, method: Method, policy: Policy, test: Scores, decide: _Decide
    ) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        half = np.random.default_rng(self.seed).random(test.present.shape[1]) < 0.5
        for place, name in enumerate(method.members):
            found[name] = {}
            for told, products in (("half", half), ("all", np.ones_like(half))):
                present = test.present.copy()
                present[place] &= ~products
                logits = np.where(present[:, :, None], test.logits, 0.0)
                answers = decide(self._combined(policy, Scores(logits, present)))
                found[name][told] = self._score(self.test_truth, answers)
        return found

    def _score(self, truth: sp.csr_matrix, answers: dict[str, sp.csr_matrix]) -> float:
        top, bottom = counts_by_product(truth, answers[tuned(self.target)], self.target)
        return float(top.sum() / max(bottom.sum(), 1))

    def _temperatures(self, learn: Scores) -> tuple[float, ...]:
        return fit_temperatures(learn.logits, learn.present, self.truth, self.target)

    def _scaled(self, scores: Scores, temperatures: tuple[float, ...]) -> Scores:
        return Scores(tempered(scores.logits, temperatures, self.target), scores.present)

    def _combined(self, policy: Policy, scores: Scores) -> np.ndarray:
        return self._probabilities(
            policy.combine(scores.logits, scores.present), np.asarray(scores.present.any(0))
        )

    def _probabilities(self, fused: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[N, outcomes]; zeros for products of which no classifier can say anything: they get no category."""
        probabilities = softmax(fused, axis=1) if self.target.exclusive else expit(fused)
        return np.where(present[:, None], probabilities, 0.0)


def _run_elsewhere(method: Method, shared: Shared, stage: Stage) -> int:
    """In a worker process: fit a method, and keep what it answers in the store; 1 more is there."""
    runner: MethodRunner = shared.load()
    runner.run(method)
    stage.advance(1)
    return 1


@dataclass(frozen=True)
class _Decide:
    """Probabilities of outcomes → what is answered, in every way; a product of zeros gets nothing."""

    target: Target
    thresholds: dict[ThresholdKind, LabelThresholds]

    @classmethod
    def fit(cls, target: Target, probabilities: np.ndarray, answers: np.ndarray) -> _Decide:
        if not isinstance(target, LabelTarget):
            return cls(target, {})
        by_label = target.label_probabilities(probabilities)
        return cls(target, {kind: fit_thresholds(kind, by_label, answers) for kind in THRESHOLD_KINDS})

    def __call__(self, probabilities: np.ndarray) -> dict[str, sp.csr_matrix]:
        if isinstance(self.target, LabelTarget):
            by_label = self.target.label_probabilities(probabilities)
            # A threshold of 0 would give every label to a product of which nothing is known.
            known = np.asarray(probabilities.any(1))
            return {
                kind: sp.csr_matrix(one.given(by_label) & known[:, None])
                for kind, one in self.thresholds.items()
            }
        rows = np.flatnonzero(np.asarray(probabilities.any(1)))
        chosen = probabilities[rows].argmax(1)
        given = sp.csr_matrix((np.ones(len(rows), bool), (rows, chosen)), shape=probabilities.shape)
        return {ONE_ANSWER: given}


def truth_matrix(target: Target, truth: np.ndarray) -> sp.csr_matrix:
    """Encoded truth as CSR bool [N, categories]; an empty row where the true path is not known to the target."""
    if isinstance(target, LabelTarget):
        if not target.sets:
            return sp.csr_matrix(truth > 0)
        labels = np.where(truth[:, None] >= 0, target.members[np.maximum(truth, 0)], 0)
        return sp.csr_matrix(labels > 0)
    rows = np.flatnonzero(truth >= 0)
    return sp.csr_matrix(
        (np.ones(len(rows), bool), (rows, truth[rows])), shape=(len(truth), target.n_outcomes)
    )


def counts_by_product(
    truth: sp.csr_matrix, given: sp.csr_matrix, target: Target
) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator [N] of the score, product by product: 2 · shared over true + given labels (micro-F1), or right
    over 1 (accuracy of whole paths, where an unanswered or unknown path is wrong)."""
    shared = np.asarray(truth.multiply(given).sum(1)).ravel().astype(float)
    if not isinstance(target, LabelTarget):
        return shared, np.ones(len(shared))
    labels = np.asarray(truth.sum(1)).ravel() + np.asarray(given.sum(1)).ravel()
    return 2 * shared, labels.astype(float)
