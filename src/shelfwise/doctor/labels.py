"""Has every label judged by classifiers that never saw it, and says which are probably wrong and which categories are alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.groups import title_column
from shelfwise.catalog.inputs import as_text
from shelfwise.decision.confident_learning import confident_category
from shelfwise.doctor.findings import AlikeCategories, CategoriesFound, LabelsFound, Suspect
from shelfwise.ensemble import build_encoders, prepare
from shelfwise.learning.label_doubts import (
    Judged,
    LabelDoubts,
    find_doubts,
    judge,
    outcome_names,
    quick_recipe,
)
from shelfwise.learning.task import LearningTask, read_task
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import LabelTarget

LEAST_PRODUCTS = 10
"""A category with fewer products is too small to be both learned and checked."""
FOUND_LEAST = 0.2
"""Share of a category's products that must be found for it to count as told apart from others."""
ALIKE_SHARE = 0.15
"""Share of a category's products taken for one other, from which on the two are alike."""
ALIKE_PRODUCTS = 5
SUSPECTS_SHOWN = 24
PAIRS_SHOWN = 12
PAIR_ROWS = 4
CATEGORIES_SHOWN = 12

Answer = tuple[str, ...]


@dataclass(frozen=True)
class LabelExamination:
    """What was judged, and by what: the labels' doubts, the recipe of the classifiers, and every product's own answer."""

    task: LearningTask
    judged: Judged
    doubts: LabelDoubts
    by: list[str]

    @cached_property
    def answers(self) -> list[Answer]:
        """The answers of the products judged, in the order of ``doubts.rows``."""
        return [self.task.truth.values[row] for row in self.doubts.rows]


def examine_labels(recipe: Recipe, catalog: Catalog, reporter: Reporter) -> LabelExamination:
    """Judge the labels of ``catalog`` by the inputs that training would read. Raises ShelfwiseError where nothing can be
    learned."""
    task = read_task(recipe, catalog, reporter)
    quick = quick_recipe(task.recipe, task.target, len(task.labelled))
    prepared = prepare(build_encoders(quick.inputs), quick.inputs, catalog, reporter)
    truth = task.target.encode(task.truth.values)
    judged = judge(
        task.recipe.model_copy(update={"inputs": quick.inputs}),
        task.target,
        prepared,
        truth,
        task.groups,
        task.labelled,
        catalog.ids,
        reporter,
    )
    doubts = find_doubts(judged, task.target, task.truth.values)
    return LabelExamination(task, judged, doubts, [one.name for one in quick.inputs])


def all_suspects(found: LabelExamination, catalog: Catalog) -> list[Suspect]:
    """Every suspect, the most doubtful first."""
    doubts, answers = found.doubts, found.answers
    ranked = doubts.ranked
    places = ranked[doubts.suspects[ranked]].tolist()
    rows = doubts.rows[places].tolist()
    return [
        Suspect(
            row=row,
            id=catalog.ids[row],
            title=title,
            label=list(answers[place]),
            suggested=list(doubts.suggestion[place]),
            wrong=round(float(doubts.wrong[place]), 6),
            probability=round(float(doubts.own[place]), 6),
            suggested_probability=round(float(doubts.likely[place]), 6),
        )
        for place, row, title in zip(places, rows, titles_of(catalog, rows), strict=True)
    ]


def describe_labels(found: LabelExamination, suspects: Sequence[Suspect]) -> LabelsFound:
    """The figures of all labels and the worst of the suspects."""
    doubts, target = found.doubts, found.task.target
    known = int(doubts.known.sum())
    return LabelsFound(
        judged=known,
        share=doubts.share,
        suspects=len(suspects),
        agreement=doubts.agreement,
        by=found.by,
        worst=list(suspects[:SUSPECTS_SHOWN]),
        one_by_one=isinstance(target, LabelTarget) and not target.sets,
        too_few=len(doubts.known) - known,
    )


def describe_categories(found: LabelExamination) -> CategoriesFound:
    """Which categories are too small, too alike, or never told apart by any input. Products with suspect labels do not
    count."""
    trusted = ~found.doubts.suspects
    counts = Counter(
        name for answer in found.answers for name in (_labels(answer) if _multilabel(found) else [answer])
    )
    small = sorted(
        ((name, n) for name, n in counts.items() if n < LEAST_PRODUCTS), key=lambda one: (one[1], one[0])
    )
    of, hits = _found_shares(found, trusted)
    unknowable = sorted(
        (
            (name, of[name])
            for name in of
            if of[name] >= LEAST_PRODUCTS and hits[name] < FOUND_LEAST * of[name]
        ),
        key=lambda one: (-one[1], one[0]),
    )
    alike = [] if _multilabel(found) else _alike(found, trusted)
    return CategoriesFound(
        categories=len(counts),
        least=LEAST_PRODUCTS,
        small=[(list(name), count) for name, count in small[:CATEGORIES_SHOWN]],
        small_count=len(small),
        unknowable=[(list(name), count) for name, count in unknowable[:CATEGORIES_SHOWN]],
        unknowable_count=len(unknowable),
        found_least=FOUND_LEAST,
        alike=alike[:PAIRS_SHOWN],
        alike_count=len(alike),
    )


def titles_of(catalog: Catalog, rows: Sequence[int]) -> list[str]:
    """What to call each of ``rows``: its title, else its id."""
    name, ids = title_column(catalog), [catalog.ids[row] for row in rows]
    if name is None:
        return ids
    texts = as_text(catalog.column(name).take(pa.array(rows, pa.int64()))).to_pylist()
    return [
        " ".join(text.split()) if text and text.strip() else given
        for text, given in zip(texts, ids, strict=True)
    ]


def image_column(catalog: Catalog) -> str | None:
    """The first column of images."""
    return next((name for name, field in catalog.fields.items() if field.role is Role.IMAGE), None)


def _multilabel(found: LabelExamination) -> bool:
    return found.task.target.multilabel


def _labels(answer: Answer) -> list[Answer]:
    return [(label,) for label in answer]


def _found_shares(found: LabelExamination, trusted: np.ndarray) -> tuple[Counter[Answer], Counter[Answer]]:
    """Of each category (a path, or one label): its trusted products, and how many of them the classifiers find."""
    target, of, hits = found.task.target, Counter[Answer](), Counter[Answer]()
    if isinstance(target, LabelTarget):
        said = target.label_probabilities(found.judged.probabilities) >= 0.5
        given = target.encode_labels(found.answers) > 0
        for place, label in enumerate(target.labels):
            mine = given[:, place] & trusted
            of[(label,)], hits[(label,)] = int(mine.sum()), int((mine & said[:, place]).sum())
        return of, hits
    best = found.judged.probabilities.argmax(1)
    for place in np.flatnonzero(trusted).tolist():
        answer = found.answers[place]
        of[answer] += 1
        hits[answer] += outcome_names(target, int(best[place])) == answer
    return of, hits


def _alike(found: LabelExamination, trusted: np.ndarray) -> list[AlikeCategories]:
    """Pairs of paths that confident learning counts off its diagonal, the worst first."""
    target = found.task.target
    given = target.encode(found.answers)
    confident = confident_category(found.judged.probabilities, given)
    best = found.judged.probabilities.argmax(1)
    # Where no category reaches its usual confidence, the likeliest speaks.
    said = np.where(confident >= 0, confident, best)
    off = np.flatnonzero(trusted & (said != given) & (best != given))
    taken: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in off.tolist():
        taken[int(given[place]), int(said[place])].append(place)
    size = np.bincount(given[trusted], minlength=target.n_outcomes)
    pairs = []
    for first, second in {(min(pair), max(pair)) for pair in taken}:
        if len(taken[second, first]) > len(taken[first, second]):
            first, second = second, first
        there, back = taken[first, second], taken[second, first]
        share = len(there) / max(size[first], 1)
        if len(there) < ALIKE_PRODUCTS or share < ALIKE_SHARE:
            continue
        rows = [int(found.doubts.rows[place]) for place in there[:PAIR_ROWS]]
        names = [list(outcome_names(target, one)) for one in (first, second)]
        pairs.append(
            AlikeCategories(
                first=names[0],
                second=names[1],
                products=int(size[first]),
                taken=len(there),
                others=int(size[second]),
                back=len(back),
                rows=rows,
            )
        )
    return sorted(pairs, key=lambda pair: (-(pair.taken + pair.back), pair.first, pair.second))
