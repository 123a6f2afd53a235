"""What a rule makes of a prediction: another answer, marked as the rule's, and accepted only where that was earned.

A rule that people have confirmed often enough keeps the same promise as the model: the one-sided 95 % lower bound (Clopper &
Pearson 1934) of its measured precision reaches the precision that accepted predictions are promised to have. Its answers are
accepted. Another rule changes the answer and sends the product to a person, who thereby measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.product_texts import ProductTexts
from shelfwise.decision.promise import lower_bound
from shelfwise.decision.rules import Answer, Rule, RuleSet, suggestion
from shelfwise.predictions import Alternative, Decision, Prediction
from shelfwise.taxonomy.targets import PathTarget, Target

_DECIMALS = 6


@dataclass(frozen=True)
class Ruling:
    """Rules as they act on one model's predictions. ``notes`` say which rules were left out, and why.

    ``precision`` (0–1) is what accepted predictions are promised to have; ``hidden`` are the target's own columns.
    """

    rules: RuleSet
    multilabel: bool
    precision: float
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, rules: RuleSet, target: Target, precision: float, hidden: Sequence[str] = ()) -> Ruling:
        """``rules`` without those whose categories ``target`` does not have: every answer is in the taxonomy."""
        kept, notes = [], []
        for rule in rules:
            if _known(rule.text.target, target):
                kept.append(rule)
            else:
                notes.append(
                    f"rule {rule.number} is left out: '{' > '.join(rule.text.target)}' is not one of the model's "
                    "categories"
                )
        return cls(RuleSet(tuple(kept)), target.multilabel, precision, tuple(hidden), tuple(notes))

    def apply(self, catalog: Catalog, predictions: Sequence[Prediction]) -> list[Prediction]:
        """The predictions of a catalog's products, in order, after the rules."""
        if not self.rules:
            return list(predictions)
        texts = ProductTexts(catalog, self.hidden)
        after = []
        for row, prediction in enumerate(predictions):
            rule = self.rules.find(texts.fields(row))
            after.append(prediction if rule is None else self.ruled(prediction, rule))
        return after

    def ruled(self, prediction: Prediction, rule: Rule) -> Prediction:
        """A prediction whose product falls under ``rule``."""
        answer = suggestion(rule.text.target, prediction.answer, self.multilabel)
        earned = self._earned(rule)
        chances = _chances(prediction, self.multilabel)
        if self.multilabel:
            parts = tuple(
                max(chances.get((name,), 0.0), earned if name in rule.text.target else 0.0) for name in answer
            )
            sure = (
                prediction.confidence if answer == prediction.answer else min(prediction.confidence, *parts)
            )
        else:
            sure = max(chances.get(answer, 0.0), earned)
            parts = _level_confidence(prediction, answer, sure)
        changed = answer != prediction.answer
        decision, why = self._decide(prediction, rule, changed, earned > 0)
        return replace(
            prediction,
            answer=answer,
            confidence=sure,
            part_confidence=parts,
            decision=decision,
            reason=f"rule {rule.number}: {rule.text.told()}{why}",
            alternatives=_alternatives(prediction, answer, self.multilabel)
            if changed
            else prediction.alternatives,
            rule=rule.number,
        )

    def _earned(self, rule: Rule) -> float:
        """The precision that the rule has shown (a lower bound), 0 where that does not reach what is promised."""
        bound = float(lower_bound(np.float64(rule.right), np.float64(rule.judged)))
        return round(bound, _DECIMALS) if bound >= self.precision else 0.0

    def _decide(self, before: Prediction, rule: Rule, changed: bool, earned: bool) -> tuple[Decision, str]:
        said = ""
        if before.decision == "failed":
            said = f"; the model had no answer: {before.reason}"
        elif changed:
            joined = (" | " if self.multilabel else " > ").join(before.answer) or "nothing"
            said = f"; the model said {joined} ({before.confidence:.3f})"
        elif before.reason:
            said = f"; {before.reason}"
        if earned and not self.multilabel:
            return "accept", said
        if not changed or (earned and before.decision == "accept"):
            # The rule vouches for its own label only: about the others the model's decision stands.
            return before.decision, said
        shown = (
            f"people confirmed it {rule.right} of {rule.judged} times"
            if rule.judged
            else "nobody has confirmed it yet"
        )
        return "review", f"{said}; {shown}"


def _known(answer: Answer, target: Target) -> bool:
    if isinstance(target, PathTarget):
        return answer in target.taxonomy
    return bool(answer) and set(answer) <= set(target.labels)


def _chances(prediction: Prediction, multilabel: bool) -> dict[Answer, float]:
    """What the model gives each answer that it told of."""
    found = {other.answer: other.probability for other in prediction.alternatives}
    if multilabel:
        parts = zip(prediction.answer, prediction.part_confidence, strict=True)
        return found | {(name,): chance for name, chance in parts}
    told = {prediction.answer[: depth + 1]: chance for depth, chance in enumerate(prediction.part_confidence)}
    return found | told | ({prediction.answer: prediction.confidence} if prediction.answer else {})


def _level_confidence(prediction: Prediction, answer: Answer, sure: float) -> tuple[float, ...]:
    """One a level, never increasing: the model's own as far as the two agree, the rule's below."""
    levels = []
    agree = True
    for depth, name in enumerate(answer):
        agree = agree and depth < len(prediction.answer) and prediction.answer[depth] == name
        levels.append(max(sure, prediction.part_confidence[depth]) if agree else sure)
    return tuple(levels)


def _alternatives(prediction: Prediction, answer: Answer, multilabel: bool) -> tuple[Alternative, ...]:
    """Best first, with the model's own answer among them where the rule took its place."""
    if multilabel:
        return tuple(other for other in prediction.alternatives if other.answer[0] not in answer)
    mine = (Alternative(prediction.answer, prediction.confidence),) if prediction.answer else ()
    left = [other for other in (*mine, *prediction.alternatives) if other.answer != answer]
    return tuple(sorted(left, key=lambda other: -other.probability))
