"""extract: a path or samples, in the words of librosa, with the values that a store holds."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import featurekit as fk
from featurekit import audio, features, store
from featurekit.errors import AudioError, ParameterError

TONE = np.sin(np.arange(8000) / 9).astype(np.float32)
REQUEST = "rms,spectral_centroid,mel(n_mels=32)"


def same(one, other):
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


def test_samples_and_their_rate_are_said_in_any_order_that_librosa_knows():
    wanted = features.extract(TONE, 16000, "luo2019")
    assert same(fk.extract(TONE, 16000, "luo2019"), wanted)
    assert same(fk.extract(TONE, sr=16000), wanted)
    assert same(fk.extract(TONE, sample_rate=16000, features=["luo2019"]), wanted)
    assert same(fk.extract(TONE.tolist(), 16000, "rms"), fk.extract(TONE, sr=16000.0, features="rms"))


def test_a_path_is_read_and_its_features_are_those_of_the_store(tiny_corpus, tiny_store, tiny_manifest, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    item = tiny_manifest[3]
    segment = audio.decode(tiny_corpus / item.path, item.start, item.end)
    path = tmp_path / "segment.wav"
    soundfile.write(path, segment.samples, segment.sample_rate, subtype="FLOAT")
    view = store.open_store(tiny_store)[item.id]
    for found in (fk.extract(path, REQUEST), fk.extract(str(path), features=[*REQUEST.split(",")[:2], "mel(n_mels=32)"])):
        assert same(found, {name: view[name] for name in found})
    assert list(fk.extract(path)) == list(fk.extract(TONE, sr=16000))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((TONE,), "samples need their rate in Hz, as in .*sr=16000; a path to a file needs none"),
        ((TONE, "luo2019"), "samples need their rate in Hz"),
        ((TONE, "luo2019", 16000), r"sample_rate is a str; .* as in extract\(samples, 16000, 'luo2019'\)"),
        (("a.wav", 16000), "a.wav is a file, which has its own rate; leave sample_rate out"),
        (((TONE, 16000),), r"expected samples, got a pair.*extract\(\*librosa.load\(path\)\)"),
        ((["a.wav", "b.wav"],), "one recording at a time, got 2 paths"),
        ((None, 16000), "expected an array of samples or a path, got NoneType"),
        ((TONE, 16000, 5), "features are named, as in .*; got 5"),
        ((np.stack([TONE, TONE]), 16000), "average the channels of stereo first"),
    ],
)
def test_what_cannot_be_extracted_is_explained(given, message):
    with pytest.raises(ParameterError, match=message):
        fk.extract(*given)


def test_two_rates_and_a_file_that_is_no_audio_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="two words for one rate"):
        fk.extract(TONE, 16000, sr=8000)
    (tmp_path / "a.wav").write_text("hello")
    with pytest.raises(AudioError, match="not audio"):
        fk.extract(tmp_path / "a.wav")


def test_samples_need_no_audio_library_and_no_torch():
    block = "; ".join(
        f"sys.modules[{name!r}] = None" for name in ("torch", "soundfile", "librosa", "dask", "distributed", "h5py")
    )
    code = f"import sys; {block}; import featurekit as fk; print(sorted(fk.extract([0.0] * 800, sr=16000, features='rms')))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert result.stdout.strip() == "['rms']", result.stderr
