"""One trained model's promises and sets, on products it never saw; the sets beside MAPIE's from the same probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shelfwise import Catalog, Categorizer
from shelfwise.catalog.split import grouped_split
from shelfwise.decision.confidence import decide
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.evidence import DECIMALS, Evidence, label_evidence, path_evidence
from shelfwise.ensemble import prepare
from shelfwise.evaluation.metrics import adaptive_calibration_error, expected_calibration_error
from shelfwise.evaluation.promises import hand_out
from shelfwise.progress import Silent
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, Target
from shelfwise.taxonomy.truth import read_truth

Found = dict[str, Any]
COVERAGES = (0.9, 0.95)
LEAST_IN_GROUP = 50
"""Test products that a group of categories, or a label, must have to be looked at by itself."""
_BLOCK = 4_096


@dataclass(frozen=True)
class Scored:
    """N test products: ``probabilities`` [N, outcomes], ``by_category`` [N, outcomes of paths or labels], and the true
    categories bool [N, outcomes or labels]; ``groups`` of near-duplicates int64 [N]."""

    probabilities: np.ndarray
    by_category: np.ndarray
    true: np.ndarray
    groups: np.ndarray


def measure_split(
    model: Categorizer,
    test: Catalog,
    groups: np.ndarray,
    precisions: Sequence[float],
    surer: tuple[float, Sequence[float]],
    of: str,
    seed: int,
) -> Found:
    """What one model promises at each of ``precisions`` and holds on ``test``, its calibration error, and its sets.

    ``surer``: a precision that is promised with other certainties, too, and those."""
    truth = read_truth(test, model.recipe_.target, model.target_.as_paths).values
    # Labels that the model does not know cannot be promised, given or covered.
    if isinstance(model.target_, LabelTarget):
        known = set(model.target_.labels)
        truth = [tuple(label for label in labels if label in known) for labels in truth]
    predictions = model.predict(test)
    confidence = np.array([one.confidence for one in predictions])
    right = np.array(
        [
            one.answer == true if isinstance(model.target_, PathTarget) else set(one.answer) == set(true)
            for one, true in zip(predictions, truth, strict=True)
        ]
    )
    scored = score(model, test, truth, groups)
    return {
        "whole right": float(right.mean()),
        "ece": expected_calibration_error(confidence, right),
        "adaptive ece": adaptive_calibration_error(confidence, right),
        "promises": {
            f"{precision:g}": _promise(model, predictions, truth, of, {"precision": precision})
            for precision in precisions
        },
        "surer": {
            f"{certainty:g}": _promise(
                model, predictions, truth, of, {"precision": surer[0], "certainty": certainty}
            )
            for certainty in surer[1]
        },
        "sets": {f"{coverage:g}": _sets(model, scored, coverage, seed) for coverage in COVERAGES},
    }


def score(model: Categorizer, test: Catalog, truth: Sequence[tuple[str, ...]], groups: np.ndarray) -> Scored:
    """Probabilities and true categories of the test products."""
    ensemble, target = model.ensemble_, model.target_
    data = ensemble.transform(prepare(ensemble.encoders, model.recipe_.inputs, test, Silent()))
    parts, labels = [], []
    for start in range(0, len(test), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(test)))
        logits, present = ensemble.logits(data, rows)
        parts.append(np.round(ensemble.probabilities(logits, present), DECIMALS))
        if isinstance(target, LabelTarget):
            labels.append(ensemble.decide(parts[-1], logits, present).probabilities)
    probabilities = np.concatenate(parts)
    if isinstance(target, LabelTarget):
        by_label = np.round(np.concatenate(labels), DECIMALS)
        return Scored(probabilities, by_label, target.encode_labels(truth) > 0, groups)
    outcomes = target.encode(list(truth))
    true = np.zeros(probabilities.shape, bool)
    true[np.flatnonzero(outcomes >= 0), outcomes[outcomes >= 0]] = True
    return Scored(probabilities, probabilities, true, groups)


def _promise(
    model: Categorizer,
    predictions: list[Any],
    truth: Sequence[tuple[str, ...]],
    of: str,
    routing: dict[str, float],
) -> Found:
    """Of whole answers: the accepted and the right. Of labels: over all accepted labels, and for each with enough of them."""
    asked = model.with_routing(**routing, of=of)
    router, target = asked.router_, model.target_
    if of == "labels" and isinstance(target, LabelTarget):
        numbers = {name: place for place, name in enumerate(target.labels)}
        counts = {name: [0, 0] for name in target.labels}
        given = 0
        for one, true in zip(predictions, truth, strict=True):
            for name, sure in zip(one.answer, one.part_confidence, strict=True):
                given += 1
                if router.sure_label(numbers[name], sure):
                    counts[name][0] += 1
                    counts[name][1] += name in true
        each = {name: pair for name, pair in counts.items() if pair[0] >= LEAST_IN_GROUP}
        accepted, right = (sum(pair[place] for pair in counts.values()) for place in (0, 1))
        return {"cases": given, "accepted": accepted, "right": right, "each": each}
    handed = hand_out(router.whole_answers(), target, predictions)
    right = sum(
        one.accepted
        and (one.answer == true if isinstance(target, PathTarget) else set(one.answer) == set(true))
        for one, true in zip(handed, truth, strict=True)
    )
    return {"cases": len(truth), "accepted": sum(one.accepted for one in handed), "right": int(right)}


def _sets(model: Categorizer, scored: Scored, coverage: float, seed: int) -> Found:
    """Sets as the model gives them; and on one half of the test products those that the other half makes, ours and MAPIE's."""
    evidence, target = model.ensemble_.evidence, model.target_
    assert evidence is not None
    rule = SetRule.fit(target, evidence, coverage, model.facts_.share_before_refit)
    calibrate, check = grouped_split(scored.groups, [0.5, 0.5], seed)
    ours = SetRule.fit(target, _evidence(model, scored, calibrate), coverage)
    return {
        "shipped": _covered(target, scored, rule, np.arange(len(scored.true))),
        "ours": _covered(target, scored, ours, check, each=False),
        "mapie": _mapie(target, scored, calibrate, check, coverage),
    }


def _covered(target: Target, scored: Scored, rule: SetRule, rows: np.ndarray, each: bool = True) -> Found:
    inside, true = rule.sets(scored.by_category[rows]), scored.true[rows]
    found: Found = {
        "coverage": float((inside & true).sum() / max(true.sum(), 1)),
        "size": float(inside.sum(1).mean()),
    }
    if each:
        named = category_names(target)
        found["each"] = {
            name: [int(true[:, mine].sum()), int((inside & true)[:, mine].sum())]
            for name in sorted(set(named))
            for mine in [np.flatnonzero(np.array(named) == name)]
            if true[:, mine].sum() >= LEAST_IN_GROUP
        }
    return found


def category_names(target: Target) -> list[str]:
    """What the group of each category is called in which coverage is looked at: a path's first level, or the label."""
    return [path[0] for path in target.outcomes] if isinstance(target, PathTarget) else list(target.labels)


def _evidence(model: Categorizer, scored: Scored, rows: np.ndarray) -> Evidence:
    target, probabilities, groups = model.target_, scored.probabilities[rows], scored.groups[rows]
    if isinstance(target, LabelTarget):
        labels = scored.true[rows].astype(np.float32)
        return label_evidence(target, scored.by_category[rows], labels, groups, {}, "one")
    truth = np.where(scored.true[rows].any(1), scored.true[rows].argmax(1), UNLABELLED)
    return path_evidence(target, decide(target, probabilities, model.ensemble_.calibration), truth, groups)


def _mapie(
    target: Target, scored: Scored, calibrate: np.ndarray, check: np.ndarray, coverage: float
) -> Found:
    """MAPIE's least ambiguous sets of paths; of labels those with a controlled recall."""
    true = scored.true[check]
    if isinstance(target, LabelTarget):
        from mapie.risk_control import MultiLabelClassificationController

        some = calibrate[scored.true[calibrate].any(1)]
        thresholds = np.unique(np.concatenate([np.linspace(0, 0.05, 51), np.linspace(0.05, 0.99, 95)]))
        controller = MultiLabelClassificationController(
            predict_function=lambda rows: rows, target_level=coverage, predict_params=thresholds
        ).calibrate(scored.by_category[some], scored.true[some].astype(int))
        inside = controller.predict(scored.by_category[check])[:, :, 0].astype(bool)
    else:
        inside = mapie_lac(scored.by_category, scored.true, calibrate, check, coverage)
    return {
        "coverage": float((inside & true).sum() / max(true.sum(), 1)),
        "size": float(inside.sum(1).mean()),
    }


def mapie_lac(
    probabilities: np.ndarray, true: np.ndarray, calibrate: np.ndarray, check: np.ndarray, coverage: float
) -> np.ndarray:
    """bool [rows of ``check``, outcomes]: MAPIE's split conformal sets with the score of Sadinle, Lei & Wasserman 2019."""
    from mapie.classification import SplitConformalClassifier
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):
        """Its features are the probabilities."""

        classes_ = np.arange(probabilities.shape[1])

        def fit(self, x: np.ndarray, y: np.ndarray) -> Given:
            return self

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return x / x.sum(1, keepdims=True)

        def predict(self, x: np.ndarray) -> np.ndarray:
            return x.argmax(1)

        def __sklearn_is_fitted__(self) -> bool:
            return True

    some = calibrate[true[calibrate].any(1)]
    peer = SplitConformalClassifier(Given(), confidence_level=coverage, conformity_score="lac", prefit=True)
    peer.conformalize(probabilities[some], true[some].argmax(1))
    _, sets = peer.predict_set(probabilities[check])
    return np.asarray(sets[:, :, 0], bool)
