"""One HDF5 file that can be read without HDF5.

A container is plain HDF5 behind a user block of 512 bytes::

    FKSHARD1 {"contents":[offset,bytes,sha256],"hash":sha256,"key":...,"n":...,"size":...}

Any HDF5 tool opens it. featurekit itself reads ``/index/contents``, a JSON text that says where every dataset lies in
the file, and from then on uses plain reads at those offsets: it is faster, works in threads and after a fork, and no
byte of a stranger's file ever reaches libhdf5, which follows links out of the file and crashes on hostile input.
Writing is done in memory, since libhdf5 dies on a full disk; the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from featurekit.errors import CorruptStoreError, StoreError
from featurekit.settings import canonical_json
from featurekit.store import files

HEADER_BYTES = 512
CONTENTS = "index/contents"
_DTYPE = re.compile(r"<f4|<f2|\|u1|<i4|<i8|<u8|\|S[1-9][0-9]{0,6}")
_WRONG = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Dataset:
    """An array to be written; small ones are checked by their sha256, ``large`` ones by checksums of their parts."""

    array: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)
    large: bool = False


@dataclass(frozen=True)
class Place:
    """Where a dataset lies in the file."""

    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    sha256: str


def build(magic: bytes, key: str, n: int, datasets: Mapping[str, Dataset], facts: Mapping[str, Any]) -> bytes:
    """The whole file, as bytes.

    Parameters
    ----------
    magic : bytes
        8 bytes that name the kind of container.
    key : str
        What the container is: a shard's key, the digest of an index's head.
    n : int
        Number of utterances.
    datasets : mapping
        Path in the file → array.
    facts : mapping
        JSON that the reader gets back as ``facts``.

    Raises
    ------
    StoreError
        When libhdf5 puts bytes elsewhere than it says.
    """
    stream = io.BytesIO()
    with _new_file(stream) as file:
        places = {path: _write_dataset(file, path, item) for path, item in datasets.items()}
        contents = canonical_json({"datasets": places, "facts": facts, "key": key, "n": n}).encode("utf-8", "surrogateescape")
        offset = _write_dataset(file, CONTENTS, Dataset(np.array(contents), large=True))["offset"]
    with stream.getbuffer() as whole, whole[HEADER_BYTES:] as body:
        _check_places(body, datasets, places)
        header = {
            "contents": [offset, len(contents), hashlib.sha256(contents).hexdigest()],
            "hash": hashlib.sha256(body).hexdigest(),
            "key": key,
            "n": n,
            "size": len(whole),
        }
        whole[:HEADER_BYTES] = _encode_header(magic, header)
    return stream.getvalue()


class Container:
    """A container on disk, read without HDF5.

    Parameters
    ----------
    path : Path
        The file.
    magic : bytes
        The kind of container expected.

    Attributes
    ----------
    key, n, hash : str, int, str
        From the header; ``hash`` is the sha256 of everything behind the header.
    places : dict of str to Place
        Where each dataset lies.
    facts : dict
        What :func:`build` was given.

    Raises
    ------
    StoreNotFoundError, CorruptStoreError
        When the file is absent, is not a container of that kind, or its header or contents are damaged.
    """

    def __init__(self, path: Path, magic: bytes) -> None:
        self.path, self.file = path, files.OpenFile(path)
        header = read_header(self.file, magic)
        self.key, self.n, self.hash = header["key"], header["n"], header["hash"]
        try:
            offset, size, sha256 = header["contents"]
            text = self.file.read(offset, size)
            if hashlib.sha256(text).hexdigest() != sha256:
                raise ValueError("its table of contents is damaged")
            contents = json.loads(text.decode("utf-8", "surrogateescape"))
            self.facts: dict[str, Any] = contents["facts"]
            self.places = {path: _place(**place, size=self.file.size) for path, place in contents["datasets"].items()}
            if (contents["key"], contents["n"]) != (self.key, self.n):
                raise ValueError("its header and its table of contents contradict each other")
        except _WRONG as error:
            raise damaged(path, str(error)) from None

    def place(self, name: str) -> Place:
        """Where a dataset lies.

        Raises
        ------
        CorruptStoreError
            When the container has no such dataset.
        """
        if name not in self.places:
            raise damaged(self.path, f"it has no dataset /{name}")
        return self.places[name]

    def table(self, name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """A small dataset, verified.

        Parameters
        ----------
        name : str
            Path in the file.
        dtype : str
            Expected dtype; ``"S"`` takes any width.
        shape : tuple of int
            Expected shape; -1 takes any length.

        Raises
        ------
        CorruptStoreError
            When it is absent, of another dtype or shape, or its bytes are not what was written.
        """
        place = self.place(name)
        fits = place.dtype.kind == "S" if dtype == "S" else place.dtype == np.dtype(dtype)
        sizes_fit = len(shape) == len(place.shape) and all(a in (-1, b) for a, b in zip(shape, place.shape, strict=True))
        if not (fits and sizes_fit):
            raise damaged(self.path, f"/{name} is {place.dtype.str} {place.shape} where {dtype} {shape} belongs")
        array = np.empty(place.shape, place.dtype)
        self.file.read_into([array.view(np.uint8)] if array.size else [], place.offset)
        if _sha256(array) != place.sha256:
            raise damaged(self.path, f"/{name} is not what was written")
        return array

    def check_hash(self) -> None:
        """Read the whole file and compare its sha256 with the header's.

        Raises
        ------
        CorruptStoreError
            When a byte differs.
        """
        hasher, buffer = hashlib.sha256(), np.empty(1 << 22, np.uint8)
        for start in range(HEADER_BYTES, self.file.size, buffer.size):
            piece = buffer[: min(buffer.size, self.file.size - start)]
            self.file.read_into([piece], start)
            hasher.update(piece.data)
        if hasher.hexdigest() != self.hash:
            raise damaged(self.path, "its bytes do not fit the hash in its header")


def read_header(file: files.OpenFile, magic: bytes) -> dict[str, Any]:
    """Read and check the user block.

    Raises
    ------
    CorruptStoreError
        When a byte of it differs from what was written, or the file has another size.
    """
    if file.size < HEADER_BYTES:
        raise damaged(file.path, f"it ends after {file.size} bytes")
    block = file.read(0, HEADER_BYTES)
    try:
        header = json.loads(block[len(magic) :])
        canonical = _encode_header(magic, header)
        sizes = (header["n"], header["size"], *header["contents"][:2])
        sound = all(type(size) is int for size in sizes) and all(type(header[name]) is str for name in ("key", "hash"))
    except _WRONG:
        sound, canonical = False, b""
    if not sound or block != canonical:
        raise damaged(file.path, f"its header is not that of a {magic.decode()} file")
    if header["size"] != file.size:
        raise damaged(file.path, f"it has {file.size} bytes where {header['size']} were written")
    return header


def damaged(path: Path, what: str) -> CorruptStoreError:
    """The error for a file that is not what was written."""
    return CorruptStoreError(f"{path} is damaged: {what}; run `featurekit store repair`, then extract again to fill the gap")


def _encode_header(magic: bytes, header: dict[str, Any]) -> bytes:
    text = magic + b" " + canonical_json(header).encode()
    if len(text) >= HEADER_BYTES:
        raise ValueError("the header does not fit its block")
    return text.ljust(HEADER_BYTES - 1) + b"\n"  # spaces, so that `head -c 512` shows a readable line


def _new_file(stream: io.BytesIO) -> Any:
    """An empty HDF5 file behind a user block, for h5py; written to the stream when it is closed.

    Not HDF5's own image of a file in memory: that of HDF5 1.14 has a wrong checksum, and no tool opens it.
    """
    import h5py  # here, so that a machine that only reads needs no HDF5
    from h5py import h5f, h5fd, h5p

    made, access = h5p.create(h5p.FILE_CREATE), h5p.create(h5p.FILE_ACCESS)
    made.set_userblock(HEADER_BYTES)
    made.set_obj_track_times(False)
    access.set_libver_bounds(h5f.LIBVER_V110, h5f.LIBVER_V110)  # layouts that later versions do not change
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    access.set_fileobj_driver(h5fd.fileobj_driver, stream)
    return h5py.File(h5f.create(repr(stream).encode(), h5f.ACC_TRUNC, made, access))


def _write_dataset(file: Any, path: str, item: Dataset) -> dict[str, Any]:
    """By HDF5's own calls: a shard has dozens of datasets and attributes, and h5py's convenience doubles their cost."""
    from h5py import h5a, h5d, h5p, h5s, h5t

    array = np.asarray(item.array, order="C")
    # fletcher32 needs a chunk, and a chunk cannot be empty; values stay contiguous to be read at plain offsets.
    guarded = not item.large and array.size > 0
    how, link = h5p.create(h5p.DATASET_CREATE), h5p.create(h5p.LINK_CREATE)
    how.set_obj_track_times(False)
    link.set_create_intermediate_group(True)
    if guarded:
        how.set_chunk(array.shape)
        how.set_fletcher32()
    kind, space = h5t.py_create(array.dtype, logical=True), h5s.create_simple(array.shape)
    dataset = h5d.create(file.id, path.encode(), kind, space, how, lcpl=link)
    dataset.write(h5s.ALL, h5s.ALL, array)
    for name, value in item.attributes.items():
        told = np.asarray(_attribute(value))
        space = h5s.create_simple(told.shape)
        h5a.create(dataset, name.encode(), h5t.py_create(told.dtype, logical=True), space).write(told)
    offset = dataset.get_chunk_info(0).byte_offset if guarded else dataset.get_offset()
    place = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": offset or 0}
    return place | {"sha256": "" if item.large else _sha256(array)}


def _attribute(value: Any) -> Any:
    """Texts as fixed-width bytes: variable-length ones live in a heap that old tools and our offsets cannot follow."""
    if isinstance(value, str):
        return np.bytes_(value.encode("utf-8", "surrogateescape") or b" ")
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return np.array([text.encode("utf-8", "surrogateescape") for text in value])
    return value


def _check_places(body: memoryview, datasets: Mapping[str, Dataset], places: Mapping[str, dict[str, Any]]) -> None:
    """The offsets are the format's promise, so a libhdf5 that counts them otherwise must not write a single file."""
    found = np.frombuffer(body, np.uint8)
    for path, item in datasets.items():
        start = places[path]["offset"] - HEADER_BYTES
        data = np.ascontiguousarray(item.array).reshape(-1).view(np.uint8)
        for at in range(0, data.size, files.PIECE_IN_CACHE_BYTES):
            piece = data[at : at + files.PIECE_IN_CACHE_BYTES]
            if not np.array_equal(found[start + at : start + at + piece.size], piece):
                raise StoreError(f"this version of HDF5 does not put /{path} where it says; install the one in constraints.txt")


def _place(dtype: str, shape: list[int], offset: int, sha256: str, size: int) -> Place:
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"dtype {dtype!r} is not one a store holds")
    if not all(type(number) is int and 0 <= number <= size for number in (*shape, offset)):
        raise ValueError("a dataset lies outside the file")
    if offset + math.prod(shape) * np.dtype(dtype).itemsize > size:
        raise ValueError("a dataset is larger than the file")
    return Place(np.dtype(dtype), tuple(shape), offset, sha256)


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()
