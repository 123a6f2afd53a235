"""The vocabulary spans a sound taxonomy, and its words mean what the composition relies on."""

from __future__ import annotations

from collections import Counter

from shelfwise.demo.words import DEPARTMENTS, SHELVES, path_of
from shelfwise.demo.words.common import COMMON_BRANDS


def test_six_departments_and_a_strict_tree_of_three_levels() -> None:
    assert len(DEPARTMENTS) == 6
    assert 40 <= len(SHELVES) <= 60
    names = [path_of(shelf)[2] for shelf in SHELVES]
    assert len(set(names)) == len(names)
    groups = [group.name for department in DEPARTMENTS for group in department.groups]
    assert len(set(groups)) == len(groups)
    assert all(len(group.types) >= 2 for department in DEPARTMENTS for group in department.groups)


def test_no_name_holds_a_separator() -> None:
    for name in (name for shelf in SHELVES for name in path_of(shelf)):
        assert ">" not in name
        assert "|" not in name
        assert name == name.strip()


def test_nouns_and_features_belong_to_one_type() -> None:
    for words in ("nouns", "features"):
        counts = Counter(word.lower() for shelf in SHELVES for word in getattr(shelf[2], words))
        assert max(counts.values()) == 1, counts.most_common(3)


def test_brands_belong_to_one_department_and_some_are_not_ascii() -> None:
    brands = [brand for department in DEPARTMENTS for brand in department.brands] + list(COMMON_BRANDS)
    assert len(set(brands)) == len(brands)
    assert sum(not brand.isascii() for brand in brands) >= 5
