"""An inspection as one HTML page a shop owner can open and pass on: no network, no scripts."""

from __future__ import annotations

import re
from pathlib import Path

from shelfwise.catalog.inspection import Inspection
from shelfwise.catalog.inspection_text import LEAK_HINT, leak_in_words, percent, target_rows
from shelfwise.html_pages import page_environment

TEMPLATE = "inspection.html.j2"
_HERE = Path(__file__).parent
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def write_page(inspection: Inspection) -> str:
    """The page. Whatever the catalog holds is shown as text, never run as HTML."""
    environment = page_environment(_HERE)
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = percent
    statistics = target_rows(inspection.target) if inspection.target is not None else []
    page = environment.get_template(TEMPLATE).render(
        found=inspection,
        target=inspection.target,
        # The largest categories are drawn, not listed.
        leaks=[leak_in_words(leak, inspection.target) for leak in inspection.leaks],
        leak_hint=LEAK_HINT,
        statistics=[row for row in statistics if row[0] not in ("largest", "")],
        fails=[problem.what for problem in inspection.problems if problem.kind == "fails"],
        warnings=[problem.what for problem in inspection.problems if problem.kind == "warning"],
        catalog=", ".join(Path(source).name for source in inspection.sources[:3])
        + (f" and {len(inspection.sources) - 3:,} more" if len(inspection.sources) > 3 else ""),
    )
    return _CONTROL.sub("�", page)
