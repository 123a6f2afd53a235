"""An `Evaluation` as one HTML file to open, read and pass on: no network, no scripts, no other files."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from shelfwise.catalog.images import decode_image
from shelfwise.errors import ImageError
from shelfwise.evaluation import figures, summary
from shelfwise.evaluation.category_records import CategoryScore, Confusion, Example
from shelfwise.evaluation.results import FUSED, Evaluation, write_atomically
from shelfwise.evaluation.score_records import LabelSetScores, PathScores
from shelfwise.html_pages import page_environment

ImageOf = Callable[[int], bytes | None]
"""The undecoded image of a row of the catalog, or None."""
TitleOf = Callable[[int], str]
"""What to call the product in a row of the catalog."""

THUMBNAIL_PIXELS = 96
TITLE_CHARACTERS = 90
NAME_CHARACTERS = 120
UNSEEN_LIMIT = 8
"""Categories listed by name of those that training never saw."""
_HERE = Path(__file__).parent
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class ExampleView:
    """One example product as the template shows it."""

    example: Example
    title: str
    picture: str
    """A data: URI, or empty."""


@dataclass(frozen=True)
class ConfusionView:
    """One confused pair as the template shows it."""

    confusion: Confusion
    examples: list[ExampleView]


@dataclass(frozen=True)
class ScoreRow:
    """One row of the table of classifiers: its name, and its values (0–1) in the order of the columns."""

    name: str
    values: list[float]
    answered: float


def write_report(
    evaluation: Evaluation,
    path: Path | str,
    *,
    image_of: ImageOf | None = None,
    titles: TitleOf | None = None,
) -> None:
    """Write the report to ``path``, complete or not at all.

    ``image_of`` and ``titles`` are asked for the few example products only, by row of the catalog evaluated.
    An image that cannot be decoded is shown as missing. Raises ShelfwiseError where the file cannot be
    written.
    """
    write_atomically(Path(path), render_report(evaluation, image_of=image_of, titles=titles))


def render_report(
    evaluation: Evaluation, *, image_of: ImageOf | None = None, titles: TitleOf | None = None
) -> str:
    """The report as HTML text."""
    environment = page_environment(_HERE, finalize=_printable)
    environment.filters |= {"percent": _percent, "prose": _prose, "shorten": shorten, "number": "{:,}".format}
    environment.filters["decimals"] = _decimals
    curve = evaluation.data.training_curve
    columns, rows = score_table(evaluation)
    return environment.get_template("report.html.j2").render(
        evaluation=evaluation,
        css=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sentence=summary,
        count=summary.count,
        FUSED=FUSED,
        columns=columns,
        rows=rows,
        best=[max(column) for column in zip(*(row.values for row in rows), strict=True)],
        unseen=_unseen(evaluation),
        confusions=[_confusion_view(c, image_of, titles) for c in evaluation.confusions],
        charts={
            "coverage": Markup(
                figures.coverage_chart(
                    evaluation.coverage_curve, evaluation.routes.accept, _promised(evaluation)
                )
            ),
            "reliability": Markup(figures.reliability_chart(evaluation.calibration)),
            "histogram": Markup(figures.histogram_chart(evaluation.histogram)),
            "loss": Markup(figures.training_chart(curve, "loss")) if curve else "",
            "metric": Markup(figures.training_chart(curve, "metric")) if curve else "",
        },
        training_parts=[
            (part, figures.SERIES[number % len(figures.SERIES)])
            for number, part in enumerate(figures.training_parts(curve))
        ],
    )


def _promised(evaluation: Evaluation) -> float | None:
    """The one precision that is promised of whole answers; None where there are several or none."""
    scores = evaluation.promises.scores if evaluation.promises is not None else []
    return scores[0].precision if len(scores) == 1 and scores[0].about == "whole" else None


def score_table(evaluation: Evaluation) -> tuple[list[str], list[ScoreRow]]:
    """Column names and one row a classifier: paper A's tables 1 and 3, or the levels of paper B."""
    rows = []
    columns: list[str] = []
    for name, scores in evaluation.classifiers.items():
        if isinstance(scores, PathScores):
            columns = ["whole path", *(level.name for level in evaluation.levels)]
            columns += ["mean of levels", "macro-F1", "weighted F1", "hierarchical F1"]
            values = [scores.whole_path, *scores.level_accuracy, scores.mean_of_levels]
            values += [scores.macro_f1, scores.weighted_f1, scores.hierarchical_f1]
        if isinstance(scores, LabelSetScores):
            columns = ["micro-F1", "precision", "recall", "macro-F1", "weighted F1", "exact set"]
            values = [scores.micro_f1, scores.precision, scores.recall]
            values += [scores.macro_f1, scores.weighted_f1, scores.exact_match]
        rows.append(ScoreRow(name, values, scores.answered))
    return columns, rows


def _unseen(evaluation: Evaluation) -> list[CategoryScore]:
    """The true categories that training never saw, those with most products first, up to ``UNSEEN_LIMIT``."""
    unseen = [one for one in evaluation.per_category if one.training_products == 0 and one.products]
    return unseen[:UNSEEN_LIMIT]


def thumbnail(data: bytes | None) -> str:
    """A picture of at most `THUMBNAIL_PIXELS` a side as a data: URI; empty where none can be decoded."""
    if not data:
        return ""
    try:
        picture = decode_image(data, side=THUMBNAIL_PIXELS)
    except ImageError:
        # The report is about predictions; what was wrong with an image is in the product's own record.
        return ""
    picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def shorten(text: str, characters: int = NAME_CHARACTERS) -> str:
    """One line of at most ``characters``, whitespace collapsed, cut with an ellipsis."""
    # A cell may hold megabytes: cut before anything that reads it all.
    line = " ".join(text[: 4 * characters].split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def _confusion_view(confusion: Confusion, image_of: ImageOf | None, titles: TitleOf | None) -> ConfusionView:
    examples = [
        ExampleView(
            example=example,
            title=shorten(
                (titles(example.row) if titles else "") or f"row {example.row + 1}", TITLE_CHARACTERS
            ),
            picture=thumbnail(image_of(example.row)) if image_of else "",
        )
        for example in confusion.examples
    ]
    return ConfusionView(confusion, examples)


def _percent(share: float | None, digits: int = 1) -> str:
    return _prose(summary.percent(share, digits))


def _decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _prose(text: str) -> str:
    """The text with no line break between a number and its percent sign."""
    return text.replace(" %", "\u00a0%").replace("< ", "<\u00a0")


def _printable(value: Any) -> Any:
    """Control characters and lone surrogates, which HTML may not hold, as the replacement character."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _CONTROL.sub("\ufffd", value)
    return value
