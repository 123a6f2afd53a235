"""Choose the inputs, and another target: the tags (colour, audience, material, occasion) as a label set."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from shelfwise import Catalog, Categorizer, Recipe
from shelfwise.demo import generate_store


def main(folder: Path) -> None:
    store = generate_store(folder)

    # Roles are guessed from names and content; those that matter can be set.
    catalog = Catalog.read(store.catalog, id="id", text=["title", "description"], category="brand")
    recipe = Recipe(
        target={"columns": "tags", "multilabel": True},
        inputs=[{"name": "title"}, {"name": "description"}, {"name": "brand"}],
    )
    model = Categorizer(recipe).fit(catalog)

    evaluation = model.evaluate(Catalog.read(store.held_out))
    headline = evaluation.headline
    print(f"{headline.name}: {headline.value:.3f} on {evaluation.products} held-out products")
    for prediction in model.predict(Catalog.read(store.new_products))[:8]:
        print(f"{prediction.id}  {' | '.join(prediction.answer)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
