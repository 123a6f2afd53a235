"""Where rules that act beside a model come from: a rule file, which needs nothing else, or a desk's database."""

from __future__ import annotations

from pathlib import Path

from shelfwise.decision.rule_file import read_rule_file
from shelfwise.decision.rules import RuleSet


def rules_in_force(given: str, multilabel: bool) -> RuleSet:
    """The rules of a ``.json`` file, or of a desk's database (a file or a URL). Raises RulesError, DatabaseError.

    ``multilabel``: what the model predicts that they act beside.
    """
    if given.lower().endswith(".json"):
        return read_rule_file(Path(given), multilabel)
    # Needs SQLAlchemy, which predicting does not.
    from shelfwise.review.rules_out import rules_of_database

    return rules_of_database(given, multilabel)
