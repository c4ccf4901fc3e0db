"""Small stores for tests: which numbers they hold follows from the seed and the utterance alone.

Also a script: ``python making.py STORE SEED UTTERANCES`` extracts into a store, shard by shard, as a worker would;
``tests/faults`` kills it.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from pathlib import Path

import numpy as np

from featurekit import store
from featurekit.manifest import Manifest, Utterance
from featurekit.store.hashing import xxh64

UTTERANCES_A_SHARD = 3


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def column(name: str = "mfcc", **changes) -> store.ColumnInfo:
    """A column whose key follows from its name."""
    facts = {"key": digest(name), "kind": "frames", "dims": 4, "hop_s": 0.01, "start_s": 0.0, "unit": "dB"}
    return store.ColumnInfo(name=name, **(facts | changes))


FRAMES = column("luo2019/mfcc", dim_names=("c0", "c1", "c2", "c3"), settings={"n_fft": 512}, versions={"librosa": "0.11"})
VECTOR = column("functionals", kind="vector", dims=7, hop_s=None, start_s=None, dtype="f2")
IMAGE = column("mel256", kind="image", dims=6, dtype="u1", image_shape=(6, 5), hop_s=None, start_s=None)
COLUMNS = (FRAMES, VECTOR, IMAGE)


def array(info: store.ColumnInfo, utterance_id: str, seed: int = 0) -> np.ndarray:
    """The values of one utterance."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{info.name}:{utterance_id}".encode("utf-8", "surrogateescape"))])
    if info.kind == "image":
        return rng.integers(0, 256, info.image_shape, dtype=np.uint8)
    rows = int(rng.integers(1, 9)) if info.kind == "frames" else 1
    return rng.standard_normal((rows, info.dims)).astype(np.float32)


def result(info: store.ColumnInfo, utterance_id: str, seed: int = 0) -> store.UtteranceResult:
    scale = (-80.0, 0.0) if info.kind == "image" else None
    return store.UtteranceResult(0, "", array(info, utterance_id, seed), scale, 44100)


def manifest(count: int = 8, start: int = 0) -> Manifest:
    """Utterances of three speakers in recordings of four, with fingerprints."""
    return Manifest(
        Utterance(
            id=f"utt_{number:03d}",
            path=f"wav/{number}.wav",
            recording=f"rec_{number // 4}",
            position=number % 4,
            speaker=f"spk_{number % 3}",
            labels={"emotion": "joy" if number % 2 else "anger", "score": number / 2},
            duration_s=1.5,
            fingerprint=digest(f"audio {number}"),
        )
        for number in range(start, start + count)
    )


def content(utterances, columns=COLUMNS, seed: int = 0, **changes) -> store.ShardContent:
    """A shard of these utterances."""
    utterances = list(utterances)
    facts = {
        "key": store.shard_key([info.key for info in columns], [(item.id, item.fingerprint) for item in utterances]),
        "columns": tuple(columns),
        "ids": [item.id for item in utterances],
        "fingerprints": [item.fingerprint for item in utterances],
        "results": {info.name: [result(info, item.id, seed) for item in utterances] for info in columns},
    }
    return store.ShardContent(**(facts | changes))


def contents(utterances: Manifest, columns=COLUMNS, seed: int = 0) -> list[store.ShardContent]:
    starts = range(0, len(utterances), UTTERANCES_A_SHARD)
    return [content(utterances.utterances[at : at + UTTERANCES_A_SHARD], columns, seed) for at in starts]


def group(shards, columns=COLUMNS) -> store.GroupInfo:
    return store.GroupInfo(tuple(columns), tuple(shard.key for shard in shards), {"modulus": 8})


def fill(path: Path, utterances: Manifest | None = None, columns=COLUMNS, seed: int = 0, index: bool = True) -> store.Head:
    """Make a whole store."""
    utterances = utterances or manifest()
    store.create(path, corpus="test")
    shards = contents(utterances, columns, seed)
    for shard in shards:
        store.commit_shard(path, shard)
    head = store.publish_head(path, utterances, [group(shards, columns)])
    if index:
        store.build_index(path)
    return head


def vectors(path: Path, utterances, values, corpus: str = "planted") -> Path:
    """A store of one column, voice: a vector of these values for each utterance."""
    utterances, info = list(utterances), store.ColumnInfo("voice", digest("voice"), "vector", len(values[0]))
    results = [store.UtteranceResult(0, "", np.asarray(value, np.float32)[None], None, 16000) for value in values]
    shard = content(utterances, (info,), results={"voice": results})
    store.create(path, corpus=corpus)
    store.commit_shard(path, shard)
    store.publish_head(path, Manifest(utterances), [store.GroupInfo((info,), (shard.key,), {"modulus": len(utterances)})])
    return path


def all_files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


if __name__ == "__main__":
    array(FRAMES, "warm")
    xxh64(np.zeros(8, np.float32))  # compiles or loads the kernel, which takes longer than what a test wants to hit
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    fill(Path(sys.argv[1]), manifest(int(sys.argv[3])), seed=int(sys.argv[2]))
