"""A diagnosis as plain text for a terminal: what the inspection says, the findings, and last the checks, where the eye
rests."""

from __future__ import annotations

import textwrap

from shelfwise.catalog.inspection_text import WIDTH, aligned, count_of, cut, percent
from shelfwise.doctor.findings import (
    CategoriesFound,
    ComparisonFound,
    Diagnosis,
    DuplicatesFound,
    LabelsFound,
)

SUSPECTS_LISTED = 8
GROUPS_LISTED = 5
PAIRS_LISTED = 6
TITLE_WIDTH = 40


def write_text(diagnosis: Diagnosis) -> str:
    """All sections, each with a heading, ending in a newline."""
    products = diagnosis.inspection.products
    sections = [
        _duplicates(diagnosis.duplicates, products),
        _labels(diagnosis.labels),
        _categories(diagnosis.categories),
        _comparison(diagnosis.comparison),
        ["Not looked at", *(f"  - {line}" for line in diagnosis.skipped)] if diagnosis.skipped else [],
        _checks(diagnosis),
    ]
    return diagnosis.inspection.to_text() + "\n" + "\n\n".join("\n".join(s) for s in sections if s) + "\n"


def path_of(names: list[str]) -> str:
    """A path or a label set in one line."""
    return " > ".join(names) or "none"


def _duplicates(found: DuplicatesFound | None, products: int) -> list[str]:
    if found is None:
        return []
    rows = [
        [
            "in groups",
            f"{count_of(found.products, products)} products, {found.groups:,} groups of up to {found.largest:,}",
        ],
        ["same title or image file", f"{count_of(found.exact, products)}"],
        ["groups with different labels", f"{found.contradicting:,}"],
    ]
    lines = ["Near-duplicates", *aligned(rows)]
    for group in found.examples[:GROUPS_LISTED]:
        ids = ", ".join(group.ids[:3]) + (", …" if group.products > 3 else "")
        lines.append(
            cut(
                f"    {group.products:,} × '{cut(group.titles[0], TITLE_WIDTH)}' ({group.why}): id {ids}",
                WIDTH,
            )
        )
    return lines


def _labels(found: LabelsFound | None) -> list[str]:
    if found is None:
        return []
    lines = [
        "Labels",
        *aligned(
            [
                ["judged", f"{found.judged:,}, by {', '.join(found.by)}"],
                [
                    "probably wrong",
                    count_of(found.suspects, found.judged)
                    + (
                        ""
                        if found.told_apart or not found.suspects
                        else ", by judges that are mostly wrong themselves"
                    ),
                ],
                ["look drawn blindly", percent(found.share)],
                *([["not judged", f"{found.too_few:,}, in too few groups"]] if found.too_few else []),
            ]
        ),
    ]
    if found.worst:
        rows = [["id", "product", "label", "rather", "wrong"]]
        for one in found.worst[:SUSPECTS_LISTED]:
            cells = [one.title, path_of(one.label), path_of(one.suggested)]
            rows.append([cut(one.id, 16), *(cut(cell, 32) for cell in cells), percent(one.wrong)])
        lines += aligned(rows, right=frozenset({4}), indent=4)
    return lines


def _categories(found: CategoriesFound | None) -> list[str]:
    if found is None or not found.alike:
        return []
    rows = [["taken for each other", "there", "back"]]
    for pair in found.alike[:PAIRS_LISTED]:
        names = f"{cut(path_of(pair.first), 42)} → {cut(path_of(pair.second), 42)}"
        rows.append([names, f"{pair.taken:,} of {pair.products:,}", f"{pair.back:,} of {pair.others:,}"])
    return ["Categories that are alike", *aligned(rows, right=frozenset({1, 2}))]


def _comparison(found: ComparisonFound | None) -> list[str]:
    if found is None:
        return []
    rows = [["input", "role", "here", "there", "stability", "divergence", "AUC", "new values"]]
    for one in found.inputs:
        shares = ["-" if share is None else percent(share) for share in (one.first, one.second)]
        figures = [
            "-" if value is None else f"{value:.2f}" for value in (one.stability, one.divergence, one.auc)
        ]
        rows.append([one.name, one.role, *shares, *figures, "-" if one.new is None else percent(one.new)])
    source = cut(", ".join(found.against), 80)
    return [f"Against {source}: {found.products:,} products", *aligned(rows, right=frozenset(range(2, 8)))]


def _checks(diagnosis: Diagnosis) -> list[str]:
    lines = ["Checks"]
    for check in diagnosis.checks:
        lines += textwrap.wrap(
            f"{check.name}: {check.found}",
            WIDTH,
            initial_indent=f"  {check.verdict}  ",
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
        )
        if check.to_do:
            indent = " " * 8
            lines += textwrap.wrap(
                f"→ {check.to_do}",
                WIDTH,
                initial_indent=indent,
                subsequent_indent=indent + "  ",
                break_on_hyphens=False,
            )
    return lines
