"""Fine-tuning begins where frozen features are, changes the last layers alone, and computes the others once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.encoders.backbones import save_preprocessor, tiny_resnet
from tests.images_zoo import ListImages, broken_files, image_column, jpeg, present

from shelfwise.catalog.column import RawImage, State
from shelfwise.encoders import image_finetuning, image_trunk
from shelfwise.encoders.base import Encoded
from shelfwise.encoders.image_backbone import ImageBackbone
from shelfwise.encoders.image_network import UpperLayers
from shelfwise.encoders.pretrained_image import PretrainedImage
from shelfwise.encoders.registry import build_encoder
from shelfwise.errors import ModelFolderError, RecipeError

FLIP = {"flip": True, "crop": 0.2}


def vit_with_dropout(folder: Path) -> Path:
    """A vision transformer of 3 layers that drops half of everything in training."""
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        hidden_dropout_prob=0.5,
        attention_probs_dropout_prob=0.5,
    )
    ViTModel(config).save_pretrained(folder)
    return save_preprocessor(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    place = tmp_path_factory.mktemp("backbones")
    return {"resnet": tiny_resnet(place / "resnet"), "vit": vit_with_dropout(place / "vit")}


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tuned(folder: Path, layers: int = 2, **options: object) -> PretrainedImage:
    encoder = build_encoder(
        "pretrained_image", {"model": str(folder), "batch": 4, "trainable_layers": layers, **options}
    )
    assert isinstance(encoder, PretrainedImage)
    return encoder


def images(count: int = 12) -> list[RawImage]:
    return [present(jpeg(seed)) for seed in range(count)]


def fitted(encoder: PretrainedImage, raw: list[RawImage]) -> tuple[PretrainedImage, Encoded]:
    prepared = encoder.prepare(image_column(raw))
    return encoder.fit(prepared, np.arange(len(raw))), prepared


def network_of(encoder: PretrainedImage) -> UpperLayers:
    network = encoder.network()
    assert isinstance(network, UpperLayers)
    return network


def values(prepared: Encoded) -> torch.Tensor:
    return torch.from_numpy(np.asarray(prepared.matrix))


def vectors(encoder: PretrainedImage, prepared: Encoded) -> torch.Tensor:
    with torch.no_grad():
        return network_of(encoder).eval()(values(encoder.transform(prepared)))


@pytest.mark.parametrize("features", ["last", "layers"])
@pytest.mark.parametrize("kind", ["resnet", "vit"])
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_it_begins_at_the_frozen_features(folders, kind, layers, features):
    frozen = build_encoder(
        "pretrained_image", {"model": str(folders[kind]), "batch": 4, "features": features}
    )
    prepared = frozen.prepare(image_column(images()))
    expected = frozen.fit(prepared, np.arange(12)).transform(prepared).matrix
    encoder, at_cut = fitted(tuned(folders[kind], layers, features=features), images())
    assert at_cut.matrix.dtype == np.float16
    assert encoder.width == frozen.width
    np.testing.assert_allclose(vectors(encoder, at_cut).numpy(), expected, atol=0.05)


def anew(folder: Path, monkeypatch: pytest.MonkeyPatch, features: str) -> PretrainedImage:
    """The same network as one that cannot be cut."""
    monkeypatch.setattr(image_trunk, "_candidates", lambda *given: iter(()))
    return tuned(folder, features=features)


def gradients(encoder: PretrainedImage, prepared: Encoded) -> list[torch.Tensor]:
    network = network_of(encoder).train()
    network(values(prepared)).square().mean().backward()
    return [weight.grad for weight in network.parameters() if weight.requires_grad]


@pytest.mark.parametrize("features", ["last", "layers"])
def test_a_network_that_cannot_be_cut_learns_the_same_from_pixels(folders, monkeypatch, features):
    cut, at_cut = fitted(tuned(folders["resnet"], features=features), images())
    whole, pixels = fitted(anew(folders["resnet"], monkeypatch, features), images())
    assert at_cut.matrix.ndim == 2
    assert (pixels.matrix.dtype, pixels.matrix.shape) == (np.uint8, (12, 3, 32, 32))
    torch.testing.assert_close(vectors(whole, pixels), vectors(cut, at_cut), rtol=0, atol=0.02)
    ours, theirs = gradients(cut, at_cut), gradients(whole, pixels)
    assert len(ours) == len(theirs) > 1
    for one, other in zip(ours, theirs, strict=True):
        scale = float(other.abs().max())
        assert float((one - other).abs().max()) <= 0.02 * scale + 1e-4


def test_only_the_last_layers_learn_and_batch_statistics_stand_still(folders):
    encoder, prepared = fitted(tuned(folders["resnet"], 2), images())
    network = network_of(encoder)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    learning = {name for name, weight in network.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.SGD((weight for weight in network.parameters() if weight.requires_grad), lr=0.5)
    network.train()
    for _ in range(3):
        optimizer.zero_grad()
        network(values(prepared)).square().mean().backward()
        optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == learning
    assert sum(name.endswith("convolution.weight") for name in changed) == 2
    assert any("running_mean" in name for name in before)
    assert any(
        name.endswith("convolution.weight") for name in before if name not in learning
    )  # frozen in the block cut at


def test_batch_normalisation_never_leaves_evaluation_mode(folders):
    network = network_of(fitted(tuned(folders["resnet"], 4), images())[0])
    for mode in (True, False, True):
        network.train(mode)
        norms = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)]
        assert len(norms) >= 2
        assert not any(one.training for one in norms)


def test_in_training_a_vector_does_not_depend_on_the_batch(folders):
    encoder, prepared = fitted(tuned(folders["resnet"], 3), images())
    network = network_of(encoder).train()
    with torch.no_grad():
        together = network(values(prepared))
        alone = torch.cat([network(values(prepared)[row : row + 1]) for row in range(len(prepared))])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_dropout_works_in_what_learns_and_nowhere_else(folders):
    encoder, prepared = fitted(tuned(folders["vit"], 6), images())
    network = network_of(encoder)
    network.train()
    learning = [one for one in network.modules() if isinstance(one, torch.nn.Dropout) and one.training]
    assert learning
    with torch.no_grad():
        assert not torch.equal(network(values(prepared)), network(values(prepared)))
        network.eval()
        assert torch.equal(network(values(prepared)), network(values(prepared)))
    again = tuned(folders["vit"], 6).prepare(image_column(images()))
    np.testing.assert_array_equal(again.matrix, prepared.matrix)  # below the cut nothing is dropped


def test_what_is_frozen_in_a_block_that_learns_drops_nothing(folders):
    """The last block's output layer and the pooler learn; the attention before it, in the same block, does not."""
    network = network_of(fitted(tuned(folders["vit"], 2), images())[0]).train()
    attention = [one for name, one in network.named_modules() if name.endswith(".attention")]
    assert attention
    assert not any(inner.training for one in attention for inner in one.modules())
    assert any(isinstance(one, torch.nn.Dropout) and one.training for one in network.modules())


def test_training_lowers_the_loss(folders):
    encoder, prepared = fitted(tuned(folders["resnet"], 3), images(16))
    torch.manual_seed(0)
    network, head = network_of(encoder).train(), torch.nn.Linear(encoder.width, 2)
    truth = torch.arange(16) % 2
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam([*weights, *head.parameters()], lr=3e-3)
    losses = []
    for _ in range(40):
        loss = torch.nn.functional.cross_entropy(head(network(values(prepared))), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_every_row_keeps_its_place_state_and_reason(folders):
    raw = images(6)
    raw[1:1] = [RawImage(State.ABSENT), present(broken_files()["truncated_jpeg"][0])]
    raw.append(RawImage(State.FAILED, reason="file not found"))
    for options in ({}, {"augment": FLIP, "variants": 2}, {"augment": FLIP}):
        done: list[int] = []
        prepared = tuned(folders["resnet"], **options).prepare(image_column(raw), done.append)
        expected = [State.PRESENT] * 9
        expected[1], expected[2], expected[8] = State.ABSENT, State.FAILED, State.FAILED
        assert prepared.state.tolist() == expected
        assert set(prepared.reasons) == {2, 8}
        assert prepared.reasons[8] == "file not found"
        assert not prepared.matrix[[1, 2, 8]].any()
        assert sum(done) == 9


class CountedPictures:
    """Counts the pictures that go through the frozen part."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        whole = ImageBackbone.below

        def below(backbone, pixels, steps):
            self.count += len(pixels)
            return whole(backbone, pixels, steps)

        monkeypatch.setattr(ImageBackbone, "below", below)


def test_what_lies_below_the_cut_is_computed_once_ever(folders, monkeypatch):
    seen = CountedPictures(monkeypatch)
    first = tuned(folders["resnet"]).prepare(image_column(images()))
    assert seen.count == 12 + 1  # and one blank, to learn the shape
    second = tuned(folders["resnet"]).prepare(image_column(images()))
    assert seen.count == 12 + 2
    np.testing.assert_array_equal(first.matrix, second.matrix)
    tuned(folders["resnet"], 4).prepare(
        image_column(images())
    )  # cut elsewhere: a part of the cache for itself
    assert seen.count > 12 + 2 + 12


def test_order_and_company_change_no_bit(folders, monkeypatch, tmp_path):
    raw = images()
    whole = tuned(folders["resnet"]).prepare(image_column(raw))
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "other"))
    order = np.random.default_rng(0).permutation(len(raw))[:7]
    shuffled = tuned(folders["resnet"]).prepare(image_column([raw[row] for row in order]))
    np.testing.assert_array_equal(shuffled.matrix, whole.matrix[order])


def _killed_midway(folder: Path, raw: list[RawImage]) -> None:
    class Killing(ListImages):
        def load(self, rows):
            if self.loads:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(rows)

    torch.set_num_threads(1)
    column = image_column(raw)
    tuned(folder).prepare(type(column)(column.name, column.role, Killing(raw), column.state))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_a_killed_process_computed_is_kept(folders, monkeypatch):
    from shelfwise.encoders import image_features

    monkeypatch.setattr(image_features, "_REMEMBER_EVERY", 8)
    raw = [present(jpeg(seed, 20, 20)) for seed in range(150)]
    process = multiprocessing.get_context("fork").Process(
        target=_killed_midway, args=(folders["resnet"], raw)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    seen = CountedPictures(monkeypatch)
    tuned(folders["resnet"]).prepare(image_column(raw))
    # What was computed when the kill came, but for the last few, which were not written yet, is not computed again.
    assert 150 - 128 < seen.count <= 150 - 128 + 1 + 2 * 8


def test_large_catalogs_lie_in_a_file_that_ends_with_them(folders, monkeypatch, empty_cache):
    small = tuned(folders["resnet"]).prepare(image_column(images()))
    monkeypatch.setattr(image_finetuning, "MOST_IN_MEMORY", 1000)
    large = tuned(folders["resnet"]).prepare(image_column(images()))
    assert isinstance(large.matrix.base, np.memmap) or isinstance(large.matrix, np.memmap)
    np.testing.assert_array_equal(large.matrix, small.matrix)
    assert {path.name for path in empty_cache.iterdir()} == {"features"}
    monkeypatch.setattr(image_finetuning.tempfile, "TemporaryFile", _no_room)
    np.testing.assert_array_equal(
        tuned(folders["resnet"]).prepare(image_column(images())).matrix, small.matrix
    )


def _no_room(**given: object) -> None:
    raise OSError("No space left on device")


@pytest.mark.parametrize(
    "options", [{"augment": FLIP}, {"augment": FLIP, "variants": 3}], ids=["anew", "variants"]
)
def test_changes_are_a_function_of_seed_epoch_and_product_and_for_training_only(folders, options):
    encoder, prepared = fitted(tuned(folders["resnet"], **options), images())
    network = network_of(encoder)
    x = values(prepared)
    order = torch.from_numpy(np.random.default_rng(1).permutation(12))

    def seen(epoch: int, rows: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(epoch)
        torch.rand(int(rows[0]) + 1)  # whatever else is drawn in an epoch
        with torch.no_grad():
            return network(x[rows])

    network.train()
    one = seen(1, torch.arange(12))
    torch.testing.assert_close(seen(1, order), one[order], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen(1, order[:5]), one[order[:5]], rtol=1e-4, atol=1e-4)
    others = [seen(epoch, torch.arange(12)) for epoch in (2, 3, 4)]
    assert all((other - one).abs().max() > 1e-3 for other in others)
    network.eval()
    plain, prepared_plain = fitted(tuned(folders["resnet"]), images())
    torch.testing.assert_close(seen(1, order), vectors(plain, prepared_plain)[order], rtol=0, atol=0.05)


def test_variants_are_remembered_and_a_fitted_encoder_prepares_none(folders, monkeypatch):
    seen = CountedPictures(monkeypatch)
    encoder, prepared = fitted(tuned(folders["resnet"], augment=FLIP, variants=3), images())
    assert prepared.matrix.shape[:2] == (12, 4)
    assert seen.count == 1 + 4 * 12
    for one in range(4):
        for other in range(one):
            assert not np.array_equal(prepared.matrix[:, one], prepared.matrix[:, other])
    plain = encoder.prepare(image_column(images()))
    assert plain.matrix.shape[:2] == (12, 1)
    np.testing.assert_array_equal(plain.matrix[:, 0], prepared.matrix[:, 0])
    assert seen.count == 1 + 4 * 12
    torch.testing.assert_close(vectors(encoder, plain), vectors(encoder, prepared), rtol=0, atol=0)
    network = network_of(encoder).train()
    chosen = set()
    for epoch in range(30):
        torch.manual_seed(epoch)
        with torch.no_grad():
            found = network(values(prepared)[:1])
        chosen.add(round(float(found[0, 0]), 4))
    assert len(chosen) == 4


def test_of_two_variants_one_is_mirrored(folders):
    prepared = tuned(folders["resnet"], augment={"flip": True}, variants=2).prepare(image_column(images(5)))
    np.testing.assert_array_equal(prepared.matrix[:, 2], prepared.matrix[:, 0])
    assert not np.array_equal(prepared.matrix[:, 1], prepared.matrix[:, 0])


def test_the_rate_of_the_body_is_its_own(folders):
    network = network_of(fitted(tuned(folders["resnet"], learning_rate_scale=0.25), images())[0])
    scales = {weight.learning_rate_scale for weight in network.parameters() if weight.requires_grad}
    assert scales == {0.25}


def test_state_goes_round_and_another_backbone_is_refused(folders, tmp_path):
    encoder, prepared = fitted(tuned(folders["resnet"]), images())
    loaded = tuned(folders["resnet"]).load_state(encoder.state_arrays(), encoder.state_json())
    assert loaded.width == encoder.width
    torch.testing.assert_close(vectors(loaded, prepared), vectors(encoder, prepared), rtol=0, atol=0)
    other = tiny_resnet(tmp_path / "other", seed=3)
    state = {**encoder.state_json(), "folder": str(other)}
    with pytest.raises(ModelFolderError, match="another image backbone"):
        tuned(folders["resnet"]).load_state(encoder.state_arrays(), state).network()


def test_more_layers_than_there_are_is_said(folders):
    with pytest.raises(RecipeError, match=r"trainable_layers of at most \d+.*got 500"):
        tuned(folders["resnet"], 500).prepare(image_column(images(1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": FLIP}, "augment needs trainable_layers"),
        ({"trainable_layers": 1, "variants": 2}, "variants needs augment"),
        ({"trainable_layers": -1}, "trainable_layers"),
        ({"trainable_layers": 1, "augment": {"flip": True, "turn": 3}}, "turn"),
        ({"learning_rate_scale": 0}, "learning_rate_scale"),
        ({"missing": "black"}, "missing"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message):
    with pytest.raises(RecipeError, match=message):
        build_encoder("pretrained_image", options)


def test_nothing_to_learn_from(folders):
    nothing = [RawImage(State.ABSENT)] * 3
    encoder, prepared = fitted(tuned(folders["resnet"]), nothing)
    assert np.isfinite(vectors(encoder, prepared).numpy()).all()
    assert len(tuned(folders["resnet"]).prepare(image_column([]))) == 0
