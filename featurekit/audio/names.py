"""Which file names are those of audio."""

from __future__ import annotations

import os

AUDIO_EXTENSIONS = frozenset({".wav", ".wave", ".aif", ".aiff", ".aifc", ".au", ".caf", ".rf64", ".sph", ".w64"})
AUDIO_EXTENSIONS |= {".flac", ".mp2", ".mp3", ".mpga", ".oga", ".ogg", ".opus"}


def is_audio_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file name ends like audio.

    >>> is_audio_name("Actor_01/03-01.WAV"), is_audio_name("notes.txt")
    (True, False)
    """
    return os.path.splitext(os.fspath(name))[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122 - Path() per name is slow
