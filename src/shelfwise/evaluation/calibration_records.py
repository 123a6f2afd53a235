"""The record of whether confidence means what it says."""

from __future__ import annotations

from pydantic import Field

from shelfwise.evaluation.records import MaybeNumber, Record


class Bin(Record):
    """Products whose confidence lies in (lower, upper]."""

    lower: float
    upper: float
    products: int
    mean_confidence: float
    accuracy: float


class LevelCalibration(Record):
    """Whether the confidence down to one level, or of given labels, means what it says."""

    name: str
    cases: int
    expected_calibration_error: float
    brier: float
    mean_confidence: float
    accuracy: float


class Calibration(Record):
    """Whether the confidence means what it says."""

    expected_calibration_error: float
    adaptive_calibration_error: MaybeNumber = None
    """As the other, in bins of equally many products; None in records of earlier versions."""
    brier: float
    area_under_risk_coverage: float
    mean_confidence: float
    accuracy: float
    bins: list[Bin]
    parts: list[LevelCalibration] = Field(default_factory=list)
    """Of paths each level, of label sets all labels given, alternatives and what was answered."""
    coverage_at: dict[str, float] = Field(default_factory=dict)
    """Precision → the largest share of products that could be accepted with it, had the threshold been chosen on these very
    products: what no rule can beat."""
