"""The whole job from Python: read a catalog, fit, evaluate, categorize new products, save, load."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.demo import INPUTS, generate_store


def main(folder: Path) -> None:
    store = generate_store(folder)

    recipe = Recipe(target="category_path", inputs=[{"name": name} for name in INPUTS])
    model = Categorizer(recipe).fit(Catalog.read(store.catalog))

    evaluation = model.evaluate(Catalog.read(store.held_out))
    headline = evaluation.headline
    print(f"{headline.name}: {headline.value:.1%} of {evaluation.products} held-out products")

    model.save(folder / "model")
    again = Categorizer.load(folder / "model")

    predictions = again.predict(Catalog.read(store.new_products))
    for prediction in predictions[:8]:
        path = " > ".join(prediction.answer)
        print(f"{prediction.id}  {prediction.confidence:4.0%}  {prediction.decision:<7} {path}")
    accepted = sum(prediction.decision == "accept" for prediction in predictions)
    print(f"{accepted} of {len(predictions)} new products need nobody to look at them")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
