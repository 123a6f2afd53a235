"""Decisions laid over a catalog's answers: what people decided wins, and every conflict is told."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shelfwise.taxonomy.decisions import PATH_JOIN, Answer, Decisions
from shelfwise.taxonomy.spelling import one_spelling, one_spelling_of_labels
from shelfwise.taxonomy.tree import MAX_LEVELS
from shelfwise.taxonomy.truth import Truth

TOLD = 10
"""Conflicts that are told one by one."""


@dataclass(frozen=True)
class Conflict:
    """A product whose decision is not what the catalog has. An empty ``decided``: nobody can tell."""

    id: str
    label: Answer
    decided: Answer


@dataclass(frozen=True)
class Decided:
    """A catalog's answers after the decisions.

    ``new``: products that had no label; ``kept``: whose label was confirmed; ``strangers``: decisions on products that the
    catalog does not have; ``too_deep``: decisions of more levels than the target has columns, which are left aside.
    """

    truth: Truth
    conflicts: tuple[Conflict, ...]
    new: int
    kept: int
    strangers: int
    too_deep: int

    def told(self) -> list[str]:
        """What is said of them, line by line."""
        used = self.new + self.kept + len(self.conflicts)
        lines = [
            f"decisions: {used:,} products take theirs: {self.new:,} had no label, {self.kept:,} keep it, "
            f"{len(self.conflicts):,} had another"
        ]
        for one in self.conflicts[:TOLD]:
            lines.append(f"  {one.id}: {_told(one.label)}, decided: {_told(one.decided)}")
        if len(self.conflicts) > TOLD:
            lines.append(f"  … and {len(self.conflicts) - TOLD:,} more (--conflicts FILE writes all)")
        if self.strangers:
            lines.append(f"on products that the catalog does not have: {self.strangers:,} of the decisions")
        if self.too_deep:
            levels = len(self.truth.level_names)
            lines.append(
                f"of more levels than the target's {levels} columns, and left aside: {self.too_deep:,} of the decisions"
            )
        return lines


def lay_over(truth: Truth, ids: Sequence[str], decisions: Decisions) -> Decided:
    """The answers ``truth`` of the products ``ids`` with the decisions in their place.

    A product is found by its id; of several with one id, the first takes the decision on the first, and so on. Where nobody can
    tell, the product has no answer to learn from.
    """
    values = list(truth.values)
    seen: Counter[str] = Counter()
    found = new = kept = too_deep = 0
    conflicts = []
    most = len(truth.level_names) or MAX_LEVELS
    # Capitals and spaces make no conflict: the catalog's labels have one spelling, and decisions take it.
    spelled = _spelled(values, decisions)
    for row, name in enumerate(ids):
        key = (name, seen[name])
        seen[name] += 1
        decision = decisions.by_product.get(key)
        if decision is None:
            continue
        found += 1
        answer = spelled[decision.answer]
        if not decisions.multilabel and len(answer) > most:
            too_deep += 1
            continue
        if _same(values[row], answer, decisions.multilabel):
            kept += bool(answer)
        elif values[row]:
            conflicts.append(Conflict(name, values[row], answer))
        else:
            new += 1
        values[row] = answer
    return Decided(
        replace(truth, values=values), tuple(conflicts), new, kept, len(decisions) - found, too_deep
    )


def conflicts_to_csv(conflicts: Sequence[Conflict]) -> str:
    """Every conflict as a line of CSV: ``id``, ``label``, ``decided`` (empty where nobody can tell)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["id", "label", "decided"])
    writer.writerows([one.id, PATH_JOIN.join(one.label), PATH_JOIN.join(one.decided)] for one in conflicts)
    return stream.getvalue()


def _spelled(values: Sequence[Answer], decisions: Decisions) -> dict[Answer, Answer]:
    """Every decided answer, spelled as the catalog's labels are where it has them."""
    given = list(dict.fromkeys(decision.answer for decision in decisions.by_product.values()))
    known = list(dict.fromkeys(values))
    if decisions.multilabel:
        labels = dict.fromkeys(label for answer in known for label in answer)
        taken = one_spelling_of_labels(given, list(labels))[0]
    else:
        taken = one_spelling(given, [path for path in known if path])[0]
    return dict(zip(given, taken, strict=True))


def _same(label: Answer, decided: Answer, multilabel: bool) -> bool:
    return set(label) == set(decided) if multilabel else label == decided


def _told(answer: Answer) -> str:
    return f"'{' > '.join(answer)}'" if answer else "cannot tell"
