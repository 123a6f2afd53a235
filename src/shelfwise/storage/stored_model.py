"""The shape of ``model.json``: every value that a saved model has besides its arrays, with its type and range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from shelfwise.decision.calibrators import CalibrationMaps
from shelfwise.decision.label_rules import LabelRule
from shelfwise.decision.path_decoding import Kind
from shelfwise.decision.routing import AcceptRule
from shelfwise.decision.thresholds import LabelThresholds, ThresholdKind
from shelfwise.ensemble import Calibration
from shelfwise.errors import ModelFolderError
from shelfwise.fusion import build_policy
from shelfwise.fusion.label_wise import LabelWise
from shelfwise.storage.fitted_facts import FittedFacts
from shelfwise.storage.stored_novelty import StoredNovelty, StoredView
from shelfwise.taxonomy.targets import LabelTarget

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]


class StoredThresholds(BaseModel):
    """``LabelThresholds``: one for all labels, or one for each."""

    model_config = ConfigDict(extra="forbid", strict=True)

    values: _Share | list[_Share]
    at_least_one: bool

    @classmethod
    def of(cls, thresholds: LabelThresholds) -> Self:
        """What is written down of ``thresholds``."""
        return cls(values=thresholds.values.tolist(), at_least_one=thresholds.at_least_one)

    def read(self, labels: int) -> LabelThresholds:
        """The thresholds of ``labels`` labels. Raises ModelFolderError where they are of another number."""
        if isinstance(self.values, list) and len(self.values) != labels:
            raise ModelFolderError(
                f"expected a threshold for each of {labels} labels, got {len(self.values)}"
            )
        return LabelThresholds(np.array(self.values, np.float64), self.at_least_one)


class StoredCalibration(BaseModel):
    """``Calibration``, with the ranges that its values can have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    temperatures: tuple[_Positive, ...]
    scale: _Number
    shift: _Number
    thresholds: StoredThresholds
    set_scale: _Number
    set_shift: _Number
    decoding: Kind
    maps: dict[str, str] = Field(default_factory=dict)
    random_labels: float = Field(default=0.0, ge=0, lt=1)

    @classmethod
    def of(cls, calibration: Calibration) -> Self:
        """What is written down of ``calibration``."""
        thresholds = StoredThresholds.of(calibration.thresholds)
        return cls(**{**calibration.__dict__, "thresholds": thresholds, "maps": calibration.maps.kinds})

    def read(self, labels: int, outcomes: int, arrays: Mapping[str, np.ndarray]) -> Calibration:
        """The calibration; ``arrays`` are those of its maps. Raises ModelFolderError where it is of other numbers of labels,
        classifiers or outcomes."""
        maps = CalibrationMaps.read(self.maps, arrays, len(self.temperatures), outcomes)
        return Calibration(**{**dict(self), "thresholds": self.thresholds.read(labels), "maps": maps})


class StoredRule(BaseModel):
    """``AcceptRule``; ``threshold`` is null where nothing is accepted."""

    model_config = ConfigDict(extra="forbid", strict=True)

    precision: _Share
    threshold: _Number | None
    basis: int = Field(ge=0)
    held: _Share
    coverage: _Share
    factor: _Number | None = None
    certainty: _Share = 0.95

    @classmethod
    def of(cls, rule: AcceptRule) -> Self:
        """What is written down of ``rule``."""
        values = dict(rule.__dict__)
        return cls(**{**values, "threshold": rule.threshold if rule.possible else None})

    def read(self) -> AcceptRule:
        """The rule."""
        values = self.model_dump()
        return AcceptRule(
            **{**values, "threshold": float("inf") if self.threshold is None else self.threshold}
        )


class StoredLabelRule(BaseModel):
    """``LabelRule``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    thresholds: StoredThresholds
    set_scale: _Number
    set_shift: _Number
    accept: StoredRule

    @classmethod
    def of(cls, rule: LabelRule) -> Self:
        """What is written down of ``rule``."""
        return cls(
            thresholds=StoredThresholds.of(rule.thresholds),
            set_scale=rule.set_scale,
            set_shift=rule.set_shift,
            accept=StoredRule.of(rule.accept),
        )

    def read(self, labels: int) -> LabelRule:
        """The rule. Raises ModelFolderError where it is of another number of labels."""
        return LabelRule(self.thresholds.read(labels), self.set_scale, self.set_shift, self.accept.read())


class StoredLabelWise(BaseModel):
    """``LabelWise``, besides the arrays of its policy."""

    model_config = ConfigDict(extra="forbid", strict=True)

    policy: str | dict[str, Any]
    policy_state: dict[str, Any]
    scale: _Number
    shift: _Number

    @classmethod
    def of(cls, label_wise: LabelWise) -> Self:
        """What is written down of ``label_wise``."""
        policy = label_wise.policy
        return cls(
            policy=policy.spec, policy_state=policy.state(), scale=label_wise.scale, shift=label_wise.shift
        )

    def read(
        self, target: LabelTarget, arrays: dict[str, np.ndarray], classifiers: int, random_labels: float
    ) -> LabelWise:
        """The fusion; ``arrays`` are those of its policy. Raises ModelFolderError where they do not fit."""
        policy = build_policy(self.policy, exclusive=False)
        policy.load_state(self.policy_state, arrays, classifiers, len(target.labels))
        return LabelWise(target.members, policy, self.scale, self.shift, random_labels)


class StoredModel(BaseModel):
    """The shape of ``model.json``."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format_version: int
    recipe: dict[str, Any]
    target: dict[str, Any]
    encoders: dict[str, dict[str, Any]]
    sparse: dict[str, bool]
    classifiers: list[str] = Field(min_length=1)
    policy: str | dict[str, Any]
    policy_state: dict[str, Any]
    label_wise: StoredLabelWise | None = None
    calibration: StoredCalibration
    accept: StoredRule
    label_rules: dict[ThresholdKind, StoredLabelRule] = Field(default_factory=dict)
    memory: list[StoredView] = Field(default_factory=list)
    novelty: StoredNovelty | None = None
    facts: FittedFacts
