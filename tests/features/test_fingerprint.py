"""The fingerprint: what it must not notice, what it must, and that real codecs, levels and shifts are forgiven."""

from __future__ import annotations

import io
import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from featurekit.data.audit.duplicates import MAX_BIT_ERROR, N_BITS, near_duplicates, words
from featurekit.errors import ParameterError
from featurekit.features import Plan, parse

RATE = 16000


@pytest.fixture(scope="module")
def fingerprint():
    plan = Plan(parse("audio_fingerprint"))
    return lambda signal: words(plan.compute({RATE: np.asarray(signal, np.float32)})["audio_fingerprint"])


@pytest.fixture(scope="module")
def clips(real_corpora):
    """Six clips of RAVDESS and six of EMO-DB, of different speakers, at 16 kHz."""
    import soundfile

    paths = sorted((real_corpora / "ravdess").glob("Actor_*/*.flac"))[::240]
    paths += sorted((real_corpora / "emodb" / "wav").glob("*"))[::90]
    if len(paths) < 12:
        pytest.skip("RAVDESS and EMO-DB are not here")
    return [soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1) for path in paths]


def error(one, other):
    both = (one > 0) & (other > 0)
    return np.bitwise_count((one ^ other)[both]).sum() / (N_BITS * both.sum())


def test_a_long_recording_takes_little_more_memory_than_its_samples(fingerprint):
    signal = np.random.default_rng(0).standard_normal(60 * RATE).astype(np.float32)
    fingerprint(signal[:RATE])
    tracemalloc.start()
    try:
        fingerprint(signal)
        assert tracemalloc.get_traced_memory()[1] < 6 * signal.nbytes  # a spectrum of all bins and frames alone is 16 times
    finally:
        tracemalloc.stop()


def test_it_is_the_formula(speech_like):
    """Another way to the bits: dense bands, loops, and the definition."""
    signal = speech_like(seconds=1.0, rate=RATE)
    padded = np.pad(signal.astype(np.float64), 2048)
    window = np.hanning(4097)[:-1]
    edges = np.round(np.geomspace(300.0, 2000.0, 34) * 4096 / RATE).astype(int)
    energy = []
    for frame in range(1 + len(signal) // 256):
        power = np.abs(np.fft.rfft(window * padded[frame * 256 : frame * 256 + 4096])) ** 2
        energy.append([power[low:high].sum() for low, high in itertools.pairwise(edges)])
    energy = np.array(energy)
    loud = energy.sum(axis=1) > energy.sum(axis=1).max() * 1e-4
    ours = words(Plan(parse("audio_fingerprint")).compute({RATE: signal})["audio_fingerprint"])
    assert ours[0] == 0
    assert ((ours > 0) == loud)[1:].all()
    differing = 0
    for frame in np.flatnonzero(ours):
        slope, before = (energy[t, :-1] - energy[t, 1:] for t in (frame, frame - 1))
        expected = sum(1 << bit for bit in range(32) if slope[bit] > before[bit])
        differing += bin(expected ^ int(ours[frame])).count("1")
    assert differing <= 2  # the STFT is rounded to single precision


def test_gain_does_not_matter(fingerprint, speech_like):
    signal = speech_like(seconds=2.0, rate=RATE)
    assert error(fingerprint(signal), fingerprint(signal * np.float32(0.125))) == 0


def test_silence_has_no_fingerprint(fingerprint):
    assert not fingerprint(np.zeros(RATE)).any()


def test_another_rate_is_refused():
    with pytest.raises(ParameterError, match="must be 16000 Hz"):
        parse("audio_fingerprint(sample_rate=22050)")


def encoded(signal, container, subtype, level):
    import soundfile

    file = io.BytesIO()
    how = {"bitrate_mode": "CONSTANT"} if container == "MP3" else {}
    soundfile.write(file, np.clip(signal, -1, 1), RATE, format=container, subtype=subtype, compression_level=level, **how)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def later(signal):
    return np.concatenate([np.zeros(800, np.float32), signal])


# At 16 kHz MP3's level 0.63 is 64 kbit/s, 0.84 is 32; Vorbis at 0.9 is 31.
DISTURBED = {
    "MP3 64 kbit/s": lambda x: encoded(x, "MP3", "MPEG_LAYER_III", 0.6316),
    "MP3 32 kbit/s": lambda x: encoded(x, "MP3", "MPEG_LAYER_III", 0.8421),
    "Vorbis 31 kbit/s": lambda x: encoded(x, "OGG", "VORBIS", 0.9),
    "-20 dB in 16 bits": lambda x: np.round(x * 3276.8) / 32768,
    "+6 dB, clipped": lambda x: np.clip(2 * x, -1, 1),
    "50 ms later": later,
    "50 ms cut": lambda x: x[800:],
    "all at once": lambda x: encoded(np.round(later(x) * 3276.8) / 32768, "MP3", "MPEG_LAYER_III", 0.6316),
}


@pytest.mark.parametrize("name", DISTURBED)
def test_a_copy_is_found_among_the_others_after(name, clips, fingerprint):
    import soundfile

    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile writes no MP3")
    found = near_duplicates([fingerprint(clip) for clip in clips] + [fingerprint(DISTURBED[name](clip)) for clip in clips])
    assert [(match.first, match.second) for match in found] == [(n, n + len(clips)) for n in range(len(clips))]
    assert max(match.bit_error for match in found) < MAX_BIT_ERROR


@pytest.mark.slow
def test_all_of_ravdess_and_emodb_hold_one_pair_and_it_is_published_twice(real_corpora, fingerprint):
    import soundfile

    paths = [
        p
        for name in ("ravdess", "emodb")
        for p in sorted(Path(real_corpora / name).rglob("*"))
        if p.suffix in (".wav", ".flac")
    ]
    prints = [fingerprint(soundfile.read(p, dtype="float32", always_2d=True)[0].mean(axis=1)) for p in paths]
    pairs = [(paths[match.first].stem, paths[match.second].stem) for match in near_duplicates(prints)]
    assert pairs == [("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")]
