"""Rules as a file: JSON that people can read, and that `predict` and `serve` check before they act by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from shelfwise.catalog.words import words_of
from shelfwise.decision.rules import Rule, RuleSet, RuleText
from shelfwise.errors import RulesError

MAX_BYTES = 16 << 20
_KINDS = {"path": "paths", "labels": "label sets"}

_Name = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
_Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _StoredRule(BaseModel):
    """One rule in force. ``category``: a path from the root down, or the labels that the rule adds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rule: int = Field(ge=1)
    field: str = Field(default="", max_length=1_000)
    value: str = Field(default="", max_length=1_000)
    words: list[_Word] = Field(default_factory=list, max_length=20)
    category: list[_Name] = Field(min_length=1, max_length=100)
    judged: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.right > self.judged:
            raise ValueError(f"expected at most {self.judged} of {self.judged} to be right, got {self.right}")
        if bool(self.field) != bool(words_of(self.value)):
            raise ValueError("expected a field together with the value it must have, or neither")
        if not self.field and not words_of(" ".join(self.words)):
            raise ValueError(
                "expected a field and its value, or words, or both: a rule needs something to go by"
            )
        return self

    def read(self) -> Rule:
        words = tuple(dict.fromkeys(words_of(" ".join(self.words))))
        text = RuleText(self.field, self.value, words, tuple(self.category))
        return Rule(self.rule, text, self.judged, self.right)


class _StoredRules(BaseModel):
    """The shape of a rule file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    shelfwise: Literal["rules"]
    format_version: Literal[1]
    kind: Literal["path", "labels"]
    rules: list[_StoredRule]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[int] = set()
        for one in self.rules:
            if one.rule in seen:
                raise ValueError(f"expected every rule once, but rule {one.rule} is there twice")
            seen.add(one.rule)
        return self


def rules_to_json(rules: RuleSet, multilabel: bool) -> str:
    """The text of a rule file."""
    stored = _StoredRules(
        shelfwise="rules",
        format_version=1,
        kind="labels" if multilabel else "path",
        rules=[
            _StoredRule(
                rule=one.number,
                field=one.text.field,
                value=one.text.value,
                words=list(one.text.words),
                category=list(one.text.target),
                judged=one.judged,
                right=one.right,
            )
            for one in rules
        ],
    )
    return stored.model_dump_json(indent=1) + "\n"


def read_rule_file(path: Path, multilabel: bool) -> RuleSet:
    """The rules of a file, oldest first. Raises RulesError for a file that is not whole, or of the other kind of answers."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RulesError(f"expected rules, but '{path}' is larger than {MAX_BYTES >> 20} MB")
        text = path.read_bytes()
    except OSError as error:
        raise RulesError(f"the rules '{path}' cannot be read: {error.strerror}") from error
    try:
        stored = _StoredRules.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RulesError(
            f"'{path}' does not hold rules as `shelfwise rules` writes them: {where + ': ' if where else ''}"
            f"{first['msg']}; export them again"
        ) from error
    kind = "labels" if multilabel else "path"
    if stored.kind != kind:
        raise RulesError(
            f"'{path}' holds rules about {_KINDS[stored.kind]}, and the model predicts {_KINDS[kind]}"
        )
    return RuleSet(tuple(sorted((one.read() for one in stored.rules), key=lambda rule: rule.number)))
