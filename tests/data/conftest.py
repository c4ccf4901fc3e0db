"""A small store in memory, for everything that reads one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from featurekit.manifest import Manifest, Utterance


@dataclass(frozen=True)
class FakeColumn:
    name: str
    dims: int
    kind: str = "frames"
    hop_s: float | None = 0.01
    start_s: float | None = 0.0
    unit: str = ""
    dim_names: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    dtype: str = ""
    key: str = ""
    spec: str = ""
    engine: str = "cpu"
    of_run: str = ""
    trained_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.dtype:
            object.__setattr__(self, "dtype", "u1" if self.kind == "image" else "f4")


@dataclass
class FakeStore:
    manifest: Manifest
    columns: dict[str, FakeColumn]
    values: dict[str, list[np.ndarray | None]]
    reads: int = field(default=0)

    @property
    def ids(self) -> list[str]:
        return self.manifest.ids

    def lengths(self, column: str) -> np.ndarray:
        return np.array([0 if value is None else len(value) for value in self.values[column]])

    def status(self, column: str) -> np.ndarray:
        return np.array([1 if value is None else 0 for value in self.values[column]], dtype=np.uint8)

    def read(self, column: str, index: int) -> np.ndarray:
        self.reads += 1
        value = self.values[column][index]
        if value is None:
            raise OSError(f"row {index} of {column} failed and must not be read")
        return value.copy()


def make_manifest(n_speakers: int = 6, n_each: int = 8, classes: tuple[str, ...] = ("angry", "happy", "sad"), **changes):
    """Speakers s0…, each one recording of utterances in order; labels go round; genders alternate."""
    return Manifest(
        Utterance(
            **{
                "id": f"s{speaker}_{position}",
                "path": f"s{speaker}/{position}.wav",
                "recording": f"r{speaker}",
                "position": position,
                "speaker": f"s{speaker}",
                "gender": "fm"[speaker % 2],
                "duration_s": 1.0 + position,
                "labels": {"emotion": classes[(position + speaker) % len(classes)], "score": (position % 7) - 3.0},
                **changes,
            }
        )
        for speaker in range(n_speakers)
        for position in range(n_each)
    )


def make_store(manifest: Manifest, dims: tuple[int, ...] = (3, 2), seed: int = 0) -> FakeStore:
    """Columns x/c0, x/c1, … of random frames (equal counts), x/power, x/image, x/slow (another clock), x/vector."""
    rng = np.random.default_rng(seed)
    columns = {f"x/c{i}": FakeColumn(f"x/c{i}", d) for i, d in enumerate(dims)}
    columns["x/power"] = FakeColumn("x/power", 4, unit="power")
    columns["x/slow"] = FakeColumn("x/slow", 2, hop_s=0.02)
    columns["x/vector"] = FakeColumn("x/vector", 5, kind="vector", hop_s=None, start_s=None)
    columns["x/image"] = FakeColumn("x/image", 8, kind="image", hop_s=None, start_s=None, image_shape=(6, 8))
    lengths = rng.integers(4, 20, len(manifest))
    values: dict[str, list[np.ndarray | None]] = {name: [] for name in columns}
    for n in lengths:
        for name, info in columns.items():
            rows = {"vector": 1, "frames": n // 2 if name == "x/slow" else n, "image": 6}[info.kind]
            data = rng.normal(2.0, 3.0, (rows, info.dims)).astype(np.float32)
            if info.unit == "power":
                data = data**2
            values[name].append(rng.integers(0, 256, (6, 8)).astype(np.uint8) if info.kind == "image" else data)
    return FakeStore(manifest, columns, values)


@pytest.fixture
def manifest() -> Manifest:
    return make_manifest()


@pytest.fixture
def store(manifest: Manifest) -> FakeStore:
    return make_store(manifest)


@pytest.fixture
def make():
    """The two makers above, for tests that need another shape (a conftest cannot be imported)."""

    class Make:
        manifest = staticmethod(make_manifest)
        store = staticmethod(make_store)

    return Make
