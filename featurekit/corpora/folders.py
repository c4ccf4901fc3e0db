"""Any corpus whose folders are its labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, recipe
from featurekit.corpora._strays import once_each
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

CORPUS = Corpus(
    name="folders",
    title="Any corpus with one folder per label",
    languages=(),
    licence="yours",
    citation="",
    obtain="your own audio, sorted into one folder per label; a table (corpus custom) can say more",
    tree="""
<root>/
├── happy/
│   ├── one.wav          the folder a file lies in is its label
│   └── two.wav
└── any/depth/sad/three.wav
""",
    labels={"label": "name of the folder the file lies in"},
    default_task="label",
    speaker_source="recording",
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read every audio file; the id is its path without the suffix, the label its folder's name.

    ::

        <root>/happy/one.wav      id happy/one, label happy

    A file in the root itself has no label. Of one.wav and one.mp4 the audio is read.

    Raises
    ------
    ManifestError
        For two files of one id (one.wav, one.flac), or a folder whose name is not UTF-8.
    """
    yield from once_each(map(_utterance, audio_paths(root, videos=True)))


def _utterance(path: str) -> Utterance:
    folder = PurePosixPath(path).parent.name
    try:
        folder.encode()
    except UnicodeEncodeError:
        raise ManifestError(f"{path!r}: a label must be UTF-8, and the folder's name is not; rename it") from None
    name = str(PurePosixPath(path).with_suffix(""))
    return Utterance(id=name, path=path, speaker=name, labels={"label": folder} if folder else {})
