"""What the doctor found, as plain data: printed, written as JSON, shown as a page, read by other programs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shelfwise.catalog.inspection import Inspection
from shelfwise.catalog.inspection_text import percent
from shelfwise.catalog.shift import InputShift

LEAST_AGREEMENT = 0.5
"""Share of the labels that judges must give themselves for their suspicions of others to be worth anything."""
Verdict = Literal["PASS", "WARN", "FAIL"]


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Check(_Found):
    """One thing that was looked at: ``found`` says how it is, ``to_do`` what a person should do (empty on PASS)."""

    name: str
    verdict: Verdict
    found: str
    to_do: str = ""


class Suspect(_Found):
    """A product whose label is probably wrong. ``row`` counts from 0; ``wrong`` is the probability (0–1) that the label
    is wrong; ``probability`` and ``suggested_probability`` are what classifiers that did not see the product give the
    two answers."""

    row: int
    id: str
    title: str
    label: list[str]
    suggested: list[str]
    wrong: float
    probability: float
    suggested_probability: float


class LabelsFound(_Found):
    """The labels of ``judged`` products. ``share`` (0–1) of them look drawn blindly; ``suspects`` are more probably
    wrong than right, the worst first, of which the worst few are in ``worst``; ``agreement`` (0–1): how often the
    classifiers say the same as the label or, of label sets decided label by label (``one_by_one``), find the set likelier
    than nine in ten of other products' sets; ``by`` the inputs they read. ``too_few`` more products stand in too few groups of
    near-duplicates for their labels to be judged."""

    judged: int
    share: float
    suspects: int
    agreement: float
    by: list[str]
    worst: list[Suspect]
    one_by_one: bool = False
    too_few: int = 0

    def agreement_in_words(self, only: str = "") -> str:
        """What share of the labels the judges agree with; ``only`` stands before it."""
        share = f"{only}{percent(self.agreement)} of the {self.judged:,}"
        if self.one_by_one:
            return f"the judges find {share} label sets likelier than nine in ten of other products' sets"
        return f"the judges agree with {share} labels"

    @property
    def told_apart(self) -> bool:
        """Whether the judges know enough of these labels to suspect any: where they are wrong more often than right, what they
        suspect says more of the inputs, or of how few products there are, than of the labels."""
        return self.agreement >= LEAST_AGREEMENT


class AlikeCategories(_Found):
    """Two categories that no input tells apart well: of the ``products`` of the first, ``taken`` are taken for the second, and
    ``back`` the other way round (of ``others``)."""

    first: list[str]
    second: list[str]
    products: int
    taken: int
    others: int
    back: int
    rows: list[int]
    """A few of the products that were taken for the other, by row."""


class CategoriesFound(_Found):
    """``small``: categories with fewer products than ``least``, of ``categories`` in all. ``unknowable``: of those with enough
    products, the ones that classifiers hardly ever find (under ``found_least`` of their products). ``alike``: pairs."""

    categories: int
    least: int
    small: list[tuple[list[str], int]]
    small_count: int
    unknowable: list[tuple[list[str], int]]
    unknowable_count: int
    found_least: float
    alike: list[AlikeCategories]
    alike_count: int


class DuplicateGroup(_Found):
    """Products that are nearly the same: ``why`` (text, photo, or both) and whether their ``labels`` differ."""

    rows: list[int]
    ids: list[str]
    titles: list[str]
    products: int
    why: str
    labels: list[list[str]]


class DuplicatesFound(_Found):
    """Near-duplicates: ``products`` in ``groups``; ``exact`` of the products share title or image bytes;
    ``contradicting`` groups hold different labels; ``examples`` are the contradicting ones first, then the largest."""

    groups: int
    products: int
    exact: int
    largest: int
    contradicting: int
    examples: list[DuplicateGroup]


class ComparisonFound(_Found):
    """The catalog beside another one: see ``catalog.shift.Shift``."""

    against: list[str]
    products: int
    auc: float | None
    shared: float
    inputs: list[InputShift]


class Diagnosis(_Found):
    """Everything `shelfwise inspect --doctor` and `--against` say; parts that were not asked for, or could not be had,
    are None.

    ``skipped``: what was not looked at, and why.
    """

    checks: list[Check]
    labels: LabelsFound | None
    categories: CategoriesFound | None
    duplicates: DuplicatesFound | None
    comparison: ComparisonFound | None
    skipped: list[str]
    inspection: Inspection

    @property
    def worst(self) -> Verdict:
        """FAIL if any check fails, else WARN if any warns, else PASS."""
        verdicts = {check.verdict for check in self.checks}
        return "FAIL" if "FAIL" in verdicts else "WARN" if "WARN" in verdicts else "PASS"

    def to_text(self) -> str:
        """The findings as plain text, at most about 120 characters wide, after the inspection's own."""
        from shelfwise.doctor.text import write_text

        return write_text(self)
