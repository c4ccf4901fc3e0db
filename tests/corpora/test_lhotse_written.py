"""What lhotse itself writes is read as lhotse hears it."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.corpora import read_corpus
from featurekit.data.splits.foreign import read_folds
from featurekit.errors import ManifestError
from featurekit.extraction import augmented

pytestmark = pytest.mark.filterwarnings("ignore")
RATE = 16000


@pytest.fixture
def lhotse():
    return pytest.importorskip("lhotse")


@pytest.fixture
def call(lhotse, tmp_path, monkeypatch):
    """A call whose two sides are the channels of one file, as one MultiCut; each side has a supervision."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    time = np.arange(4 * RATE) / RATE
    sides = [np.sin(2 * np.pi * hertz * time) * np.linspace(0.1, 0.5, len(time)) for hertz in (300, 700)]
    soundfile.write("call.wav", np.stack(sides, 1) + 0.001 * rng.standard_normal((len(time), 2)), RATE, subtype="FLOAT")
    recording = lhotse.Recording.from_file("call.wav", recording_id="call")
    supervisions = [
        lhotse.SupervisionSegment("a", "call", 0.25, 1.5, channel=0, speaker="ann", custom={"emotion": "calm"}),
        lhotse.SupervisionSegment("b", "call", 2.0, 1.5, channel=1, speaker="bob", custom={"emotion": "cross"}),
    ]
    return lhotse.MultiCut("k", 0, 4.0, [0, 1], supervisions, recording=recording)


def sides_of(lhotse, call):
    """The sides as MonoCuts, as lhotse trims them."""
    return list(call.trim_to_supervisions(keep_overlapping=False))


def heard(root, manifest):
    return {item.id: augmented.decode(root, item).samples for item in manifest}


def as_lhotse_hears(cuts):
    return {cut.supervisions[0].id: cut.load_audio()[0] for cut in cuts}


def assert_alike(ours, theirs, most=1e-3):
    assert ours.keys() == theirs.keys()
    for name, samples in ours.items():
        assert abs(len(samples) - len(theirs[name])) <= 2
        n = min(len(samples), len(theirs[name]))
        assert np.max(np.abs(samples[:n] - theirs[name][:n])) < most, name


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz", "cuts.json"])
def test_every_supervision_of_a_multicut_is_heard_on_its_own_channel(lhotse, call, tmp_path, name):
    lhotse.CutSet.from_cuts([call]).to_file(name)
    manifest = read_corpus("lhotse", tmp_path)
    assert [(item.id, item.channel, item.speaker, dict(item.labels)) for item in manifest] == [
        ("a", 0, "ann", {"emotion": "calm"}),
        ("b", 1, "bob", {"emotion": "cross"}),
    ]
    theirs = {}
    for cut in sides_of(lhotse, call):
        (supervision,) = cut.supervisions
        theirs[supervision.id] = cut.load_audio()[supervision.channel if cut.num_channels == 2 else 0]
    assert_alike(heard(tmp_path, manifest), theirs)


def mono(lhotse, call):
    recording, out = call.recording, []
    for supervision in call.supervisions:
        cut = lhotse.MonoCut(f"cut-{supervision.id}", 0, 4.0, supervision.channel, [supervision], recording=recording)
        out.append(cut)
    return out


def test_speed_is_heard_as_lhotse_does_it_and_copies_are_children(lhotse, call, tmp_path):
    cuts = [cut.trim_to_supervisions(keep_overlapping=False)[0] for cut in mono(lhotse, call)]
    both = [*cuts, *(cut.perturb_speed(factor) for factor in (0.9, 1.1) for cut in cuts)]
    lhotse.CutSet.from_cuts(both).to_file("cuts.jsonl.gz")
    manifest = read_corpus("lhotse", tmp_path)
    assert {item.id: item.parent for item in manifest if item.parent} == {
        f"{name}_sp{factor}": name for name in "ab" for factor in (0.9, 1.1)
    }
    assert {(item.start, item.end) for item in manifest if item.id.startswith("a")} == {(0.25, 1.75)}
    ours, theirs = heard(tmp_path, manifest), as_lhotse_hears(both)
    middle = slice(400, -400)  # lhotse resamples the whole file, so only the borders of a stretch may differ
    assert ours.keys() == theirs.keys()
    for name, samples in ours.items():
        assert abs(len(samples) - len(theirs[name])) <= 2
        n = min(len(samples), len(theirs[name]))
        assert np.max(np.abs(samples[:n][middle] - theirs[name][:n][middle])) < 0.02, name
        if "_sp" in name:
            plain, n = ours[name[0]], min(len(ours[name[0]]), len(samples))
            assert np.max(np.abs(plain[:n] - theirs[name][:n])) > 0.1  # it would be seen if nothing was done


def test_copies_with_the_ids_of_their_originals_are_read_as_those_with_ids_of_their_own(lhotse, call, tmp_path):
    windows = lhotse.CutSet.from_cuts(mono(lhotse, call)).cut_into_windows(1.0).to_eager()
    whole = [cut.trim_to_supervisions(keep_overlapping=False)[0] for cut in mono(lhotse, call)]
    for cuts in (whole, [cut for cut in windows if cut.supervisions]):
        read = []
        for affix_id in (True, False):
            copies = [cut.perturb_speed(0.9, affix_id=affix_id) for cut in cuts]
            lhotse.CutSet.from_items([*cuts, *copies]).to_file("cuts.jsonl.gz")
            read.append(read_corpus("lhotse", tmp_path))
        marked, unmarked = ([(item.parent, item.start, item.end, item.perturbation) for item in manifest] for manifest in read)
        assert marked == unmarked
        assert len({item.id for item in read[1]}) == 2 * len(cuts)
        assert {item.id: item.parent for item in read[1] if item.parent} == {
            f"{item.id}_sp0.9": item.id for item in read[1] if not item.parent
        }
        parents = {item.id: item for item in read[1]}
        for item in (item for item in read[1] if item.parent):
            assert (item.start, item.end) == (parents[item.parent].start, parents[item.parent].end)
    lhotse.CutSet.from_items([cut.perturb_speed(0.9, affix_id=False) for cut in whole]).to_file("cuts.jsonl.gz")
    with pytest.raises(ManifestError, match=r"no cut here has its original, 'a'; add the cuts that were not perturbed"):
        read_corpus("lhotse", tmp_path)


def test_a_shar_is_read_after_its_archives_were_unpacked(lhotse, call, tmp_path):
    cuts = [cut.trim_to_supervisions(keep_overlapping=False)[0] for cut in mono(lhotse, call)]
    (root := tmp_path / "shar").mkdir()
    cuts += [cuts[0].perturb_speed(0.9)]
    lhotse.CutSet.from_cuts(cuts).to_shar(root, fields={"recording": "wav"}, shard_size=2)
    with pytest.raises(ManifestError, match=r"cuts.000000.jsonl.gz:1: the audio of .* no file unpacked/") as raised:
        read_corpus("lhotse", root)
    subprocess.run(["sh", "-c", f"cd {str(raised.value).partition(': cd ')[2]}"], check=True)
    files = tmp_path / "shar-files"
    assert f"--root {files}" in str(raised.value)
    manifest = read_corpus("lhotse", files)
    assert [(item.id, item.recording, item.speaker, dict(item.labels), item.parent) for item in manifest] == [
        ("a", "call", "ann", {"emotion": "calm"}, ""),
        ("a_sp0.9", "call", "ann", {"emotion": "calm"}, ""),
        ("b", "call", "bob", {"emotion": "cross"}, ""),
    ]
    theirs = as_lhotse_hears(lhotse.CutSet.from_shar(in_dir=root))
    assert_alike(heard(files, manifest), theirs)


def test_audio_of_a_command_is_refused_and_the_way_on_works(lhotse, call, tmp_path):
    source = lhotse.audio.AudioSource("command", [0, 1], "cat call.wav")
    cuts = lhotse.CutSet.from_cuts(
        [lhotse.utils.fastcopy(call, recording=lhotse.utils.fastcopy(call.recording, sources=[source]))]
    )
    cuts.to_file("cuts.jsonl")
    with pytest.raises(
        ManifestError, match=r"cuts.jsonl:1: audio of type 'command' is no file; .*cuts.save_audios\('FOLDER'\)"
    ):
        read_corpus("lhotse", tmp_path)
    cuts.save_audios(tmp_path / "saved").to_file(tmp_path / "saved" / "cuts.jsonl.gz")
    assert set(read_corpus("lhotse", tmp_path / "saved").ids) == {"a", "b"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cut: cut.perturb_tempo(0.9), "Tempo"),
        (lambda cut: cut.perturb_volume(2.0), "Volume"),
        (lambda cut: cut.resample(8000), "Resample"),
        (lambda cut: cut.reverb_rir(), "ReverbWithImpulseResponse"),
        (lambda cut: cut.normalize_loudness(-20.0), "LoudnessNormalization"),
        (lambda cut: cut.append(cut), "a MixedCut of 2 cuts"),
    ],
)
def test_what_lhotse_would_change_in_another_way_is_refused(lhotse, call, tmp_path, change, words):
    lhotse.CutSet.from_cuts([change(mono(lhotse, call)[0])]).to_file("cuts.jsonl")
    with pytest.raises(ManifestError, match=rf"cuts.jsonl:1: .*{words}"):
        read_corpus("lhotse", tmp_path)


def test_padding_truncation_and_resampling_are_heard_as_lhotse_does_it(lhotse, call, tmp_path):
    first, second = mono(lhotse, call)
    cuts = [first.truncate(duration=1.0).pad(3.0, direction="left"), second.truncate(offset=2.5).resample(16000).pad(9.0)]
    lhotse.CutSet.from_cuts(cuts).to_file("cuts.jsonl")
    manifest = read_corpus("lhotse", tmp_path)
    assert {item.id: (item.start, item.end) for item in manifest} == {"a": (0.25, 1.0), "b": (2.5, 3.5)}
    assert np.allclose(heard(tmp_path, manifest)["a"], audio.decode("call.wav", 0.25, 1.0, 0).samples)


def test_windows_are_utterances_of_their_own_and_meet_their_lists(lhotse, call, tmp_path):
    first, second = mono(lhotse, call)
    windows = lhotse.CutSet.from_cuts([first, second]).cut_into_windows(1.0).to_eager()
    windows.to_file("cuts_train.jsonl")
    manifest = read_corpus("lhotse", tmp_path)
    assert {item.id: (item.start, item.end) for item in manifest} == {
        "a@cut-a-0": (0.25, 1.0),
        "a@cut-a-1": (1.0, 1.75),
        "b@cut-b-2": (2.0, 3.0),
        "b@cut-b-3": (3.0, 3.5),
        **{cut.id: (cut.start, cut.end) for cut in windows if not cut.supervisions},
    }
    (fold,) = read_folds(tmp_path, manifest)
    assert set(fold.train) == set(manifest.ids)


def test_recordings_and_supervisions_are_read_as_their_cuts_are(lhotse, call, tmp_path):
    recordings = lhotse.RecordingSet.from_recordings([call.recording])
    supervisions = lhotse.SupervisionSet.from_segments(call.supervisions)
    (tmp_path / "two").mkdir()
    (tmp_path / "call.wav").rename(tmp_path / "two" / "call.wav")
    recordings.to_file("two/toy_recordings_train.jsonl.gz")
    supervisions.to_file("two/toy_supervisions_train.jsonl.gz")
    manifest = read_corpus("lhotse", tmp_path / "two")
    lhotse.CutSet.from_cuts([call]).to_file("cuts.jsonl")
    assert manifest.utterances == read_corpus("lhotse", tmp_path).utterances
    (fold,) = read_folds(tmp_path / "two", manifest)
    assert fold.train == ("a", "b")
