"""Few products a category: ``auto`` with linear support vector machines, and with gradient descent in their place.

The figures behind what ``auto`` chooses. Beside scikit-learn's machines the other programs measure samples, with ``--products``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from _common import Bar, Column, Result, arguments, need, run_benchmark

if TYPE_CHECKING:
    from _data import Split
    from _ours import Run

    from shelfwise import Recipe
    from shelfwise.recipe import ClassifierRecipe

SIZES = (300, 1_000)
LEAST_GAIN = 0.0
COLUMNS = [
    Column("catalog, linear classifiers by"),
    Column("trained on", ","),
    Column("outcomes", ","),
    Column("score"),
    Column("hierarchical F1"),
    Column("train s", ".1f"),
]


@dataclass(frozen=True)
class Study:
    """Texts of a catalog and what is told from them."""

    place: str
    inputs: tuple[str, ...]
    target: str | list[str]
    multilabel: bool = False
    group: str | None = None


STUDIES = {
    "livostyle-tags": Study("livostyle/products.csv", ("title", "description"), "tags", multilabel=True),
    "flipkart": Study("flipkart/products.jsonl", ("title",), "category_path"),
    "mwpd": Study(
        "mwpd2020/train.jsonl", ("Name", "Description", "CategoryText", "URL"), ["lvl1", "lvl2", "lvl3"]
    ),
    "hm": Study(
        "hm",
        ("title", "description"),
        ["index_group_name", "section_name", "product_type_name"],
        group="product_code",
    ),
    "myntra": Study("myntra", ("title", "description"), ["gender", "article_type", "brand"]),
}


def measure(args: argparse.Namespace) -> Result:
    """Every study at every size (``--products``: at this one alone), both ways on the same split."""
    result = Result(
        "What trains linear classifiers where products are few",
        "samples of whole groups of near-duplicates; 75 % to train on, 25 % scored; texts only",
        COLUMNS,
    )
    result.notes.append(
        "Score: micro-F1 of label sets, share of right whole paths of paths; of the fused answer. Gradient descent: as "
        "'auto' trains linear classifiers for which machines would be too large."
    )
    gains = []
    sizes = [args.products] if args.products else SIZES
    for name in args.studies:
        for size in sizes:
            parts = _split(STUDIES[name], size, args)
            machines = _add(result, name, "machines", _recipe(STUDIES[name], args), parts)
            chosen = machines.model.recipe_
            by_gradient = [_by_gradient(one, _outcomes(machines)) for one in chosen.classifiers]
            gradient = _add(
                result,
                name,
                "gradient descent",
                chosen.model_copy(update={"classifiers": by_gradient}),
                parts,
            )
            gains.append(_score(machines)["score"] - _score(gradient)["score"])
    result.bars.append(Bar("machines, points gained on average", sum(gains) / len(gains), LEAST_GAIN))
    return result


def _split(study: Study, size: int, args: argparse.Namespace) -> Split:
    from _data import near_duplicates, split, value_groups

    from shelfwise import Catalog

    catalog = Catalog.read(*need(args.data, study.place))
    codes = study.group and value_groups(catalog.column(study.group).to_pylist())
    return split(catalog, near_duplicates(catalog) if codes is None else codes, size, args.seed)


def _recipe(study: Study, args: argparse.Namespace) -> Recipe:
    from _ours import training_options

    from shelfwise import Recipe

    columns = [study.target] if isinstance(study.target, str) else study.target
    return Recipe(
        target={"columns": columns, "multilabel": study.multilabel},
        inputs=[{"name": name} for name in study.inputs],
        training=training_options(args),
    )


def _by_gradient(one: ClassifierRecipe, outcomes: int) -> ClassifierRecipe:
    """A machine's classifier as ``auto`` has gradient descent train it on fewer than 3,000 products."""
    if one.solver != "svm":
        return one
    changed: dict[str, Any] = {
        "solver": "gradient",
        "rank": None if outcomes <= 200 else 128 if outcomes <= 1_000 else 256,
        "dropout": 0.2,
        "epochs": 15,
        "batch": 32,
        "learning_rate": 3e-3,
        "weight_decay": 0.0,
    }
    return one.model_copy(update=changed)


def _add(result: Result, name: str, how: str, recipe: Recipe, parts: Split) -> Run:
    from _ours import run

    found = run(recipe, parts.train, parts.test)
    result.rows.append(
        {
            "catalog, linear classifiers by": f"{name}, {how}",
            "trained on": len(parts.train),
            "outcomes": _outcomes(found),
            "train s": found.training.wall_s,
            **_score(found),
        }
    )
    return found


def _outcomes(found: Run) -> int:
    return found.model.target_.n_outcomes


def _score(found: Run) -> dict[str, float]:
    if found.label_scores:
        return {"score": found.label_scores["fused"].micro_f1}
    fused = found.path_scores["fused"]
    return {"score": fused.whole_path, "hierarchical F1": fused.hierarchical_f1}


def main() -> None:
    """Measure and print."""
    parser = arguments(__file__, __doc__)
    parser.add_argument(
        "--studies", nargs="+", choices=list(STUDIES), default=list(STUDIES), help="which (default all)"
    )
    run_benchmark(parser, measure)


if __name__ == "__main__":
    main()
