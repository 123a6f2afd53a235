"""Makes a router: the rules that keep the promises asked for, on what held-out products showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, Protocol, TypeVar

import numpy as np

from shelfwise.decision.evidence import Evidence
from shelfwise.decision.path_promises import path_promises
from shelfwise.decision.path_rules import HeldOutPaths
from shelfwise.decision.promise import products_needed
from shelfwise.decision.router import Promise, Router
from shelfwise.decision.routing import AcceptRule, fit_accept_rule
from shelfwise.errors import RecipeError
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target

THE_OTHERS = "the others"
"""What the pool of departments or labels is called that are too small to promise anything for by themselves."""
_ROOM = 2
"""A department or label has a rule of its own from so many times the products on that the promise takes at the least."""

_Fitted = TypeVar("_Fitted")


class RoutingSettings(Protocol):
    """What is asked for; see ``RoutingRecipe``."""

    @property
    def precision(self) -> float:
        """Share (0–1) of accepted answers that must be right."""
        ...

    @property
    def certainty(self) -> float:
        """How sure (0–1) the promise of it is."""
        ...

    @property
    def precisions(self) -> Mapping[str, float]:
        """Other precisions, by the name of a level, department or label."""
        ...

    @property
    def of(self) -> Literal["whole", "labels"]:
        """What is right: the whole answer, or each label for itself."""
        ...

    @property
    def per_department(self) -> bool:
        """Whether every category on the first level has a rule of its own."""
        ...

    @property
    def back_off(self) -> bool:
        """Whether a part of an answer is accepted where the whole is not sure enough."""
        ...


def build_router(
    target: Target,
    evidence: Evidence,
    settings: RoutingSettings,
    given_from: np.ndarray | float = 0.5,
    labelled_per_held_out: float = 1.0,
) -> Router:
    """The rules that keep the promises asked for, on what held-out products showed.

    ``given_from``: from which probability labels are given, one for all or float [labels]. Raises RecipeError for a promise about
    a level, department or label that the target does not have, or that is of another kind than the target.
    """
    check_settings(target, settings)
    if isinstance(target, PathTarget):
        return _path_router(target, evidence, settings, labelled_per_held_out)
    if settings.of == "labels":
        return _label_router(target, evidence, settings, given_from, labelled_per_held_out)
    whole = evidence.whole
    promise = partial(fit_accept_rule, certainty=settings.certainty)
    rule = promise(whole.confidence, whole.right, settings.precision, evidence.groups)
    return Router(
        (rule,), ("",), np.zeros(len(target.labels), np.int64), labelled_per_held_out=labelled_per_held_out
    )


def check_settings(target: Target, settings: RoutingSettings) -> None:
    """Raise RecipeError for a promise that cannot be asked of a model with this target."""
    if isinstance(target, PathTarget):
        if settings.of != "whole":
            raise RecipeError(
                "expected 'routing.of: whole' for paths, whose promise is about the whole path, got 'labels'"
            )
        _told_apart(target, _level_names(target), settings.precisions)
        return
    if settings.per_department:
        raise RecipeError(
            "'routing.per_department' needs paths, which have a first level; these are label sets"
        )
    if settings.of == "whole" and settings.back_off:
        raise RecipeError(
            "'routing.back_off' needs paths, which can stop early, or single labels, which can be left out; set "
            "'routing.of: labels' (--precision-of labels)"
        )
    if settings.of == "whole" and settings.precisions:
        raise RecipeError(
            f"the precisions of single labels ({', '.join(settings.precisions):.200}) need 'routing.of: labels' "
            "(--precision-of labels), got 'whole'"
        )
    strangers = [name for name in settings.precisions if name not in target.labels]
    if strangers:
        raise RecipeError(f"expected precisions of labels that the model knows, got one of '{strangers[0]}'")


def _level_names(target: PathTarget) -> tuple[str, ...]:
    return tuple(
        target.level_names[level] if level < len(target.level_names) else f"level {level + 1}"
        for level in range(target.taxonomy.depth)
    )


def _path_router(
    target: PathTarget, evidence: Evidence, settings: RoutingSettings, labelled_per_held_out: float
) -> Router:
    names = _level_names(target)
    levels, departments = _told_apart(target, names, settings.precisions)
    held_out = HeldOutPaths(evidence, target.lengths[evidence.chosen], levels, settings.certainty)
    tops = sorted({path[0] for path in target.outcomes})
    place_of = {top: place for place, top in enumerate(tops)}
    top_of = np.array([place_of[path[0]] for path in target.outcomes])
    own = settings.per_department or bool(departments)
    parts, told, rule_of = _by_part(
        tops if own else [],
        top_of[evidence.chosen],
        {top: departments.get(top, settings.precision) for top in tops},
        settings.precision,
        [top for top in tops if settings.per_department or top in departments],
        partial(held_out.part_rules, back_off=settings.back_off),
        settings.certainty,
    )
    router = Router(
        tuple(part.whole.rule for part in parts),
        tuple(told),
        rule_of[top_of] if own else np.zeros(target.n_outcomes, np.int64),
        "department" if own else "whole",
        {depth: tuple(part.stops[depth].rule for part in parts) for depth in parts[0].stops},
        labelled_per_held_out=labelled_per_held_out,
        obstacles={
            place: Promise("level", names[level], part.whole.of_levels[level], level + 1)
            for place, part in enumerate(parts)
            if (level := part.whole.obstacle) is not None
        },
    )
    return replace(router, asked=path_promises(router, parts, held_out, names))


def _told_apart(
    target: PathTarget, names: Sequence[str], precisions: Mapping[str, float]
) -> tuple[dict[int, float], dict[str, float]]:
    """The precisions of levels, by level from 0, and of departments. Raises RecipeError for a name that is neither or both."""
    numbers = {name: level for level, name in enumerate(names)}
    numbers |= {f"level {level + 1}": level for level in range(len(names))}
    tops = {path[0] for path in target.outcomes}
    levels, departments = {}, {}
    for name, precision in precisions.items():
        if name in numbers and name in tops:
            level = numbers[name] + 1
            raise RecipeError(
                f"'{name}' is both a level and a category on the first level; say 'level {level}' for the level"
            )
        if name not in numbers and name not in tops:
            raise RecipeError(
                f"expected a precision of a level ({', '.join(names)}) or of a category on the first level "
                f"({', '.join(sorted(tops)):.200}), got one of '{name}'"
            )
        if name in numbers:
            levels[numbers[name]] = precision
        else:
            departments[name] = precision
    return levels, departments


def _label_router(
    target: LabelTarget,
    evidence: Evidence,
    settings: RoutingSettings,
    given_from: np.ndarray | float,
    labelled_per_held_out: float,
) -> Router:
    least = np.broadcast_to(given_from, len(target.labels))
    pairs = np.flatnonzero(evidence.probability >= least[evidence.category])

    def rule(rows: np.ndarray, precision: float) -> AcceptRule:
        chosen = pairs[rows]
        return fit_accept_rule(
            evidence.probability[chosen],
            evidence.true[chosen],
            precision,
            evidence.groups[evidence.product[chosen]],
            certainty=settings.certainty,
        )

    rules, names, rule_of = _by_part(
        list(target.labels),
        evidence.category[pairs],
        {label: settings.precisions.get(label, settings.precision) for label in target.labels},
        settings.precision,
        list(target.labels),
        rule,
        settings.certainty,
        always=list(settings.precisions),
    )
    return Router(
        tuple(rules),
        tuple(names),
        rule_of,
        "label",
        drops_labels=settings.back_off,
        labelled_per_held_out=labelled_per_held_out,
    )


def _by_part(
    parts: Sequence[str],
    part_of: np.ndarray,
    precisions: Mapping[str, float],
    precision: float,
    wanted: Sequence[str],
    fit: Callable[[np.ndarray, float], _Fitted],
    certainty: float,
    always: Sequence[str] = (),
) -> tuple[list[_Fitted], list[str], np.ndarray]:
    """A rule for each of the ``wanted`` parts that is large enough or in ``always``, and one for all others together.

    ``part_of`` int64 [M] is the part of each held-out case, by its place in ``parts``. The third is int64 [parts]: the place of
    each part's rule. Without parts there is one rule.
    """
    sizes = np.bincount(part_of, minlength=len(parts))
    asked, kept = set(wanted), set(always)
    rules: list[_Fitted] = []
    names: list[str] = []
    rule_of = np.full(max(len(parts), 1), -1)
    for place, part in enumerate(parts):
        wish = precisions[part]
        enough = wish < 1 and sizes[place] >= _ROOM * products_needed(wish, certainty)
        named = part in kept or wish != precision
        if part in asked and (enough or named):
            rule_of[place] = len(rules)
            rules.append(fit(np.flatnonzero(part_of == place), wish))
            names.append(part)
    if (rule_of < 0).any():
        others = np.isin(part_of, np.flatnonzero(rule_of < 0)) if parts else np.ones(len(part_of), bool)
        rule_of[rule_of < 0] = len(rules)
        rules.append(fit(np.flatnonzero(others), precision))
        names.append(THE_OTHERS if names else "")
    return rules, names, rule_of
