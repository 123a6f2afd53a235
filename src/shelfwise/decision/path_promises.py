"""What is promised of paths, each promise under its own name, with what came of it on held-out products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from shelfwise.decision.path_rules import HeldOutPaths, PartRules
from shelfwise.decision.router import Promise, Router
from shelfwise.decision.routing import AcceptRule


def path_promises(
    router: Router, parts: Sequence[PartRules], held_out: HeldOutPaths, names: Sequence[str]
) -> tuple[Promise, ...]:
    """Those of whole answers or departments, whose rules are ``parts``, then those of levels, which have ``names``."""
    evidence, lengths = held_out.evidence, held_out.lengths
    routed = router.route_paths(
        evidence.chosen, lengths, evidence.whole.confidence, evidence.level_confidence
    )
    rows, whole = np.arange(len(lengths)), routed.depth == lengths
    right = np.where(whole, evidence.whole.right, evidence.level_right[rows, routed.depth - 1])
    promises = []
    for place, (name, part) in enumerate(zip(router.names, parts, strict=True)):
        mine = router.rule_of[evidence.chosen] == place
        rule = _measured(part.whole.rule, routed.accepted[mine], right[mine])
        obstacle = _obstacle(kept.own for kept in part.all)
        promises.append(Promise(router.about, name, rule, place, obstacle))
    for level in held_out.levels:
        # An answer that was cut above the level says nothing of it.
        given = routed.accepted & (whole | (routed.depth > level))
        own = [kept.of_levels[level] for part in parts for kept in part.all if level in kept.of_levels]
        lowest = min(part.whole.rule.threshold for part in parts)
        rule = _measured(replace(own[0], threshold=lowest), given, held_out.right_at(rows, level))
        promises.append(Promise("level", names[level], rule, level + 1, _obstacle(own)))
    return tuple(promises)


def _measured(rule: AcceptRule, accepted: np.ndarray, right: np.ndarray) -> AcceptRule:
    """``rule`` with what was ``accepted`` of all products that it is about, bool [M], and whether those were ``right``."""
    return replace(
        rule,
        basis=len(accepted),
        held=float(right[accepted].mean()) if accepted.any() else 0.0,
        coverage=float(accepted.mean()) if len(accepted) else 0.0,
    )


def _obstacle(rules: Iterable[AcceptRule]) -> AcceptRule | None:
    """The rule on the most products, which says best what is missing; None where any of ``rules`` can promise something."""
    tried = list(rules)
    return None if any(rule.possible for rule in tried) else max(tried, key=lambda rule: rule.basis)
