"""An inspection as plain text for a terminal: aligned, most important last, where the eye rests."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from shelfwise.catalog.inspection import Inspection, LeakFound, Spread, TargetFound
from shelfwise.catalog.list_cells import LISTS

WIDTH = 118
EXAMPLE_WIDTH = 34
WHY_WIDTH = 44
SOURCES_SHOWN = 3
SUGGESTIONS_SHOWN = 6
_LINE_ENDS = str.maketrans({"\n": "\\n", "\r": "\\r"})
LEAK_HINT = (
    "If new products' texts say it too, that is as it should be. If they are written only once the category is known, "
    "figures measured here will not be reached on new products: train with --mask-labels, which takes these words out."
)


def write_text(inspection: Inspection) -> str:
    """All sections, each with a heading, ending in a newline."""
    sections = [
        _heading(inspection),
        _columns(inspection),
        _images(inspection),
        _products(inspection),
        _target(inspection),
        _suggestions(inspection),
        _notes("Noticed while reading", inspection.notes),
        _left_out(inspection),
        _leaks(inspection),
        _notes("What `train` would do", inspection.plan),
        _problems(inspection),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def percent(share: float) -> str:
    """A share that is 100 % or 0 % only when it is all or nothing."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def count_of(count: int, whole: int) -> str:
    """A number with its share of the whole."""
    return f"{count:,} ({percent(count / whole)})" if whole and count else f"{count:,}"


def aligned(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), indent: int = 2) -> list[str]:
    """Cells in columns two spaces apart; columns numbered in ``right`` are aligned at their right edge.

    Line ends, which names of columns may hold, are shown as in Python (``\\n``).
    """
    rows = [[cell.translate(_LINE_ENDS) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        (" " * indent + "  ".join(_pad(cell, widths[i], i in right) for i, cell in enumerate(row))).rstrip()
        for row in rows
    ]


def spread_in_words(spread: Spread) -> str:
    """Fewest, median and most."""
    return f"fewest {spread.fewest:,}, median {spread.median:,.10g}, most {spread.most:,}"


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def cut(text: str, width: int) -> str:
    """The text in at most ``width`` characters, with an ellipsis where it was cut."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _heading(inspection: Inspection) -> list[str]:
    shown = inspection.sources[:SOURCES_SHOWN]
    more = len(inspection.sources) - len(shown)
    files = [*shown, *([f"… and {more:,} more"] if more else [])]
    return [*files, f"{inspection.products:,} products, {len(inspection.columns):,} columns"]


def _columns(inspection: Inspection) -> list[str]:
    rows = [["column", "role", "filled", "values", "example", "why this role"]]
    for column in inspection.columns:
        example = cut(column.examples[0], EXAMPLE_WIDTH) if column.examples else ""
        why = cut(column.why.split(";")[0], WHY_WIDTH)
        rows.append([column.name, column.role, percent(column.filled), f"{column.values:,}", example, why])
    return ["Columns", *aligned(rows, right=frozenset({2, 3}))]


def _images(inspection: Inspection) -> list[str]:
    lines = []
    for images in inspection.images:
        lines += [
            f"Images in '{images.column}'",
            *aligned(
                [
                    ["found", count_of(images.found, inspection.products)],
                    ["missing", count_of(images.missing, inspection.products)],
                    ["broken", count_of(images.broken, inspection.products)],
                    ["none given", count_of(images.none, inspection.products)],
                ]
            ),
        ]
        for trouble in images.troubles[:SUGGESTIONS_SHOWN]:
            ids = ", ".join(trouble.ids) + (", …" if trouble.products > len(trouble.ids) else "")
            lines.append(cut(f"    {trouble.products:,} × {trouble.reason}: id {ids}", WIDTH))
    return lines


def _products(inspection: Inspection) -> list[str]:
    ids, groups = inspection.ids, inspection.groups
    source = f"column '{ids.column}'" if ids.column else "the row's number"
    repeated = f"{ids.repeated:,} repeated, on {ids.products:,} products" if ids.repeated else "none repeated"
    by = " or ".join(groups.by) or "nothing"
    near = f"none (same {by})"
    if groups.groups:
        near = (
            f"{count_of(groups.products, inspection.products)} products, in {groups.groups:,} groups of 2 to "
            f"{groups.largest:,} (same {by})"
        )
    rows = [["ids", f"{source}, {repeated}"], ["near-duplicates", near]]
    if inspection.unreadable_rows:
        rows.append(["unreadable rows", count_of(inspection.unreadable_rows, inspection.products)])
    lines = ["Products", *aligned(rows)]
    lines += [
        cut(f"    row {one.row + 1:,} (id {one.id}): {one.reason}", WIDTH) for one in inspection.row_troubles
    ]
    return lines


def _target(inspection: Inspection) -> list[str]:
    target = inspection.target
    if target is None:
        return []
    assumed = " (the likeliest, as none was named)" if target.assumed else ""
    kind = "label sets" if target.multilabel else "paths" if len(target.levels) > 1 else "categories"
    separated = f', separated by "{target.separator}"' if target.separator else ""
    separated = ", written as lists" if target.separator == LISTS else separated
    rows = [["labelled products", count_of(target.labelled, inspection.products)], *target_rows(target)]
    lines = [f"Target {','.join(target.columns)}: {kind}{separated}{assumed}", *aligned(rows)]
    return lines + [wrapped for note in target.notes for wrapped in _bullet("-", note)]


def target_rows(target: TargetFound) -> list[list[str]]:
    """Name and value of every statistic of a target."""
    what = "labels" if target.multilabel else "categories"
    rows = [[what, f"{target.categories:,}"]]
    for level in target.levels if len(target.levels) > 1 else []:
        rows.append([f"  {level.name}", f"{level.categories:,}, reached by {level.products:,} products"])
    if len(target.depths) > 1:
        depths = ", ".join(f"{products:,} of {depth}" for depth, products in target.depths.items())
        rows.append(["levels per product", f"unequal: {depths}"])
    if target.ends_early:
        rows.append(
            ["ends above a leaf", f"{target.ends_early:,} products, in categories with subcategories"]
        )
    if target.per_product:
        rows.append(["labels per product", spread_in_words(target.per_product)])
    if target.per_category:
        one = f"; {target.per_category.one:,} with a single product" if target.per_category.one else ""
        rows.append(
            [
                f"products per {'label' if target.multilabel else 'category'}",
                spread_in_words(target.per_category) + one,
            ]
        )
    if target.largest:
        first, *rest = [f"{' > '.join(one.category)} {one.products:,}" for one in target.largest]
        rows += [["largest", first], *(["", one] for one in rest)]
    return rows


def _suggestions(inspection: Inspection) -> list[str]:
    if inspection.target is not None and not inspection.target.assumed:
        return []
    rows = [[one.options, one.why] for one in inspection.suggestions[:SUGGESTIONS_SHOWN]]
    return ["Possible targets, the likeliest first", *aligned(rows)] if rows else []


def _left_out(inspection: Inspection) -> list[str]:
    if not inspection.left_out:
        return []
    return ["Not read as inputs", *aligned([[one.name, one.why] for one in inspection.left_out])]


def _leaks(inspection: Inspection) -> list[str]:
    if not inspection.leaks:
        return []
    return [
        "Inputs that name the answer",
        *(line for leak in inspection.leaks for line in _bullet("-", leak_in_words(leak, inspection.target))),
        *_bullet("-", LEAK_HINT),
    ]


def leak_in_words(leak: LeakFound, target: TargetFound | None) -> str:
    """How often a text names the answer, and what those words are worth."""
    labels = target is not None and target.multilabel
    what = "one of the product's own labels" if labels else "the product's own category"
    said = f"'{leak.name}' names {what} for {percent(leak.share)} of the products."
    if leak.accuracy is None or leak.accuracy_masked is None:
        return said
    names = "label" if labels else "category"
    figure = percent(leak.accuracy)
    scores = f"has a micro-F1 of {figure}" if labels else f"gets {figure} right"
    return (
        f"{said} A quick linear model of it alone {scores} on {leak.tested:,} held-out products; with the words of all {names} "
        f"names taken out, {percent(leak.accuracy_masked)}."
    )


def _notes(heading: str, lines: Sequence[str]) -> list[str]:
    return [heading, *(wrapped for line in lines for wrapped in _bullet("-", line))] if lines else []


def _problems(inspection: Inspection) -> list[str]:
    if not inspection.problems:
        return ["Nothing wrong was found."]
    lines = ["To look at"]
    for problem in inspection.problems:
        lines += _bullet("FAILS" if problem.kind == "fails" else "!", problem.what)
    return lines


def _bullet(mark: str, text: str) -> list[str]:
    indent = " " * (len(mark) + 3)
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {mark} ", subsequent_indent=indent, break_on_hyphens=False
    )
