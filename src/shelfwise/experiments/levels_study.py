"""Which way of deciding levels is best: each for itself, one after the other, or as one tree; on words or on sequences.

Figures 4 and 5 of Wang & Guthrie 2015, with what the paper names as its next step (a multitask LSTM) and with the tree heads.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from shelfwise.experiments.inputs_study import need_paths, one_network, paper_network, texts_of
from shelfwise.experiments.study_data import StudyData
from shelfwise.experiments.study_runs import Contender
from shelfwise.recipe import ClassifierRecipe, InputRecipe, Recipe

MULTITASK, TREE, CONDITIONAL = "multitask MLP", "tree MLP", "conditional tree MLP"
GREEDY, BEAM, EXACT = "sequential MLP, greedy", "sequential MLP, beam", "sequential MLP, exact"
LSTM_HARD, LSTM_BEAM, LSTM_EXACT = "LSTM, hard", "LSTM, beam", "LSTM, exact"
MULTITASK_LSTM = "multitask LSTM"
BEAM_WIDTH = 5
"""As in the paper."""
_LSTM = {"kind": "lstm", "pooling": "max"}
"""The paper's vocabulary, length, vectors and one direction; of the ways to pool, the one that was best on our catalogs."""
_LSTM_RATE = 0.01
_FEW_PRODUCTS = 20_000


def levels_contenders(data: StudyData) -> list[Contender]:
    """Six networks on the same texts; those whose levels depend on each other are trained once and decoded in three ways.

    Every MLP has the three hidden layers of the preset ``paper-b`` on a bag of words; the sequential head brings the last of
    them itself. With more layers than the others it would only learn less from as many products. Inputs that are no text
    are read by all alike. Raises TargetError without paths, RecipeError without a text.
    """
    need_paths(data)
    texts_of(data)
    sequential = {
        "kind": "sequential",
        "previous": "one_hot",
        "layers": "shared",
        "beam_width": BEAM_WIDTH,
    }
    decoder = {"kind": "level_decoder", "cell": "lstm", "beam_width": BEAM_WIDTH}
    words, order = partial(_words, data), partial(_sequence, data)
    return [
        Contender(MULTITASK, "bag of words, one softmax a level", partial(words, "per_level")),
        Contender(
            "sequential MLP",
            "bag of words, each level sees the category above it",
            partial(words, sequential),
            {GREEDY: "greedy", BEAM: "beam", EXACT: "exact"},
        ),
        Contender(
            "LSTM",
            "words in order, levels decoded by an LSTM that is fed the category above",
            partial(order, decoder),
            {LSTM_HARD: "greedy", LSTM_BEAM: "beam", LSTM_EXACT: "exact"},
        ),
        Contender(MULTITASK_LSTM, "words in order, one softmax a level", partial(order, "per_level")),
        Contender(TREE, "bag of words, one softmax over all paths", partial(words, "tree")),
        Contender(
            CONDITIONAL, "bag of words, one softmax a parent category", partial(words, "conditional_tree")
        ),
    ]


def _words(data: StudyData, head: str | dict[str, Any], rows: np.ndarray) -> Recipe:
    inputs = data.recipe.inputs
    network = paper_network(inputs, len(rows)).model_copy(update={"head": head})
    if isinstance(head, dict):
        network = network.model_copy(update={"hidden": network.hidden[:-1]})
    return one_network(data, inputs, network)


def _sequence(data: StudyData, head: str | dict[str, Any], rows: np.ndarray) -> Recipe:
    inputs = [_in_order(one) if one.role == "text" else one for one in data.recipe.inputs]
    few = len(rows) < _FEW_PRODUCTS
    network = ClassifierRecipe(
        name="sequence",
        inputs=[one.name for one in inputs],
        head=head,
        epochs=12 if few else 8,
        batch=64 if few else 128,
        learning_rate=_LSTM_RATE,
    )
    return one_network(data, inputs, network)


def _in_order(one: InputRecipe) -> InputRecipe:
    """A text read word by word; an encoder that does so already stays as it was given."""
    kind = (one.encoder or {}).get("kind")
    return one if kind in ("lstm", "kim_cnn") else one.model_copy(update={"encoder": dict(_LSTM)})
