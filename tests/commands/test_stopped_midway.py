"""Ctrl-C and full disks: one clear line, and what was finished is kept."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from tests.complaints import fails, write
from tests.conftest import Shelfwise

from shelfwise.categorizer import Categorizer
from shelfwise.demo import StoreFiles


class TestPredictMidway:
    @pytest.fixture
    def many(self, tmp_path: Path) -> Path:
        """5,000 products: more than one batch."""
        rows = "".join(f"{row:05d},cotton shirt {row % 7}\n" for row in range(5000))
        return write(tmp_path / "many.csv", "id,title\n" + rows)

    @pytest.fixture
    def stop(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """``stop(error)``: the second batch raises it."""
        calls: list[int] = []

        def arm(error: BaseException) -> None:
            for name in ("predict", "predict_columns"):
                predict = getattr(Categorizer, name)

                def stopping(self: Categorizer, *args: Any, _predict: Any = predict, **kwargs: Any) -> Any:
                    calls.append(1)
                    if len(calls) == 2:
                        raise error
                    return _predict(self, *args, **kwargs)

                monkeypatch.setattr(Categorizer, name, stopping)

        return arm

    def test_ctrl_c_keeps_what_is_finished(
        self, shelfwise: Shelfwise, model_folder: Path, many: Path, tmp_path: Path, stop: Any
    ) -> None:
        stop(KeyboardInterrupt())
        finished = shelfwise("predict", model_folder, many, "-o", tmp_path / "out.csv", "--quiet")
        partial = tmp_path / "out.partial.csv"
        assert (finished.status, finished.out) == (130, "")
        assert finished.err == f"shelfwise: interrupted; 4,096 products written to {partial} are complete\n"
        lines = partial.read_text(encoding="utf-8").splitlines()
        assert [line[:5] for line in lines[1:]] == [f"{row:05d}" for row in range(4096)]
        assert not (tmp_path / "out.csv").exists()

    def test_a_full_disk(
        self, shelfwise: Shelfwise, model_folder: Path, many: Path, tmp_path: Path, stop: Any
    ) -> None:
        stop(OSError(errno.ENOSPC, "No space left on device"))
        finished = shelfwise("predict", model_folder, many, "-o", tmp_path / "out.parquet")
        fails(finished, "the disk is full", "4,096 products", "out.partial.parquet")

    def test_a_full_disk_at_training(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*args: object, **kwargs: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "weights.safetensors")

        monkeypatch.setattr(Categorizer, "fit", full)
        finished = shelfwise(
            "train", store.catalog, "--target", "category_path", "-o", tmp_path / "m", "--quiet"
        )
        fails(finished, "weights.safetensors", "the disk is full")
        assert not (tmp_path / "m").exists()

    def test_ctrl_c_at_training(
        self, shelfwise: Shelfwise, store: StoreFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*args: object, **kwargs: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Categorizer, "fit", interrupted)
        finished = shelfwise("train", store.catalog, "--target", "category_path", "-o", tmp_path / "m")
        assert finished.status == 130
        assert finished.err.splitlines()[-1].startswith("shelfwise: interrupted")
