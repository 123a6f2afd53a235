"""What held-out scores teach: temperatures, the late fusion policy, calibrated probabilities, thresholds.

Everything here is fitted on products that their classifiers never saw. What depends on the policy (probability, thresholds,
the accept rule) is fitted on *cross-fitted* outputs: the policy that speaks about a product was fitted on other groups' products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax, softmax

from shelfwise.decision.calibrators import CalibrationMaps, Calibrator, cross_calibrated
from shelfwise.decision.confidence import decide
from shelfwise.decision.evidence import DECIMALS, Evidence, label_evidence, path_evidence
from shelfwise.decision.label_noise import fit_label_noise
from shelfwise.decision.label_rules import LabelRule, fit_label_rules
from shelfwise.decision.path_decoding import choose_decoding
from shelfwise.decision.routing import AcceptRule, fit_accept_rule
from shelfwise.decision.thresholds import ThresholdKind
from shelfwise.ensemble import Calibration, fused_probabilities
from shelfwise.fusion.label_wise import LabelWise
from shelfwise.fusion.policies import Policy
from shelfwise.learning.label_fusion import NAME, fuse_labels
from shelfwise.learning.policy_choice import choose_policy
from shelfwise.learning.policy_trials import Judges
from shelfwise.learning.quality import as_answers
from shelfwise.learning.random_labels import to_leave_out, without_random_labels
from shelfwise.learning.scales import fit_last_scale, fit_temperatures, tempered
from shelfwise.profiling import timed
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, Target


@dataclass(frozen=True)
class HeldOutScores:
    """What classifiers said of products they were not trained on.

    ``logits``: float32 [classifiers, N, outcomes], 0 where absent. ``present``: bool [classifiers, N], some classifier for each
    product. ``rows``: int64 [N], the products.
    """

    logits: np.ndarray
    present: np.ndarray
    rows: np.ndarray

    def known(self, truth: np.ndarray, target: Target) -> HeldOutScores:
        """Those of products whose answer is known, by the encoded ``truth`` of all rows."""
        if not target.exclusive or (truth[self.rows] != UNLABELLED).all():
            return self
        known = np.flatnonzero(truth[self.rows] != UNLABELLED)
        return HeldOutScores(self.logits[:, known], self.present[:, known], self.rows[known])


@dataclass(frozen=True)
class LabelTruth:
    """Of held-out products: ``labels``, 0 or 1 [N, labels], and ``beyond``, bool [N], whether one has labels that the target
    does not know. Sets that nobody had in training have labels all the same, and no answer is all of those beyond."""

    labels: np.ndarray
    beyond: np.ndarray

    @classmethod
    def of(cls, target: Target, answers: Sequence[tuple[str, ...]]) -> LabelTruth | None:
        """From label sets as they are written; None for paths."""
        if not isinstance(target, LabelTarget):
            return None
        return cls(target.encode_labels(answers), target.beyond(answers))

    @classmethod
    def encoded(cls, target: LabelTarget, truth: np.ndarray) -> LabelTruth:
        """From encoded label sets or labels; a set that is not known has labels that nobody knows."""
        if not target.sets:
            return cls(truth, np.zeros(len(truth), bool))
        unknown = truth == UNLABELLED
        return cls(as_answers(target, truth) * ~unknown[:, None], unknown)


@dataclass(frozen=True)
class Fused:
    """The policy, what calibrates it, which predictions to accept; of label sets every way to decide them; every candidate's
    score, and the name of the chosen; what the held-out products showed; the rows (int64) that nothing more should be learned
    from, because their label looks random; and of label sets how their labels are fused each for itself, if they are."""

    policy: Policy
    calibration: Calibration
    accept: AcceptRule
    label_rules: dict[ThresholdKind, LabelRule]
    scores: dict[str, float]
    told: str
    evidence: Evidence
    left_out: np.ndarray
    label_wise: LabelWise | None = None


@timed("fuse")
def fuse(
    recipe: Recipe,
    target: Target,
    names: Sequence[str],
    held: HeldOutScores,
    truth: np.ndarray,
    groups: np.ndarray,
    reporter: Reporter | None = None,
    label_truth: LabelTruth | None = None,
    learned: np.ndarray | None = None,
) -> Fused:
    """Choose and calibrate on the held-out scores of the classifiers ``names``; ``truth`` and ``groups`` are of all rows.

    Of the held-out products, ``label_truth`` (None: as ``truth`` says), and ``learned``, bool: whether classifiers had learned of
    the product's answer; None: of all. Where they had not, they are wrong whatever they are worth, and policies do not learn
    from it.
    """
    reporter = reporter or Silent()
    answers, mine = truth[held.rows], groups[held.rows]
    # Policies learn from what can be; they are judged, and what is promised is measured, on all labels as they are. So
    # probabilities, too, are of what labels say, but which labels are random is not laid to the scores.
    seed = recipe.training.seed
    taught = answers if learned is None else np.where(learned, answers, UNLABELLED)
    temperatures = fit_temperatures(held.logits, held.present, taught, target)
    logits = tempered(held.logits, temperatures, target)
    trusted = without_random_labels(target, held.logits, logits, held.present, taught, mine, seed)
    if trusted is not taught:
        temperatures = fit_temperatures(held.logits, held.present, trusted, target)
        logits = tempered(held.logits, temperatures, target)
    maps, logits = _map_classifiers(recipe, target, logits, held.present, trusted, mine)
    judges = Judges(target.exclusive, logits, held.present, trusted, mine, seed)
    chosen = choose_policy(recipe.fusion, target, names, judges, answers, reporter)
    calibration = _calibrate(recipe, target, temperatures, chosen.fused, answers, trusted is not taught)
    present = np.asarray(held.present.any(0))
    # In double precision, as predictions are: rounded singles are no decimals.
    fused = chosen.fused.astype(np.float64) * calibration.scale + calibration.shift
    kind = recipe.calibration.fused
    fused_map, fused = cross_calibrated(kind, fused, answers, mine, target.exclusive, seed)
    as_is = Calibration(temperatures, random_labels=calibration.random_labels)
    probabilities = np.round(fused_probabilities(target, as_is, fused, present), DECIMALS)
    calibration = replace(calibration, maps=CalibrationMaps(maps, fused_map))
    label_wise, scores, told = None, chosen.scores, chosen.told
    if isinstance(target, PathTarget):
        decisions = _decide_paths(recipe, target, calibration, probabilities, answers, mine)
    else:
        assert isinstance(target, LabelTarget)
        wanted = LabelTruth.encoded(target, answers) if label_truth is None else label_truth
        by_label = None
        if target.sets and recipe.fusion.by_label:
            noise, by_set = calibration.random_labels, target.label_probabilities(probabilities)
            found = fuse_labels(target, logits, held.present, answers, trusted, mine, by_set, noise, seed)
            if found is not None:
                label_wise, by_label = found.label_wise, np.round(found.by_label, DECIMALS)
                told = f"{told}, {NAME}"
                scores = {**scores, told: found.score}
        decisions = _decide_labels(recipe, target, calibration, probabilities, by_label, wanted, mine)
    return Fused(
        chosen.policy,
        decisions.calibration,
        decisions.accept,
        decisions.label_rules,
        scores,
        told,
        decisions.evidence,
        held.rows[to_leave_out(taught, trusted)],
        label_wise,
    )


@dataclass(frozen=True)
class _Decisions:
    """Which answers to accept; the calibration, which of label sets holds their thresholds; every way to decide label sets; and
    what the held-out products showed."""

    accept: AcceptRule
    calibration: Calibration
    label_rules: dict[ThresholdKind, LabelRule]
    evidence: Evidence


def _decide_paths(
    recipe: Recipe,
    target: PathTarget,
    calibration: Calibration,
    probabilities: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray,
) -> _Decisions:
    """From the held-out products' cross-fitted ``probabilities`` [N, outcomes]."""
    evidence = path_evidence(target, decide(target, probabilities, calibration), truth, groups)
    whole, asked = evidence.whole, recipe.routing
    accept = fit_accept_rule(
        whole.confidence, whole.right, asked.precision, groups, certainty=asked.certainty
    )
    return _Decisions(accept, calibration, {}, evidence)


def _decide_labels(
    recipe: Recipe,
    target: LabelTarget,
    calibration: Calibration,
    probabilities: np.ndarray,
    by_label: np.ndarray | None,
    truth: LabelTruth,
    groups: np.ndarray,
) -> _Decisions:
    """The same of label sets; ``by_label`` [N, labels] as in `decide`."""
    thresholds, routing = recipe.thresholds, recipe.routing
    rules, answered = fit_label_rules(
        target,
        probabilities,
        truth.labels,
        groups,
        routing.precision,
        thresholds.metric,
        thresholds.at_least_one,
        recipe.training.seed,
        routing.certainty,
        by_label,
        truth.beyond,
    )
    rule = rules[thresholds.kind]
    calibration = replace(
        calibration, thresholds=rule.thresholds, set_scale=rule.set_scale, set_shift=rule.set_shift
    )
    chances = target.label_probabilities(probabilities) if by_label is None else by_label
    evidence = label_evidence(target, chances, truth.labels, groups, answered, thresholds.kind)
    return _Decisions(rule.accept, calibration, rules, evidence)


def _map_classifiers(
    recipe: Recipe,
    target: Target,
    logits: np.ndarray,
    present: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray,
) -> tuple[tuple[Calibrator | None, ...], np.ndarray]:
    """What comes after each classifier's temperature, where the recipe wants more, and the logits cross-fitted by it."""
    kind, exclusive = recipe.calibration.classifiers, target.exclusive
    if kind == "temperature":
        return (), logits
    maps, mapped = [], logits.copy()
    for which, here in enumerate(present):
        one, crossed = cross_calibrated(
            kind, logits[which][here], truth[here], groups[here], exclusive, recipe.training.seed
        )
        maps.append(one)
        mapped[which][here] = crossed
    return tuple(maps), mapped


def _calibrate(
    recipe: Recipe,
    target: Target,
    temperatures: tuple[float, ...],
    fused: np.ndarray,
    truth: np.ndarray,
    random_labels: bool,
) -> Calibration:
    """Scale the fused logits on cross-fitted outputs, and choose how one path is taken. ``random_labels``: whether more than a
    few were found."""
    if random_labels and recipe.calibration.fused == "temperature":
        known = truth != UNLABELLED
        noise = fit_label_noise(softmax(fused[known], axis=1), truth[known], recipe.training.seed)
        scale, shift, share = noise.sharpness, 0.0, noise.share
    else:
        scale, shift = fit_last_scale(fused, truth, target)
        share = 0.0
    decoding = recipe.target.decoding
    if decoding == "auto":
        decoding = "highest_leaf"
        if isinstance(target, PathTarget):
            known = truth != UNLABELLED
            decoding = choose_decoding(target, log_softmax(fused, axis=1)[known], truth[known]).kind
    return Calibration(temperatures, scale=scale, shift=shift, decoding=decoding, random_labels=share)
