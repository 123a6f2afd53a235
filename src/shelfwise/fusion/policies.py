"""The one list of late fusion policies: a new policy is a new file and a line here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shelfwise.errors import RecipeError
from shelfwise.fusion.base import Policy
from shelfwise.fusion.blend import Blend
from shelfwise.fusion.category_pool import CategoryPool
from shelfwise.fusion.max import Max
from shelfwise.fusion.mean import Mean
from shelfwise.fusion.opinion_pool import OpinionPool
from shelfwise.fusion.policy_network import PolicyNetwork
from shelfwise.fusion.ridge import Ridge
from shelfwise.fusion.selected import Selected
from shelfwise.fusion.single import Single

__all__ = ["POLICIES", "Max", "Mean", "OpinionPool", "Policy", "Single", "build_policy"]

POLICIES: dict[str, type[Policy]] = {
    policy.kind: policy
    for policy in (OpinionPool, CategoryPool, PolicyNetwork, Blend, Ridge, Selected, Mean, Max, Single)
}


def build_policy(spec: str | Mapping[str, Any], exclusive: bool) -> Policy:
    """A fresh policy: ``spec`` is its kind, or a mapping of ``kind`` and that policy's options.

    Raises RecipeError for an unknown kind or option (naming the nearest) and for values that cannot work.
    """
    kind, options = (spec, {}) if isinstance(spec, str) else (str(spec.get("kind")), _without_kind(spec))
    if kind not in POLICIES:
        nearest = difflib.get_close_matches(kind, POLICIES, n=1, cutoff=0.3)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise RecipeError(f"expected a fusion policy (one of {', '.join(POLICIES)}), got '{kind}'{hint}")
    policy = POLICIES[kind]
    try:
        checked = policy.Options.model_validate(options)
    except ValidationError as error:
        raise RecipeError(_explained(policy, error)) from error
    return policy(exclusive, options=checked)


def _without_kind(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "kind"}


def _explained(policy: type[Policy], error: ValidationError) -> str:
    """One line on the first thing that is wrong with a policy's options."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    known = policy.Options.model_fields
    if first["type"] == "extra_forbidden":
        if not known:
            return f"expected no options for the policy '{policy.kind}', got '{key}'; remove it"
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
        return (
            f"expected options among {', '.join(known)} for the policy '{policy.kind}', got '{key}'; "
            f"did you mean '{nearest}'?"
        )
    where = f"option '{key}' of the policy '{policy.kind}'" if key else f"the options of '{policy.kind}'"
    wrong = first["msg"].removeprefix("Value error, ")
    return f"cannot use {where}: {wrong}; got {first['input']!r:.80}; change it in the recipe"
