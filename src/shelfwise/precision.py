"""In which numbers networks compute: bfloat16 where a processor has instructions for it, float32 elsewhere and on request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SINGLE_PRECISION_VARIABLE = "SHELFWISE_SINGLE_PRECISION"
_in_single = False


@contextmanager
def single_precision() -> Iterator[None]:
    """Networks that this process loads or trains meanwhile compute in float32 on every machine."""
    global _in_single
    before, _in_single = _in_single, True
    try:
        yield
    finally:
        _in_single = before


def precision() -> torch.dtype:
    """bfloat16 on a CPU with instructions for it, where large products are 2–3 times as fast; else float32.

    On any other CPU bfloat16 is emulated, many times slower than float32. ``SHELFWISE_SINGLE_PRECISION`` in the environment (not
    empty, not 0) asks for float32 everywhere: features are then those of other machines, but for the last digits.
    """
    asked = os.environ.get(SINGLE_PRECISION_VARIABLE, "").strip() not in ("", "0")
    if asked or _in_single or torch.cuda.is_available():
        return torch.float32
    checks = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return torch.bfloat16 if any(check is not None and check() for check in checks) else torch.float32


def computing_in(dtype: torch.dtype) -> torch.autocast:
    """Layers on the CPU compute in ``dtype``, as `precision` gave it, within this context; weights and sums stay in float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16)
