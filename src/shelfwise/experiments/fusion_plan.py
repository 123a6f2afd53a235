"""Every method that a fusion experiment compares: which classifiers, which policy over them, and whose idea it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Spec = str | Mapping[str, Any]
_PAPER_BIMODAL: Spec = {"kind": "policy_network", "preset": "paper_bimodal"}
_PAPER_TRIMODAL: Spec = {"kind": "policy_network", "preset": "paper_trimodal"}
PAPER_POLICIES: tuple[Spec, ...] = ("max", "mean", "ridge", _PAPER_TRIMODAL)
OUR_POLICIES: tuple[Spec, ...] = ("policy_network", "blend", "opinion_pool", "selected")


@dataclass(frozen=True)
class Method:
    """``members`` are classifiers by name; ``policy`` None: the only one alone. ``family`` says whose idea it is: "input",
    "early", "paper", "ours" or "leaky"."""

    members: tuple[str, ...]
    policy: Spec | None
    family: str
    all_inputs: str = ""
    """What to call the members where they are all that there are."""

    @property
    def name(self) -> str:
        """What the tables call it: no two methods share it."""
        who = self.all_inputs or " + ".join(self.members)
        if self.policy is None:
            return who
        what = policy_name(self.policy)
        leaky = " (leaky)" if self.family == "leaky" else ""
        return f"{what}: {who}{leaky}"

    @property
    def kind(self) -> str:
        """The policy's kind; empty for a classifier alone."""
        if self.policy is None:
            return ""
        return self.policy if isinstance(self.policy, str) else str(self.policy["kind"])


def policy_name(spec: Spec) -> str:
    """A policy as the tables name it.

    >>> policy_name({"kind": "policy_network", "preset": "paper_bimodal"})
    'policy network (paper)'
    """
    if isinstance(spec, str):
        return spec.replace("_", " ")
    options = {key: value for key, value in spec.items() if key != "kind"}
    if set(options) == {"preset"} and str(options["preset"]).startswith("paper_"):
        return f"{policy_name(str(spec['kind']))} (paper)"
    told = ", ".join(f"{key}={value}" for key, value in options.items())
    return policy_name(str(spec["kind"])) + (f" ({told})" if told else "")


def plan_methods(singles: Sequence[str], early: Sequence[str], further: Sequence[Spec]) -> list[Method]:
    """All methods, in the tables' order. ``singles``: the classifiers of one input each; ``early``: those that fuse inputs early;
    ``further``: policies to try besides."""
    methods = [Method((name,), None, "input") for name in singles]
    methods += [Method((name,), None, "early") for name in early]
    if len(singles) < 2:
        return methods
    if len(singles) > 2:
        for pair in combinations(singles, 2):
            methods += [Method(pair, _PAPER_BIMODAL, "paper"), Method(pair, "policy_network", "ours")]
    whole, told = tuple(singles), "all inputs"
    paper = [
        _PAPER_BIMODAL if spec is _PAPER_TRIMODAL and len(singles) == 2 else spec for spec in PAPER_POLICIES
    ]
    methods += [Method(whole, spec, "paper", told) for spec in paper]
    ours = [*OUR_POLICIES, *(spec for spec in further if spec not in OUR_POLICIES and spec not in paper)]
    methods += [Method(whole, spec, "ours", told) for spec in ours]
    if early:
        methods.append(Method((*singles, *early), "policy_network", "ours", "all inputs + early fusion"))
    methods += [Method(whole, spec, "leaky", told) for spec in (paper[-1], "ridge", "policy_network")]
    return methods
