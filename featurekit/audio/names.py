"""Which file names are those of audio, and which of them are videos."""

from __future__ import annotations

import os
from collections.abc import Iterable

AUDIO_EXTENSIONS = frozenset({".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".caf", ".rf64", ".sph", ".w64"})
AUDIO_EXTENSIONS |= {".flac", ".mp3", ".mp2", ".mp1", ".mpga", ".mpa", ".m2a", ".oga", ".ogg", ".opus"}
AUDIO_EXTENSIONS |= {".snd", ".nist", ".voc", ".gsm", ".vox"}
# What libsndfile does not read, and ffmpeg does (featurekit.audio.ffmpeg).
AUDIO_EXTENSIONS |= {".aac", ".m4a", ".m4b", ".3ga", ".wma", ".amr", ".awb", ".mka", ".weba", ".spx"}
AUDIO_EXTENSIONS |= {".ac3", ".eac3", ".dts", ".ape", ".wv", ".tta", ".tak", ".mpc", ".ra"}
VIDEO_EXTENSIONS = frozenset({".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".webm", ".mkv", ".avi", ".wmv", ".asf", ".flv"})
VIDEO_EXTENSIONS |= {".mpg", ".mpeg", ".vob", ".rm"}


def is_audio_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file name ends like audio, or like video, whose sound can be read.

    >>> is_audio_name("Actor_01/03-01.WAV"), is_audio_name("clip.mp4"), is_audio_name("notes.txt")
    (True, True, False)
    """
    suffix = _suffix(name)
    return suffix in AUDIO_EXTENSIONS or suffix in VIDEO_EXTENSIONS


def is_video_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file name ends like video.

    >>> is_video_name("clip.MP4"), is_video_name("clip.m4a")
    (True, False)
    """
    return _suffix(name) in VIDEO_EXTENSIONS


def beside_their_audio(names: Iterable[str]) -> set[str]:
    """The videos that lie beside audio of the same name, which is read in their place.

    >>> beside_their_audio(["a/1.mp4", "a/1.wav", "a/2.mp4", "b/2.wav"])
    {'a/1.mp4'}
    """
    names = list(names)
    audio = {_stem(name) for name in names if _suffix(name) in AUDIO_EXTENSIONS}
    return {name for name in names if is_video_name(name) and _stem(name) in audio}


def _suffix(name: str | os.PathLike[str]) -> str:
    return os.path.splitext(os.fspath(name))[1].lower()  # noqa: PTH122 - Path() per name is slow


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]  # noqa: PTH122 - as above
