"""The two catalogs of the noise study: how they are split, trained on and scored, by shelfwise and by the linear SVM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import _noise as noise
import numpy as np
import pyarrow as pa
from _common import MYNTRA_LEVELS, Value
from _data import joined_text, near_duplicates, split, value_groups
from _peers import LabelSvms, LevelSvms

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.taxonomy.truth import read_truth
from shelfwise.terminal import reporting

MIN_PRODUCTS = 30
BRAND_SEED = 17


@dataclass(frozen=True)
class Study:
    """A split catalog and what is asked of it. ``brands``: what stands for suppliers, in words; ``brand_column`` its column."""

    name: str
    train: Catalog
    test: Catalog
    inputs: list[str]
    texts: list[str]
    brand_column: str
    brands: str
    recipe: Recipe
    seed: int
    facts: dict[str, Value]
    image: str = "image"
    kept: dict[str, LabelSvms | LevelSvms] = field(default_factory=dict)
    """The SVM of the undamaged training products, once it is fitted."""

    def wrong_labels(self, share: float) -> Callable[[Catalog], Catalog]:
        """Damage: that share of the products with another one's answer."""

        def damage(catalog: Catalog) -> Catalog:
            answers = self.answers(catalog)
            wrong = noise.some(len(catalog), share, self.seed)
            changed = noise.wrong_answers(answers, wrong, self.seed + 1)
            if self.recipe.target.multilabel:
                return noise.with_columns(catalog, {"labels": pa.array([list(one) for one in changed])})
            levels = zip(*changed, strict=True)
            return noise.with_columns(
                catalog, {name: pa.array(level) for name, level in zip(MYNTRA_LEVELS, levels, strict=True)}
            )

        return damage

    def half_of_brands(self) -> np.ndarray:
        """bool [test products]: those of every second brand, drawn by chance."""
        values = self.test.column(self.brand_column).to_pylist()
        different = sorted({value for value in values if value is not None})
        chosen = noise.some(len(different), 0.5, self.seed + BRAND_SEED)
        half = {value for value, mine in zip(different, chosen, strict=True) if mine}
        return np.array([value in half for value in values])

    def answers(self, catalog: Catalog) -> list[tuple[str, ...]]:
        """The catalog's own paths or label sets."""
        return read_truth(catalog, self.recipe.target).values

    def ours(
        self,
        train: Catalog,
        test: Catalog,
        rows: np.ndarray | None,
        *,
        cleaned: bool = False,
        text_only: bool = False,
        keep: Path | None = None,
    ) -> float:
        """The score of a model trained on ``train``; with ``keep`` it is trained once and kept in that folder."""
        recipe = self.recipe
        if cleaned:
            training = recipe.training.model_copy(update={"clean_labels": True})
            recipe = recipe.model_copy(update={"training": training})
        if text_only:
            inputs = [one for one in recipe.inputs if one.name != self.image]
            recipe = recipe.model_copy(update={"inputs": inputs})
        what = f"{self.name}-{recipe.preset}-{len(train)}-{self.seed}-{'text' if text_only else 'all'}"
        folder = keep / "models" / what if keep is not None else None
        if folder is not None and (folder / "model.json").is_file():
            model = Categorizer.load(folder)
        else:
            with reporting(False) as reporter:
                model = Categorizer(recipe).fit(train, reporter=reporter)
            if folder is not None:
                folder.parent.mkdir(parents=True, exist_ok=True)
                model.save(folder)
        return self.score([prediction.answer for prediction in model.predict(test)], test, rows)

    def peer(self, train: Catalog, test: Catalog, rows: np.ndarray | None) -> float:
        """The score of the linear SVM on the texts and brands of the same products."""
        words = [name for name in self.inputs if name != self.image]
        texts, others = joined_text(train, words), joined_text(test, words)
        svm = self.kept.get("SVM") if train is self.train else None
        if svm is None:
            svm = self._fitted(train, texts)
        if train is self.train:
            self.kept["SVM"] = svm
        return self.score(svm.predict(others), test, rows)

    def _fitted(self, train: Catalog, texts: list[str]) -> LabelSvms | LevelSvms:
        if self.recipe.target.multilabel:
            codes = value_groups(train.column("product_code").to_pylist())
            return LabelSvms(self.labels()).fit(texts, self.answers(train), codes, train.ids, self.seed)
        return LevelSvms().fit(texts, self.answers(train))

    def labels(self) -> list[str]:
        """The labels of at least ``MIN_PRODUCTS`` undamaged training products: the ones that count."""
        found = [label for answer in self.answers(self.train) for label in answer]
        names, count = np.unique(found, return_counts=True)
        return names[count >= MIN_PRODUCTS].tolist()

    def score(self, given: list[tuple[str, ...]], test: Catalog, rows: np.ndarray | None) -> float:
        """Share of whole paths right, or micro-F1 over the labels that count, of the rows that count."""
        wanted = self.answers(test)
        mine = range(len(wanted)) if rows is None else np.flatnonzero(rows).tolist()
        if not self.recipe.target.multilabel:
            return sum(given[row] == wanted[row] for row in mine) / max(len(mine), 1)
        known = set(self.labels())
        right = told = true = 0
        for row in mine:
            answer, truth = set(given[row]) & known, set(wanted[row]) & known
            right, told, true = right + len(answer & truth), told + len(answer), true + len(truth)
        return 2 * right / max(told + true, 1)


def study(
    name: str, folder: Path, products: int | None, seed: int, image_model: str, preset: str, threads: int
) -> Study:
    """The catalog read, drawn and split."""
    catalog = Catalog.read(folder)
    training = {"seed": seed, "threads": threads}
    if name == "myntra":
        inputs, texts, brand, brands = (
            ["brand", "description", "image"],
            ["description"],
            "brand",
            "brands",
        )
        groups, target = near_duplicates(catalog), {"columns": MYNTRA_LEVELS}
    else:
        inputs, texts = ["title", "description", "image"], ["title", "description"]
        brand, brands = "section_name", "sections"
        groups = value_groups(catalog.column("product_code").to_pylist())
        target = {"columns": ["labels"], "multilabel": True, "min_products": MIN_PRODUCTS}
    parts = split(catalog, groups, products, seed)
    recipe = Recipe(
        preset=preset,
        target=target,
        inputs=[{"name": one} for one in inputs],
        image_model=image_model,
        training=training,
    )
    return Study(name, parts.train, parts.test, inputs, texts, brand, brands, recipe, seed, parts.facts)
