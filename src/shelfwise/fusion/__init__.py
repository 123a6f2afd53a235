"""Fusion: several classifiers' scores → scores. A new policy is a class and a line here."""

from __future__ import annotations

import difflib

from shelfwise.errors import RecipeError
from shelfwise.fusion.policies import Max, Mean, OpinionPool, Policy, Single

POLICIES: dict[str, type[Policy]] = {policy.kind: policy for policy in (OpinionPool, Mean, Max, Single)}


def build_policy(kind: str, exclusive: bool) -> Policy:
    """The policy ``kind``. Raises RecipeError, naming the nearest, for one that is not known."""
    if kind not in POLICIES:
        nearest = difflib.get_close_matches(kind, POLICIES, n=1, cutoff=0.3)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise RecipeError(f"expected a fusion policy (one of {', '.join(POLICIES)}), got '{kind}'{hint}")
    return POLICIES[kind](exclusive)
