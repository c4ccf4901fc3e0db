"""Corpora that EmoBox has prepared: one JSONL of metadata, one line a file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._elsewhere import refuse_absolute
from featurekit.corpora._jsonl import field, json_lines
from featurekit.corpora._labels import ImpossibleSpans
from featurekit.corpora._speakers import speaker_name, with_stand_ins
from featurekit.corpora._walk import audio_paths
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

PREFIX = "downloads"

CORPUS = Corpus(
    name="emobox",
    title="Any corpus prepared by EmoBox (JSONL metadata)",
    languages=(),
    licence="that of the corpus",
    citation="Ma et al. (2024), EmoBox: Multilingual multi-corpus speech emotion recognition toolkit and benchmark, "
    "Interspeech 2024",
    obtain="<name>.jsonl from data/<name>/ of github.com/emo-box/EmoBox, beside the corpus's audio",
    tree="""
<root>/
├── casia.jsonl                      the only JSONL here, or the only data/<name>/<name>.jsonl
└── downloads/casia/wangzhe/neutral/239.wav     as its lines say, or without downloads/casia/
""",
    labels={"emotion": "emo of the metadata, as it stands there"},
    speaker_source="recording",
    defects=(
        Defect(
            "the field channel does not say which channel to read and is not used: files are mixed down",
            source="28 metadata files, seen here",
        ),
        Defect(
            "EmoBox's folds of EMO-DB, CREMA-D, TESS and ShEMO share speakers between train and test",
            source="counted from its folds",
        ),
    ),
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read the metadata; no label map is applied.

    ::

        <root>/casia.jsonl      {"key": "casia-239-wangzhe-neutral", "wav": "downloads/casia/...", "emo": "neutral", ...}

    All 28 metadata files of the public repository that were at hand are read (97,812 lines); start_time and end_time are used
    where a line has them. Where some lines name a speaker (``spk``), the others' are unknown; where none does, each line's key
    stands in.

    Raises
    ------
    ManifestError
        For a broken line, or several metadata files.
    """
    metadata = sorted(root.glob("*.jsonl")) or sorted(
        path for path in root.glob("data/*/*.jsonl") if path.stem == path.parent.name
    )
    if len(metadata) > 1:
        raise ManifestError(
            f"{root} has several metadata files ({', '.join(path.name for path in metadata)}); keep one in a root"
        )
    tree = _Tree(root)
    yield from with_stand_ins(item for path in metadata for item in _lines(tree, path))


def _lines(tree: _Tree, path: Path) -> Iterator[Utterance]:
    impossible = ImpossibleSpans()
    for where, record in json_lines(path):
        key, wav = field(record, "key", str, where), field(record, "wav", str, where)
        start, end = (record.get(name) for name in ("start_time", "end_time"))
        cut = start is not None and end is not None
        if cut:
            start, end = (field(record, name, (int, float), where) for name in ("start_time", "end_time"))
            if impossible.has(start, end, where):
                continue
        emotion = record.get("emo")
        yield Utterance(
            id=key,
            path=tree.place(wav, where),
            start=start if cut else None,
            end=end if cut else None,
            speaker=speaker_name(record.get("spk")),
            labels={} if emotion is None else {"emotion": str(emotion)},
        )
    impossible.say()


class _Tree:
    """The audio below a root, found by the names that the metadata gives it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, wav: str, where: str) -> str:
        """The path as written, or without downloads/<name>/; where nothing is there, a file of another case or suffix."""
        refuse_absolute(self._root, wav, where)
        parts = PurePosixPath(wav).parts
        bare = PurePosixPath(*parts[2:]).as_posix() if len(parts) > 2 and parts[0] == PREFIX else wav
        written = next((path for path in (wav, bare) if (self._root / path).is_file()), None)
        return written or self._alike.get(_folded(wav)) or self._alike.get(_folded(bare)) or wav

    @cached_property
    def _alike(self) -> dict[str, str]:
        """Folded path → path, of those that one file has."""
        files: dict[str, list[str]] = {}
        for path in audio_paths(self._root):
            files.setdefault(_folded(path), []).append(path)
        return {name: found[0] for name, found in files.items() if len(found) == 1}


def _folded(path: str) -> str:
    """A path without suffix and case, in one Unicode form; EmoBox lists the mp4 of what we read as WAV."""
    name, dot, suffix = path.rpartition(".")
    return unicodedata.normalize("NFC", (name if dot and "/" not in suffix else path).casefold())
