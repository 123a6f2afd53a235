"""What people did at the review desk, and what it comes to: decisions and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shelfwise.commands.extras import need_serve_extra

if TYPE_CHECKING:
    from shelfwise.categorizer import Categorizer
    from shelfwise.decision.ruling import Ruling
    from shelfwise.progress import Reporter
    from shelfwise.recipe import Recipe
    from shelfwise.taxonomy.decided import Conflict
    from shelfwise.taxonomy.decisions import Decisions

Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="FILE|DATABASE",
        help="The review desk's rules, as a file or its database: they act after the model.",
    ),
]


@dataclass(frozen=True)
class DecisionFiles:
    """People's decisions, to learn from."""

    decisions: Annotated[
        list[Path] | None,
        typer.Option(
            "--decisions",
            metavar="FILE",
            help="People's decisions (`shelfwise decisions`, or a filled-in file of `inspect --suspects`); they win over labels.",
        ),
    ] = None
    conflicts: Annotated[
        Path | None,
        typer.Option(
            "--conflicts", metavar="FILE.csv", help="Write every label that a decision differs from."
        ),
    ] = None

    def read(self, recipe: Recipe) -> Decisions | None:
        """The decisions, for the recipe's target; None where no file is given. Raises DecisionsError."""
        return read_decision_files(self.decisions, recipe)

    def write_conflicts(self, conflicts: Sequence[Conflict]) -> None:
        """Write them, where a file is given."""
        if self.conflicts is not None:
            from shelfwise.taxonomy.decided import conflicts_to_csv
            from shelfwise.whole_files import write_whole

            write_whole(self.conflicts, conflicts_to_csv(conflicts))


def read_decision_files(files: list[Path] | None, recipe: Recipe) -> Decisions | None:
    """Decisions for the recipe's target; None where no file is given. Raises DecisionsError."""
    if not files:
        return None
    from shelfwise.taxonomy.decisions import read_decisions

    return read_decisions(files, recipe.target.multilabel)


def ruling(rules: str | None, categorizer: Categorizer, reporter: Reporter) -> Ruling | None:
    """What ``--rules`` makes of a model's predictions; None where it is not given. Raises RulesError, DatabaseError."""
    if rules is None:
        return None
    if not rules.lower().endswith(".json"):
        need_serve_extra()
    from shelfwise.decision.ruling import Ruling
    from shelfwise.review.rule_source import rules_in_force

    target, accept = categorizer.target_, categorizer.ensemble_.accept
    found = Ruling.of(
        rules_in_force(rules, categorizer.multilabel_),
        target,
        accept.precision,
        categorizer.recipe_.target.columns,
    )
    for note in found.notes:
        reporter.say(note)
    return found


def ruled_row(rules: str | None, ruled: int) -> list[tuple[str, str]]:
    """The line of a summary that says how many products fell under a rule."""
    return [] if rules is None else [("under a rule", f"{ruled:,}")]
