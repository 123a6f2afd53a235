"""Rule files: what is written is read back, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.decision.rule_file import read_rule_file, rules_to_json
from shelfwise.decision.rules import Rule, RuleSet, RuleText
from shelfwise.errors import RulesError

ONE = {"rule": 3, "field": "brand", "value": "Acme", "words": ["torch"], "category": ["Home", "Lamps"]}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
WORDS = st.text("abcxyz019", min_size=1, max_size=8)


def write(path: Path, *rules: object, **more: object) -> Path:
    told = {"shelfwise": "rules", "format_version": 1, "kind": "path", "rules": list(rules), **more}
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


@given(
    st.lists(
        st.builds(
            lambda number, words, target, judged, share: Rule(
                number,
                RuleText("", "", tuple(dict.fromkeys(words)), tuple(target)),
                judged,
                int(judged * share),
            ),
            st.integers(1, 10**6),
            st.lists(WORDS, min_size=1, max_size=4),
            st.lists(NAMES, min_size=1, max_size=4),
            st.integers(0, 1000),
            st.floats(0, 1),
        ),
        max_size=5,
        unique_by=lambda rule: rule.number,
    ),
    st.booleans(),
)
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, rules: list[Rule], multilabel: bool
) -> None:
    given_rules = RuleSet(tuple(sorted(rules, key=lambda rule: rule.number)))
    file = tmp_path_factory.mktemp("rules") / "rules.json"
    file.write_text(rules_to_json(given_rules, multilabel), encoding="utf-8")
    assert read_rule_file(file, multilabel) == given_rules


def test_written_by_hand(tmp_path: Path) -> None:
    (rule,) = read_rule_file(write(tmp_path / "r.json", ONE), multilabel=False)
    assert rule == Rule(3, RuleText("brand", "Acme", ("torch",), ("Home", "Lamps")))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rule": 0}, "greater than or equal to 1"),
        ({"rule": "3"}, "valid integer"),
        ({"value": ""}, "a field together with the value"),
        ({"field": "", "value": "", "words": ["!"]}, "something to go by"),
        ({"category": []}, "at least 1 item"),
        ({"category": "Home"}, "valid array"),
        ({"judged": 1, "right": 2}, "at most 1 of 1"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_rules_that_cannot_be(tmp_path: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(RulesError, match=told):
        read_rule_file(write(tmp_path / "r.json", {**ONE, **change}), multilabel=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"rules": []}', "\x00", '{"shelfwise": "model"}'])
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(RulesError, match="does not hold rules"):
        read_rule_file(file, multilabel=False)


def test_twice_the_same_another_kind_another_version_and_none(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with pytest.raises(RulesError, match="rule 3 is there twice"):
        read_rule_file(write(file, ONE, ONE), multilabel=False)
    with pytest.raises(RulesError, match="about paths, and the model predicts label sets"):
        read_rule_file(write(file, ONE), multilabel=True)
    with pytest.raises(RulesError, match="format_version"):
        read_rule_file(write(file, ONE, format_version=2), multilabel=False)
    with pytest.raises(RulesError, match="cannot be read"):
        read_rule_file(tmp_path / "nowhere.json", multilabel=False)
