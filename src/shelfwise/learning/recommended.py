"""Which classifiers the presets ``auto`` and ``fast`` train: the most accurate set, and the one that is trained soonest."""

from __future__ import annotations

from dataclasses import dataclass

from shelfwise.recipe import ClassifierRecipe, InputRecipe

_RANKS = ((200, None), (1_000, 128))
_LARGEST_RANK = 256
"""Up to how many outcomes linear classifiers that gradient descent trains have which inner width (None: weights for every pair of
word and category)."""
_MOST_WEIGHTS = 200_000_000
_NGRAMS_A_PRODUCT, _MOST_NGRAMS = 25, 300_000
"""Support vector machines need weights for every pair: so many, 800 MB, are held to be bearable. Catalogs were seen to have up to
23 different n-grams a product, and an encoder keeps no more than that many."""
_MOST_SINGLE = 8
"""Columns of values up to which each has a classifier of its own: those of sixty took a minute to train, and more to fuse."""
_FEW_PRODUCTS = 20_000
_WARM_UP_FROM_SCRATCH = 0.15
"""Share of the steps: where the rate is high too soon, networks on pictures lose what they began with. H&M's pictures alone gave
.660 with fifty steps, .667 with these."""
_RATES_ON_WORDS_IN_ORDER = {"kim_cnn": 3e-3, "lstm": 1e-2}
"""Learning rates of the encoders that read words in their order, where products are few; a third of it where they are many."""
_MANY_PRODUCTS = 100_000
"""From here on a few epochs of gradient descent see enough, and take less time than support vector machines."""


@dataclass(frozen=True)
class Task:
    """What a preset chooses by: labelled products, outcomes to tell apart, whether they are label sets, and how many planes a
    linear classifier by machines has (names of levels; single paths too where they are of unequal depth; labels), None: as many
    as outcomes; ``ngrams``: how many columns its texts have together, None: as many as catalogs were seen to have at the most."""

    products: int
    outcomes: int
    multilabel: bool
    planes: int | None = None
    ngrams: int | None = None


@dataclass(frozen=True)
class _Effort:
    """How long to train on a catalog of some size: small ones need small batches and many rounds to take enough steps."""

    batch: int
    linear_epochs: int
    early_epochs: int
    image_epochs: int

    @classmethod
    def for_products(cls, products: int) -> _Effort:
        if products < 3_000:
            return cls(batch=32, linear_epochs=15, early_epochs=25, image_epochs=14)
        if products < _FEW_PRODUCTS:
            return cls(batch=64, linear_epochs=12, early_epochs=14, image_epochs=12)
        return cls(batch=256, linear_epochs=6, early_epochs=10, image_epochs=10)


def accurate(inputs: list[InputRecipe], task: Task) -> list[ClassifierRecipe]:
    """One classifier per text, category and image input; one linear one over all words; one over values and numbers; one early
    fusion. In the one over words prices were worth less than nothing beside texts that tell nearly all.

    Where there are many columns of values, these have none of their own. Sentence vectors of texts (``pretrained_text``) have one
    classifier, over all of them; texts that are read in order (``kim_cnn``, ``lstm``) one each, which is no linear one.

    The early fusion reads everything except images that have no pretrained backbone: a network trained from scratch inside
    it would learn the same again, for most of the training's time.
    """
    effort = _Effort.for_products(task.products)
    meanings = [one for one in inputs if reads_meaning(one)]
    ordered = [one for one in inputs if reads_in_order(one)]
    texts = [one.name for one in inputs if one.role == "text" and _counts_words(one)]
    categories = [one.name for one in inputs if one.role == "category" and _counts_words(one)]
    numbers = [one.name for one in inputs if one.role == "number"]
    images = [one for one in inputs if one.role == "image"]
    taken = {one.name for one in inputs}
    all_words, values = texts + categories, categories + numbers
    single = texts + (categories if len(categories) <= _MOST_SINGLE else [])
    together = bool(texts or not single) and len(all_words) > 1
    classifiers = [_linear(name, [name], effort, task) for name in single]
    classifiers += [on_words_in_order(one, task) for one in ordered]
    classifiers += [_image(one, effort) for one in images]
    if together:
        classifiers.append(_linear(_free("words", taken), all_words, effort, task))
    if numbers and (len(values) > 1 or texts):
        name = values[0] if len(values) == 1 else _free("values", taken)
        classifiers.append(_linear(name, values, effort, task))
    if meanings:
        classifiers.append(_meaning(meanings, effort, taken))
    early = [one.name for one in inputs if one.role != "image" or pretrained(one)]
    if len(early) > 1 or not (texts or categories or images or meanings or ordered):
        classifiers.append(
            ClassifierRecipe(
                name=_free("early", taken),
                inputs=early,
                hidden=[512],
                embedding=256,
                dropout=0.4,
                input_dropout=0.3,
                hide_inputs=0.05,
                epochs=effort.early_epochs,
                batch=effort.batch,
            )
        )
    return classifiers


def fast(inputs: list[InputRecipe], task: Task) -> list[ClassifierRecipe]:
    """One linear classifier over all words, values and numbers, one per image input and per text that is read in order, one over
    all sentence vectors: trained once, on one held-out split. Numbers alone are read as by `accurate`: what they tell together is
    seldom a sum, and such networks are small."""
    if all(one.role == "number" for one in inputs):
        return accurate(inputs, task)
    effort = _Effort.for_products(task.products)
    meanings = [one for one in inputs if reads_meaning(one)]
    ordered = [one for one in inputs if reads_in_order(one)]
    words = [one.name for one in inputs if one.role in ("text", "category", "number") and _counts_words(one)]
    images = [one for one in inputs if one.role == "image"]
    taken = {one.name for one in inputs}
    name = words[0] if len(words) == 1 else _free("words", taken)
    classifiers = [_linear(name, words, effort, task)] if words else []
    classifiers += [on_words_in_order(one, task) for one in ordered]
    classifiers += [_meaning(meanings, effort, taken)] if meanings else []
    image = _quick_image if task.products >= _FEW_PRODUCTS else _image
    return classifiers + [image(one, effort) for one in images]


def by_machines(task: Task) -> bool:
    """Whether support vector machines, the better linear classifiers, are small enough and soon trained.

    With few products an outcome, too: see ``benchmarks/bench_solvers.py``."""
    if task.products > _MANY_PRODUCTS:
        return False
    planes = task.outcomes if task.planes is None else task.planes
    ngrams = _NGRAMS_A_PRODUCT * task.products if task.ngrams is None else task.ngrams
    return planes * min(ngrams, _MOST_NGRAMS) <= _MOST_WEIGHTS


def pretrained(one: InputRecipe) -> bool:
    """Whether an input's images are read by a backbone that was trained before."""
    return (one.encoder or {}).get("kind") == "pretrained_image"


def reads_meaning(one: InputRecipe) -> bool:
    """Whether an input's texts are read by a sentence encoder that was trained before."""
    return (one.encoder or {}).get("kind") == "pretrained_text"


def reads_in_order(one: InputRecipe) -> bool:
    """Whether an input's words are read in their order, by a network that is trained with the classifier."""
    return (one.encoder or {}).get("kind") in _RATES_ON_WORDS_IN_ORDER


def _counts_words(one: InputRecipe) -> bool:
    return not reads_meaning(one) and not reads_in_order(one)


def trains_on_pictures(one: InputRecipe) -> bool:
    """Whether a network on an input's images is trained with the classifier."""
    encoder = one.encoder or {}
    return encoder.get("kind") == "small_cnn" or bool(encoder.get("trainable_layers"))


def _linear(name: str, inputs: list[str], effort: _Effort, task: Task) -> ClassifierRecipe:
    if by_machines(task):
        return ClassifierRecipe(name=name, inputs=inputs, solver="svm")
    return ClassifierRecipe(
        name=name,
        inputs=inputs,
        rank=next((rank for most, rank in _RANKS if task.outcomes <= most), _LARGEST_RANK),
        dropout=0.2,
        epochs=effort.linear_epochs,
        batch=effort.batch,
        learning_rate=3e-3,
        weight_decay=0.0,
    )


def on_words_in_order(one: InputRecipe, task: Task) -> ClassifierRecipe:
    """One layer on the encoder's own network, which ends in layers enough."""
    few = task.products < _FEW_PRODUCTS
    rate = _RATES_ON_WORDS_IN_ORDER[(one.encoder or {})["kind"]]
    return ClassifierRecipe(
        name=one.name,
        inputs=[one.name],
        epochs=15 if few else 6,
        batch=64 if few else 128,
        learning_rate=rate if few else rate / 3,
    )


def _meaning(meanings: list[InputRecipe], effort: _Effort, taken: set[str]) -> ClassifierRecipe:
    """A linear classifier over the sentence vectors of all texts; fused, it was worth more than one with a hidden layer."""
    names = [one.name for one in meanings]
    return ClassifierRecipe(
        name=names[0] if len(names) == 1 else _free("meaning", taken),
        inputs=names,
        input_dropout=0.2,
        epochs=effort.image_epochs,
        batch=effort.batch,
        learning_rate=3e-3,
    )


def _image(one: InputRecipe, effort: _Effort) -> ClassifierRecipe:
    if pretrained(one):
        return ClassifierRecipe(
            name=one.name,
            inputs=[one.name],
            hidden=[512],
            input_dropout=0.2,
            epochs=effort.image_epochs,
            batch=effort.batch,
        )
    return ClassifierRecipe(
        name=one.name,
        inputs=[one.name],
        hidden=[256],
        dropout=0.2,
        epochs=effort.image_epochs,
        batch=min(effort.batch, 64),
        learning_rate=3e-3,
        warm_up=_WARM_UP_FROM_SCRATCH,
    )


def _quick_image(one: InputRecipe, effort: _Effort) -> ClassifierRecipe:
    """On features of a backbone: the network that takes most of ``fast``'s time on a large catalog, in three quarters of it. On
    Myntra it is as good; on the 6,728 products of H&M it would cost .3 points."""
    usual = _image(one, effort)
    if not pretrained(one):
        return usual
    return usual.model_copy(update={"hidden": [256], "epochs": 7, "learning_rate": 2e-3})


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
