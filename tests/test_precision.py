"""Numbers to compute in: bfloat16 where the processor has it and nobody asked for more; weights stay what they are."""

from __future__ import annotations

import pytest
import torch

from shelfwise.precision import computing_in, precision, single_precision


def test_bfloat16_only_where_the_cpu_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELFWISE_SINGLE_PRECISION")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert precision() == torch.float32
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert precision() == torch.bfloat16
    with single_precision():
        assert precision() == torch.float32
    monkeypatch.setenv("SHELFWISE_SINGLE_PRECISION", "0")
    assert precision() == torch.bfloat16
    monkeypatch.setenv("SHELFWISE_SINGLE_PRECISION", "1")
    assert precision() == torch.float32


@pytest.mark.parametrize("numbers", [torch.float32, torch.bfloat16])
def test_layers_compute_in_it_and_weights_stay(numbers: torch.dtype) -> None:
    layer = torch.nn.Linear(4, 3)
    with computing_in(numbers):
        found = layer(torch.ones(2, 4))
    found.float().sum().backward()
    assert found.dtype == numbers
    assert layer.weight.dtype == layer.weight.grad.dtype == torch.float32  # type: ignore[union-attr]
