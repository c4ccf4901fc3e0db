from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import soundfile

import featurekit as fk
from featurekit import audio, extraction
from featurekit.data import get_task, make_split, usable_ids
from featurekit.errors import AudioError, ParameterError, UnknownNameError
from featurekit.extraction import augmented, vocoder
from featurekit.features import cuda, parse
from featurekit.manifest import Manifest, Utterance

RATE = 16000


def tone(hz, seconds=1.0):
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def heard(samples, perturbation, parent="p"):
    """The samples after a perturbation, as extraction has them."""
    (name,) = augmented.parse(perturbation)
    item = Utterance(id="c", path="a.wav", parent=parent, perturbation=name)
    return augmented.perturbed(audio.Signal(samples, RATE, RATE), item).samples


def loudest_hz(samples):
    middle = samples[len(samples) // 4 : -len(samples) // 4] * np.hanning(len(samples[len(samples) // 4 : -len(samples) // 4]))
    return np.argmax(np.abs(np.fft.rfft(middle, 1 << 18))) * RATE / (1 << 18)


def power(samples):
    return float(np.mean(np.square(samples, dtype=np.float64)))


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_pitch_and_length_alike(factor):
    played = heard(tone(440), f"speed({factor})")
    assert len(played) == pytest.approx(RATE / factor, abs=1)
    assert loudest_hz(played) == pytest.approx(440 * factor, rel=1e-3)
    assert augmented.duration_s(f"speed(factor={factor})", 1.0) == pytest.approx(len(played) / RATE, abs=1e-4)


@pytest.mark.parametrize("semitones", [-5, 2, 12])
def test_pitch_changes_the_pitch_and_not_the_length(semitones):
    shifted = heard(tone(440, 2.0), f"pitch({semitones})")
    assert len(shifted) == 2 * RATE
    assert loudest_hz(shifted) == pytest.approx(440 * 2 ** (semitones / 12), rel=2e-3)
    middle = slice(RATE // 2, -RATE // 2)
    assert power(shifted[middle]) == pytest.approx(0.5, rel=0.05)


def test_a_stretched_tone_keeps_its_pitch_and_level_and_librosas_length():
    import librosa

    for rate in (0.7, 1.0, 1.5):
        ours, theirs = vocoder.stretch(tone(300, 2.0), rate), librosa.effects.time_stretch(tone(300, 2.0), rate=rate)
        assert len(ours) == len(theirs)
        assert loudest_hz(ours) == pytest.approx(300, rel=1e-3)
        middle = slice(len(ours) // 4, -len(ours) // 4)
        assert power(ours[middle]) == pytest.approx(power(theirs[middle]), rel=0.05)
    np.testing.assert_allclose(vocoder.stretch(tone(300), 1.0)[2048:-2048], tone(300)[2048:-2048], atol=1e-3)


def test_noise_lies_at_the_ratio_asked_for_and_is_another_for_another_parent():
    for snr_db in (0.0, 15.0):
        noisy = heard(tone(440), f"noise({snr_db})")
        assert 10 * np.log10(power(tone(440)) / power(noisy - tone(440))) == pytest.approx(snr_db, abs=1e-3)
    np.testing.assert_array_equal(noisy, heard(tone(440), "noise(snr_db=15)"))
    assert not np.array_equal(noisy, heard(tone(440), "noise(snr_db=15)", parent="q"))
    assert not heard(np.zeros(800, np.float32), "noise(10)").any()


def test_a_room_answers_an_impulse_with_a_tail_that_falls_by_60_db_in_its_time():
    impulse = np.zeros(RATE, np.float32)
    impulse[0] = 1.0
    response = heard(impulse, "room(rt60_s=0.5, drr_db=6)").astype(np.float64)
    direct, tail = response[0] ** 2, response[1 : RATE // 2] ** 2
    assert 10 * np.log10(direct / tail.sum()) == pytest.approx(6, abs=0.01)
    assert not np.abs(response[RATE // 2 + 1 :]).max() > 1e-6  # float32 noise of the FFT
    left_db = 10 * np.log10(tail[::-1].cumsum()[::-1])  # Schroeder's integral
    slope_db = np.polyfit(np.arange(4000) / RATE, left_db[:4000], 1)[0]
    assert slope_db == pytest.approx(-60 / 0.5, rel=0.05)
    assert power(heard(tone(440), "room")) == pytest.approx(power(tone(440)), rel=1e-4)


def test_a_shift_moves_and_fills_with_silence():
    samples = np.arange(1, 1001, dtype=np.float32)
    later, earlier = heard(samples, "shift(0.01)"), heard(samples, "shift(-0.01)")
    np.testing.assert_array_equal(later, np.r_[np.zeros(160), samples[:-160]])
    np.testing.assert_array_equal(earlier, np.r_[samples[160:], np.zeros(160)])
    with pytest.raises(AudioError, match="EMPTY"):
        heard(samples, "shift(0.1)")


def test_requests_are_read_and_wrong_ones_refused():
    assert augmented.parse("speed(0.9),noise(snr_db=15)") == ["speed(factor=0.9)", "noise(snr_db=15.0)"]
    for wrong, message in (
        ("spede(0.9)", "did you mean speed"),
        ("noise(snr=15)", "did you mean snr_db"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            augmented.parse(wrong)
    for wrong, message in (
        ("speed", "needs factor"),
        ("speed(3)", "0.5 to 2"),
        ("noise(loud)", "number"),
        ("speed(0.9),speed(factor=0.9)", "different"),
        ("specaugment(time_warp=0.5)", "time_warp must be a whole number, 0 or more, got 0.5"),
        ("specaugment(time_width=-1)", "time_width must be a whole number"),
        ("", "different"),
    ):
        with pytest.raises(ParameterError, match=message):
            augmented.parse(wrong)
    assert all(augmented.describe(name) for name in augmented.PERTURBATIONS)


def test_children_follow_the_originals_block_by_block_and_are_not_doubled(tiny_manifest):
    both = augmented.with_children(tiny_manifest, "speed(0.9),noise(15)")
    n = len(tiny_manifest)
    assert both.ids[:n] == tiny_manifest.ids
    assert {item.perturbation for item in both.utterances[n : 2 * n]} == {"speed(factor=0.9)"}
    for item, parent in zip(both.utterances[2 * n :], tiny_manifest, strict=True):
        assert item.id == f"{parent.id}~noise(snr_db=15.0)"
        assert item.parent == parent.id
        assert (item.path, item.start, item.recording, item.labels) == (
            parent.path,
            parent.start,
            parent.recording,
            parent.labels,
        )
    assert augmented.with_children(both, "noise(snr_db=15)").ids == both.ids


def build(manifest, root, out, **more):
    how = {"columns": "rms,mel(n_mels=32)", "corpus": "demo", "backend": "serial"} | more
    return extraction.build_store(manifest, root=root, out=out, **how)


def shard_digests(path):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (path / "shards").iterdir()}


@pytest.fixture(scope="module")
def with_children(tiny_corpus, tiny_manifest, tmp_path_factory):
    """A store of the tiny corpus to which children were added; its path and what adding them did."""
    out = tmp_path_factory.mktemp("augmented") / "s"
    build(tiny_manifest, tiny_corpus, out)
    before = shard_digests(out)
    both = augmented.with_children(tiny_manifest, "speed(0.9),noise(15)")
    return out, before, build(both, tiny_corpus, out), both


def test_children_are_added_to_a_store_without_computing_the_originals_again(tiny_corpus, tiny_manifest, with_children):
    out, before, summary, both = with_children
    after = shard_digests(out)
    kept = sum(after.get(name) == digest for name, digest in before.items())
    assert kept >= len(before) - 1  # the last shard may be extended
    assert summary.computed_utterances < 2 * len(tiny_manifest) + len(tiny_manifest) / 2
    assert fk.open_store(out).ids == both.ids
    assert build(both, tiny_corpus, out).computed_shards == 0


def test_a_childs_row_is_the_feature_of_the_perturbed_signal(tiny_corpus, tiny_manifest, with_children):
    opened = fk.open_store(with_children[0])
    parent = tiny_manifest.utterances[4]
    signal = audio.decode(tiny_corpus / parent.path, parent.start, parent.end)
    for perturbation in ("speed(factor=0.9)", "noise(snr_db=15.0)"):
        item = opened.manifest[f"{parent.id}~{perturbation}"]
        samples = augmented.perturbed(signal, item).samples
        expected = fk.extract(audio.resample(samples, signal.sample_rate, RATE), RATE, "rms")["rms"]
        np.testing.assert_array_equal(opened[item.id]["rms"], expected)
        assert item.duration_s == pytest.approx(len(samples) / signal.sample_rate, abs=1e-3)
        assert item.fingerprint not in ("", opened.manifest[parent.id].fingerprint)
    assert not np.array_equal(opened[item.id]["rms"], opened[parent.id]["rms"])


def test_resuming_gives_the_bytes_of_one_run(tiny_corpus, with_children, tmp_path):
    both = with_children[3]
    build(both, tiny_corpus, tmp_path / "s")
    whole = shard_digests(tmp_path / "s")
    for shard in sorted((tmp_path / "s" / "shards").iterdir())[::2]:
        shard.unlink()
    assert build(both, tiny_corpus, tmp_path / "s").computed_shards > 0
    assert shard_digests(tmp_path / "s") == whole


@pytest.mark.slow
def test_workers_give_the_bytes_of_one_process(tiny_corpus, with_children, tmp_path):
    both = with_children[3]
    for backend in ("serial", "joblib"):
        build(both, tiny_corpus, tmp_path / backend, backend=backend, workers=2)
    assert shard_digests(tmp_path / "joblib") == shard_digests(tmp_path / "serial")


def test_a_child_of_a_failed_parent_fails_with_it_and_is_in_no_part(tmp_path):
    items = []
    for number in range(12):
        name = f"{number}.wav"
        soundfile.write(tmp_path / name, tone(200 + 20 * number, 0.2), RATE)
        items.append(Utterance(id=str(number), path=name, speaker=f"s{number % 4}", labels={"emotion": "ab"[number // 4 % 2]}))
    (tmp_path / "3.wav").write_bytes(b"RIFF")
    both = augmented.with_children(Manifest(items), "shift(0.01)")
    summary = build(both, tmp_path, tmp_path / "store", columns="rms", corpus="custom")
    assert set(summary.failed) == {"3", "3~shift(shift_s=0.01)"}
    assert len(set(summary.failed.values())) == 1
    opened = fk.open_store(tmp_path / "store")
    split = make_split("loso", opened.manifest, get_task("emotion", opened.manifest), ids=usable_ids(opened, ["rms"]), dev=0.0)
    for fold in split.folds:
        assert not {"3", "3~shift(shift_s=0.01)"} & {*fold.train, *fold.test}
        assert all(not opened.manifest[name].parent for name in fold.test)
        originals = {name for name in fold.train if not opened.manifest[name].parent}
        assert {opened.manifest[name].parent for name in fold.train} - {""} == originals


def test_the_words_of_a_child_are_where_the_child_says_them():
    words = [[0.0, 0.9, "well"], [0.9, 1.8, "yes"]]
    parent = Utterance("a", "a.wav", labels={"words": words, "emotion": "sad"})

    def of(perturbation):
        return augmented.child(parent, perturbation).labels["words"]

    assert of("speed(factor=0.9)") == [[0.0, 1.0, "well"], [1.0, 2.0, "yes"]]
    assert of("shift(shift_s=0.5)") == [[0.5, 1.4, "well"], [1.4, 2.3, "yes"]]
    assert of("shift(shift_s=-1.0)") == [[0.0, 0.8, "yes"]]
    assert of("noise(snr_db=9.0)") == words
    broken = dataclasses.replace(parent, labels={"words": "well yes"})
    assert augmented.child(broken, "speed(factor=0.9)").labels == broken.labels


def test_a_perturbation_nobody_knows_is_refused_before_anything_is_computed(tiny_corpus, tiny_manifest, tmp_path):
    strange = [dataclasses.replace(item, id=f"{item.id}~x", parent=item.id, perturbation="echo(1)") for item in tiny_manifest]
    with pytest.raises(UnknownNameError, match="perturbation 'echo'"):
        build(Manifest([*tiny_manifest, *strange]), tiny_corpus, tmp_path / "s")
    assert not list((tmp_path / "s" / "shards").iterdir())


LB = "specaugment(seed={},time_warp=80,frequency_masks=1,frequency_width=27,time_masks=1,time_width=100)"


def masked_children(manifest):
    return augmented.with_children(manifest, "specaugment,specaugment(1)")


@pytest.fixture(scope="module")
def with_masked(tiny_corpus, tiny_manifest, tmp_path_factory):
    """A store whose children have masked log-mels, two each."""
    out = tmp_path_factory.mktemp("masked") / "s"
    build(masked_children(tiny_manifest), tiny_corpus, out, columns="lu2020")
    return out


def test_specaugment_is_named_with_the_whole_policy_and_copies_differ_by_a_seed(tiny_manifest):
    assert augmented.parse("specaugment,specaugment(1)") == [LB.format(0), LB.format(1)]
    masks = {augmented.mask_of(item) for item in masked_children(tiny_manifest)} - {None}
    assert len(masks) == 2 * len(tiny_manifest)  # a draw for each child


def test_a_masked_childs_row_is_its_parents_log_mel_warped_and_masked(tiny_manifest, with_masked):
    opened = fk.open_store(with_masked)
    for parent in tiny_manifest.utterances[:6]:
        plain = opened[parent.id]["lu2020/fbank"]
        first, second = (opened.manifest[f"{parent.id}~{LB.format(seed)}"] for seed in (0, 1))
        for item in (first, second):
            masked = opened[item.id]["lu2020/fbank"]
            np.testing.assert_array_equal(masked, augmented.mask_of(item)(plain.T).T)
            assert masked.shape == plain.shape
            assert item.duration_s == opened.manifest[parent.id].duration_s
        assert not np.array_equal(opened[first.id]["lu2020/fbank"], opened[second.id]["lu2020/fbank"])


def test_masked_children_are_where_their_parents_train_and_nowhere_else(with_masked):
    opened = fk.open_store(with_masked)
    ids = usable_ids(opened, ["lu2020/fbank"])
    split = make_split("speaker-disjoint", opened.manifest, get_task("sentiment2", opened.manifest), ids=ids)
    for fold in split.folds:
        assert not any(opened.manifest[name].parent for name in (*fold.dev, *fold.test))
        originals = [name for name in fold.train if not opened.manifest[name].parent]
        assert len(fold.train) == 3 * len(originals)


@pytest.mark.parametrize("backend", ["joblib", pytest.param("dask", marks=pytest.mark.slow)])
def test_workers_give_the_bytes_of_one_process_to_masked_children(tiny_corpus, tiny_manifest, with_masked, tmp_path, backend):
    build(masked_children(tiny_manifest), tiny_corpus, tmp_path / "s", columns="lu2020", backend=backend, workers=2)
    assert shard_digests(tmp_path / "s") == shard_digests(with_masked)


def test_columns_that_masks_do_not_reach_are_refused_asked_for_or_held(tiny_corpus, tiny_manifest, tmp_path):
    both = masked_children(tiny_manifest)
    with pytest.raises(
        ParameterError, match=r"these read none: rms; there .*~specaugment\(seed=0,.* would be the same as its parent"
    ):
        build(both, tiny_corpus, tmp_path / "new", columns="lu2020,rms")
    assert not (tmp_path / "new").exists()
    build(tiny_manifest, tiny_corpus, tmp_path / "old", columns="rms")
    for step in (
        build,
        lambda *arguments, **more: extraction.dry_run(*arguments[:1], root=arguments[1], out=arguments[2], **more),
    ):
        with pytest.raises(ParameterError, match="these read none: rms"):
            step(both, tiny_corpus, tmp_path / "old", columns="lu2020")
    assert fk.open_store(tmp_path / "old").ids == tiny_manifest.ids


def test_masked_children_are_computed_on_the_cpu(tiny_manifest):
    both = masked_children(tiny_manifest)
    assert augmented.device_of(both, "auto", new=True) == "cpu"
    assert augmented.device_of(tiny_manifest, "auto", new=True) == "auto"
    assert augmented.device_of(both, "cuda", new=True) == "cuda"
    on_gpu = [cuda.on_gpu(column) for column in parse("lu2020")]
    with pytest.raises(ParameterError, match="lu2020/fbank on a GPU; use --device cpu"):
        augmented.check_columns(both, on_gpu)
    augmented.check_columns(tiny_manifest, on_gpu)
