"""Which pictures are the same photo though their bytes differ: saved again, compressed more, made smaller."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from PIL import Image

from shelfwise.catalog.column import ImageSource, RawImage
from shelfwise.catalog.decoding import each_image
from shelfwise.catalog.images import decode_image
from shelfwise.errors import ImageError
from shelfwise.progress import Stage

SIDE = 32
"""Pixels a side of the small picture that is hashed and compared."""
COLOUR_STEPS = 3.5
"""Mean difference of two small pictures' colours, of 255, up to which they are one photo. Shops photograph many products
the same way: at 5 steps one pair in ten is of different products on Myntra, and nearly all are on H&M."""
PHASH_BITS, DHASH_BITS = 10, 12
"""Bits in which hashes may differ for pictures to be compared at all."""
_LOW = 8
"""The lowest frequencies each way that are kept: 64 bits."""
_CHUNK_BITS = 16
_WINDOW = 6
"""Pictures next to each other in a bucket that are compared; groups are connected by chains."""
_PAIRS_AT_ONCE = 4_096
_PLAIN = 6.0
"""Standard deviation of grey (of 255) below which a picture is a plain field that looks like any other."""


@dataclass(frozen=True)
class SmallPictures:
    """All of a catalog's pictures, small. ``colours`` uint8 [N, SIDE, SIDE, 3]; ``frequencies`` and ``gradients`` uint64
    [N], their hashes; ``detailed`` bool [N]: there is a picture, and something on it."""

    colours: np.ndarray
    frequencies: np.ndarray
    gradients: np.ndarray
    detailed: np.ndarray


def small_pictures(source: ImageSource, stage: Stage) -> SmallPictures:
    """Read every picture once, in threads, a few hundred at a time; zeros where there is none that can be read."""
    count = len(source)
    colours = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    hashes = np.zeros((2, count), np.uint64)
    detailed = np.zeros(count, bool)
    start = 0
    for made in each_image(source, _made, stage.advance):
        rows = start + np.flatnonzero([one is not None for one in made])
        start += len(made)
        read = [one for one in made if one is not None]
        if not read:
            continue
        colours[rows] = np.stack([one[0] for one in read])
        grey, small = np.stack([one[1] for one in read]), np.stack([one[2] for one in read])
        hashes[0, rows], hashes[1, rows] = perceptual_hashes(grey), gradient_hashes(small)
        detailed[rows] = grey.reshape(len(grey), -1).std(1) >= _PLAIN
    return SmallPictures(colours, hashes[0], hashes[1], detailed)


def perceptual_hashes(grey: np.ndarray) -> np.ndarray:
    """uint64 [N]: the pHash of pictures uint8 [N, 32, 32].

    The signs of the 64 lowest frequencies of the discrete cosine transform against their median (Zauner 2010,
    *Implementation and benchmarking of perceptual image hash functions*), as imagehash's ``phash`` has them.
    """
    frequencies = scipy.fft.dctn(grey.astype(np.float64), axes=(1, 2))[:, :_LOW, :_LOW]
    flat = frequencies.reshape(len(grey), _LOW * _LOW)
    return _packed(flat > np.median(flat, axis=1, keepdims=True))


def gradient_hashes(small: np.ndarray) -> np.ndarray:
    """uint64 [N]: the dHash of pictures uint8 [N, 8, 9]: whether each pixel is brighter than the one to its left, as
    imagehash's ``dhash`` has it."""
    return _packed((small[:, :, 1:] > small[:, :, :-1]).reshape(len(small), _LOW * _LOW))


def near_pictures(pictures: SmallPictures) -> np.ndarray:
    """int64 [P, 2], ascending: pairs that show the same photo; enough of them to connect every group. Plain fields and missing
    pictures are like no other."""
    rows = np.flatnonzero(pictures.detailed)
    frequencies, gradients = pictures.frequencies[rows], pictures.gradients[rows]
    found = np.concatenate([_near_pairs(frequencies), _near_pairs(gradients)])
    found = np.unique(found, axis=0) if len(found) else found
    left, right = found.T
    near = _distance(frequencies[left], frequencies[right]) <= PHASH_BITS
    near &= _distance(gradients[left], gradients[right]) <= DHASH_BITS
    pairs = rows[found[near]]
    return pairs[colour_difference(pictures.colours, pairs) <= COLOUR_STEPS]


def colour_difference(colours: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """float64 [P], 0–255: the mean difference of the pictures of each pair, over pixels and colours."""
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        left, right = pairs[start : start + _PAIRS_AT_ONCE].T
        difference = np.abs(colours[left].astype(np.int16) - colours[right])
        found[start : start + _PAIRS_AT_ONCE] = difference.reshape(len(left), -1).mean(1)
    return found


def _near_pairs(hashes: np.ndarray) -> np.ndarray:
    """int64 [P, 2]: pairs that share one of four chunks of 16 bits and stand near each other among those that do.

    Hashes that differ in at most 3 bits share a chunk for certain, in 4 nearly always.
    """
    pairs = [np.empty((0, 2), np.int64)]
    for start in range(0, 64, _CHUNK_BITS):
        chunk = (hashes >> np.uint64(start)) & np.uint64(2**_CHUNK_BITS - 1)
        order = np.lexsort((hashes, chunk))
        for step in range(1, _WINDOW + 1):
            same = chunk[order[step:]] == chunk[order[:-step]]
            pairs.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    found = np.sort(np.concatenate(pairs), axis=1)
    return np.unique(found, axis=0) if len(found) else found


def _distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.bitwise_count(left ^ right).astype(np.int64)


def _packed(bits: np.ndarray) -> np.ndarray:
    """uint64 [N] of bool [N, 64], the first bit the highest."""
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()


_Made = tuple[np.ndarray, np.ndarray, np.ndarray]


def _made(image: RawImage) -> _Made | None:
    """Colours [SIDE, SIDE, 3], grey [SIDE, SIDE], and grey [8, 9] for gradients."""
    if image.data is None:
        return None
    try:
        picture = decode_image(image.data, side=SIDE)
    except ImageError:  # said, with its reason, where images are checked
        return None
    grey = picture.convert("L")
    return (
        np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)),
        np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS)),
        np.asarray(grey.resize((_LOW + 1, _LOW), Image.Resampling.LANCZOS)),
    )
