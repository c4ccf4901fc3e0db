"""NIST SPHERE as corpora have it and as it gets damaged: all samples, or a status."""

import random

import numpy as np
import pytest

from featurekit import audio
from featurekit.audio import Status
from featurekit.errors import AudioError

RATE = 8000
INTEGERS = np.random.default_rng(0).integers(-20_000, 20_000, RATE, dtype=np.int16)
DATA = INTEGERS.astype("<i2").tobytes()
# As the catalogue of the Linguistic Data Consortium shows it for telephone speech.
TELEPHONE = {
    "speaker_id1 -s4": "9001",
    "speaker_id2 -s4": "9002",
    "recording_date -s6": "990101",
    "recording_time -s4": "1200",
    "conversation_id -s4": "9999",
    "database_id -s13": "SWITCHBOARD-1",
    "data_origins -s13": "synthetic,1.0",
    "channels_interleaved -s4": "TRUE",
    "channel_count -i": "2",
    "sample_coding -s4": "ulaw",
    "sample_rate -i": "8000",
    "sample_n_bytes -i": "1",
    "sample_sig_bits -i": "8",
}
LINEAR = {"channel_count -i": "1", "sample_rate -i": "8000", "sample_n_bytes -i": "2", "sample_byte_format -s2": "01"}


def sphere(fields, data=DATA, count=RATE, head=1024, filler=b"\0", end="end_head\n"):
    lines = [f"{name} {value}\n" for name, value in fields.items()]
    if count is not None:
        lines.append(f"sample_count -i {count}\n")
    text = "NIST_1A\n" + f"{head}\n".rjust(8) + "".join(lines) + end
    return text.encode().ljust(head, filler) + data


def heard(tmp_path, content):
    path = tmp_path / "a.sph"
    path.write_bytes(content)
    signal = audio.decode(path, channel=0)
    header = audio.read_header(path)
    assert header.frames == len(signal.samples)
    assert header.format.startswith("NIST ")
    assert audio.read_duration_s(path) == len(signal.samples) / RATE
    return signal


def refused(tmp_path, content):
    (tmp_path / "a.sph").write_bytes(content)
    with pytest.raises(AudioError) as found:
        audio.decode(tmp_path / "a.sph")
    return found.value


def assert_all(signal):
    np.testing.assert_array_equal(signal.samples, INTEGERS.astype(np.float32) / 32768)


@pytest.mark.parametrize("filler", [b"\0", b" ", b"\n"], ids=["zeros", "spaces", "line ends"])
@pytest.mark.parametrize("head", [1024, 2048, 16_384])
def test_a_header_of_any_length_and_filling_is_read(tmp_path, head, filler):
    signal = heard(tmp_path, sphere(TELEPHONE, head=head, filler=filler))
    assert len(signal.samples) == RATE
    assert signal.notes == ()
    short = heard(tmp_path, sphere({"channel_count -i": "1", "sample_rate -i": "8000", "sample_coding -s4": "ulaw"}, DATA[::2]))
    np.testing.assert_array_equal(signal.samples, short.samples)
    assert_all(heard(tmp_path, sphere(LINEAR | {"speaker -s30": "a name of several words"}, head=head, filler=filler)))


def test_mu_law_and_a_law_are_what_they_are(tmp_path):
    codes = bytes(range(256)) * 4
    telephone = {"channel_count -i": "1", "sample_rate -i": "8000"}
    for head in (1024, 2048):
        for coding, of_0, of_255 in (("ulaw", -32124, 0), ("mu-law", -32124, 0), ("alaw", -5504, 848)):
            samples = heard(tmp_path, sphere(telephone | {"sample_coding -s6": coding}, codes, 1024, head)).samples * 32768
            assert (samples[0], samples[255]) == (of_0, of_255)


@pytest.mark.parametrize(
    ("number", "digits", "kind"),
    [
        (2, "01", "<i2"),
        (2, "10", ">i2"),
        (4, "0123", "<i4"),
        (4, "3210", ">i4"),
        (1, "1", "i1"),
        (3, "012", "<i3"),
        (3, "210", ">i3"),
    ],
)
@pytest.mark.parametrize("head", [1024, 3072])
def test_bytes_are_put_in_their_order(tmp_path, number, digits, kind, head):
    order = "little" if kind[0] != ">" else "big"
    values = INTEGERS.astype(int) * 256 ** (number - 2) if number > 1 else INTEGERS.astype(int) // 256
    data = b"".join(int(value).to_bytes(number, order, signed=True) for value in values)
    fields = {
        "channel_count -i": "1",
        "sample_rate -i": "8000",
        "sample_n_bytes -i": number,
        f"sample_byte_format -s{number}": digits,
    }
    for coding in ({}, {"sample_coding -s3": "pcm"}):
        signal = heard(tmp_path, sphere(fields | coding, data, head=head))
        np.testing.assert_array_equal(signal.samples, (values / 256.0**number * 2).astype(np.float32))


@pytest.mark.parametrize("fields", [LINEAR, TELEPHONE], ids=["linear", "telephone"])
@pytest.mark.parametrize("head", [1024, 2048])
def test_a_cut_at_any_place_is_truncated(tmp_path, fields, head):
    content = sphere(fields, head=head)
    for place in [*random.Random(head).sample(range(1, len(content)), 20), head, len(content) - 1]:
        assert refused(tmp_path, content[:place]).status == Status.TRUNCATED, place


@pytest.mark.parametrize("count", [1, 4000, RATE - 1])
def test_a_count_too_small_hides_nothing(tmp_path, count):
    signal = heard(tmp_path, sphere(LINEAR, count=count))
    assert_all(signal)
    assert signal.notes == (f"DECODE: {2 * count} bytes of samples promised, {len(DATA)} present: all are read",)


@pytest.mark.parametrize("count", [None, 0])
def test_a_file_without_a_count_is_read_to_its_end_and_noted(tmp_path, count):
    signal = heard(tmp_path, sphere(LINEAR, count=count))
    assert_all(signal)
    assert signal.notes == ("DECODE: streamed SPHERE file that does not say its length",)


def test_padding_tags_and_another_file_behind(tmp_path):
    assert_all(heard(tmp_path, sphere(LINEAR) + bytes(700)))
    assert_all(heard(tmp_path, sphere(LINEAR) + b"TAG" + b"x" * 125))
    assert_all(heard(tmp_path, sphere(LINEAR, DATA[:6000], 3000) + sphere(LINEAR, DATA[6000:], 5000, head=2048)))


@pytest.mark.parametrize("coding", ["ulaw,embedded-shorten-v2.00", "pcm,embedded-shorten-v1.09"])
def test_compression_is_named_with_its_remedy(tmp_path, coding):
    (tmp_path / "a.sph").write_bytes(sphere(LINEAR | {f"sample_coding -s{len(coding)}": coding}, DATA[:900]))
    assert audio.containers.examine(tmp_path / "a.sph").codec == "SPHERE compressed with shorten (sph2pipe makes a WAV of it)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"NIST is an institute of standards, and this is a text of it.\n" * 20, "is text, not audio"),
        (b"NIST_1A\n   1024\n" + b"a text that goes on and on, and is no header\n" * 300, "does not say sample_rate"),
        (b"NIST_1B\n   1024\n" + bytes(2000), "no header of SPHERE"),
        (b"NIST_1A\r\n   1024\r\n" + bytes(2000), "changed line ends"),
        (b"NIST_1A\n      8\n" + bytes(2000), "says that it has 8 bytes"),
        (sphere(LINEAR | {"sample_rate -i": "many"}), "says 'many' for sample_rate"),
        (sphere(LINEAR | {"sample_n_bytes -i": "77"}), "a sample has 77 bytes"),
        (sphere(LINEAR | {"sample_rate -i": "1"}), "1 Hz"),
        (sphere(LINEAR | {"channel_count -i": "100"}), "100 channels"),
        (sphere(LINEAR | {"sample_coding -s4": "opus"}), "samples of 'opus'"),
        (sphere(LINEAR | {"channel_count -i": "2", "channels_interleaved -s5": "FALSE"}), "one channel after the other"),
        (sphere(LINEAR | {"sample_rate -i": "nan"}), "says 'nan'"),
    ],
)
def test_headers_that_say_junk_are_refused_in_a_sentence(tmp_path, content, words):
    error = refused(tmp_path, content)
    assert words in str(error)
    assert "\n" not in error.reason


@pytest.mark.parametrize("sample_rate", ["8000.000000", "8000.0", "8e3"])
def test_a_rate_may_be_a_real_number(tmp_path, sample_rate):
    fields = {name: value for name, value in LINEAR.items() if "rate" not in name} | {"sample_rate -r": sample_rate}
    assert_all(heard(tmp_path, sphere(fields)))
