"""Lhotse's shar folders: cuts whose audio is packed in archives beside them, each cut's stretch as a file of its own."""

from __future__ import annotations

import re
import shlex
from functools import cached_property
from pathlib import Path

from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError

FOLDER = "unpacked"  # of a copy: lhotse takes everything in a shar for a shard
_MARKS = re.compile(r"(?:_(?:sp|tp|vp)\d+(?:\.\d+)?)+$")


class Unpacked:
    """The files of a shar's archives, after they were unpacked.

    Parameters
    ----------
    root : Path
        The folder with its cuts.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, cut: str, where: str) -> str:
        """The file of a cut, relative to the root.

        Raises
        ------
        ManifestError
            When it is not there: how to unpack the archives.
        """
        found = self._files.get(cut)
        if found is None:
            here = self._root.absolute()
            there = here.with_name(f"{here.name}-files")
            root, audio = shlex.quote(str(there)), shlex.quote(str(there / FOLDER))
            raise ManifestError(
                f"{where}: the audio of {cut!r} is packed in an archive of lhotse's shar format, and no file {FOLDER}/{cut}.* "
                f"is there; read a copy with the archives unpacked, --root {root}, that this makes: "
                f"cd {shlex.quote(str(here))} && mkdir -p {audio} && cp cuts.* {root} && "
                f'for archive in recording.*.tar; do tar xf "$archive" -C {audio}; done'
            )
        return found

    @cached_property
    def _files(self) -> dict[str, str]:
        """Cut → its file."""
        folder = self._root / FOLDER
        paths = audio_paths(folder) if folder.is_dir() else []
        return {path.rpartition(".")[0]: f"{FOLDER}/{path}" for path in paths}


def original_recording(recording: str) -> str:
    """The recording that a copy was made of: a shar has the copies' audio, and says in names alone that they are copies.

    >>> original_recording("talk_sp0.9"), original_recording("talk_7")
    ('talk', 'talk_7')
    """
    return _MARKS.sub("", recording)
