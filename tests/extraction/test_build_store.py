import dataclasses
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import featurekit as fk
from featurekit import audio, backends, corpora, extraction, features, store
from featurekit.errors import CorpusNotFoundError, ParameterError, StoreError, UnknownNameError, WorkerError
from featurekit.extraction import shards
from featurekit.manifest import Manifest, Utterance

COLUMNS = "rms,mel(n_mels=32)"


def build(manifest, root, out, columns=COLUMNS, **more):
    return extraction.build_store(manifest, root=root, out=out, columns=columns, corpus="demo", **{"backend": "serial"} | more)


def shard_digests(path):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (path / "shards").iterdir()}


def test_a_stored_feature_is_the_feature_of_the_segment(tiny_corpus, tiny_manifest, tiny_store):
    opened = fk.open_store(tiny_store)
    utterance = tiny_manifest.utterances[4]
    segment = audio.load(tiny_corpus / utterance.path, 16000, start=utterance.start, end=utterance.end)
    expected = fk.extract(segment.samples, 16000, "rms,spectral_centroid")
    for name, array in expected.items():
        np.testing.assert_array_equal(opened[utterance.id][name], array)


def test_serial_joblib_and_dask_write_the_same_bytes(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)
    made = {}
    for name in backends.BACKENDS:
        build(tiny_manifest, tiny_corpus, tmp_path / name, backend=name, workers=2)
        made[name] = shard_digests(tmp_path / name)
    assert made["serial"] == made["joblib"] == made["dask"]
    assert len(made["serial"]) > 4


def test_a_second_build_computes_nothing(tiny_corpus, tiny_manifest, tmp_path):
    first = build(tiny_manifest, tiny_corpus, tmp_path / "s")
    again = build(tiny_manifest, tiny_corpus, tmp_path / "s")
    assert first.computed_shards == first.shards > 0
    assert again.computed_shards == 0
    assert again.generation == first.generation == 1


def test_a_new_feature_adds_columns_without_touching_the_old_shards(tiny_corpus, tiny_manifest, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    before = shard_digests(tmp_path / "s")
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms,zcr")
    assert summary.columns == ["rms", "zcr"]
    assert before.items() <= shard_digests(tmp_path / "s").items()
    assert summary.generation == 2


def test_columns_already_there_under_another_name_are_not_computed_again(tiny_corpus, tiny_manifest, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "luo2019/rms")
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", "other=rms(sample_rate=22050, n_fft=2048, hop_length=512)")
    assert summary.computed_shards == 0
    assert summary.columns == ["luo2019/rms"]


def test_a_changed_setting_under_the_same_name_replaces_the_column(tiny_corpus, tiny_manifest, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "x=rms,zcr")
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "x=rms(hop_length=512)")
    opened = fk.open_store(tmp_path / "s")
    assert sorted(opened.columns) == ["x", "zcr"]
    assert opened.columns["x"].hop_s == 512 / 16000


def test_a_corrected_label_touches_no_shard(tiny_corpus, tiny_manifest, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "s")
    before = shard_digests(tmp_path / "s")
    corrected = Manifest(dataclasses.replace(item, labels={"score": 3.0}) for item in tiny_manifest)
    summary = build(corrected, tiny_corpus, tmp_path / "s")
    assert summary.computed_shards == 0
    assert summary.generation == 2
    assert shard_digests(tmp_path / "s") == before
    assert fk.open_store(tmp_path / "s").manifest.utterances[0].labels == {"score": 3.0}


def test_an_appended_recording_rekeys_at_most_its_neighbour(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    # Small shards, so that there is more than one neighbour to spare.
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**14)
    last = tiny_manifest.utterances[-1].recording
    shorter = tiny_manifest.filter(lambda item: item.recording != last)
    build(shorter, tiny_corpus, tmp_path / "s")
    before = set(shard_digests(tmp_path / "s"))
    assert len(before) > 4
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s")
    assert summary.computed_shards <= 2
    assert len(fk.open_store(tmp_path / "s")) == len(tiny_manifest)


def test_adding_utterances_extends_every_column(tiny_corpus, tiny_manifest, tmp_path):
    fewer = Manifest(tiny_manifest.utterances[:18])
    build(fewer, tiny_corpus, tmp_path / "s", "rms")
    build(fewer, tiny_corpus, tmp_path / "s", "zcr")
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "zcr")
    opened = fk.open_store(tmp_path / "s")
    assert sorted(opened.columns) == ["rms", "zcr"]
    assert (opened.lengths("rms") > 0).all()
    assert len(opened) == len(tiny_manifest)


def test_a_store_grows_and_heals_after_a_column_was_dropped(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**12)
    out, whole = tmp_path / "s", tiny_manifest
    build(Manifest(whole.utterances[:20]), tiny_corpus, out, "rms,zcr")
    store.drop(out, "zcr")
    next((out / "shards").iterdir()).unlink()
    done = build(whole, tiny_corpus, out, "rms")
    assert 0 < done.computed_shards < done.shards  # some shards hold both columns, the new ones one
    fresh = fk.open_store(build(whole, tiny_corpus, tmp_path / "fresh", "rms").store)
    opened = fk.open_store(out)
    for name in whole.ids:
        np.testing.assert_array_equal(opened[name]["rms"], fresh[name]["rms"])
    assert store.verify(out).ok


def test_a_dropped_column_does_not_make_its_shards_anew(tiny_corpus, tiny_manifest, tmp_path):
    build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms,zcr")
    store.drop(tmp_path / "s", "zcr")
    assert build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms").computed_shards == 0


def test_defective_files_become_counted_statuses_and_the_rest_is_kept(tiny_corpus, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    good = next(path for path in sorted(tiny_corpus.rglob("*")) if path.suffix in (".wav", ".flac"))
    shutil.copy(good, root / f"good{good.suffix}")
    (root / "pointer.wav").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    (root / "empty.wav").write_bytes(b"")
    names = [f"good{good.suffix}", "pointer.wav", "empty.wav", "absent.wav"]
    manifest = Manifest(Utterance(id=Path(name).stem, path=name) for name in names)
    summary = build(manifest, root, tmp_path / "s", "rms")
    assert set(summary.failed) == {"pointer", "empty", "absent"}
    assert summary.failed["pointer"].startswith("DECODE")
    assert summary.failed["absent"].startswith("MISSING")
    opened = fk.open_store(tmp_path / "s")
    assert opened["good"]["rms"].shape[1] == 1
    with pytest.raises(StoreError, match="git-lfs"):
        opened["pointer"]["rms"]


def test_a_repaired_file_is_computed_on_the_next_run(tiny_corpus, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    good = next(path for path in sorted(tiny_corpus.rglob("*")) if path.suffix in (".wav", ".flac"))
    manifest = Manifest([Utterance(id="late", path="late" + good.suffix)])
    assert build(manifest, root, tmp_path / "s", "rms").failed
    shutil.copy(good, root / ("late" + good.suffix))
    assert not build(manifest, root, tmp_path / "s", "rms").failed


def test_a_link_out_of_the_root_is_not_followed(tiny_corpus, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    good = next(path for path in sorted(tiny_corpus.rglob("*")) if path.suffix in (".wav", ".flac"))
    (root / "link.wav").symlink_to(good)
    summary = build(Manifest([Utterance(id="link", path="link.wav")]), root, tmp_path / "s", "rms")
    assert summary.failed["link"].startswith("MISSING")


def test_a_circle_of_links_is_a_missing_file(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.wav").symlink_to("b.wav")
    (root / "b.wav").symlink_to("a.wav")
    summary = build(Manifest([Utterance(id="a", path="a.wav")]), root, tmp_path / "s", "rms")
    assert summary.failed["a"].startswith("MISSING")


def test_flags_are_counted_and_kept_beside_good_rows(tiny_corpus, tiny_manifest, tmp_path):
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", "luo2019/rms")
    assert not summary.failed
    assert summary.flagged["RATE"] == len(tiny_manifest)  # 16 kHz speech, upsampled to luo2019's 22,050 Hz
    later = build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    assert "RATE" not in later.flagged  # of a column at 16 kHz nothing is to be said, whatever else the store holds


def test_a_full_disk_is_one_sentence_and_leaves_a_resumable_store(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    real, calls = os.write, []

    def full(descriptor, data):
        calls.append(len(data))
        if len(data) > 4096 * 4 and len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match=r"(?i)space"):
        build(tiny_manifest, tiny_corpus, tmp_path / "s")
    monkeypatch.undo()
    assert not [file for file in (tmp_path / "s" / "tmp").iterdir() if file.suffix == ".h5"]
    assert not build(tiny_manifest, tiny_corpus, tmp_path / "s").failed
    assert store.verify(tmp_path / "s").ok


def test_a_hiccup_of_the_file_system_is_tried_again(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    real, left = shards._check_unchanged, [1]

    def flaky(task, utterance):
        if left and left.pop():
            raise OSError(errno.EIO, "Input/output error")
        return real(task, utterance)

    monkeypatch.setattr(shards, "_check_unchanged", flaky)
    assert not build(tiny_manifest, tiny_corpus, tmp_path / "s").failed


def test_a_lasting_failure_is_reported_after_a_few_attempts(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    def broken(task, utterance):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shards, "_check_unchanged", broken)
    with pytest.raises(WorkerError, match="run the same command again"):
        build(tiny_manifest, tiny_corpus, tmp_path / "s")


def test_columns_of_two_extractions_at_once_are_both_kept(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    real, done = store.publish_head, []

    def late(path, manifest, groups):
        if not done:
            done.append(True)
            build(tiny_manifest, tiny_corpus, tmp_path / "s", "zcr")
        return real(path, manifest, groups)

    monkeypatch.setattr(store, "publish_head", late)
    summary = build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    assert summary.columns == ["rms", "zcr"]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ("rmss", UnknownNameError, "did you mean rms"),
        ("rms(hop=3)", UnknownNameError, "hop_length"),
        ("", ParameterError, "is empty"),
    ],
)
def test_nonsense_features_are_refused_before_anything_is_written(
    tiny_corpus, tiny_manifest, tmp_path, columns, error, message
):
    with pytest.raises(error, match=message):
        build(tiny_manifest, tiny_corpus, tmp_path / "s", columns)
    assert not (tmp_path / "s").exists()


def test_a_missing_root_is_refused(tiny_manifest, tmp_path):
    with pytest.raises(CorpusNotFoundError, match="no folder"):
        build(tiny_manifest, tmp_path / "nowhere", tmp_path / "s")


def test_kill_9_in_the_middle_and_resume_gives_the_same_store(tiny_corpus, tiny_manifest, tmp_path):
    whole = tmp_path / "whole"
    build(tiny_manifest, tiny_corpus, whole, "luo2019,mel256")
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "featurekit", "extract", "--corpus", "demo", "--root", str(tiny_corpus)]
    child = subprocess.Popen(
        [*command, "--features", "luo2019,mel256", "-o", str(out), "--backend", "serial", "--device", "cpu"],
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (out / "shards").is_dir() or not any((out / "shards").iterdir()):
        assert time.monotonic() < deadline
        assert child.poll() is None or any((out / "shards").iterdir())
        time.sleep(0.002)
    os.killpg(child.pid, 9)
    child.wait()
    kept = shard_digests(out)
    assert 0 < len(kept) < len(shard_digests(whole))
    summary = build(tiny_manifest, tiny_corpus, out, "luo2019,mel256")
    assert summary.computed_shards == summary.shards - len(kept)
    assert shard_digests(out) == shard_digests(whole)


def test_real_defective_files_are_counted_and_never_a_traceback(real_corpora, tmp_path):
    odd = real_corpora / "odd"
    manifest = Manifest(Utterance(id=path.stem, path=path.name) for path in sorted(odd.iterdir()))
    summary = build(manifest, odd, tmp_path / "s", "rms", backend="serial")
    statuses = {name: reason.split(":")[0] for name, reason in summary.failed.items()}
    assert statuses == {
        "git_lfs_pointer_1001_DFA_ANG_XX": "DECODE",
        "header_only_44_bytes": "EMPTY",
        "zero_frames_asterisk_ru_is": "EMPTY",
    }
    assert summary.utterances == 6


def test_the_features_room_and_the_store_agree_on_every_feature(tiny_corpus, tiny_manifest, tmp_path):
    few = Manifest(tiny_manifest.utterances[:2])
    names = [name for name in features.FEATURES.names() if not features.FEATURES.get(name).extra]
    summary = build(few, tiny_corpus, tmp_path / "s", ",".join(names))
    assert not summary.failed
    assert len(summary.columns) == len(names)
    assert store.verify(tmp_path / "s").ok


def test_the_corpus_named_in_a_store_is_held_to(tiny_corpus, tiny_manifest, tiny_store, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_store, copy)
    with pytest.raises(StoreError, match="corpus"):
        extraction.build_store(tiny_manifest, root=tiny_corpus, out=copy, columns="rms", corpus="mosi", backend="serial")


def test_a_corpus_without_files_says_what_to_get(tmp_path):
    with pytest.raises(CorpusNotFoundError, match="get:"):
        corpora.read_corpus("mosi", tmp_path)


def test_a_mistake_inside_a_feature_names_the_utterance(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    def mistaken(plan, signals, mask=None):
        raise ZeroDivisionError("a plugin's own mistake")

    monkeypatch.setattr(features.Plan, "compute", mistaken)
    with pytest.raises(ZeroDivisionError) as raised:
        build(tiny_manifest, tiny_corpus, tmp_path / "store")
    (note,) = raised.value.__notes__
    assert note in {f"while computing utterance {item.id} ({item.path})" for item in tiny_manifest}


def test_samples_that_overflow_are_a_status_and_no_warning(tmp_path):
    huge = (1e30 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    soundfile.write(tmp_path / "huge.wav", huge, 16000, subtype="FLOAT")
    manifest = Manifest([Utterance(id="huge", path="huge.wav")])
    summary = build(manifest, tmp_path, tmp_path / "s", "rms,mel(n_mels=32)")
    assert "NONFINITE" in summary.failed["huge"]


def under_numpy(monkeypatch, version):
    """What is computed from here on is computed, for the record, under that version of numpy."""
    real = features.Column.versions
    monkeypatch.setattr(features.Column, "versions", lambda column: real(column) | {"numpy": version})


def numpy_of(path, column):
    return fk.open_store(path).columns[column].versions["numpy"]


def test_a_rerun_under_other_libraries_leaves_the_record_of_what_it_did_not_compute(
    tiny_corpus, tiny_manifest, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        under_numpy(patch, "1.0")
        build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    with monkeypatch.context() as patch:
        under_numpy(patch, "2.0")
        again = build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
        assert (again.generation, numpy_of(tmp_path / "s", "rms")) == (1, "1.0")
        build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms,zcr")
    assert (numpy_of(tmp_path / "s", "rms"), numpy_of(tmp_path / "s", "zcr")) == ("1.0", "2.0")


def test_a_column_extended_under_other_libraries_names_all_of_them(tiny_corpus, tiny_manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("featurekit.extraction.plan.SMALLEST_TARGET_BYTES", 2**10)
    with monkeypatch.context() as patch:
        under_numpy(patch, "1.0")
        build(Manifest(tiny_manifest.utterances[:18]), tiny_corpus, tmp_path / "s", "rms")
    with monkeypatch.context() as patch:
        under_numpy(patch, "2.0")
        extended = build(tiny_manifest, tiny_corpus, tmp_path / "s", "rms")
    assert 0 < extended.computed_shards < extended.shards
    assert numpy_of(tmp_path / "s", "rms") == ["1.0", "2.0"]
    assert isinstance(fk.open_store(tmp_path / "s").columns["rms"].versions["numba"], str)
    assert store.verify(tmp_path / "s").ok
