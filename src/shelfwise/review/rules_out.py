"""Rules out of the desk: as a file to keep and hand on, or straight from the database into `predict` and `serve`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfwise.batch.output import check_output_path
from shelfwise.decision.rule_file import rules_to_json
from shelfwise.decision.rules import Rule, RuleSet
from shelfwise.errors import RulesError
from shelfwise.review.database import Database, kind_of_answers
from shelfwise.review.rules import RuleRecord, rule_records
from shelfwise.whole_files import write_whole


@dataclass(frozen=True)
class RulesOut:
    """What was written: rules in force, and those switched off, which are not in the file."""

    output: Path
    in_force: int
    switched_off: int


def check_rules_path(output: Path | str) -> Path:
    """The output's path, once it is sure that rules can be written there. Raises ShelfwiseError."""
    path = Path(output)
    if path.suffix.lower() != ".json":
        raise RulesError(f"expected a rule file that ends in .json, got '{path}'")
    return check_output_path(path)


def export_rules(database: Database, output: Path | str) -> RulesOut:
    """Write the rules in force, with how they did. The file appears only when it is complete. Raises ShelfwiseError."""
    path = check_rules_path(output)
    with database.read() as connection:
        multilabel = kind_of_answers(connection) == "labels"
        records = rule_records(connection, multilabel)
    rules = _in_force(records)
    write_whole(path, rules_to_json(rules, multilabel))
    return RulesOut(path, len(rules), len(records) - len(rules))


def rules_of_database(given: str, multilabel: bool) -> RuleSet:
    """The rules in force at the desk of a database (a file or a URL), with how they did. Raises RulesError, DatabaseError."""
    database = Database(given, must_exist=True)
    try:
        with database.read() as connection:
            if (kind_of_answers(connection) == "labels") != multilabel:
                kind, other = ("label set", "path") if multilabel else ("path", "label set")
                raise RulesError(
                    f"the database '{database.name}' holds rules about a {other}, and the model predicts a {kind}"
                )
            return _in_force(rule_records(connection, multilabel))
    finally:
        database.close()


def _in_force(records: Iterable[RuleRecord]) -> RuleSet:
    rules = [Rule(one.number, one.text, one.judged, one.right) for one in records if one.active]
    return RuleSet(tuple(sorted(rules, key=lambda rule: rule.number)))
