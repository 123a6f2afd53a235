"""What `shelfwise train` tells at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelfwise.categorizer import Categorizer

_MOST_PROMISES = 12
"""Promises that are told of one by one: a model of many labels has one for each."""

_DECENT = 0.5
"""Where held-out answers are right less often than this, labels that look random tell of the inputs, not of the labels."""


def training_rows(model: Categorizer) -> list[tuple[str, str]]:
    """What `train` tells at its end: on what it trained, from what, how good it is on held-out products."""
    facts = model.facts_
    measure = "micro-F1" if model.multilabel_ else "whole path right"
    rows = [
        ("products", f"{facts.products:,} ({facts.labelled:,} labelled, in {facts.groups:,} groups)"),
        ("categories", f"{len(facts.training_counts):,}"),
        (
            "inputs",
            ", ".join(f"{one.name} ({(one.encoder or {}).get('kind')})" for one in model.recipe_.inputs),
        ),
        (
            "held-out products",
            f"{facts.held_out:,}" + (f" (in {facts.folds} folds)" if facts.folds > 1 else ""),
        ),
    ]
    used = facts.policy
    for name in model.ensemble_.names:
        if name in facts.scores:
            rows.append((f"{name} alone", f"{facts.scores[name]:.3f} {measure}"))
    if used in model.ensemble_.names:
        rows.append(("together", f"no fusion was better than {used} alone, which is used"))
    else:
        rows.append(("together", f"{facts.scores[used]:.3f} {measure}, by {used}"))
    return [*rows, *_promise_rows(model)]


def _promise_rows(model: Categorizer) -> list[tuple[str, str]]:
    """What is promised of accepted predictions, and why not where nothing can be."""
    router, facts, rows = model.router_, model.facts_, []
    unit = "labels" if router.about == "label" else "products"
    random = model.ensemble_.calibration.random_labels
    for promise in router.promises[:_MOST_PROMISES]:
        rule, name = promise.rule, f"accepted, {promise.name}" if promise.name else "accepted"
        if promise.obstacle is not None:
            told = f"none: {promise.obstacle.impossible(router.labelled_per_held_out)}"
        elif not rule.coverage:
            told = "none: another promise about the same answers cannot be given"
        else:
            since = f"from confidence {rule.threshold:.3f}" if rule.possible else "only cut short"
            cut = ", less sure ones cut short" if rule.possible and router.stops else ""
            told = (
                f"{since}{cut}: {rule.coverage:.1%} of {rule.basis:,} held-out {unit}, "
                f"{rule.held:.1%} of them right ({rule.precision:g} is promised)"
            )
        unexplained = rule.precision > 1 - random and facts.scores[facts.policy] >= _DECENT
        if promise.obstacle is not None and router.about != "label" and unexplained:
            # More labelled products like these would not help.
            told = (
                f"none: these inputs do not explain about {random:.0%} of the labels, and no answer can agree with more of them "
                "than the rest: they are wrong, or nothing here tells them apart; `shelfwise inspect --doctor` lists its doubts"
            )
        rows.append((name, told))
    if len(router.promises) > _MOST_PROMISES:
        rows.append(
            ("", f"and {len(router.promises) - _MOST_PROMISES} more; `shelfwise evaluate` tells of all")
        )
    return rows
