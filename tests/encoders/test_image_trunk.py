"""Any network is cut where it can be, gives what it gave before, and one that cannot be cut is left whole."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from tests.encoders.backbones import resnet50_of_few_weights, tiny_networks
from torch import nn

from shelfwise.encoders.image_backbone import Pooling
from shelfwise.encoders.image_trunk import Trunk, run_steps, trace

NETWORKS = ["resnet", "mobilenet_v2", "convnext", "swin", "vit", "dinov2", "clip", "siglip"]


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    pytest.importorskip("transformers", reason="the extra 'pretrained' is not installed")
    return tiny_networks()


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def traced(network: nn.Module, own_pooling: bool = True) -> Trunk:
    return trace(network, Pooling(own_pooling), pictures(3))


@pytest.mark.parametrize("own_pooling", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_kind_of_network_is_a_chain_that_gives_its_features(networks, kind, own_pooling):
    network = networks[kind]
    trunk = traced(network, own_pooling)
    assert not trunk.whole
    assert len(trunk.steps) >= 4
    x = pictures(5, seed=9)
    with torch.no_grad():
        wanted = Pooling(own_pooling)(network(pixel_values=x))
        found = run_steps(trunk.steps, [step.module for step in trunk.steps], x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_what_is_trained_lies_above_the_cut_and_what_is_below_is_frozen(networks, kind):
    trunk = traced(networks[kind])
    for count in range(1, len(trunk.layers) + 1):
        first = trunk.first_trainable(count)
        cut = trunk.cut_before(first)
        learning = trunk.at_work(first)
        below = {module for step in trunk.steps[:cut] for module in step.module.modules()}
        assert not {id(module) for module in below} & {
            id(module) for module in learning if list(module.parameters(recurse=False))
        }
        trained = [layer for layer in trunk.layers if layer.start >= first]
        assert len(trained) == count


def keras_resnet50_layers() -> list[str]:
    """The layers of Keras's ResNet-50 without its top, in its order: "conv", "norm", "act" and so on, with their stage."""
    layers = ["input", "pad", "conv 1", "norm", "act", "pad", "pool"]
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            for _ in range(2):
                layers += [f"conv {stage}.{block}", "norm", "act"]
            layers += [f"conv {stage}.{block}", "norm"]
            if block == 0:
                layers += [f"conv {stage}.{block}", "norm"]  # the shortcut's
            layers += ["add", "act"]
    return layers


def test_the_last_40_layers_of_kerass_resnet50_are_the_last_12_here():
    """As docs/guides/images.md says: Keras counts batch normalisation, activation and addition as layers too."""
    assert len(keras_resnet50_layers()) == 175  # as Keras counts them
    theirs = [layer.split()[1] for layer in keras_resnet50_layers()[-40:] if layer.startswith("conv")]
    assert len(theirs) == 12
    trunk = traced(resnet50_of_few_weights())
    assert len(trunk.layers) == 53
    first = trunk.first_trainable(12)
    ours = [layer.name for layer in trunk.layers if layer.start >= first]
    assert [".".join((name.split(".")[2], name.split(".")[4])) for name in ours] == theirs
    assert trunk.steps[trunk.cut_before(first)].name == "encoder.stages.2.layers.5"


class Branching(nn.Module):
    """Two layers side by side: nothing follows one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)

    def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.left(pixel_values) + self.right(pixel_values))


class ComputingBetween(nn.Module):
    """Two layers with a computation between them that is no module."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.second(self.first(pixel_values) * 2))


class Repeating(nn.Module):
    """The same layer twice."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.layer = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=self.layer(self.layer(self.entry(pixel_values))))


@pytest.mark.parametrize("kind", [Branching, ComputingBetween, Repeating])
def test_what_is_no_chain_stays_whole_and_gives_the_same(kind):
    torch.manual_seed(0)
    network = kind().eval()
    trunk = traced(network)
    assert trunk.whole
    assert trunk.cut_before(trunk.first_trainable(1)) == 0
    x = pictures(2, seed=4)
    with torch.no_grad():
        wanted = network(pixel_values=x).last_hidden_state.mean(dim=(2, 3))
        found = run_steps(trunk.steps, [trunk.steps[0].module], x)
    torch.testing.assert_close(found, wanted)


def test_tracing_leaves_no_hook_behind(networks):
    network = networks["resnet"]
    traced(network)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
