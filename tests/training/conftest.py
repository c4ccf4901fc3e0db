"""A store in memory whose frames tell the class, so that a few epochs learn something."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from featurekit.data import Dataset, Fold
from featurekit.manifest import Manifest, Utterance

CLASSES = ("angry", "happy", "sad")


class TeachableStore:
    def __init__(self, n_speakers: int = 6, n_each: int = 6) -> None:
        rng = np.random.default_rng(0)
        self.manifest = Manifest(
            Utterance(
                id=f"s{s}_{i}", path="a.wav", recording=f"r{s}", position=i, speaker=f"s{s}", gender="fm"[s % 2],
                labels={"emotion": CLASSES[(i + s) % 3]},
            )
            for s in range(n_speakers)
            for i in range(n_each)
        )  # fmt: skip
        info = {"hop_s": 0.01, "start_s": 0.0, "unit": "", "dim_names": ()}
        self.columns = {
            "x/a": SimpleNamespace(name="x/a", kind="frames", dtype="f4", dims=4, image_shape=None, **info),
            "x/image": SimpleNamespace(name="x/image", kind="image", dtype="u1", dims=16, image_shape=(16, 16), **info),
        }
        self.values: dict[str, list[np.ndarray]] = {"x/a": [], "x/image": []}
        for utterance in self.manifest:
            number = CLASSES.index(utterance.labels["emotion"])
            frames = rng.normal(0, 0.5, (rng.integers(5, 12), 4)).astype(np.float32)
            frames[:, number] += 1.5
            image = rng.integers(0, 100, (16, 16)).astype(np.uint8)
            image[5 * number : 5 * number + 5] += 120
            self.values["x/a"].append(frames)
            self.values["x/image"].append(image)

    def lengths(self, column):
        return np.array([len(value) for value in self.values[column]])

    def status(self, column):
        return np.zeros(len(self.manifest), np.uint8)

    def read(self, column, index):
        return self.values[column][index].copy()


@pytest.fixture(scope="session")
def store() -> TeachableStore:
    return TeachableStore()


@pytest.fixture
def parts(store):
    """Train, dev and test datasets of one fold, as a function of the features and the context."""

    def make(features="x/a", context=3, **changes):
        ids = store.manifest.ids
        fold = Fold("0", tuple(ids[:24]), tuple(ids[24:30]), tuple(ids[30:]))
        return tuple(Dataset(store, features, fold, part, context=context, **changes) for part in ("train", "dev", "test"))

    return make


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small tensors gain nothing from threads, which wait for each other many times longer when the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
