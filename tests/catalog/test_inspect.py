"""The doctor counts what is there, names what is wrong, and says what would be done; on any catalog."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.image_check import check_images
from shelfwise.catalog.image_source import image_hashes
from shelfwise.catalog.inspect import inspect_catalog
from shelfwise.catalog.inspection import Inspection
from shelfwise.catalog.inspection_plan import ENCODER_BY_ROLE
from shelfwise.catalog.target_survey import spread
from shelfwise.encoders.registry import default_encoder_for
from shelfwise.errors import TargetError
from shelfwise.progress import Silent

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, which is not here")

KINDS = [
    ("Home > Kitchen > Pans", "pan"),
    ("Home > Kitchen > Knives", "knife"),
    ("Home > Bath", "towel"),
    ("Garden > Tools", "rake"),
]
DEPARTMENTS = {"Home": "Indoors", "Garden": "Outdoors"}


def write_picture(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (24, 24), colour).save(path, "JPEG")


def make_rows(count: int = 80) -> list[dict[str, str]]:
    rows = []
    for i in range(count):
        path, noun = KINDS[i % len(KINDS)]
        rows.append(
            {
                "sku": f"{i:04d}",
                "title": f"Sturdy {noun} number {i}",
                "brand": ["Acme", "Bolt", "Crux"][(i // 4) % 3],
                "price": f"{5 + (i * 7) % 40}.50",
                "shop_department": DEPARTMENTS[path.split(" > ")[0]],
                "category_path": path,
                "photo": f"images/{i}.jpg",
            }
        )
    return rows


def write_csv(folder: Path, rows: list[dict[str, str]], name: str = "catalog.csv") -> Path:
    file = folder / name
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty products with one of each trouble."""
    folder = tmp_path_factory.mktemp("shop")
    rows = make_rows()
    for i in range(len(rows)):
        write_picture(folder / "images" / f"{i}.jpg", (i, 3 * i, 200))
    whole = (folder / "images" / "5.jpg").read_bytes()
    (folder / "images" / "5.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "images" / "6.jpg").write_bytes(b"")
    (folder / "images" / "7.jpg").unlink()
    (folder / "images" / "8.jpg").unlink()
    rows[9]["photo"] = ""
    rows[10]["category_path"] = ""
    rows[11]["category_path"] = "Garden > Tools > Lawn > Mowers"
    rows[13]["title"] = rows[12]["title"].upper()  # pan and knife: a near-duplicate that contradicts
    rows[20]["sku"] = rows[21]["sku"]
    return write_csv(folder, rows)


@pytest.fixture(scope="module")
def found(shop: Path) -> Inspection:
    return inspect_catalog(Catalog.read(shop), target=["category_path"])


def test_columns_have_roles_and_how_full_they_are(found):
    columns = {column.name: column for column in found.columns}
    assert list(columns) == ["sku", "title", "brand", "price", "shop_department", "category_path", "photo"]
    assert columns["title"].role == "text"
    assert columns["brand"].values == 3
    assert columns["category_path"].filled == 79 / 80
    assert columns["price"].examples[0] == "5.50"
    assert all(column.why for column in found.columns)


def test_every_image_is_found_missing_broken_or_not_given(found):
    (images,) = found.images
    assert (images.found, images.missing, images.broken, images.none) == (75, 2, 2, 1)
    assert images.found + images.missing + images.broken + images.none == found.products
    by_ids = {tuple(trouble.ids): trouble.reason for trouble in images.troubles}
    assert "truncated" in by_ids[("0005",)]
    assert "0 bytes" in by_ids[("0006",)]
    assert by_ids[("0007", "0008")] == "image file not found"


def test_fingerprints_are_those_of_image_hashes(shop):
    catalog = Catalog.read(shop)
    column = catalog.input("photo")
    _, fingerprints = check_images(column, catalog.ids, Silent())
    assert fingerprints == image_hashes(column.values)
    with pytest.raises(TypeError, match="image column"):
        check_images(catalog.input("title"), catalog.ids, Silent())


def test_target_statistics_are_counted_by_hand(found):
    target = found.target
    assert (target.labelled, target.unlabelled, target.categories) == (79, 1, 5)
    assert [(level.categories, level.products) for level in target.levels] == [
        (2, 79),
        (3, 79),
        (3, 41),
        (1, 1),
    ]
    assert target.depths == {2: 38, 3: 40, 4: 1}
    assert target.ends_early == 19  # Garden > Tools, below which Mowers lie
    assert (target.per_category.fewest, target.per_category.most, target.per_category.one) == (1, 20, 1)
    assert sum(one.products for one in target.largest) == 79


def test_repeated_ids_and_near_duplicates_are_counted(found):
    assert (found.ids.column, found.ids.repeated, found.ids.products) == ("sku", 1, 2)
    assert found.ids.examples[0].id == "0021"
    assert (found.groups.groups, found.groups.products, found.groups.largest) == (1, 2, 2)
    assert found.groups.examples == [["0012", "0013"]]
    (clash,) = found.target.contradictions
    assert clash.categories == [["Home", "Kitchen", "Pans"], ["Home", "Kitchen", "Knives"]]


def test_the_plan_says_what_is_read_and_what_is_left_out(found):
    assert {one.name: one.encoder for one in found.inputs} == {
        "title": "ngrams",
        "brand": "one_hot",
        "price": "number",
        "photo": "small_cnn",
    }
    left_out = {one.name: one for one in found.left_out}
    assert left_out["shop_department"].giveaway
    assert not left_out["sku"].giveaway
    plan = " ".join(found.plan)
    assert "Learn the 5 categories on 4 levels of 'category_path' from 79 products." in plan
    assert "Leave out shop_department" in plan
    assert "scored by classifiers that did not learn from them" in plan
    problems = " ".join(problem.what for problem in found.problems)
    for words in ("1 product has no category", "2 missing and 2 broken images", "occurs more than once"):
        assert words in problems
    assert "1 of 5 categories has a single product" in problems
    assert all(problem.kind == "warning" for problem in found.problems)


def test_encoders_named_are_the_defaults_of_training():
    assert {role: default_encoder_for(role) for role in ENCODER_BY_ROLE} == ENCODER_BY_ROLE


def test_text_json_and_page_carry_the_findings(found):
    text = found.to_text()
    assert max(map(len, text.splitlines())) <= 140
    for words in ("80 products, 7 columns", "missing     2 (2.5%)", "Target category_path", "To look at"):
        assert words in text
    assert Inspection.model_validate(json.loads(found.model_dump_json())) == found
    page = found.to_html()
    assert page.startswith("<!doctype html>")
    for forbidden in ("<script", "http://", "https://", "src="):
        assert forbidden not in page
    assert "79 products to learn 5 categories from" in page


def test_a_page_shows_a_hostile_catalog_as_text(tmp_path):
    rows = make_rows(12)
    rows[0]["title"] = "<script>alert(1)</script>"
    rows[1]["brand"] = "\x1b[31mred"
    page = inspect_catalog(Catalog.read(write_csv(tmp_path, rows))).to_html()
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_without_a_target_the_likeliest_is_looked_at_and_said(shop):
    found = inspect_catalog(Catalog.read(shop))
    assert found.target.assumed
    assert found.target.columns == ["category_path"]
    assert found.suggestions[0].options == "--target category_path"
    assert "the likeliest" in found.to_text()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"lvl1": ["A", "A", "B", "B"], "lvl2": ["a", "b", "c", "d"]}, ["lvl1", "lvl2"]),
        ({"tags": ["red|small", "red|large", "blue|small", "blue|large"]}, ["tags"]),
        ({"product_type": ["Hat", "Cap", "Shoe", "Sock"]}, ["product_type"]),
    ],
)
def test_targets_of_every_form_are_suggested(tmp_path, columns, expected):
    rows = [
        {"id": str(i), "title": f"thing {i} of many"}
        | {name: values[i % 4] for name, values in columns.items()}
        for i in range(80)
    ]
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, rows)))
    assert found.suggestions[0].columns == expected
    assert found.suggestions[0].multilabel == (expected == ["tags"])
    assert found.target.columns == expected


def test_colours_and_prices_are_no_suggestions(tmp_path):
    rows = [
        {"id": str(i), "title": f"thing {i}", "colour": "red" if i % 2 else "blue", "price": "3"}
        for i in range(40)
    ]
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, rows)))
    assert found.suggestions == []
    assert found.target is None
    assert found.problems[0].kind == "fails"
    assert "name the column with --target" in found.problems[0].what
    assert "FAILS" in found.to_text()
    assert "nothing can be learned" in found.to_html()


@pytest.mark.parametrize(
    ("paths", "words"),
    [(["", ""], "is empty for every product"), (["A > B", ""], "one category leaves nothing to learn")],
)
def test_what_training_would_stop_at_is_said(tmp_path, paths, words):
    rows = [{"id": str(i), "title": f"thing {i} {i % 7}", "category": paths[i % 2]} for i in range(20)]
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, rows)), target=["category"])
    assert found.problems[0].kind == "fails"
    assert words in found.problems[0].what
    assert found.plan == ["Training would stop with an error until what is marked FAILS is solved."]


def test_a_target_that_is_not_there_is_an_error(shop):
    with pytest.raises(TargetError, match="category_path"):
        inspect_catalog(Catalog.read(shop), target=["categorypath"])


def test_label_sets_are_counted(tmp_path):
    labels = ["a|b", "a", "b|c|a", ""]
    rows = [{"id": str(i), "title": f"thing number {i}", "tags": labels[i % 4]} for i in range(40)]
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, rows)), target=["tags"], multilabel=True)
    target = found.target
    assert (target.labelled, target.unlabelled, target.categories, target.separator) == (30, 10, 3, "|")
    assert (target.per_product.fewest, target.per_product.median, target.per_product.most) == (1, 2, 3)
    assert [(one.category, one.products) for one in target.largest] == [(["a"], 30), (["b"], 20), (["c"], 10)]
    assert target.levels == []


def test_one_product_and_no_id(tmp_path):
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, [{"title": "only one", "category": "A"}])))
    assert found.products == 1
    assert found.to_text()
    assert found.to_html()


def test_progress_is_told_of_every_image(shop):
    class Counting(Silent):
        done = 0
        total: int | None = 0

        def stage(self, name, total, unit="products"):
            self.total = total
            return self

        def advance(self, done, note=""):
            self.done += done

        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            return None

    reporter = Counting()
    inspect_catalog(Catalog.read(shop), reporter=reporter)
    assert (reporter.done, reporter.total) == (80, 80)


@given(st.lists(st.integers(0, 50), max_size=30))
def test_spread_agrees_with_sorting(counts):
    found = spread(counts)
    if not counts:
        assert found is None
        return
    assert (found.fewest, found.most, found.one) == (min(counts), max(counts), counts.count(1))
    assert found.fewest <= found.median <= found.most


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\r"), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12), labels=st.booleans())
def test_any_catalog_can_be_inspected(tmp_path, rows, labels):
    text = io.StringIO()
    csv.writer(text).writerows([("title", "category", "x"), *(("t" + a, b, c) for a, b, c in rows)])
    file = tmp_path / "any.csv"
    file.write_text(text.getvalue(), encoding="utf-8", newline="")
    catalog = Catalog.read(file)
    found = inspect_catalog(catalog, target=["category"], multilabel=labels)
    assert found.products == len(catalog)
    assert found.target.labelled + found.target.unlabelled == found.products
    assert {one.name for one in found.inputs} | {one.name for one in found.left_out} == set(catalog.fields)
    assert found.to_text()
    assert found.to_html()


@pytest.mark.real_data
@real_data
def test_livostyle():
    found = inspect_catalog(Catalog.read(DATA / "livostyle" / "products.csv"))
    (images,) = found.images
    assert (images.found, images.missing, images.broken, images.none) == (2764, 0, 1, 1)
    assert found.target.columns == ["category_path"]
    assert (found.target.labelled, found.target.categories) == (2758, 76)
    assert {one.name for one in found.left_out if one.giveaway} == {"product_type", "tags"}
    assert [suggestion.options for suggestion in found.suggestions[:2]] == [
        "--target category_path",
        "--target tags --multilabel",
    ]


@pytest.mark.real_data
@real_data
@pytest.mark.parametrize(
    ("file", "columns", "categories", "unlabelled"),
    [
        ("mwpd2020/train.jsonl", ["lvl1", "lvl2", "lvl3"], 282, 0),
        ("flipkart/products.jsonl", ["category_path"], 4393, 322),
    ],
)
def test_mwpd_and_flipkart(file, columns, categories, unlabelled):
    found = inspect_catalog(Catalog.read(DATA / file))
    assert found.target.columns == columns
    assert (found.target.categories, found.target.unlabelled) == (categories, unlabelled)
    assert {one.role for one in found.inputs} == {str(Role.TEXT)}


class TestInputsThatNameTheAnswer:
    def shop(self, folder: Path, named: bool) -> Inspection:
        rows = make_rows(160)
        for row in rows:
            name = row["category_path"].split(" > ")[-1].lower().rstrip("s")
            row["title"] = f"Sturdy {name if named else 'thing'} number {row['sku']}"
            row["photo"] = ""
        return inspect_catalog(Catalog.read(write_csv(folder, rows)), target=["category_path"])

    def test_are_told_with_what_the_words_are_worth(self, tmp_path: Path) -> None:
        found = self.shop(tmp_path, named=True)
        (leak,) = found.leaks
        assert (leak.name, leak.share) == ("title", 1.0)
        assert leak.accuracy == 1.0
        assert leak.accuracy_masked is not None
        text = found.to_text()
        assert "Inputs that name the answer" in text
        flat = " ".join(text.split())
        assert "'title' names the product's own category for 100% of the products." in flat
        assert f"gets 100% right on {leak.tested:,} held-out products" in flat
        assert "train with --mask-labels" in flat
        page = found.to_html()
        assert "Inputs that name the answer" in page
        assert "--mask-labels" in page
        assert Inspection.model_validate_json(found.model_dump_json()) == found

    def test_nothing_is_said_where_none_does(self, tmp_path: Path) -> None:
        found = self.shop(tmp_path, named=False)
        assert found.leaks == []
        assert "name the answer" not in found.to_text()
        assert "name the answer" not in found.to_html()


def test_what_is_noticed_of_the_target_is_told(tmp_path: Path) -> None:
    rows = make_rows(40)
    rows[0]["category_path"] = "home > kitchen > PANS"
    for row in rows:
        row["photo"] = ""
    found = inspect_catalog(Catalog.read(write_csv(tmp_path, rows)), target=["category_path"])
    assert found.target is not None
    assert found.target.categories == 4
    flat = " ".join(found.to_text().split())
    assert "3 category names are spelled in several ways and taken as one" in flat
    assert "spelled in several ways" in found.to_html()
