"""Audio that lies, and audio that does not: every file ends as ok-with-the-right-length or as a status."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from featurekit import audio
from featurekit.audio import Status, decoder
from featurekit.audio.statuses import BY_FFMPEG
from featurekit.errors import AudioError, ParameterError

RATE = 16_000
CORPORA = Path(os.environ.get("FEATUREKIT_TEST_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
KINDS = [
    ("WAV", "PCM_16", "FILE"),
    ("WAV", "PCM_U8", "FILE"),
    ("WAV", "PCM_24", "FILE"),
    ("WAV", "PCM_32", "FILE"),
    ("WAV", "FLOAT", "FILE"),
    ("WAV", "DOUBLE", "FILE"),
    ("WAV", "ULAW", "FILE"),
    ("WAV", "IMA_ADPCM", "FILE"),
    ("WAV", "MS_ADPCM", "FILE"),
    ("WAV", "PCM_16", "BIG"),
    ("WAVEX", "PCM_16", "FILE"),
    ("RF64", "PCM_16", "FILE"),
    ("AIFF", "PCM_16", "FILE"),
    ("AIFF", "FLOAT", "FILE"),
    ("AIFF", "PCM_16", "LITTLE"),
    ("FLAC", "PCM_16", "FILE"),
    ("FLAC", "PCM_24", "FILE"),
    ("AU", "PCM_16", "FILE"),
    ("W64", "PCM_16", "FILE"),
    ("CAF", "PCM_16", "FILE"),
    ("OGG", "VORBIS", "FILE"),
]
SUFFIXES = {"WAVEX": "wav", "RF64": "wav"}


def tone(seconds=0.5, hz=440.0, rate=RATE, peak=0.5):
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noisy(seconds=0.5):
    return tone(seconds) + 0.01 * np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)


def write(path, samples, rate=RATE, kind=("WAV", "PCM_16", "FILE")):
    soundfile.write(path, samples, rate, format=kind[0], subtype=kind[1], endian=kind[2])
    return path


def refusal(call, *arguments, **keywords):
    with pytest.raises(AudioError) as caught:
        call(*arguments, **keywords)
    return caught.value


def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        data[rng.randrange(min(120, len(data)))] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    return bytes(data)


@pytest.fixture(params=KINDS, ids="-".join)
def kind(request):
    return request.param


@pytest.fixture
def sample(kind, tmp_path):
    return write(tmp_path / f"sample.{SUFFIXES.get(kind[0], kind[0].lower())}", noisy(), kind=kind)


def test_every_format_gives_the_length_its_header_says(sample, kind):
    header = audio.read_header(sample)
    signal = audio.decode(sample)
    assert len(signal.samples) == header.frames
    assert header.frames >= 8000 if "ADPCM" in kind[1] else header.frames == 8000  # ADPCM pads its last block
    assert (header.sample_rate, header.channels, signal.notes) == (RATE, 1, ())
    assert signal.samples.dtype == np.float32
    assert header.duration_s == signal.duration_s == header.frames / RATE
    assert audio.read_duration_s(sample) == header.duration_s


@pytest.mark.parametrize(
    ("subtype", "tolerance"), [("PCM_16", 4e-5), ("PCM_24", 3e-7), ("PCM_32", 1e-7), ("FLOAT", 0), ("PCM_U8", 8e-3)]
)
def test_samples_are_those_that_were_written(tmp_path, subtype, tolerance):
    path = write(tmp_path / "a.wav", tone(), kind=("WAV", subtype, "FILE"))
    np.testing.assert_allclose(audio.decode(path).samples, tone(), atol=tolerance, rtol=0)


def test_a_file_cut_anywhere_is_refused_as_truncated_or_unreadable(sample, kind, tmp_path):
    data = sample.read_bytes()
    cut = tmp_path / f"cut{sample.suffix}"
    for length in random.Random(0).sample(range(13, len(data)), 25):
        cut.write_bytes(data[:length])
        error = refusal(audio.decode, cut)
        if kind[0] != "OGG":  # its pages are checked by the decoder, which gives its own reasons
            assert error.status == Status.TRUNCATED, (length, error)


def test_a_wav_cut_short_says_how_many_bytes_it_promised(tmp_path):
    path = write(tmp_path / "a.wav", tone(1.0))
    path.write_bytes(path.read_bytes()[:10_000])
    assert refusal(audio.read_header, path).reason == "32000 bytes promised, 9956 present"


def test_a_flac_damaged_in_the_middle_is_not_called_truncated(tmp_path):
    path = write(tmp_path / "a.flac", noisy(3.0), kind=("FLAC", "PCM_16", "FILE"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    assert refusal(audio.decode, path).status == Status.DECODE


@pytest.mark.filterwarnings("default")
def test_mutated_headers_never_raise_anything_else_nor_eat_memory(sample, kind, tmp_path):
    data, rng = sample.read_bytes(), random.Random(1)
    path = tmp_path / f"mutant{sample.suffix}"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(60):  # times 21 formats
        path.write_bytes(mutated(data, rng))
        try:
            signal = audio.decode(path)
        except AudioError:
            continue
        assert len(signal.samples) == audio.read_header(path).frames
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 << 20  # KiB


@pytest.mark.slow
def test_ten_thousand_mutated_wav_headers(tmp_path):
    data, rng = write(tmp_path / "a.wav", noisy()).read_bytes(), random.Random(2)
    path = tmp_path / "mutant.wav"
    for _ in range(10_000):
        path.write_bytes(mutated(data, rng))
        try:
            frames = len(audio.decode(path).samples)
        except AudioError:
            continue
        assert frames in {8000, audio.read_header(path).frames}


def test_a_data_size_that_is_too_small_is_caught_by_what_follows(tmp_path):
    path = write(tmp_path / "a.wav", noisy())
    data = bytearray(path.read_bytes())
    data[40:44] = (4000).to_bytes(4, "little")
    path.write_bytes(data)
    error = refusal(audio.decode, path)
    assert error.status == Status.DECODE
    assert "no chunk begins there" in error.reason


def test_chunks_and_padding_after_the_samples_are_fine(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    data = bytearray(path.read_bytes() + b"LIST\4\0\0\0INFO" + bytes(64))
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    path.write_bytes(data)
    assert len(audio.decode(path).samples) == 8000


def test_a_streamed_wav_without_sizes_is_read_and_noted(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    path.write_bytes(data)
    signal = audio.decode(path)
    assert len(signal.samples) == 8000
    assert signal.notes == ("DECODE: streamed WAV that does not say its length",)


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", Status.EMPTY, "0 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", Status.DECODE, "run git lfs pull"),
        (b"<html><body>404 Not Found</body></html>\n", Status.DECODE, "is text, not audio; it begins with '<html>"),
        (b"\x00\x01\x02\x03" * 100, Status.DECODE, "libsndfile"),
        (b"RIFF", Status.TRUNCATED, "header ends"),
        (b"RIFF\x24\0\0\0AVI fmt ", Status.DECODE, "is AVI"),
        (b"RIFF\4\0\0\0WAVE", Status.DECODE, "no data chunk"),
        (b"fLaC", Status.TRUNCATED, "header ends"),
        (b"FORM\0\0\0\4ILBM", Status.DECODE, "not AIFF"),
        (b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\0\0\0" * 2000, Status.DECODE, "more than 1000 chunks"),
    ],
)
def test_what_is_not_audio_is_refused_in_one_sentence(tmp_path, content, status, reason):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    error = refusal(audio.decode, path)
    assert error.status == status
    assert reason in error.reason
    assert "\n" not in error.reason


def test_an_mp3_that_is_none_is_not_called_a_file_that_does_not_exist(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"\x00\x01\x02\x03" * 100)
    error = refusal(audio.decode, path)
    assert error.status == Status.DECODE
    assert "holds no MPEG frame" in error.reason


def forged(tmp_path, *, channels=1, rate=RATE, frames=1600, block=None):
    data_bytes = frames * channels * 2
    header = b"RIFF" + (36 + data_bytes).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\1\0" + channels.to_bytes(2, "little")
    header += rate.to_bytes(4, "little") + bytes(4) + (block or 2 * channels).to_bytes(2, "little") + b"\x10\0data"
    path = tmp_path / "forged.wav"
    path.write_bytes(header + data_bytes.to_bytes(4, "little") + bytes([1, 2]) * (data_bytes // 2))
    return path


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"channels": 0}, Status.CHANNELS, "0 channels"),
        ({"channels": 65}, Status.CHANNELS, "65 channels, accepted are 1 to 64"),
        ({"rate": 0}, Status.RATE, "0 Hz"),
        ({"rate": 999}, Status.RATE, "999 Hz, accepted are 1000 to 768000 Hz"),
        ({"rate": 768_001}, Status.RATE, "768001 Hz"),
        ({"frames": 159}, Status.EMPTY, "shorter than 0.01 s"),
        ({"rate": 1000, "frames": 21_600_001}, Status.TOO_LONG, "accepted are 6 h"),
        ({"block": 3}, Status.DECODE, "blocks of 3 bytes"),
    ],
)
def test_absurd_headers_are_refused_before_decoding(tmp_path, fields, status, reason):
    for read in (audio.read_header, audio.read_duration_s):
        error = refusal(read, forged(tmp_path, **fields))
        assert error.status == status
        assert reason in error.reason


def test_the_limits_themselves_are_accepted(tmp_path):
    for fields in ({"rate": 1000}, {"rate": 768_000, "frames": 7680}, {"channels": 64}, {"frames": 160}):
        assert audio.read_header(forged(tmp_path, **fields)).frames > 0


def test_a_flac_that_promises_years_or_nothing_is_as_long_as_its_frames(tmp_path):
    path = write(tmp_path / "a.flac", noisy(), kind=("FLAC", "PCM_16", "FILE"))
    data = bytearray(path.read_bytes())
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4
    path.write_bytes(data)
    assert audio.read_header(path).frames == 8000
    assert audio.decode(path).notes[0].startswith("TRUNCATED: FLAC header promises 68719476735 frames, 8000 are there")
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    assert audio.read_header(path).frames == 8000
    assert "does not say its length" in audio.decode(path).notes[0]


def test_an_aiff_named_wav_decodes_with_a_note(tmp_path):
    path = write(tmp_path / "a.wav", tone(), kind=("AIFF", "PCM_16", "FILE"))
    assert audio.decode(path).notes == ("DECODE: is AIFF, named .wav",)


def test_directories_fifos_and_devices_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.wav")
    for path in (tmp_path, tmp_path / "fifo.wav", Path("/dev/zero")):
        for call in (audio.read_header, audio.decode, audio.hash_file):
            assert refusal(call, path).status == Status.DECODE


def test_a_missing_file_stays_a_file_not_found_error(tmp_path):
    for call in (audio.read_header, audio.decode, audio.hash_file):
        with pytest.raises(FileNotFoundError):
            call(tmp_path / "none.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_stays_a_permission_error(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    path.chmod(0)
    with pytest.raises(PermissionError):
        audio.decode(path)


def test_a_name_that_is_not_utf8_opens(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    write(tmp_path / "a.wav", tone()).rename(path)
    assert audio.read_header(path).frames == 8000
    assert len(audio.hash_file(path)) == 64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_the_time_of_the_first(tmp_path, bad):
    samples = tone()
    samples[4000:4003] = bad
    path = write(tmp_path / "a.wav", samples, kind=("WAV", "FLOAT", "FILE"))
    error = refusal(audio.decode, path)
    assert error.status == Status.NONFINITE
    assert error.reason == "3 samples are NaN or infinite, the first at 0.250 s"
    assert len(audio.decode(path, 0.3, 0.4).samples) == 1600


def test_silence_is_noted_and_kept(tmp_path):
    for peak, silent in ((0.0, True), (9e-5, True), (2e-4, False)):
        signal = audio.decode(write(tmp_path / "a.wav", tone(peak=peak), kind=("WAV", "FLOAT", "FILE")))
        assert any(note.startswith("SILENT") for note in signal.notes) == silent


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT"])
def test_three_samples_in_a_row_at_full_scale_are_clipping_and_two_are_not(tmp_path, subtype):
    samples = tone(peak=0.9)
    samples[100:102] = 1.0
    samples[200:202] = -1.0
    assert audio.decode(write(tmp_path / "a.wav", samples, kind=("WAV", subtype, "FILE"))).notes == ()
    samples[300:304] = 1.0
    samples[400:403] = -1.0
    notes = audio.decode(write(tmp_path / "a.wav", samples, kind=("WAV", subtype, "FILE"))).notes
    assert notes == ("CLIPPED: 7 samples at full scale",)


def test_float_peaks_above_one_are_kept_and_noted(tmp_path):
    signal = audio.decode(write(tmp_path / "a.wav", tone(peak=1.5, hz=400.0), kind=("WAV", "FLOAT", "FILE")))
    assert signal.samples.max() == pytest.approx(1.5, abs=1e-3)
    assert signal.notes == ("CLIPPED: peak 1.5 above full scale, kept as it is",)


def test_stereo_is_mixed_down_with_a_note_and_a_channel_is_taken_without_one(tmp_path):
    left, right = tone(hz=300.0), tone(hz=500.0)
    path = write(tmp_path / "a.wav", np.stack([left, right], axis=1), kind=("WAV", "FLOAT", "FILE"))
    mixed = audio.decode(path)
    np.testing.assert_allclose(mixed.samples, (left + right) / 2, atol=1e-7)
    assert mixed.notes == ("CHANNELS: 2 channels mixed down",)
    np.testing.assert_array_equal(audio.decode(path, channel=1).samples, right)
    assert audio.decode(path, channel=1).notes == ()
    assert refusal(audio.decode, path, channel=2).reason == "channel 2 asked for, the file has 0 to 1"


def test_clipping_in_one_channel_is_seen_before_the_mixdown_hides_it(tmp_path):
    loud = tone(peak=0.9)
    loud[50:60] = 1.0
    path = write(tmp_path / "a.wav", np.stack([loud, tone(peak=0.1)], axis=1))
    assert "CLIPPED: 10 samples at full scale" in audio.decode(path).notes


def test_reading_in_blocks_gives_the_same_samples(tmp_path, monkeypatch):
    path = write(tmp_path / "a.flac", np.stack([noisy(), tone()], axis=1), kind=("FLAC", "PCM_16", "FILE"))
    whole = audio.decode(path, 0.1, 0.4)
    monkeypatch.setattr(decoder, "_BLOCK_SAMPLES", 1000)
    np.testing.assert_array_equal(audio.decode(path, 0.1, 0.4).samples, whole.samples)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "AIFF"])
def test_a_segment_is_the_stretch_of_the_whole_file(tmp_path, container):
    path = write(tmp_path / f"a.{container.lower()}", noisy(2.0), kind=(container, "PCM_16", "FILE"))
    whole = audio.decode(path).samples
    for start, end in ((0.0, 0.5), (0.25, 1.75), (1.0, None), (None, 0.3), (0.100031, 0.200032)):
        first = round((start or 0) * RATE)
        last = len(whole) if end is None else round(end * RATE)
        np.testing.assert_array_equal(audio.decode(path, start, end).samples, whole[first:last])


def test_a_segment_may_overshoot_the_file_by_a_tenth_of_a_second(tmp_path):
    path = write(tmp_path / "a.wav", tone(1.0))
    signal = audio.decode(path, 0.5, 1.099)
    assert len(signal.samples) == 8000
    assert signal.notes == ("TRUNCATED: segment end 1.099 s cut, the file has 1.00 s",)
    error = refusal(audio.decode, path, 0.5, 1.2)
    assert (error.status, error.reason) == (Status.TRUNCATED, "segment ends at 1.20 s but the file has 1.00 s")


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.05), (5.0, 6.0), (0.5, 0.5), (0.5, 0.505), (0.6, 0.5), (0.995, None)])
def test_a_segment_of_no_length_is_empty(tmp_path, start, end):
    assert refusal(audio.decode, write(tmp_path / "a.wav", tone(1.0)), start, end).status == Status.EMPTY


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_times_that_are_not_seconds_are_a_wrong_argument(tmp_path, bad):
    path = write(tmp_path / "a.wav", tone())
    with pytest.raises(ParameterError, match="seconds >= 0"):
        audio.decode(path, start=bad)
    with pytest.raises(ParameterError, match="seconds >= 0"):
        audio.decode(path, end=bad)


def test_load_resamples_and_keeps_a_tone_at_its_pitch(tmp_path):
    path = write(tmp_path / "a.wav", tone(1.0, hz=1000.0, rate=48_000), rate=48_000)
    signal = audio.load(path, RATE)
    assert (signal.sample_rate, signal.original_rate, signal.notes) == (RATE, 48_000, ())
    assert abs(len(signal.samples) - RATE) <= 1
    spectrum = np.abs(np.fft.rfft(signal.samples * np.hanning(len(signal.samples))))
    assert np.argmax(spectrum) == pytest.approx(1000, abs=1)


def test_upsampling_is_noted_and_adds_nothing_above_the_old_nyquist(tmp_path):
    samples = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    signal = audio.load(write(tmp_path / "a.wav", samples, rate=8000), RATE)
    assert signal.notes == ("RATE: upsampled from 8000 Hz to 16000 Hz, bands above 4000 Hz hold nothing",)
    power = np.abs(np.fft.rfft(signal.samples)) ** 2
    assert power[len(power) * 3 // 5 :].mean() < 1e-6 * power[: len(power) // 2].mean()


def test_resampling_to_the_same_rate_changes_nothing_and_twice_gives_the_same():
    samples = tone(rate=44_100)
    assert audio.resample(samples, RATE, RATE) is samples
    once, again = (audio.resample(samples, 44_100, 22_050) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.dtype == np.float32
    with pytest.raises(ParameterError, match="positive"):
        audio.resample(samples, 0, RATE)


def test_fingerprints_differ_by_what_is_taken_and_not_by_how_it_is_written(tmp_path):
    file_hash = audio.hash_file(write(tmp_path / "a.wav", tone()))
    copy = tmp_path / "elsewhere.wav"
    copy.write_bytes((tmp_path / "a.wav").read_bytes())
    assert audio.hash_file(copy) == file_hash
    arguments = [
        (None, None),
        (0, 1),
        (0.0, 1.5),
        (0.5, 1.0),
        (None, None, 0),
        (None, None, 1),
        (None, None, None, "speed=0.9"),
    ]
    prints = [audio.fingerprint(file_hash, *given) for given in arguments]
    assert len(set(prints)) == len(prints)
    assert audio.fingerprint(file_hash, 0, 1) == audio.fingerprint(file_hash, 0.0, 1.0)
    assert audio.fingerprint("other", 0, 1) != prints[1]


def test_a_fingerprint_is_the_one_it_always_was():
    written = b'["' + b"00" * 32 + b'",1.0,2.5,null,""]'
    assert audio.fingerprint("00" * 32, 1, 2.5, None, "") == hashlib.sha256(written).hexdigest()


ODD = {
    "aiff_named_wav_YAF_germ_angry.wav": "DECODE: is AIFF, named .wav",
    "aiff_named_wav_YAF_neat_fear.wav": "DECODE: is AIFF, named .wav",
    "git_lfs_pointer_1001_DFA_ANG_XX.wav": Status.DECODE,
    "header_only_44_bytes.wav": Status.EMPTY,
    "rate_96k_OAF_food_fear.wav": None,
    "zero_frames_asterisk_ru_is.wav": Status.EMPTY,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_of_real_corpora_end_as_expected(name):
    path = CORPORA / "odd" / name
    if not path.exists():
        pytest.skip("real corpora are not here")
    expected = ODD[name]
    if isinstance(expected, Status):
        assert refusal(audio.load, path, RATE).status == expected
    else:
        signal = audio.load(path, RATE)
        assert signal.notes == ((expected,) if expected else ())
        assert signal.duration_s == pytest.approx(audio.read_header(path).duration_s, abs=1e-3)


def test_real_clips_decode_to_the_length_of_their_header():
    clips = [*sorted(CORPORA.glob("ravdess/Actor_*/*"))[::60], *sorted(CORPORA.glob("emodb/wav/*"))[::50]]
    if not clips:
        pytest.skip("real corpora are not here")
    for clip in clips:
        signal = audio.decode(clip)
        assert len(signal.samples) == audio.read_header(clip).frames
        assert signal.notes == ()


def test_a_lower_rate_is_harmless_only_where_all_files_have_it():
    assert audio.rates_note({22050: 3, 44100: 1}, 22050) == ""
    assert audio.rates_note({0: 5}, 22050) == ""
    assert audio.rates_note({16000: 3}, 22050).endswith("bands above 8 kHz are empty, harmless within this corpus")
    mixed = audio.rates_note({16000: 20, 48000: 1420}, 22050)
    assert mixed.startswith("20 of 1,440 files have 16 kHz, the others more")
    assert "harmless" not in mixed
    assert "take features of 16 kHz" in mixed
    assert audio.rates_note({8000: 1, 16000: 1}, 22050).startswith("the files have 8, 16 kHz, and the features")


def test_every_status_has_words():
    assert set(audio.MEANINGS) == set(audio.Status) - {audio.Status.OK} | {BY_FFMPEG}
    assert audio.in_words("DECODE") == "DECODE (not audio, or of a format that cannot be read)"
    assert audio.in_words("MINE") == "MINE"


def test_a_long_file_is_resampled_while_it_is_decoded(tmp_path):
    """20 minutes at 48 kHz are 230 MB of float32, and 77 MB at 16 kHz: the former never stand in memory."""
    path, minute = tmp_path / "long.flac", np.tile(tone(rate=48000), 2 * 60)[: 48000 * 60].astype(np.float32)
    with soundfile.SoundFile(path, "w", 48000, 1) as file:
        for _ in range(20):
            file.write(minute)
    code = """
import resource, sys
from featurekit import audio
audio.load(sys.argv[1], 16000, end=1.0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(audio.load(sys.argv[1], 16000).samples) == 20 * 60 * 16000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown_kib = int(subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout)
    assert grown_kib < 160 << 10


@pytest.mark.parametrize("rates", [(16000, 22050, 8000), (44100,), (48000, 16000)])
def test_several_rates_at_once_are_those_of_one_after_the_other(tmp_path, monkeypatch, rates):
    path = write(tmp_path / "a.wav", np.tile(noisy(), 20), rate=16000)
    whole = audio.decode(path)
    monkeypatch.setattr(decoder, "_BLOCK_SAMPLES", 7777)
    read = audio.load_at_rates(path, rates)
    assert list(read.samples) == list(rates)
    for rate in rates:
        np.testing.assert_array_equal(read.samples[rate], audio.resample(whole.samples, whole.sample_rate, rate))
    assert (read.notes, read.original_rate, read.duration_s) == (whole.notes, whole.original_rate, whole.duration_s)


def test_of_a_container_that_nothing_checks_a_note_says_so(tmp_path):
    path = tmp_path / "a.voc"
    soundfile.write(path, np.full(16_000, 0.1), 16_000, "PCM_16", format="VOC")
    path.write_bytes(path.read_bytes()[:20_000])
    assert any("a cut file reads as a shorter one" in note for note in audio.decode(path).notes)
