"""The categorizer on small catalogs: what it learns, what it does with products it cannot use, and that order is no input."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_catalog import (
    LINEAR,
    PATHS,
    TAGS,
    Listening,
    Rows,
    accuracy,
    assert_close,
    picture_recipe,
    read,
    text_recipe,
    tiny_rows,
    title_recipe,
    with_pictures,
)

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.errors import CatalogError, RecipeError, ShelfwiseError, TargetError
from shelfwise.predictions import Prediction
from shelfwise.progress import Silent


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return read(tmp_path_factory.mktemp("shop") / "shop.csv", tiny_rows(160))


@pytest.fixture(scope="module")
def model(shop: Catalog) -> Categorizer:
    return Categorizer(text_recipe()).fit(shop)


@pytest.fixture
def new_rows() -> Rows:
    """Products that training did not see."""
    return tiny_rows(40, seed=1)


class TestConventions:
    def test_the_constructor_only_stores(self) -> None:
        recipe = text_recipe()
        made = Categorizer(recipe)
        assert vars(made) == {"recipe": recipe}
        assert made.recipe is recipe
        assert list(inspect.signature(Categorizer).parameters) == ["recipe"]

    def test_fit_returns_self_and_what_is_learned_ends_in_an_underscore(self, shop: Catalog) -> None:
        made = Categorizer(title_recipe())
        before = made.recipe.model_copy(deep=True)
        assert made.fit(shop) is made
        assert made.recipe == before, "fit does not change what was given"
        learned = {name for name in vars(made) if not name.startswith("_")} - {"recipe"}
        assert learned == {"recipe_", "target_", "ensemble_", "facts_", "conflicts_"}
        assert not made.multilabel_

    def test_fitting_again_starts_anew(self, shop: Catalog) -> None:
        made = Categorizer(title_recipe()).fit(shop)
        first = made.predict(shop)
        assert made.fit(shop).predict(shop) == first

    def test_the_catalog_is_left_as_it_was(self, shop: Catalog) -> None:
        table, ids, fields = shop.table, list(shop.ids), dict(shop.fields)
        Categorizer(title_recipe()).fit(shop)
        assert shop.table is table
        assert (shop.ids, shop.fields) == (ids, fields)

    def test_before_fit_there_is_a_clear_line(self, shop: Catalog) -> None:
        for use in (lambda m: m.predict(shop), lambda m: m.evaluate(shop), lambda m: m.save("nowhere")):
            with pytest.raises(ShelfwiseError, match="fit"):
                use(Categorizer(title_recipe()))
        assert not Path("nowhere").exists()

    def test_facts(self, model: Categorizer, shop: Catalog) -> None:
        facts = model.facts_
        assert (facts.products, facts.labelled) == (160, 160)
        assert (facts.folds, facts.fitted, facts.held_out) == (4, 120, 160)
        assert facts.refitted
        assert dict(facts.training_counts) == {tuple(path.split(" > ")): 40 for path in PATHS}
        assert set(facts.curves) == {"words", "early"}
        assert {"words", "early", "policy_network", "opinion_pool", "mean"} <= set(facts.scores)
        assert facts.separator == " > "
        assert facts.groups <= facts.products


class TestLearning:
    def test_it_learns(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        predictions = model.predict(read(tmp_path / "new.csv", new_rows))
        assert accuracy(predictions, new_rows) > 0.9

    def test_predictions_hold_together(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        for prediction in model.predict(read(tmp_path / "new.csv", new_rows)):
            assert prediction.answer in model.target_.outcomes
            assert len(prediction.part_confidence) == len(prediction.answer)
            assert list(prediction.part_confidence) == sorted(prediction.part_confidence, reverse=True)
            assert prediction.confidence <= prediction.part_confidence[-1] + 1e-6
            probabilities = [other.probability for other in prediction.alternatives]
            assert probabilities == sorted(probabilities, reverse=True)
            assert max(probabilities, default=0) <= prediction.confidence
            assert sum(probabilities) + prediction.confidence <= 1 + 1e-4
            assert prediction.answer not in [other.answer for other in prediction.alternatives]
            assert (prediction.reason == "") == (prediction.decision == "accept")

    def test_the_same_seed_gives_the_same_predictions(self, model: Categorizer, shop: Catalog) -> None:
        assert Categorizer(text_recipe()).fit(shop).predict(shop) == model.predict(shop)
        other = Categorizer(text_recipe(training={"threads": 1, "seed": 5})).fit(shop)
        assert other.predict(shop) != model.predict(shop)

    def test_held_out_products_are_what_the_seed_and_ids_say(self, shop: Catalog) -> None:
        """The split follows ids, not rows."""
        order = np.random.default_rng(0).permutation(len(shop))
        one, other = (Categorizer(title_recipe()).fit(some).facts_ for some in (shop, shop.take(order)))
        assert (one.fitted, one.held_out, one.folds) == (other.fitted, other.held_out, 1)
        assert one.training_counts == other.training_counts

    def test_refit_learns_from_all(self, shop: Catalog) -> None:
        kept = Categorizer(title_recipe(training={"threads": 1, "refit": False})).fit(shop)
        assert not kept.facts_.refitted
        again = Categorizer(title_recipe()).fit(shop)
        assert again.facts_.scores == kept.facts_.scores, "scores are of products held out either way"
        known = [made.ensemble_.encoders["title"].width for made in (again, kept)]
        assert known[0] > known[1]

    def test_the_policy_is_no_worse_than_the_best_but_for_chance(self, model: Categorizer) -> None:
        scores, best = model.facts_.scores, max(model.facts_.scores.values())
        standard_error = np.sqrt(best * (1 - best) / model.facts_.held_out)
        assert scores[model.facts_.policy] >= best - standard_error

    @pytest.mark.parametrize("weights", ["none", "balanced"])
    @pytest.mark.parametrize("target", ["category", "tags"])
    def test_class_weights(self, shop: Catalog, weights: str, target: str) -> None:
        declared = {"columns": [target], "multilabel": target == "tags", "label_space": "labels"}
        recipe = title_recipe(target=declared, training={"threads": 1, "class_weights": weights})
        assert all(
            prediction.answer
            for prediction in Categorizer(recipe).fit(shop).predict(shop)
            if prediction.reason == ""
        )

    def test_pictures(self, tmp_path: Path) -> None:
        rows = with_pictures(tiny_rows(100), tmp_path)
        pictured = read(tmp_path / "shop.csv", rows)
        only = picture_recipe(classifiers=[{**picture_recipe().classifiers[1].model_dump(), "epochs": 12}])
        predictions = Categorizer(only).fit(pictured).predict(pictured)
        seen = [number for number, row in enumerate(rows) if row["photo"]]
        assert accuracy([predictions[number] for number in seen], [rows[number] for number in seen]) > 0.8
        without = [predictions[number] for number, row in enumerate(rows) if not row["photo"]]
        assert {prediction.decision for prediction in without} == {"failed"}


class TestOrderIsNoInput:
    @pytest.fixture
    def straight(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> list[Prediction]:
        return model.predict(read(tmp_path / "new.csv", new_rows))

    def test_permuted_rows(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path, straight: list[Prediction]
    ) -> None:
        order = np.random.default_rng(3).permutation(len(new_rows))
        permuted = model.predict(read(tmp_path / "p.csv", [new_rows[place] for place in order]))
        assert_close(permuted, [straight[place] for place in order])

    def test_split_files(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path, straight: list[Prediction]
    ) -> None:
        for number, part in enumerate((new_rows[:1], new_rows[1:9], new_rows[9:])):
            read(tmp_path / f"part{number}.csv", part)
        files = sorted(tmp_path.glob("part*.csv"))
        assert_close(model.predict(Catalog.read(*files, id="id")), straight)
        alone = [prediction for file in files for prediction in model.predict(Catalog.read(file, id="id"))]
        assert_close(alone, straight)

    def test_in_batches(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path, straight: list[Prediction]
    ) -> None:
        file = tmp_path / "new.csv"
        made = [one for batch in Catalog.scan(file, rows=7, id="id") for one in model.predict(batch)]
        assert_close(made, straight)

    def test_pictures_too(self, tmp_path: Path) -> None:
        rows = with_pictures(tiny_rows(60), tmp_path)
        made = Categorizer(picture_recipe()).fit(read(tmp_path / "shop.csv", rows))
        straight = made.predict(read(tmp_path / "shop.csv", rows))
        order = np.random.default_rng(3).permutation(len(rows))
        permuted = made.predict(read(tmp_path / "p.csv", [rows[place] for place in order]))
        assert_close(permuted, [straight[place] for place in order])
        assert_close(made.predict(read(tmp_path / "q.csv", rows[5:6])), straight[5:6])

    def test_label_sets_too(self, shop: Catalog) -> None:
        for space in ("labels", "sets"):
            target = {"columns": ["tags"], "multilabel": True, "label_space": space}
            made = Categorizer(title_recipe(target=target)).fit(shop)
            straight = made.predict(shop)
            order = np.random.default_rng(3).permutation(len(shop))
            assert_close(made.predict(shop.take(order)), [straight[place] for place in order])
            assert_close([made.predict(shop.take(np.array([row])))[0] for row in range(5)], straight[:5])


class TestProductsThatCannotBeUsed:
    def test_nothing_usable_fails_with_a_reason(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path
    ) -> None:
        straight = model.predict(read(tmp_path / "new.csv", new_rows))
        new_rows[3] |= {"title": "", "brand": "", "price": "free!"}
        made = model.predict(read(tmp_path / "new.csv", new_rows))
        assert [one.id for one in made] == [row["id"] for row in new_rows]
        failed = made[3]
        assert (failed.decision, failed.answer, failed.confidence) == ("failed", (), 0.0)
        assert (failed.part_confidence, failed.alternatives) == ((), ())
        assert "title: absent" in failed.reason
        assert "price: failed: not a number" in failed.reason
        assert failed.inputs["price"].startswith("failed: not a number")
        assert_close(made[:3] + made[4:], straight[:3] + straight[4:])

    def test_only_unknown_words_fail_and_say_so(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        made = Categorizer(title_recipe()).fit(shop)
        new_rows[0]["title"] = "zzz qqq"
        failed = made.predict(read(tmp_path / "new.csv", new_rows))[0]
        assert failed.decision == "failed"
        assert "title: no known words or values" in failed.reason
        assert failed.inputs == {"title": "present"}

    def test_an_unseen_brand_is_unknown_not_another(
        self, shop: Catalog, new_rows: Rows, tmp_path: Path
    ) -> None:
        recipe = text_recipe(
            inputs=[{"name": "brand"}], classifiers=[{"name": "brand", "inputs": ["brand"], **LINEAR}]
        )
        made = Categorizer(recipe).fit(shop)
        rows = [
            {**row, "brand": brand} for row, brand in zip(new_rows, ["Never Seen", "Nor This"], strict=False)
        ]
        one, other = made.predict(read(tmp_path / "new.csv", rows))
        known = made.predict(read(tmp_path / "known.csv", [{**new_rows[0], "brand": "Brand 0"}]))[0]
        assert one.decision != "failed"
        assert (one.answer, one.confidence) == (other.answer, other.confidence)
        assert known.answer == tuple(PATHS[0].split(" > "))
        assert one.confidence < known.confidence

    def test_columns_missing_at_prediction(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        made = model.predict(read(tmp_path / "new.csv", new_rows, ["id", "title"]))
        emptied = [{**row, "brand": "", "price": ""} for row in new_rows]
        assert_close(made, model.predict(read(tmp_path / "e.csv", emptied)))
        assert {one.inputs["brand"] for one in made} == {"absent"}
        assert {one.decision for one in made if one.inputs["title"] == "present"} <= {"accept", "review"}

    def test_no_input_column_at_all(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        made = model.predict(read(tmp_path / "new.csv", new_rows, ["id"]))
        assert [one.id for one in made] == [row["id"] for row in new_rows]
        assert {one.decision for one in made} == {"failed"}

    def test_further_columns_are_no_input(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        straight = model.predict(read(tmp_path / "new.csv", new_rows))
        more = [{**row, "colour": "red"} for row in new_rows]
        assert model.predict(read(tmp_path / "more.csv", more)) == straight

    def test_repeated_ids_stay_apart(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        straight = model.predict(read(tmp_path / "new.csv", new_rows))
        same = model.predict(read(tmp_path / "same.csv", [{**row, "id": "1"} for row in new_rows]))
        assert [one.answer for one in same] == [one.answer for one in straight]

    def test_no_products(self, model: Categorizer, shop: Catalog) -> None:
        assert model.predict(shop.take(np.zeros(0, np.int64))) == []

    def test_broken_pictures_stay_with_their_product(self, tmp_path: Path) -> None:
        rows = with_pictures(tiny_rows(60), tmp_path)
        made = Categorizer(picture_recipe()).fit(read(tmp_path / "shop.csv", rows))
        straight = made.predict(read(tmp_path / "shop.csv", rows))
        (tmp_path / rows[4]["photo"]).write_bytes(b"no picture")
        spoiled = made.predict(read(tmp_path / "shop.csv", rows))
        assert spoiled[4].inputs["photo"].startswith("failed: ")
        assert_close(spoiled[:4] + spoiled[5:], straight[:4] + straight[5:])


class TestTargets:
    def test_label_sets(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        for space in ("labels", "sets"):
            target = {"columns": ["tags"], "multilabel": True, "label_space": space}
            made = Categorizer(text_recipe(target=target)).fit(shop)
            assert made.multilabel_
            right = 0
            for prediction, row in zip(
                made.predict(read(tmp_path / "new.csv", new_rows)), new_rows, strict=True
            ):
                right += set(prediction.answer) == set(row["tags"].split("|"))
                assert len(prediction.part_confidence) == len(prediction.answer)
                assert list(prediction.part_confidence) == sorted(prediction.part_confidence, reverse=True)
                assert all(len(other.answer) == 1 for other in prediction.alternatives)
                assert not {other.answer[0] for other in prediction.alternatives} & set(prediction.answer)
            assert right > 0.8 * len(new_rows)

    def test_one_column_a_level(self, tmp_path: Path) -> None:
        rows = [
            {**row} | dict(zip(("one", "two"), row["category"].split(" > "), strict=False))
            for row in tiny_rows(80)
        ]
        made = Categorizer(title_recipe(target="one,two")).fit(read(tmp_path / "shop.csv", rows))
        assert made.target_.level_names == ("one", "two")
        assert {len(path) for path in made.target_.outcomes} == {2}

    def test_a_category_with_one_product(self, tmp_path: Path) -> None:
        rows = tiny_rows(80)
        rows[40]["category"] = "Only > One"
        for seed in range(6):  # it is learned from, chosen by or calibrated on, as it falls
            recipe = title_recipe(training={"threads": 1, "seed": seed, "class_weights": "balanced"})
            made = Categorizer(recipe).fit(read(tmp_path / "shop.csv", rows))
            assert ("Only", "One") in made.target_.outcomes
            assert len(made.predict(read(tmp_path / "shop.csv", rows))) == 80

    def test_every_category_with_one_product(self, tmp_path: Path) -> None:
        rows = [{**row, "category": f"category {number}"} for number, row in enumerate(tiny_rows(30))]
        shop = read(tmp_path / "shop.csv", rows)
        made = Categorizer(title_recipe()).fit(shop)
        assert len(made.target_.outcomes) == 30
        assert {one.decision for one in made.predict(shop)} <= {"review", "failed"}, "nothing can be promised"

    def test_unlabelled_products_are_left_aside_and_counted(self, tmp_path: Path) -> None:
        rows = tiny_rows(80)
        for row in rows[:20]:
            row["category"] = ""
        shop = read(tmp_path / "shop.csv", rows)
        made = Categorizer(title_recipe()).fit(shop)
        assert (made.facts_.products, made.facts_.labelled) == (80, 60)
        assert len(made.predict(shop)) == 80

    def test_what_cannot_be_learned_is_one_clear_line(self, tmp_path: Path) -> None:
        rows = tiny_rows(40)
        cases: list[tuple[Rows, Recipe, type[ShelfwiseError], str]] = [
            (
                [{**row, "category": "Home"} for row in rows],
                title_recipe(),
                TargetError,
                "two different categories",
            ),
            ([{**row, "category": ""} for row in rows], title_recipe(), TargetError, "empty in all"),
            (rows[:9], title_recipe(), TargetError, "at least 10 labelled products"),
            (rows, title_recipe(target="categorie"), TargetError, "did you mean 'category'"),
            (rows, title_recipe(target=[]), TargetError, "expected a target"),
            (rows, title_recipe(inputs=[{"name": "titel"}]), RecipeError, "did you mean 'title'"),
            (rows, title_recipe(inputs=[{"name": "category"}]), RecipeError, "is the target"),
            ([{**row, "title": ""} for row in rows], title_recipe(), TargetError, "no input has a value"),
            ([{**row, "title": "the same"} for row in rows], title_recipe(), CatalogError, "group"),
            (
                rows,
                title_recipe(inputs=[{"name": "title", "role": "number"}]),
                TargetError,
                "no input has a value",
            ),
        ]
        for products, recipe, kind, says in cases:
            with pytest.raises(kind, match=says) as raised:
                Categorizer(recipe).fit(read(tmp_path / "shop.csv", products))
            assert "\n" not in str(raised.value)

    @pytest.mark.parametrize("products", [10, 11, 14, 23])
    @pytest.mark.parametrize("target", ["category", "tags"])
    def test_very_few_products(self, tmp_path: Path, products: int, target: str) -> None:
        rows = tiny_rows(products)
        declared = {"columns": [target], "multilabel": target == "tags"}
        recipe = text_recipe(target=declared, routing={"precision": 0.95})
        shop = read(tmp_path / "shop.csv", rows)
        made = Categorizer(recipe).fit(shop)
        assert len(made.predict(shop)) == products
        assert {one.decision for one in made.predict(shop)} <= {"review", "failed"}, (
            "too few to promise anything"
        )

    def test_some_inputs_empty_in_all_products(self, tmp_path: Path) -> None:
        rows = [{**row, "brand": "", "price": ""} for row in tiny_rows(60)]
        shop = read(tmp_path / "shop.csv", rows)
        made = Categorizer(text_recipe()).fit(shop)
        assert accuracy(made.predict(shop), rows) > 0.6


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"fusion": {"policies": ["mean", "opinion"]}}, "did you mean 'opinion_pool'"),
        (
            {"classifiers": [{"name": "a", "inputs": ["title"], "head": "multilabel"}]},
            "expected a head for this target",
        ),
        ({"inputs": [{"name": "title", "encoder": {"kind": "ngram"}}]}, 'did you mean "ngrams"'),
        ({"inputs": [{"name": "price", "encoder": {"kind": "ngrams"}}]}, "cannot read"),
    ],
)
def test_what_cannot_work_is_refused_before_any_training(
    shop: Catalog, declared: dict[str, Any], says: str
) -> None:
    stages: list[str] = []

    class Staging(Silent):
        def stage(self, name: str, total: int | None, unit: str = "products") -> Any:
            stages.append(name)
            return super().stage(name, total, unit)

    classifiers = [
        {"name": "a", "inputs": [one["name"] for one in declared.get("inputs", [{"name": "title"}])]}
    ]
    with pytest.raises(RecipeError, match=says):
        Categorizer(title_recipe(**{"classifiers": classifiers, **declared})).fit(shop, reporter=Staging())
    assert not [name for name in stages if name.startswith("training")]


class TestValidation:
    def test_its_products_are_not_learned_from(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        others = read(tmp_path / "validation.csv", new_rows)
        made = Categorizer(title_recipe()).fit(shop, validation=others)
        facts = made.facts_
        assert (facts.fitted, facts.held_out, facts.folds) == (160, 40, 1)
        assert not facts.refitted
        assert (facts.products, facts.labelled) == (160, 160)

    def test_it_chooses_and_calibrates(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        right = read(tmp_path / "right.csv", new_rows)
        turned = [{**row, "category": PATHS[(PATHS.index(row["category"]) + 1) % 4]} for row in new_rows]
        wrong = read(tmp_path / "wrong.csv", turned)
        sure, unsure = (Categorizer(title_recipe()).fit(shop, validation=some) for some in (right, wrong))
        assert max(sure.facts_.scores.values()) > 0.8
        assert max(unsure.facts_.scores.values()) < 0.2
        mean = [np.mean([one.confidence for one in made.predict(shop)]) for made in (sure, unsure)]
        assert mean[1] < mean[0]

    def test_unknown_categories_in_it_count_as_wrong(
        self, shop: Catalog, new_rows: Rows, tmp_path: Path
    ) -> None:
        """They were dropped: what was promised was about the products whose category is known, and said of all."""
        new_rows[0]["category"] = "Never > Seen"
        listening = Listening()
        others = read(tmp_path / "v.csv", new_rows)
        made = Categorizer(title_recipe()).fit(shop, validation=others, reporter=listening)
        assert made.facts_.held_out == 40
        assert ("Never", "Seen") not in made.target_.outcomes
        evidence = made.ensemble_.evidence
        assert evidence is not None
        assert not evidence.whole.right[0]
        assert any("1 of 40 products of the validation catalog have" in line for line in listening.told)

    def test_label_sets_nobody_had_in_training_are_promised_about_too(
        self, shop: Catalog, tmp_path: Path
    ) -> None:
        target = {"columns": ["tags"], "multilabel": True, "label_space": "sets"}
        new_rows = [row for row in tiny_rows(60, seed=1) if row["title"]][:40]
        mixed = "|".join({*TAGS[0], *TAGS[1]})
        for number, row in enumerate(new_rows):
            row["tags"] = mixed if number < 10 else "unheard of" if number < 20 else row["tags"]
        made = Categorizer(title_recipe(target=target)).fit(
            shop, validation=read(tmp_path / "v.csv", new_rows)
        )
        assert made.facts_.held_out == 40
        evidence = made.ensemble_.evidence
        assert evidence is not None
        assert not evidence.whole.right[10:20].any()
        assert len(np.unique(evidence.product[evidence.product < 10])) == 10

    def test_variants_of_what_is_learned_are_not_held_out(self, shop: Catalog, tmp_path: Path) -> None:
        same = [row for row in tiny_rows(160) if row["title"]][:30]
        others = [{**row, "title": row["title"] + " other one"} for row in same[:20]]
        listening = Listening()
        made = Categorizer(title_recipe()).fit(
            shop, validation=read(tmp_path / "v.csv", same + others), reporter=listening
        )
        assert made.facts_.held_out == 20
        assert any(
            "30 products of the validation catalog are not held out" in line for line in listening.told
        )

    def test_nothing_but_variants(self, shop: Catalog, tmp_path: Path) -> None:
        same = read(tmp_path / "v.csv", [row for row in tiny_rows(160) if row["title"]][:20])
        with pytest.raises(CatalogError, match="not in the training catalog too"):
            Categorizer(title_recipe()).fit(shop, validation=same)

    def test_without_known_categories(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        others = read(tmp_path / "v.csv", [{**row, "category": "Never > Seen"} for row in new_rows])
        with pytest.raises(CatalogError, match="validation catalog"):
            Categorizer(title_recipe()).fit(shop, validation=others)

    def test_without_the_target(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="'category' is not in the catalog"):
            Categorizer(title_recipe()).fit(
                shop, validation=read(tmp_path / "v.csv", new_rows, ["id", "title"])
            )

    def test_columns_it_lacks_are_absent(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        others = read(tmp_path / "v.csv", new_rows, ["id", "title", "category"])
        assert len(Categorizer(text_recipe()).fit(shop, validation=others).predict(shop)) == 160

    def test_paths_are_split_as_in_training(self, shop: Catalog, new_rows: Rows, tmp_path: Path) -> None:
        """Two products of the upper level alone show no separator of their own."""
        rows = tiny_rows(120)
        for row in rows[:60:4]:
            row["category"] = "Garden"
        few = [{**row, "category": "Garden / Tools"} for row in rows[:2]] + tiny_rows(12, seed=1)[3:]
        shop = read(tmp_path / "shop.csv", rows)
        made = Categorizer(title_recipe()).fit(shop, validation=read(tmp_path / "v.csv", few))
        assert made.facts_.separator == " > "


class TestEvaluate:
    def test_against_the_catalogs_own_answers(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path
    ) -> None:
        new = read(tmp_path / "new.csv", new_rows)
        found = model.evaluate(new)
        assert found.products == 40
        assert found.headline.value == pytest.approx(accuracy(model.predict(new), new_rows))
        assert {"words", "early"} <= set(found.classifiers)

    def test_label_sets(self, shop: Catalog) -> None:
        made = Categorizer(title_recipe(target={"columns": ["tags"], "multilabel": True})).fit(shop)
        assert made.evaluate(shop).headline.value > 0.8

    def test_without_a_target(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        with pytest.raises(TargetError, match="expected the target column 'category' to evaluate against"):
            model.evaluate(read(tmp_path / "new.csv", new_rows, ["id", "title"]))

    def test_one_product(self, model: Categorizer, new_rows: Rows, tmp_path: Path) -> None:
        assert model.evaluate(read(tmp_path / "one.csv", new_rows[:1])).products == 1

    def test_categories_that_training_never_saw(
        self, model: Categorizer, new_rows: Rows, tmp_path: Path
    ) -> None:
        changed = [{**row, "category": "Never > Seen"} for row in new_rows]
        assert model.evaluate(read(tmp_path / "new.csv", changed)).headline.value == 0

    def test_paths_are_split_as_in_training(self, tmp_path: Path) -> None:
        """Names with a slash in them were names in training, and stay it where all products have one."""
        names = ("Lamps/Lights", "Pots", "Dolls", "Cars")
        rows = [{**row, "category": names[PATHS.index(row["category"])]} for row in tiny_rows(80)]
        made = Categorizer(title_recipe()).fit(read(tmp_path / "shop.csv", rows))
        assert made.facts_.separator is None
        lamps = [row for row in rows if "/" in row["category"]]
        found = made.evaluate(read(tmp_path / "lamps.csv", lamps))
        assert found.headline.value > 0.7


class TestReporting:
    def test_what_was_left_out_is_said(self, tmp_path: Path) -> None:
        rows = [{**row, "shelf": row["category"].upper()} for row in tiny_rows(120)]
        shop = Catalog.read(
            read(tmp_path / "shop.csv", rows).sources[0], id="id", text="title", category=["brand", "shelf"]
        )
        listening = Listening()
        recipe = Recipe(target="category", training={"threads": 1})
        made = Categorizer(recipe).fit(shop, reporter=listening)
        assert any("left out 'shelf'" in line for line in listening.told)
        assert "shelf" not in {one.name for one in made.recipe_.inputs}

    def test_progress_is_told(self, shop: Catalog) -> None:
        stages: list[tuple[str, Any]] = []

        class Staging(Silent):
            def stage(self, name: str, total: int | None, unit: str = "products") -> Any:
                stages.append((name, total))
                return super().stage(name, total, unit)

        made = Categorizer(title_recipe()).fit(shop, reporter=Staging())
        made.predict(shop, reporter=Staging())
        names = [name for name, _ in stages]
        assert "training title" in names
        assert "training title on all products" in names
        assert ("categorizing", 160) in stages
