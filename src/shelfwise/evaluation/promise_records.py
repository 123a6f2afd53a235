"""What an evaluation found of promises, as it goes to JSON and comes back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shelfwise.evaluation.records import MaybeNumber, Record


class PromiseScore(Record):
    """One promise, what it was made on, and what came of it on the products evaluated.

    ``cases`` are products, or, of a promise about single labels, labels given.
    """

    about: Literal["whole", "department", "level", "label"]
    name: str
    """Of the department, level or label; empty for all answers."""
    precision: float
    threshold: MaybeNumber
    """From which confidence on a whole answer is accepted; None where none is, though parts of answers may be."""
    basis: int
    """Held-out cases that the promise was made on."""
    held_out_precision: MaybeNumber
    held_out_coverage: float
    reason: str
    """Why nothing can be promised; else empty."""
    cases: int
    accepted: int
    right: int
    held: MaybeNumber
    """Share of the accepted that is right; None where nothing was accepted."""
    low: MaybeNumber
    high: MaybeNumber
    """95 % interval of ``held`` (Clopper & Pearson 1934), near-duplicates counted for as much as they tell."""

    @property
    def given(self) -> bool:
        """Whether this can be promised; even then another promise about the same answers may stand in the way."""
        return not self.reason

    @property
    def verdict(self) -> Literal["held", "not held", "nothing accepted"]:
        """Whether what was measured is at least what was promised."""
        if self.held is None:
            return "nothing accepted"
        return "held" if self.held >= self.precision else "not held"

    @property
    def by_chance(self) -> bool:
        """Whether a promise that is true could have been missed like this."""
        return self.verdict == "not held" and self.high is not None and self.high >= self.precision


class Choice(Record):
    """What another precision would have brought on the products evaluated."""

    precision: float
    threshold: MaybeNumber
    """None where it is not one number, or nothing can be promised."""
    coverage: float
    held: MaybeNumber
    reviews_per_thousand: float
    cost_per_thousand: MaybeNumber


class Promises(Record):
    """What is promised of accepted predictions, and whether it held."""

    of: Literal["whole", "labels"]
    certainty: float
    """How sure a promise is, for products like the held-out ones."""
    scores: list[PromiseScore]
    reviews_per_thousand: float
    review_cost: MaybeNumber = None
    """Of one review."""
    cost_per_thousand: MaybeNumber = None
    choices: list[Choice] = Field(default_factory=list)
