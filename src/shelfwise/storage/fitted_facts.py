"""What a model keeps of its training for people and for later comparisons; no answer or decision depends on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from shelfwise.catalog.input_figures import InputFigures


class FittedFacts(BaseModel):
    """What is told of a training. ``curves``: per classifier, (epoch, loss, held-out score) points."""

    model_config = ConfigDict(extra="forbid")

    version: str
    catalog: list[str]
    products: int
    labelled: int
    groups: int
    fitted: int
    held_out: int
    folds: int
    refitted: bool
    training_counts: list[tuple[tuple[str, ...], int]]
    policy: str
    scores: dict[str, float]
    curves: dict[str, list[tuple[int, float, float | None]]]
    separator: str | None = None
    inputs: dict[str, InputFigures] = Field(default_factory=dict)
    """What each input looked like, for comparing what arrives later."""

    @property
    def share_before_refit(self) -> float:
        """Share (0–1] of what the model learned from that the classifiers had which scored the held-out products."""
        less = self.refitted and 0 < self.fitted < self.labelled
        return self.fitted / self.labelled if less else 1.0
