"""The findings in few words: sentences a shop owner understands, and a short table for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shelfwise.evaluation.promise_records import PromiseScore
from shelfwise.evaluation.results import FUSED, Evaluation
from shelfwise.evaluation.score_records import LabelSetScores, PathScores

_MOST_NAMED = 3
"""Promises that could not be given are named up to so many."""
_MOST_ROWS = 5
"""Up to so many promises have a row each; of more it is counted how many held."""
_LEAST_GAP = 0.01
"""Between the mean confidence and the share that is right: less is not worth a word."""
_CERTAIN = 1.96
"""Standard errors that such a gap must be beyond for chance to be no explanation (95 %)."""


def percent(share: float | None, digits: int = 1) -> str:
    """A share (0–1) as "90.5 %"; never "100 %" or "0 %" unless it is exactly that; "–" for None."""
    if share is None:
        return "–"
    step = 10.0**-digits
    value = round(100 * share, digits)
    if value >= 100 and share < 1:
        value = 100 - step
    if value <= 0 < share:
        return f"< {step:.{digits}f} %"
    return f"{value:.{digits}f} %" if 0 < value < 100 else f"{value:.0f} %"


def count(number: int, one: str, many: str) -> str:
    """A number with its noun: "1 product", "32,500 products"."""
    return f"{number:,} {one if number == 1 else many}"


def acceptance_sentence(evaluation: Evaluation) -> str:
    """What the model saves: how many of 1,000 products need no person, and how many of those are right."""
    accept = evaluation.routes.accept
    if accept.products == 0:
        return "The model is not sure enough of any of these products: all of them go to a person."
    right = "right" if evaluation.target == "path" else "with exactly the right labels"
    share = percent(accept.accuracy, 0 if (accept.accuracy or 0) < 0.985 else 1)
    if accept.share == 1:
        return f"Products like these can all be accepted without a person, {share} of them {right}."
    return (
        f"Of 1,000 new products like these, about {_of_thousand(accept.share)} can be accepted "
        f"without a person, {share} of them {right}."
    )


def review_sentence(evaluation: Evaluation) -> str:
    """What is left for people, and what nothing could be done with."""
    review, failed = evaluation.routes.review, evaluation.routes.failed
    parts = []
    if review.products and evaluation.routes.accept.products:
        verb = "goes" if review.products == 1 else "go"
        parts.append(f"The other {percent(review.share)} {verb} to a person, with suggestions.")
    if failed.products:
        parts.append(f"{count(failed.products, 'product', 'products')} could not be categorized at all.")
    return " ".join(parts)


def fusion_sentence(evaluation: Evaluation) -> str:
    """Whether using all inputs together pays, said also where it does not."""
    best = evaluation.best_input
    if best is None:
        return "This model has a single classifier, so there is nothing to compare it with."
    fused, single = evaluation.fused.headline, evaluation.classifiers[best].headline
    what = "whole paths right" if evaluation.target == "path" else "micro-F1"
    # Of the figures as shown, so that a reader who subtracts them finds the same.
    points = round(100 * fused, 1) - round(100 * single, 1)
    compared = f"{percent(fused)} {what} together, {percent(single)} from “{best}” alone"
    gain = evaluation.gain
    # Records of earlier versions do not tell how certain the difference is.
    if gain is not None and gain.low <= 0 <= gain.high and abs(points) >= 0.05:
        return (
            f"Whether using the inputs together pays cannot be told from these products: {compared}, which can be chance (95 % "
            f"interval of the difference {100 * gain.low:+.1f} to {100 * gain.high:+.1f} points)."
        )
    if points >= 0.05:
        return f"Using the inputs together pays: {compared}, a gain of {points:.1f} points."
    if points > -0.05:
        return f"Using the inputs together changes nothing here: {compared}."
    return f"Using the inputs together did worse than the best of them here: {compared}."


def mistakes_sentence(evaluation: Evaluation) -> str:
    """How wrong wrong paths are; empty for label sets."""
    scores = evaluation.fused
    if not isinstance(scores, PathScores) or scores.mistakes is None:
        return ""
    right, steps = scores.mean_common_depth_of_mistakes, scores.mean_tree_distance_of_mistakes
    if right is None or steps is None:
        return "Not one path was wrong."
    levels = "level" if f"{right:.1f}" == "1.0" else "levels"
    return (
        f"{count(scores.mistakes, 'path is', 'paths are')} wrong, on average after {right:.1f} {levels} that "
        f"{'is' if levels == 'level' else 'are'} right, and {steps:.1f} steps in the tree away from the truth."
    )


def promise_sentence(evaluation: Evaluation) -> str:
    """Whether what was promised of accepted predictions held; empty where the record does not tell."""
    if evaluation.promises is None:
        return ""
    scores = evaluation.promises.scores
    if len(scores) > 1:
        return _many_promises(scores)
    [score] = scores
    promised = percent(score.precision, _digits(score.precision))
    if not score.given:
        return f"Nothing is promised: {score.reason}."
    if score.held is None:
        return f"{promised} right was promised of what is accepted, and nothing here is sure enough to be accepted."
    held = percent(score.held, max(_digits(score.precision), 1))
    told = f"{held} of the {score.accepted:,} accepted are right, {promised} was promised"
    if score.verdict == "held":
        return f"The promise held: {told}."
    within = f"95 % interval {percent(score.low)} to {percent(score.high)}"
    if score.by_chance:
        return f"The promise did not hold here: {told}. That can be chance ({within})."
    unlike = "these products are not like the held-out ones"
    return f"The promise did not hold: {told}. That is more than chance ({within}): {unlike}."


def _many_promises(scores: Sequence[PromiseScore]) -> str:
    tested = [score for score in scores if score.held is not None]
    broken = [score for score in tested if score.verdict == "not held"]
    clearly = [score for score in broken if not score.by_chance]
    parts = [f"{len(tested) - len(broken):,} of {count(len(tested), 'promise', 'promises')} held"]
    if not tested:
        parts = [f"of {count(len(scores), 'promise', 'promises')} none could be tested: nothing was accepted"]
    if broken:
        parts.append(f"of the others {len(clearly):,} missed by more than chance")
    refused = [score for score in scores if not score.given]
    if refused:
        named = ", ".join(_promise_name(score) for score in refused[:_MOST_NAMED])
        more = ", …" if len(refused) > _MOST_NAMED else ""
        parts.append(f"{len(refused):,} could not be given ({named}{more})")
    return "; ".join(part if place else part.capitalize() for place, part in enumerate(parts)) + "."


def _promise_name(score: PromiseScore) -> str:
    promised = percent(score.precision, _digits(score.precision))
    return f"{score.name}: {promised}" if score.name else promised


def _digits(share: float) -> int:
    """How many decimals the percentage has: 0.98 has none, 0.995 one."""
    return min(max(len(f"{100 * share:.10g}".partition(".")[2]), 0), 3)


def calibration_sentence(evaluation: Evaluation) -> str:
    """Whether a stated confidence can be taken at its word."""
    found = evaluation.calibration
    gap = found.mean_confidence - found.accuracy
    off = percent(found.expected_calibration_error)
    by_chance = _CERTAIN * math.sqrt(max(found.brier - gap**2, 0.0) / _independent(evaluation))
    told = abs(gap) >= max(_LEAST_GAP, by_chance)
    lean = "neither too sure nor too modest" if not told else "too sure" if gap > 0 else "too modest"
    return f"A stated confidence is off by {off} on average, and the model is {lean} overall."


def _independent(evaluation: Evaluation) -> float:
    """How many products those scored are worth at least: near-duplicates are right or wrong together."""
    data = evaluation.data
    return evaluation.products * (1.0 if data.groups is None else data.groups / max(data.products, 1))


def summary_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    """(what, value) rows of a short table, the most important first."""
    headline, routes = evaluation.headline, evaluation.routes
    rows = [
        (
            "products scored",
            f"{evaluation.products:,} in {count(evaluation.categories, 'category', 'categories')}",
        ),
        (
            f"{headline.name} ({'right' if evaluation.target == 'path' else 'all labels pooled'})",
            f"{percent(headline.value)}  (95 %: {percent(headline.low)} to {percent(headline.high)})",
        ),
    ]
    fused = evaluation.fused
    if isinstance(fused, PathScores):
        for level, value in zip(evaluation.levels, fused.level_accuracy, strict=True):
            rows.append(
                (level.name, f"{percent(value)}  (most frequent category: {percent(level.accuracy)})")
            )
        rows.append(("mean of levels", percent(fused.mean_of_levels)))
        rows.append(("hierarchical F1", percent(fused.hierarchical_f1)))
    if isinstance(fused, LabelSetScores):
        rows.append(("precision / recall", f"{percent(fused.precision)} / {percent(fused.recall)}"))
        rows.append(("exact label set", percent(fused.exact_match)))
    rows.append(("macro-F1 / weighted F1", f"{percent(fused.macro_f1)} / {percent(fused.weighted_f1)}"))
    for name, scores in evaluation.classifiers.items():
        if name != FUSED:
            rows.append((f"{name} alone, {headline.name}", percent(scores.headline)))
    rows.append(("always the most frequent", percent(evaluation.baseline.score)))
    rows.append(("accepted without a person", percent(routes.accept.share)))
    of_labels = evaluation.promises is not None and evaluation.promises.of == "labels"
    right = "whole sets right among them" if of_labels else "right among the accepted"
    rows.append((right, percent(routes.accept.accuracy)))
    rows += _promise_rows(evaluation)
    rows.append(("calibration error", percent(evaluation.calibration.expected_calibration_error)))
    rows.append(("area under risk-coverage", f"{evaluation.calibration.area_under_risk_coverage:.4f}"))
    if routes.failed.products:
        rows.append(("failed", f"{routes.failed.products:,}"))
    if evaluation.unlabelled:
        rows.append(("without a true category", f"{evaluation.unlabelled:,} (left out)"))
    if evaluation.data.remembered:
        met = count(evaluation.data.remembered, "product", "products")
        rows.append(("learned from in training", f"{met}: figures are too good"))
    if evaluation.unseen_products:
        rows.append(("never seen in training", count(evaluation.unseen_products, "product", "products")))
    return rows


def _promise_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    promises = evaluation.promises
    if promises is None:
        return []
    rows = [_promise_row(score) for score in promises.scores]
    if len(rows) > _MOST_ROWS:
        rows = [("promises", promise_sentence(evaluation).rstrip("."))]
    reviews = f"{promises.reviews_per_thousand:,.0f} of 1,000 products"
    if promises.cost_per_thousand is not None:
        reviews += f", which costs {promises.cost_per_thousand:,.2f}"
    rows.append(("reviews", reviews))
    return rows


def _promise_row(score: PromiseScore) -> tuple[str, str]:
    promised = percent(score.precision, _digits(score.precision))
    told = {
        "held": "held",
        "not held": "not held" + (", which can be chance" if score.by_chance else ", by more than chance"),
        "nothing accepted": "nothing is accepted",
    }[score.verdict]
    if not score.given:
        told = f"not given: {score.reason}"
    elif not score.held_out_coverage:
        told = "nothing is accepted, for another promise about the same answers cannot be given"
    return f"promise of {promised} right" + (f", {score.name}" if score.name else ""), told


def _of_thousand(share: float) -> str:
    exact = 1000 * share
    if 10 <= exact <= 990:
        return f"{round(exact / 10) * 10:,}"
    return f"{min(max(round(exact), 1), 999):,}"
