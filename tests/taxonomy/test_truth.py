"""Truth: paths and label sets out of the columns that catalogs really have."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.fields import Field
from shelfwise.errors import TargetError
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import (
    LABEL_SEPARATORS,
    PATH_SEPARATORS,
    has_truth,
    read_truth,
    recognise_separator,
)


def catalog(**columns: Any) -> Catalog:
    table = pa.table(columns)
    fields = {name: Field(name, Role.IGNORED, "for a test") for name in columns}
    return Catalog(table, [str(row) for row in range(table.num_rows)], fields)


def paths(values: Any, separator: str | None = None) -> list[tuple[str, ...]]:
    return read_truth(catalog(path=values), TargetRecipe(columns=["path"], separator=separator)).values


def labels(values: Any, separator: str | None = None) -> list[tuple[str, ...]]:
    target = TargetRecipe(columns=["tags"], multilabel=True, separator=separator)
    return read_truth(catalog(tags=values), target).values


class TestDelimitedPaths:
    @pytest.mark.parametrize("separator", [" > ", ">", " / ", " | ", "|", " :: ", "::", " » ", "»", "/"])
    def test_common_separators_are_recognised(self, separator: str) -> None:
        written = [separator.join(path) for path in (["Men", "Shoes", "Sneakers"], ["Women", "Bags"])]
        truth = read_truth(catalog(path=written), TargetRecipe(columns=["path"]))
        assert truth.separator == separator
        assert truth.values == [("Men", "Shoes", "Sneakers"), ("Women", "Bags")]

    def test_unequal_depths(self) -> None:
        assert paths(["Men", "Men > Shoes", "Men > Shoes > Sneakers"]) == [
            ("Men",),
            ("Men", "Shoes"),
            ("Men", "Shoes", "Sneakers"),
        ]

    def test_a_slash_within_names_does_not_separate(self) -> None:
        names = ["Computers/Video Games", "Books", "Toys", "Garden"]
        assert paths(names) == [(name,) for name in names]

    def test_a_slash_within_names_of_a_path_does_not_separate(self) -> None:
        assert paths(["Games > Computers/Video Games", "Books > Crime"]) == [
            ("Games", "Computers/Video Games"),
            ("Books", "Crime"),
        ]

    def test_a_given_separator_is_the_only_one(self) -> None:
        assert paths(["a > b / c", "d"], separator="/") == [("a > b", "c"), ("d",)]

    def test_an_empty_separator_splits_nothing(self) -> None:
        assert paths(["a > b", "c"], separator="") == [("a > b",), ("c",)]
        assert labels(["a|b", None], separator="") == [("a|b",), ()]

    def test_empty_values_and_empty_levels(self) -> None:
        assert paths(["a > b", None, "", "  ", "a >  > c", " > a > b > "]) == [
            ("a", "b"),
            (),
            (),
            (),
            ("a", "c"),
            ("a", "b"),
        ]

    def test_white_space_is_no_part_of_a_name(self) -> None:
        assert paths(["  Men >  Shoes ", "Men  >\tShoes", "Men\u00a0> Shoes"]) == [("Men", "Shoes")] * 3

    def test_a_list_column_is_a_path(self) -> None:
        truth = read_truth(
            catalog(path=[["a", " b "], None, [], ["c", None, ""]]), TargetRecipe(columns=["path"])
        )
        assert truth.values == [("a", "b"), (), (), ("c",)]
        assert truth.separator == "[]"

    def test_numbers_are_names(self) -> None:
        assert paths(["7", "12", None]) == [("7",), ("12",), ()]

    def test_a_column_of_nothing(self) -> None:
        assert paths(pa.array([None, None], pa.string())) == [(), ()]


class TestLevelColumns:
    def test_one_column_a_level(self) -> None:
        truth = read_truth(
            catalog(kind=["Shoes", "Bags"], gender=["Men", "Women"]), TargetRecipe(columns=["gender", "kind"])
        )
        assert truth.values == [("Men", "Shoes"), ("Women", "Bags")]
        assert truth.level_names == ("gender", "kind")
        assert truth.notes == ()

    def test_a_path_ends_at_the_first_empty_level_and_gaps_are_told(self) -> None:
        table = catalog(
            a=["A", "A", None, "A", " "], b=["B", None, "B", "", ""], c=["C", "C", "C", None, None]
        )
        truth = read_truth(table, TargetRecipe(columns=["a", "b", "c"]))
        assert truth.values == [("A", "B", "C"), ("A",), (), ("A",), ()]
        assert truth.notes[0] == "2 products skip a level: their paths were cut at the gap"

    def test_separators_within_level_columns_are_part_of_the_name(self) -> None:
        table = catalog(a=["x > y", "x > y"], b=["1", "2"])
        assert read_truth(table, TargetRecipe(columns=["a", "b"])).values == [("x > y", "1"), ("x > y", "2")]


class TestLabelSets:
    @pytest.mark.parametrize("separator", [" | ", "|", ";", ",", ", ", "\t"])
    def test_delimited(self, separator: str) -> None:
        assert labels([separator.join(["red", "cotton"]), "red", None]) == [("red", "cotton"), ("red",), ()]

    def test_a_given_tab_separates(self) -> None:
        assert labels(["red\tnavy blue", "red"], separator="\t") == [("red", "navy blue"), ("red",)]

    def test_a_list_column(self) -> None:
        assert labels([["a", "b", "a"], [], None, [None, " c "]]) == [("a", "b"), (), (), ("c",)]

    def test_repeated_labels_count_once(self) -> None:
        assert labels(["a|b|a", "b|a"]) == [("a", "b"), ("b", "a")]

    def test_several_columns_make_one_set(self) -> None:
        table = catalog(colour=["red", None, "red"], material=["cotton", "silk", "red"])
        truth = read_truth(table, TargetRecipe(columns=["colour", "material"], multilabel=True))
        assert truth.values == [("red", "cotton"), ("silk",), ("red",)]


class TestColumns:
    def test_a_missing_column_names_the_nearest(self) -> None:
        with pytest.raises(TargetError, match=r"'categroy'.*did you mean 'category'\?"):
            read_truth(catalog(title=["x"], category=["a"]), TargetRecipe(columns=["categroy"]))

    def test_nothing_near_lists_what_there_is(self) -> None:
        with pytest.raises(TargetError, match="which has title") as raised:
            read_truth(catalog(title=["x"]), TargetRecipe(columns=["zzz"]))
        assert "did you mean" not in str(raised.value)

    def test_no_column_named(self) -> None:
        with pytest.raises(TargetError, match="expected a target"):
            read_truth(catalog(title=["x"]), TargetRecipe())

    def test_has_truth_takes_every_column(self) -> None:
        table = catalog(a=["x"], b=["y"])
        assert has_truth(table, TargetRecipe(columns=["a", "b"]))
        assert not has_truth(table, TargetRecipe(columns=["a", "c"]))


class TestRecogniseSeparator:
    def test_too_few_values_hold_it(self) -> None:
        assert recognise_separator(["a|b", *["a"] * 9], PATH_SEPARATORS) is None
        assert recognise_separator(["a|b", *["a"] * 4], PATH_SEPARATORS) == "|"

    def test_empty_values_do_not_count(self) -> None:
        assert recognise_separator(["a > b", *[""] * 99], PATH_SEPARATORS) == " > "
        assert recognise_separator([], PATH_SEPARATORS) is None

    @given(
        st.lists(
            st.lists(st.sampled_from(["a", "b", " c", "d e ", "", " "]), min_size=2, max_size=4),
            min_size=1,
            max_size=6,
        ),
        st.sampled_from(LABEL_SEPARATORS),
    )
    def test_what_is_joined_is_split(self, sets: list[list[str]], separator: str) -> None:
        expected = [
            tuple(dict.fromkeys(name for part in parts if (name := " ".join(part.split())))) for parts in sets
        ]
        written = [separator.join(parts) for parts in sets]
        assert labels(written, separator=separator) == expected


class TestWhatIsNoted:
    def notes(self, values: Any, separator: str | None = None) -> tuple[str, ...]:
        return read_truth(catalog(path=values), TargetRecipe(columns=["path"], separator=separator)).notes

    def test_a_clean_column_has_none(self) -> None:
        assert self.notes(["Men > Shoes", "Women > Bags", None]) == ()

    def test_empty_levels(self) -> None:
        assert self.notes(["a >  > c", "b > d", " > b > d > "]) == (
            "1 product has an empty level in its path, which was left out: what follows moved up",
        )
        gaps = self.notes([["a", None, "b"], ["c", "", "d"], ["e", "f", None]])
        assert gaps[0].startswith("2 products have empty levels")

    def test_two_spellings_of_a_category_are_one(self) -> None:
        truth = read_truth(
            catalog(path=["Men > Shoes", "men >  SHOES", "Men > Shoes", "MEN > Belts", "Bags"]),
            TargetRecipe(columns=["path"]),
        )
        assert truth.values == [("Men", "Shoes")] * 3 + [("Men", "Belts"), ("Bags",)]
        (note,) = truth.notes
        assert "2 category names are spelled in several ways and taken as one, 3 times" in note
        assert "'MEN' as 'Men' (1)" in note

    def test_a_models_spelling_wins(self) -> None:
        target, table = TargetRecipe(columns=["path"]), catalog(path=["men > shoes", "men > New", "Bags > x"])
        found = read_truth(table, target, known=[("Men", "Shoes"), ("Men", "Belts")]).values
        assert found == [("Men", "Shoes"), ("Men", "New"), ("Bags", "x")]

    def test_two_spellings_of_a_label_are_one(self) -> None:
        target = TargetRecipe(columns=["tags"], multilabel=True)
        table = catalog(tags=["Red|soft", "red|SOFT|Red", "Red"])
        truth = read_truth(table, target)
        assert truth.values == [("Red", "SOFT"), ("Red", "SOFT"), ("Red",)]
        assert read_truth(table, target, known=[("red",), ("soft",)]).values[0] == ("red", "soft")
        assert len(truth.notes) == 1

    def test_a_separator_inside_a_name(self) -> None:
        (note,) = self.notes(["Men > Shoes", "Games > PC>Mac", "Women > Bags"])
        assert "1 product holds '>' inside a category name ('PC>Mac')" in note
        assert "--separator '>'" in note

    def test_the_joint_of_paths_inside_a_name(self) -> None:
        table = catalog(a=["x > y", "z"], b=["1", "2"])
        (note,) = read_truth(table, TargetRecipe(columns=["a", "b"])).notes
        assert "1 category name holds ' > '" in note
        assert "Parquet or JSON lines" in note

    def test_one_category_under_two_parents(self) -> None:
        (note,) = self.notes(["Men > Shoes", "Women > Shoes", "Women > Bags"])
        assert note == (
            "1 category name stands under more than one parent ('Shoes' under 'Men' and 'Women'): each is a category of its own"
        )

    def test_two_levels_with_one_category_each(self) -> None:
        read = read_truth(
            catalog(a=["x", "x"], b=["y", "y"], c=["1", "2"]), TargetRecipe(columns=["a", "b", "c"])
        )
        assert read.notes == (
            "2 levels hold the same category for every product and tell nothing: a ('x'), b ('y')",
        )

    def test_a_level_with_one_category(self) -> None:
        table = catalog(kind=["Apparel", "Apparel"], type=["Shoes", "Bags"])
        (note,) = read_truth(table, TargetRecipe(columns=["kind", "type"])).notes
        assert (
            note == "one level holds the same category for every product and tells nothing: kind ('Apparel')"
        )
        assert self.notes(["Bags", "Shoes > Boots"]) == (), "a level that only some reach says who reaches it"

    def test_a_path_too_long_to_be_one(self) -> None:
        truth = read_truth(catalog(path=["a > b", " > ".join("x" * 100_000)]), TargetRecipe(columns=["path"]))
        assert truth.values == [("a", "b"), ()]
        assert "1 product has a path of more than 64 levels" in truth.notes[0]
