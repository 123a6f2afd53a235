"""What training would do with a catalog by default, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import INPUT_ROLES, Role
from shelfwise.catalog.field_rules import URLS
from shelfwise.catalog.giveaway import Giveaway
from shelfwise.catalog.inspection import Inspection, LeftOut, PlannedInput, Problem, TargetFound

ENCODER_BY_ROLE = {
    Role.TEXT: "ngrams",
    Role.CATEGORY: "one_hot",
    Role.NUMBER: "number",
    Role.IMAGE: "small_cnn",
}
"""The encoder that a role has by default (a test compares it with the registry, whose import is heavy)."""
READ_AS = {
    Role.TEXT: "text, by words and parts of words",
    Role.CATEGORY: "categories, each value on its own and new ones as unknown",
    Role.NUMBER: "numbers, by ranges and common values",
    Role.IMAGE: "pictures, by a small network trained on them",
}
NAMES_TOLD = 12
"""Columns of one reason that are named in one line; `inspect` names all."""
_TARGET = "the target"
_ID = "the id, carried through to the predictions"
PRETRAINED_HINT = "A pretrained image network (--image-model) usually sees more."


def plan_inputs(
    catalog: Catalog, target: Sequence[str], giveaways: Mapping[str, Giveaway]
) -> tuple[list[PlannedInput], list[LeftOut]]:
    """The columns that would be inputs, and those that would not, in the order of the catalog."""
    inputs, left_out = [], []
    for name, field in catalog.fields.items():
        if name in target:
            left_out.append(LeftOut(name=name, why=_TARGET, giveaway=False))
        elif name in giveaways:
            why = f"gives the answer away: {giveaways[name].why}"
            left_out.append(LeftOut(name=name, why=why, giveaway=True))
        elif field.role in INPUT_ROLES:
            inputs.append(PlannedInput(name=name, role=str(field.role), encoder=ENCODER_BY_ROLE[field.role]))
        else:
            left_out.append(LeftOut(name=name, why=_why_not(field.role, field.why), giveaway=False))
    return inputs, left_out


def told_in_one_line(left_out: Sequence[LeftOut]) -> str | None:
    """Which columns are not read, and why, those of one reason together; None where all are.

    Columns that give the answer away are told of apart, as are addresses of images, and of target and id nobody needs to be.
    """
    reasons: dict[str, list[str]] = {}
    for one in left_out:
        if not one.giveaway and one.why not in (_TARGET, _ID, URLS):
            reasons.setdefault(one.why.split(";")[0], []).append(one.name)
    if not reasons:
        return None
    told = "; ".join(f"{_few(names)} ({why})" for why, names in reasons.items())
    return f"not read: {told}; name a column with --inputs to use it all the same"


def _few(names: Sequence[str]) -> str:
    shown = names if len(names) <= NAMES_TOLD else names[: NAMES_TOLD - 1]
    more = f" and {len(names) - len(shown):,} more" if len(shown) < len(names) else ""
    return ", ".join(f"'{' '.join(name.split()):.40}'" for name in shown) + more


def _why_not(role: Role, why: str) -> str:
    if role is Role.ID:
        return _ID
    if role is Role.GROUP:
        return "the group: variants of one product are never on both sides of a test"
    return why


def write_plan(inspection: Inspection, problems: Sequence[Problem]) -> list[str]:
    """What `train` would do by default, one sentence a step."""
    target = inspection.target
    if target is None:
        return ["Nothing can be learned until a target is named."]
    if any(problem.kind == "fails" for problem in problems):
        return ["Training would stop with an error until what is marked FAILS is solved."]
    plan = [_what_is_learned(target)]
    for role, how in READ_AS.items():
        names = [one.name for one in inspection.inputs if one.role == role]
        if names:
            hint = f" {PRETRAINED_HINT}" if role is Role.IMAGE else ""
            plan.append(f"Read {_listed(names)} as {how} ({ENCODER_BY_ROLE[role]}).{hint}")
    given_away = [one.name for one in inspection.left_out if one.giveaway]
    if given_away:
        them = "them" if len(given_away) > 1 else "it"
        plan.append(
            f"Leave out {_listed(given_away)}: reading the answer off {them} would score well here, and be "
            f"of no use for products not categorized yet. If new products do carry {them}, name {them} with "
            "--inputs."
        )
    plan.append(
        "Have the products scored by classifiers that did not learn from them, near-duplicates kept together: by that choose "
        "the best model and learn how sure it is. Then learn from all of them."
    )
    return plan


def _what_is_learned(target: TargetFound) -> str:
    name = ",".join(target.columns)
    if target.multilabel:
        return f"Learn the {target.categories:,} labels of '{name}' from {target.labelled:,} products."
    depth = f" on {len(target.levels)} levels" if len(target.levels) > 1 else ""
    what = f"the {target.categories:,} categories{depth}"
    return f"Learn {what} of '{name}' from {target.labelled:,} products."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
