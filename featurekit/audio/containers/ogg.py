"""Ogg: Vorbis and Opus."""

from __future__ import annotations

from featurekit.audio.containers.recording import Recording, Source

_UNREAD = {b"\x7fFLAC": "FLAC", b"Speex   ": "Speex", b"\x80theora": "Theora (video)"}  # codecs by how their streams begin


def examine(source: Source) -> Recording:
    """What an Ogg file holds."""
    head = source.read(0, 512)
    codec = next((f"Ogg with {name}" for mark, name in _UNREAD.items() if mark in head), "")
    return Recording(codec=codec)
