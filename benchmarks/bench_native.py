"""The loops in C beside what does their work without a compiler: counting and weighing words, the steps of networks on sparse
text, training linear support vector machines and scoring with them, and comparing products with remembered ones."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from _common import MYNTRA_LEVELS, Bar, Column, Result, arguments, need, ratio, run_benchmark, stopwatch

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp

COLUMNS = [
    Column("work"),
    Column("products", ",d"),
    Column("C, CPU s", ".2f"),
    Column("without, CPU s", ".2f"),
    Column("times as fast", ".1f"),
    Column("C, path", ".4f"),
    Column("without, path", ".4f"),
]
COST = 1.5
BATCH, WIDTH = 32, 256
"""Of the steps: as the preset's network over all inputs takes them."""
OUTCOMES, TIMES = 140, 10
"""Of the scores: so many outcomes, and everything so often, or there would be little to time."""
FORMS = {"words": {}, "words and in-word characters": {"chars": (2, 5)}}


def measure(args: argparse.Namespace) -> Result:
    """Descriptions of Myntra: counted, weighed, and learned from."""
    from _data import near_duplicates, split

    from shelfwise import Catalog
    from shelfwise.encoders import hashing, native, vocabulary
    from shelfwise.explain.likeness import MOST_NUMBERS
    from shelfwise.explain.memory import MOST_COMPARED, SHARDS
    from shelfwise.training import one_vs_rest, row_adagrad

    (folder,) = need(args.data, "myntra")
    catalog = Catalog.read(folder)
    parts = split(catalog, near_duplicates(catalog), args.products, args.seed)
    result = Result(
        "Loops in C, and without", "myntra: description; grouped by title and image", COLUMNS, parts.facts
    )
    if None in (native.COUNT, one_vs_rest.NATIVE, row_adagrad.NATIVE):
        result.notes.append("nothing was compiled here: there is nothing to compare")
        return result
    train, test = parts.train.input("description"), parts.test.input("description")
    for name, form in FORMS.items():
        features, told = _text(train, test, form, result, name, (hashing, vocabulary))
        _steps(features[0], name, args.seed, result)
        if not form:
            _machines(features, _answers(parts.train, parts.test), told, args.seed, result)
            _scores(features[0], args.seed, result)
    _likeness(len(train), args.seed, result)
    result.notes.append(
        "count, weigh: the same bits either way, checked here. Machines: one a path against the rest, cost "
        f"{COST}; without C scikit-learn's LinearSVC on all paths at once, with the same stopping tolerance; path: share of "
        "test products whose largest score is right."
    )
    result.notes.append(
        f"scores: times planes of {OUTCOMES} outcomes in half precision, without C SciPy's product in single. Likeness: of "
        f"vectors of {MOST_NUMBERS} numbers with {MOST_COMPARED:,} others in {SHARDS} shards, without C NumPy's product. "
        "The same bits."
    )
    result.notes.append(
        f"steps: forwards, backwards and row-wise Adagrad of a layer {WIDTH} wide, {BATCH} products at once, each product once; "
        "without C by PyTorch, with one thread."
    )
    return result


def _text(train, test, form, result, name, modules):  # type: ignore[no-untyped-def]
    """TF-IDF of train and test, and how many products; one row for counting and one for weighing."""
    import numpy as np
    import scipy.sparse as sp

    from shelfwise.encoders.ngrams import Ngrams, NgramsOptions

    hashing, vocabulary = modules
    encoder = Ngrams(NgramsOptions(**form))
    encoder.prepare(train)  # tables that are made once, and memory that is had once, are nobody's time
    times, found = {}, {}
    compiled = hashing.COUNT, vocabulary.SELECT
    for way in ("C", "without"):
        hashing.COUNT, vocabulary.SELECT = compiled if way == "C" else (None, None)
        with stopwatch() as counting:
            counts = encoder.prepare(train)
        encoder.fit(counts, np.arange(len(counts)))
        with stopwatch() as weighing:
            found[way] = encoder.transform(counts).matrix
        times[way] = counting.cpu_s, weighing.cpu_s
    hashing.COUNT, vocabulary.SELECT = compiled
    if (found["C"] != found["without"]).nnz:
        raise SystemExit("C and NumPy weigh words differently")
    for place, work in enumerate(("count", "weigh")):
        _row(result, f"{work} {name}", len(train), times["C"][place], times["without"][place])
    return (sp.csr_matrix(found["C"]), encoder.transform(encoder.prepare(test)).matrix), len(train)


def _steps(features: sp.csr_matrix, name: str, seed: int, result: Result) -> None:
    import numpy as np
    import torch

    from shelfwise.training import row_adagrad
    from shelfwise.training.row_adagrad import RowAdagrad
    from shelfwise.training.sparse import SparseLinear

    torch.set_num_threads(1)
    order = np.random.default_rng(seed).permutation(features.shape[0])
    batches = [features[order[start : start + BATCH]] for start in range(0, len(order), BATCH)]
    times, found, compiled = [], [], row_adagrad.NATIVE
    for way in (compiled, None):
        row_adagrad.NATIVE = way
        torch.manual_seed(seed)
        layer = SparseLinear(features.shape[1], WIDTH, scale=0.05).train()
        optimizer, pull = RowAdagrad([layer], learning_rate=0.1), torch.randn(BATCH, WIDTH)
        with stopwatch() as watch:
            for batch in batches:
                (layer(batch) * pull[: batch.shape[0]]).sum().backward()
                optimizer.step(1.0)
        times.append(watch.cpu_s)
        found.append(layer.weight)
    row_adagrad.NATIVE = compiled
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)
    _row(result, f"steps on {name}", features.shape[0], *times)


def _scores(features: sp.csr_matrix, seed: int, result: Result) -> None:
    import numpy as np

    from shelfwise.engine import sparse

    planes = np.random.default_rng(seed).standard_normal((features.shape[1], OUTCOMES)).astype(np.float16)
    ways = [(sparse._NATIVE, sparse.smallest(planes)), (None, planes.astype(np.float32))]
    times, found = [], []
    for way, dense in ways:
        sparse._NATIVE = way
        with stopwatch() as watch:
            for _ in range(TIMES):
                scores = sparse.sparse_times_dense(features, dense)
        times.append(watch.cpu_s)
        found.append(scores)
    sparse._NATIVE = ways[0][0]
    np.testing.assert_array_equal(*found)
    _row(result, "scores, words", TIMES * features.shape[0], *times)


def _likeness(products: int, seed: int, result: Result) -> None:
    import numpy as np

    from shelfwise.explain import likeness
    from shelfwise.explain.memory import MOST_COMPARED, SHARDS
    from shelfwise.explain.views import unit

    random = np.random.default_rng(seed)
    asked, others = (
        unit(random.standard_normal((count, likeness.MOST_NUMBERS)).astype(np.float32))
        for count in (products, MOST_COMPARED)
    )
    shards, times, found, compiled = likeness.Shards(others, SHARDS), [], [], likeness._likeness
    for way in (compiled, None):
        likeness._likeness = way
        shards.likest(asked[:1])  # what is laid out once is nobody's time
        with stopwatch() as watch:
            found.append(shards.likest(asked))
        times.append(watch.cpu_s)
    likeness._likeness = compiled
    np.testing.assert_array_equal(*found)
    _row(result, "likeness to remembered products", products, *times)


def _answers(train, test):  # type: ignore[no-untyped-def]
    """The paths' numbers int64 of train and test, -1 for one that training has not."""
    import numpy as np

    paths = [
        list(zip(*(part.column(level).to_pylist() for level in MYNTRA_LEVELS), strict=True))
        for part in (train, test)
    ]
    number = {path: place for place, path in enumerate(sorted(set(paths[0])))}
    return [np.array([number.get(path, -1) for path in part]) for part in paths]


def _machines(
    features: tuple[sp.csr_matrix, sp.csr_matrix],
    answers: tuple[np.ndarray, np.ndarray],
    products: int,
    seed: int,
    result: Result,
) -> None:
    import numpy as np
    import scipy.sparse as sp
    from sklearn.svm import LinearSVC

    from shelfwise.training.one_vs_rest import TOLERANCE, Question, train_one_vs_rest

    truth, wanted = answers
    many = int(truth.max()) + 1
    positives = sp.csr_matrix((np.ones(products, bool), (np.arange(products), truth)), (products, many))
    cost, extra = np.full(products, COST, np.float32), np.ones(many, np.float32)
    with stopwatch() as ours:
        weights, biases = train_one_vs_rest(Question(features[0], positives, cost, extra, seed), 1)
    right = ((features[1] @ weights + biases).argmax(1) == wanted).mean()
    with stopwatch() as theirs:
        machine = LinearSVC(C=COST, tol=TOLERANCE, random_state=seed)
        machine.fit(features[0].astype(np.float64), truth)
    row = _row(result, "linear machines, words", products, ours.cpu_s, theirs.cpu_s)
    row |= {"C, path": float(right), "without, path": float((machine.predict(features[1]) == wanted).mean())}
    result.bars.append(Bar("linear machines, times as fast", theirs.cpu_s / ours.cpu_s, 3.0, form=".1f"))


def _row(result: Result, work: str, products: int, ours: float, theirs: float) -> dict:  # type: ignore[type-arg]
    row = {
        "work": work,
        "products": products,
        "C, CPU s": ours,
        "without, CPU s": theirs,
        "times as fast": ratio(theirs, ours),
    }
    result.rows.append(row)
    return row


def main() -> None:
    """Measure and print."""
    run_benchmark(arguments(__file__, __doc__), measure)


if __name__ == "__main__":
    main()
