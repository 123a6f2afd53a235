"""What the categories of a catalog are like, before anything is learned from them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from shelfwise.catalog.inspection import (
    CategoryFound,
    Contradiction,
    GroupsFound,
    LevelFound,
    Spread,
    TargetFound,
)
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import Truth

LARGEST = 5
EXAMPLE_GROUPS = 3
EXAMPLE_PRODUCTS = 5

Answer = tuple[str, ...]


def survey_target(
    truth: Truth, recipe: TargetRecipe, groups: np.ndarray, ids: Sequence[str], *, assumed: bool
) -> TargetFound:
    """The statistics of a target. ``groups`` int [N]: near-duplicates share a number."""
    labelled = [answer for answer in truth.values if answer]
    counts: Counter[Answer] = Counter(
        ((label,) for answer in labelled for label in set(answer)) if recipe.multilabel else labelled
    )
    inner = {answer[:depth] for answer in counts for depth in range(1, len(answer))}
    clashes = [] if recipe.multilabel else _contradictions(truth.values, groups)
    return TargetFound(
        columns=recipe.columns,
        multilabel=recipe.multilabel,
        assumed=assumed,
        separator=truth.separator,
        labelled=len(labelled),
        unlabelled=len(truth.values) - len(labelled),
        categories=len(counts),
        levels=[] if recipe.multilabel else _levels(counts, truth.level_names),
        depths={} if recipe.multilabel else dict(sorted(Counter(map(len, labelled)).items())),
        ends_early=0
        if recipe.multilabel
        else sum(count for answer, count in counts.items() if answer in inner),
        per_category=spread(counts.values()),
        per_product=spread(len(answer) for answer in labelled) if recipe.multilabel else None,
        largest=[CategoryFound(category=list(name), products=n) for name, n in counts.most_common(LARGEST)],
        contradicting_groups=len(clashes),
        contradictions=[
            Contradiction(
                ids=[ids[row] for row in rows[:EXAMPLE_PRODUCTS]],
                categories=[list(truth.values[row]) for row in rows[:EXAMPLE_PRODUCTS]],
            )
            for rows in clashes[:EXAMPLE_GROUPS]
        ],
        notes=list(truth.notes),
    )


def spread(counts: Iterable[int]) -> Spread | None:
    """Fewest, median, most, and how many are exactly one; None of nothing."""
    values = np.fromiter(counts, dtype=np.int64)
    if not len(values):
        return None
    return Spread(
        fewest=int(values.min()),
        median=float(np.median(values)),
        most=int(values.max()),
        one=int((values == 1).sum()),
    )


def survey_groups(groups: np.ndarray, ids: Sequence[str], by: list[str]) -> GroupsFound:
    """How many products share a group with another. ``by`` says what evidence the groups were made of."""
    _, number, size = np.unique(groups, return_inverse=True, return_counts=True)
    shared = size >= 2
    members = defaultdict(list)
    largest = [int(group) for group in np.argsort(-size, kind="stable")[:EXAMPLE_GROUPS] if shared[group]]
    for row in np.flatnonzero(np.isin(number, largest)).tolist():
        members[int(number[row])].append(ids[row])
    return GroupsFound(
        groups=int(shared.sum()),
        products=int(size[shared].sum()),
        largest=int(size.max(initial=0)),
        by=by,
        examples=[members[group][:EXAMPLE_PRODUCTS] for group in largest],
    )


def _levels(counts: Counter[Answer], names: Sequence[str]) -> list[LevelFound]:
    deepest = max((len(answer) for answer in counts), default=0)
    return [
        LevelFound(
            name=names[depth - 1] if depth <= len(names) else f"level {depth}",
            categories=len({answer[:depth] for answer in counts if len(answer) >= depth}),
            products=sum(count for answer, count in counts.items() if len(answer) >= depth),
        )
        for depth in range(1, deepest + 1)
    ]


def _contradictions(answers: Sequence[Answer], groups: np.ndarray) -> list[list[int]]:
    """Rows of each group whose labelled products have different answers; one row an answer comes first."""
    members: dict[int, dict[Answer, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (answer, group) in enumerate(zip(answers, groups, strict=True)):
        if answer:
            members[int(group)][answer].append(row)
    clashes = []
    for rows_by_answer in members.values():
        if len(rows_by_answer) > 1:
            firsts = [rows[0] for rows in rows_by_answer.values()]
            clashes.append(firsts + [row for rows in rows_by_answer.values() for row in rows[1:]])
    return clashes
