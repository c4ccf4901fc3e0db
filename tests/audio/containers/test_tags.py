"""Tags are known by their ends, too, whatever stands behind them."""

import struct

import pytest

from featurekit.audio.containers import tags
from featurekit.audio.containers.recording import Source

AUDIO = bytes(range(1, 256)) * 4
ID3V1 = b"TAG" + b"a title".ljust(125, b"\0")
LYRICS = b"LYRICSBEGININD00002" + b"10LYR00005hello"
LYRICS += b"%06dLYRICS200" % len(LYRICS)


def ape(header=True):
    """An APE tag of one item."""

    def block(flags):
        return b"APETAGEX" + struct.pack("<IIII", 2000, 10 + 32, 1, flags | header << 31) + bytes(8)

    return block(1 << 29) * header + b"0123456789" + block(0)


@pytest.fixture
def source(tmp_path):
    files = []

    def source(content):
        path = tmp_path / "a"
        path.write_bytes(content)
        files.append(open(path, "rb"))  # noqa: SIM115 - closed below
        return Source(path, files[-1])

    yield source
    for file in files:
        file.close()


@pytest.mark.parametrize(
    "tail",
    [
        ID3V1,
        ape(),
        ape() + ID3V1,
        ape(header=False) + ID3V1,
        LYRICS + ID3V1,
        ape() + LYRICS + ID3V1,
        b"TAG+" + bytes(223) + ID3V1,
        ID3V1 + bytes(500),
        ape() + bytes(500),
        ape(header=False) + bytes(70_000) + ID3V1 + bytes(1),
        bytes(500),
    ],
)
def test_the_tail_begins_behind_the_audio(source, tail):
    opened = source(AUDIO + tail)
    assert tags.before_tail(opened, 0) == len(AUDIO)
    assert tags.only_tail(opened, len(AUDIO))
    assert not tags.only_tail(opened, len(AUDIO) - 1)


@pytest.mark.parametrize("content", [b"", b"a", b"TAG", ape()[:40], ID3V1, ape(), bytes(9)])
def test_a_short_file_has_no_bytes_before_its_beginning(source, content):
    assert 0 <= tags.before_tail(source(content), 0) <= len(content)


@pytest.mark.parametrize(
    "front", [b"", ape(), b"ID3\4\0\0\0\0\1\1" + bytes(129), bytes(300) + ID3V1 + LYRICS, LYRICS.replace(b"200", b"END"[:3])]
)
def test_what_stands_in_front_or_between_ends_where_the_audio_begins(source, front):
    assert tags.after_any(source(front + AUDIO), 0, len(front + AUDIO)) == len(front)


def test_a_tag_without_a_header_fills_the_bytes_up_to_its_end(source):
    between = ape(header=False) + ID3V1
    opened = source(AUDIO + between + AUDIO)
    assert tags.fill(opened, len(AUDIO), len(AUDIO + between))
    assert not tags.fill(opened, len(AUDIO) - 1, len(AUDIO + between))
    assert not tags.fill(opened, len(AUDIO), len(AUDIO + between) + 1)
