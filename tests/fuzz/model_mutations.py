"""Ways to spoil a model folder: by chance, by greed and by malice. Each is a function of a folder and a random generator."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from shelfwise.storage.model_files import (
    CHECKED_FILES,
    CHECKSUM_FILE,
    MODEL_FILE,
    RECIPE_FILE,
    WEIGHTS_FILE,
    checksum_text,
)

Mutation = Callable[[Path, random.Random], str]
"""Spoils the folder and says how."""

FILES = (MODEL_FILE, WEIGHTS_FILE, CHECKSUM_FILE, RECIPE_FILE)
_HOSTILE: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 2**15, 2**31, 2**31 - 1, 2**40, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e-300, 1e308,
    "", "a", "../../../etc/passwd", "/etc/passwd", "\\\\host\\share", "a\u0000b", "\ud800", "💥" * 50, "x" * 100_000,
    [], {}, [[]], [{}], [None], [0] * 1000, ["a"] * 1000, {"a": {"a": {}}}, {"kind": "os.system"}, "__import__('os')",
]  # fmt: skip
_ODD_TEXTS = [
    b"", b"{", b"[]", b"null", b"NaN", b'{"format_version": 1}', b"\xff\xfe", b"\xef\xbb\xbf{}", b"[" * 200_000,
    b'{"a":' * 50_000, b"1" * 1_000_000, b"[" + b"0," * 3_000_000 + b"0]", b'{"format_version":' + b"9" * 5000 + b"}",
    b"\x00" * 4096,
]  # fmt: skip
_DTYPES = ["F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "OBJECT", 7, None, ""]
_YAML_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
)


def remake_checksums(folder: Path) -> None:
    """List the checksums of what is there now, as an attacker would."""
    contents = {name: (folder / name).read_bytes() for name in CHECKED_FILES if (folder / name).is_file()}
    if not (folder / CHECKSUM_FILE).is_dir():
        (folder / CHECKSUM_FILE).write_text(checksum_text(contents), encoding="ascii")


def damage(folder: Path, chance: random.Random) -> str:
    """Flip, cut, empty or lengthen a file; its checksum stays."""
    name = chance.choice(FILES)
    _damage(folder / name, chance)
    return f"damaged {name}"


def damage_known(folder: Path, chance: random.Random) -> str:
    """The same with new checksums, so that it gets to the readers."""
    name = chance.choice((MODEL_FILE, WEIGHTS_FILE))
    how = _damage(folder / name, chance)
    remake_checksums(folder)
    return f"{how} in {name}, checksums made anew"


def _damage(file: Path, chance: random.Random) -> str:
    data = bytearray(file.read_bytes())
    how = chance.choice(["flip", "flips", "cut", "longer", "empty", "noise"])
    if how in ("flip", "flips"):
        for _ in range(1 if how == "flip" else 50):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del data[chance.randrange(len(data)) :]
    elif how == "longer":
        data += chance.randbytes(chance.randrange(1, 5000))
    elif how == "empty":
        data.clear()
    else:
        start = chance.randrange(len(data))
        data[start : start + 100] = chance.randbytes(100)
    file.write_bytes(data)
    return how


def odd_text(folder: Path, chance: random.Random) -> str:
    """Something else than a model's JSON, or its checksums, or its recipe."""
    name = chance.choice((MODEL_FILE, CHECKSUM_FILE, RECIPE_FILE))
    text = chance.choice([*_ODD_TEXTS, _YAML_BOMB])
    (folder / name).write_bytes(text)
    if name != CHECKSUM_FILE:
        remake_checksums(folder)
    return f"{name} became {text[:20]!r}… of {len(text):,} bytes"


def edit_json(folder: Path, chance: random.Random) -> str:
    """One to three values of model.json replaced, removed, doubled or exchanged."""
    stored = json.loads((folder / MODEL_FILE).read_bytes())
    said = [_edit(stored, chance) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    (folder / MODEL_FILE).write_text(json.dumps(stored), encoding="utf-8")
    remake_checksums(folder)
    return "; ".join(said)


def _edit(stored: Any, chance: random.Random) -> str:
    places = list(_places(stored, ""))
    # Each depth as often: most values are the many of a few long lists.
    depth = chance.choice(sorted({where.count("/") for where, _, _ in places}))
    where, holder, key = chance.choice([one for one in places if one[0].count("/") == depth])
    how = chance.choice(["replace", "replace", "replace", "remove", "double", "exchange", "many", "new"])
    value = chance.choice(_HOSTILE)
    if how == "remove":
        del holder[key]
    elif how == "exchange":
        other = chance.choice(list(holder if isinstance(holder, dict) else range(len(holder))))
        holder[key], holder[other] = holder[other], holder[key]
    elif how == "double" and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif how == "many" and isinstance(holder[key], list) and holder[key]:
        holder[key] = [holder[key][0]] * chance.choice([100, 10_000, 200_000])
    elif how == "new" and isinstance(holder, dict):
        holder[chance.choice(["x", "kind", "model", "__class__", ""])] = value
    else:
        if isinstance(holder[key], int | float) and chance.random() < 0.5:
            value = holder[key] * chance.choice([-1, 10, 1000, 10**6, 10**9])
        holder[key] = value
    return f"{how} {where}: {str(value)[:40]!r}"


def _places(value: Any, where: str) -> Any:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield f"{where}/{key}", value, key
            yield from _places(value[key], f"{where}/{key}")


def edit_header(folder: Path, chance: random.Random) -> str:
    """The weights' header speaks of other shapes, types, places or names."""
    data = (folder / WEIGHTS_FILE).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    name = chance.choice([key for key in header if key != "__metadata__"])
    how = chance.choice(["shape", "dtype", "offsets", "name", "remove", "length", "metadata", "deep"])
    if how == "shape":
        huge = chance.choice(
            [[2**62], [0, 2**62], [2**31, 2**31], [-1], [1] * 100_000, [1e9], ["1"], None, []]
        )
        header[name]["shape"] = huge
    elif how == "dtype":
        header[name]["dtype"] = chance.choice(_DTYPES)
    elif how == "offsets":
        header[name]["data_offsets"] = chance.choice(
            [[0, 2**62], [2**62, 0], [-1, 4], [0, 0], [], None, [0, len(rest)]]
        )
    elif how == "name":
        header[chance.choice(["../x", "", "policy/../x", "encoder//x", name + "x"])] = header.pop(name)
    elif how == "remove":
        del header[name]
    elif how == "metadata":
        header["__metadata__"] = chance.choice(_HOSTILE)
    text = b"[" * 100_000 if how == "deep" else json.dumps(header).encode()
    told = chance.choice([2**63, 2**40, 0, length * 2]) if how == "length" else len(text)
    (folder / WEIGHTS_FILE).write_bytes(told.to_bytes(8, "little") + text + rest)
    remake_checksums(folder)
    return f"header: {how} of {name}"


def edit_arrays(folder: Path, chance: random.Random) -> str:
    """Arrays with other numbers, shapes or types, fewer of them, or more."""
    arrays = load((folder / WEIGHTS_FILE).read_bytes())
    name = chance.choice(sorted(arrays))
    array, how = (
        arrays[name],
        chance.choice(["value", "values", "turn", "dtype", "remove", "add", "longer", "flat"]),
    )
    if how in ("value", "values") and array.size:
        array = array.copy()
        odd = chance.choice([np.nan, np.inf, -np.inf, 1e30, -1e30, -1, 0, 2**31])
        with np.errstate(all="ignore"):
            new = np.full(array.shape if how == "values" else (1,), odd).astype(array.dtype)
        array.reshape(-1)[: new.size] = new.reshape(-1)
    elif how == "turn":
        array = np.ascontiguousarray(array.T)
    elif how == "dtype":
        with np.errstate(all="ignore"):
            array = array.astype(
                chance.choice([np.float64, np.float32, np.float16, np.int64, np.uint8, np.bool_])
            )
    elif how == "longer":
        array = np.repeat(array.reshape(len(array) if array.ndim else 1, -1), chance.choice([2, 100]), axis=0)
    elif how == "flat":
        array = array.reshape(-1)
    arrays[name] = array
    if how == "remove":
        del arrays[name]
    if how == "add":
        arrays[chance.choice(["x", "policy/x", name + "/x"])] = array
    (folder / WEIGHTS_FILE).write_bytes(save(arrays))
    remake_checksums(folder)
    return f"arrays: {how} of {name}"


def other_files(folder: Path, chance: random.Random) -> str:
    """Files gone, renamed, exchanged, added, or something else than files."""
    name = chance.choice(FILES)
    file, outside = folder / name, folder.parent / f"outside-{name}"
    how = chance.choice(
        [
            "remove",
            "rename",
            "exchange",
            "add",
            "link",
            "dangling",
            "loop",
            "fifo",
            "device",
            "folder",
            "huge",
        ]
    )
    if how in ("link", "rename"):
        os.replace(file, outside if how == "link" else folder / f"{name}.bak")
    elif how not in ("exchange", "add", "huge"):
        file.unlink()
    if how == "exchange":
        other = folder / chance.choice(FILES)
        one, two = file.read_bytes(), other.read_bytes()
        file.write_bytes(two)
        other.write_bytes(one)
    elif how == "add":
        (folder / chance.choice(["model.pkl", "pytorch_model.bin", "__init__.py", "x"])).write_bytes(
            b"cos\nsystem\n."
        )
    elif how == "link":
        file.symlink_to(outside)
    elif how == "dangling":
        file.symlink_to("/nowhere/at/all")
    elif how == "loop":
        file.symlink_to(file)
    elif how == "fifo":
        os.mkfifo(file)
    elif how == "device":
        file.symlink_to("/dev/zero")
    elif how == "folder":
        file.mkdir()
    elif how == "huge":
        os.truncate(file, chance.choice([2**32, 2**40]))  # takes no room on the disk, but is as long
    return f"{how} {name}"


MUTATIONS: tuple[Mutation, ...] = (
    damage, damage_known, odd_text, edit_json, edit_json, edit_json, edit_header, edit_arrays, other_files,
)  # fmt: skip
