"""Weights are found, or their absence is said in one line and within seconds."""

from __future__ import annotations

import fnmatch
import socket
import subprocess
import sys
import time

import pytest
from tests.encoders.backbones import save_preprocessor

from shelfwise.encoders.hub import IMAGE_FILES, TEXT_FILES, backbone_folder, fingerprint
from shelfwise.errors import MissingDependencyError

TRY_HUB = """
import sys
from shelfwise.encoders.hub import backbone_folder
from shelfwise.errors import MissingDependencyError
try:
    backbone_folder("no-such-owner/no-such-model", "--image-model")
except MissingDependencyError as error:
    print(error)
"""


def made_up_model(folder):
    save_preprocessor(folder)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def try_hub(tmp_path, **environment: str) -> tuple[str, str, float]:
    """What a process with its own hub settings prints, its stderr, and how long it took (seconds)."""
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", TRY_HUB],
        env={"PATH": "", "HF_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return run.stdout, run.stderr, time.monotonic() - start


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert backbone_folder(str(tmp_path), "--image-model") == tmp_path


@pytest.mark.parametrize(
    "model", ["/no/such/folder", "./weights", "~/no-such-weights", "../a/b", "a/b/c", "weights"]
)
def test_a_missing_folder_is_not_looked_for_on_the_hub(model):
    with pytest.raises(MissingDependencyError, match="there is none") as caught:
        backbone_folder(model, "--image-model")
    assert "--image-model FOLDER" in str(caught.value)


def test_offline_is_said_at_once(tmp_path):
    out, err, _ = try_hub(tmp_path, HF_HUB_OFFLINE="1")
    assert "Pass a local folder with --image-model FOLDER." in out
    assert out.count("\n") == 1
    assert err == ""


def test_a_hub_that_refuses_or_never_answers_is_given_up_in_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        out, err, took_s = try_hub(tmp_path, HF_ENDPOINT=address)
    assert "no answer within 5 s" in out
    assert "no-such-owner/no-such-model" in out
    assert out.count("\n") == 1
    assert err == ""
    assert took_s < 30  # 5 s, and the imports of a busy machine


def test_hub_files_come_from_one_revision(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def download(model, name, *, revision=None, local_files_only=False):
        if local_files_only:
            raise hub.errors.LocalEntryNotFoundError("not cached")
        asked.append((name, revision))
        if name == "model.safetensors":
            raise hub.errors.EntryNotFoundError("no such file")
        path = tmp_path / "abc123" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"weight_map": {"x": "part-2.safetensors", "y": "part-1.safetensors"}}')
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert backbone_folder("owner/model", "--image-model") == tmp_path / "abc123"
    assert asked == [
        ("config.json", None),
        ("preprocessor_config.json", "abc123"),
        ("model.safetensors", "abc123"),
        ("model.safetensors.index.json", "abc123"),
        ("part-1.safetensors", "abc123"),
        ("part-2.safetensors", "abc123"),
    ]


def test_a_text_model_is_fetched_whole_and_its_weights_last(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []

    def download(model, name, *, revision=None, local_files_only=False):
        if local_files_only:
            raise hub.errors.LocalEntryNotFoundError("not cached")
        asked.append((name, revision))
        path = tmp_path / "abc123" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
        return str(path)

    def snapshot(model, *, revision, allow_patterns):
        asked.append((tuple(allow_patterns), revision))

    monkeypatch.setattr(hub, "hf_hub_download", download)
    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert backbone_folder("owner/model", "--text-model", TEXT_FILES) == tmp_path / "abc123"
    assert asked == [("config.json", None), (TEXT_FILES.fetched, "abc123"), ("model.safetensors", "abc123")]
    backbone_folder("owner/model", "--text-model", TEXT_FILES)
    assert asked.count((TEXT_FILES.fetched, "abc123")) == 1, "where the weights are, all else is there"
    assert not any(fnmatch.fnmatch("pytorch_model.bin", pattern) for pattern in TEXT_FILES.fetched)


def test_the_fingerprint_of_a_text_model_is_of_its_words_too(tmp_path):
    one = made_up_model(tmp_path)
    plain = fingerprint(one, TEXT_FILES)
    (one / "vocab.txt").write_text("shoe")
    with_words = fingerprint(one, TEXT_FILES)
    (one / "vocab.txt").rename(one / "merges.txt")
    assert len({plain, with_words, fingerprint(one, TEXT_FILES)}) == 3
    assert fingerprint(one) == fingerprint(one, IMAGE_FILES)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'shelfwise\[pretrained\]'"):
        backbone_folder("owner/model", "--image-model")


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_the_fingerprint_is_of_everything_the_features_depend_on(tmp_path, name):
    one, other = made_up_model(tmp_path / "one"), made_up_model(tmp_path / "other")
    assert fingerprint(one) == fingerprint(other)
    (other / name).write_bytes((other / name).read_bytes() + b" ")
    assert fingerprint(one) != fingerprint(other)
    (other / name).unlink()
    with pytest.raises(MissingDependencyError, match=f"no {name}"):
        fingerprint(other)
