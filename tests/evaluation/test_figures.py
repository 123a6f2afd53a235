"""Charts are inline SVG that share nothing with each other and hold no word of a catalog."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from shelfwise.evaluation import figures
from shelfwise.evaluation.results import CurvePoint, Evaluation


def charts(evaluation: Evaluation) -> list[str]:
    return [
        figures.coverage_chart(evaluation.coverage_curve, evaluation.routes.accept),
        figures.reliability_chart(evaluation.calibration),
        figures.histogram_chart(evaluation.histogram),
        figures.training_chart(evaluation.data.training_curve, "loss"),
        figures.training_chart(evaluation.data.training_curve, "metric"),
    ]


def test_charts_are_svg_without_addresses_and_with_ids_of_their_own(evaluation: Evaluation) -> None:
    seen: set[str] = set()
    for chart in charts(evaluation):
        assert chart.startswith("<svg viewBox=")
        assert "http" not in chart
        assert "<style" not in chart
        ElementTree.fromstring(chart.replace("xlink:href", "href"))  # well formed
        ids = set(re.findall(r'\bid="([^"]+)"', chart))
        assert not ids & seen
        seen |= ids
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', chart)) <= {(i, "") for i in ids} | {
            ("", i) for i in ids
        }
        assert len(chart) < 60_000


def test_the_same_figures_give_the_same_charts(path_evaluation) -> None:
    assert charts(path_evaluation()) == charts(path_evaluation())


def test_micro_f1_has_a_line_of_its_own(label_evaluation) -> None:
    evaluation = label_evaluation()
    chart = figures.coverage_chart(evaluation.coverage_curve, evaluation.routes.accept)
    assert figures.SERIES[1] in chart


def test_a_curve_without_a_value_gives_no_chart() -> None:
    curve = [CurvePoint(part="title", epoch=1, loss=0.5), CurvePoint(part="$x_1$", epoch=1)]
    assert figures.training_chart(curve, "metric") == ""
    assert "$x_1$" not in figures.training_chart(curve, "loss")
    assert figures.training_parts(curve) == ["title", "$x_1$"]
