"""The doctor told 198 of 200 right label sets to be "probably wrong", and to be mended first.

Its judges agreed with 1 % of them. It also sent people to "the rows named" where no row was named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.doctor.shops import shop_rows, write_shop

from shelfwise import Catalog, Recipe
from shelfwise.doctor.checks import check_labels
from shelfwise.doctor.examination import examine
from shelfwise.doctor.findings import LabelsFound
from shelfwise.doctor.page import write_page


def found(**changes: Any) -> LabelsFound:
    values = {"judged": 200, "share": 0.82, "suspects": 198, "agreement": 0.01, "by": ["title"], "worst": []}
    return LabelsFound(**{**values, **changes})


def test_labels_that_no_judge_knows_are_not_called_wrong() -> None:
    [check] = check_labels(found())
    assert check.verdict == "WARN"
    assert "Cannot be told: the judges agree with only 1.0% of the 200 labels" in check.found
    [few] = check_labels(found(agreement=0.4, suspects=0))
    assert few.verdict == "PASS"


@pytest.mark.parametrize(("suspects", "verdict"), [(1, "PASS"), (10, "WARN"), (50, "FAIL")])
def test_judges_that_know_most_labels_are_believed(suspects: int, verdict: str) -> None:
    [check] = check_labels(found(suspects=suspects, agreement=0.7))
    assert check.verdict == verdict
    assert "probably wrong" in check.found


def test_text_and_page_say_so_too(tmp_path: Path) -> None:
    rows = shop_rows(80)
    rows[3]["title"] = ""
    catalog = Catalog.read(write_shop(tmp_path, rows))
    diagnosis = examine(catalog, Recipe(target="category", preset="fast", training={"threads": 1})).diagnosis
    blind = diagnosis.model_copy(update={"labels": found()})
    assert "by judges that are mostly wrong themselves" in blind.to_text()
    assert "mostly wrong themselves" not in diagnosis.to_text()
    assert "agree with only 1.0%" in write_page(blind, catalog, command="inspect")
    assert "rows named" not in diagnosis.to_text() + blind.to_text()
