"""What is remembered of a file's bytes counts only while nobody wrote them; the bytes decide where the system doubts."""

import json
import os
import shutil
import time

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.errors import ManifestError
from featurekit.extraction import build_store, fingerprints, shards
from featurekit.manifest import Manifest, Utterance

RATE = 16_000


@pytest.fixture
def looked_at(tmp_path, monkeypatch):
    """A function that looks at two WAVs of one size and mtime: (path → digest, the paths whose bytes were read)."""
    monkeypatch.setattr(fingerprints, "SETTLED_S", 0.0)
    root = tmp_path / "root"
    root.mkdir()
    for name, hz in (("a.wav", 220), ("b.wav", 330)):
        write(root / name, hz)
    manifest = Manifest([Utterance(id=name, path=f"{name}.wav") for name in "ab"])
    read = []
    monkeypatch.setattr(audio, "hash_file", lambda path, real=audio.hash_file: read.append(path.name) or real(path))

    def look(**options):
        time.sleep(0.02)  # the clock of file times ticks every 10 ms at most
        read.clear()
        files = fingerprints.fingerprint(manifest, root, tmp_path / "hashes.jsonl", **options)[1]
        return {path: facts.digest for path, facts in files.items()}, sorted(read)

    look.root, look.memory = root, tmp_path / "hashes.jsonl"
    return look


def write(path, hz):
    """A tone, always of the same size and the same mtime."""
    tone = 0.3 * np.sin(2 * np.pi * hz * np.arange(RATE // 10) / RATE)
    soundfile.write(path, tone, RATE)
    os.utime(path, ns=(10**18, 10**18))


def swapped_by_renaming(root):
    (root / "a.wav").rename(root / "c")
    (root / "b.wav").rename(root / "a.wav")
    (root / "c").rename(root / "b.wav")


def swapped_in_place(root):
    a, b = (root / "a.wav").read_bytes(), (root / "b.wav").read_bytes()
    for name, content in (("a.wav", b), ("b.wav", a)):
        (root / name).write_bytes(content)
        os.utime(root / name, ns=(10**18, 10**18))


def swapped_by_copies(root):
    shutil.copytree(root, root.parent / "copy")
    for name, other in (("a.wav", "b.wav"), ("b.wav", "a.wav")):
        shutil.copy2(root.parent / "copy" / other, root / name)  # as cp -p


@pytest.mark.parametrize("swap", [swapped_by_renaming, swapped_in_place, swapped_by_copies])
def test_files_of_one_size_and_time_that_were_swapped_have_each_others_digest(looked_at, swap):
    before, _ = looked_at()
    swap(looked_at.root)
    after, read = looked_at()
    assert read == ["a.wav", "b.wav"]
    assert after == {"a.wav": before["b.wav"], "b.wav": before["a.wav"]} != before


def test_what_did_not_change_is_not_read_again(looked_at):
    before, read = looked_at()
    assert read == ["a.wav", "b.wav"]
    assert looked_at() == (before, [])
    write(looked_at.root / "a.wav", 440)
    after, read = looked_at()
    assert read == ["a.wav"]
    assert after["a.wav"] != before["a.wav"]


def test_rehash_reads_all_and_remembers_it(looked_at):
    before, _ = looked_at()
    assert looked_at(rehash=True) == (before, ["a.wav", "b.wav"])
    assert looked_at() == (before, [])


def test_a_memory_without_inode_and_ctime_is_read_and_not_relied_on(looked_at):
    before, _ = looked_at()
    old = [json.loads(line)[:5] for line in looked_at.memory.read_text().splitlines()]
    looked_at.memory.write_text("".join(json.dumps([path, "0" * 64, *facts]) + "\n" for path, _, *facts in old))
    assert looked_at() == (before, ["a.wav", "b.wav"])


def test_a_file_written_while_others_were_hashed_is_not_remembered(looked_at):
    looked_at.root.joinpath("b.wav").unlink()
    looked_at(progress=lambda done: write(looked_at.root / "a.wav", 440))
    _, read = looked_at()
    assert read == ["a.wav"]


@pytest.mark.parametrize("content_changes", [True, False])
def test_in_the_middle_of_a_run_the_bytes_decide(tmp_path, monkeypatch, content_changes):
    root = tmp_path / "root"
    root.mkdir()
    write(root / "a.wav", 220)
    manifest = Manifest([Utterance(id="a", path="a.wav")])
    real = shards.hear

    def late(task, utterance):
        write(root / "a.wav", 330 if content_changes else 220)
        os.utime(root / "a.wav", ns=(10**18, 10**18 + (0 if content_changes else 1)))
        return real(task, utterance)

    monkeypatch.setattr(shards, "hear", late)
    request = {"root": root, "out": tmp_path / "s", "columns": "rms", "backend": "serial"}
    if content_changes:
        with pytest.raises(ManifestError, match="changed while"):
            build_store(manifest, **request)
    else:
        assert not build_store(manifest, **request).failed
