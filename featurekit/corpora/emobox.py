"""Corpora that EmoBox has prepared: one JSONL of metadata, one line a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from featurekit.corpora import Corpus, Defect, recipe
from featurekit.corpora._jsonl import field, json_lines
from featurekit.corpora._speakers import speaker_name, with_stand_ins
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
    yield from with_stand_ins(item for path in metadata for item in _lines(root, path))


def _lines(root: Path, path: Path) -> Iterator[Utterance]:
    for where, record in json_lines(path):
        key, wav = field(record, "key", str, where), field(record, "wav", str, where)
        start, end = (record.get(name) for name in ("start_time", "end_time"))
        cut = start is not None and end is not None
        emotion = record.get("emo")
        yield Utterance(
            id=key,
            path=_place(root, wav),
            start=field(record, "start_time", (int, float), where) if cut else None,
            end=field(record, "end_time", (int, float), where) if cut else None,
            speaker=speaker_name(record.get("spk")),
            labels={} if emotion is None else {"emotion": str(emotion)},
        )


def _place(root: Path, wav: str) -> str:
    """The path as written, or, where nothing is there, without downloads/<name>/."""
    parts = PurePosixPath(wav).parts
    bare = PurePosixPath(*parts[2:]).as_posix() if len(parts) > 2 and parts[0] == PREFIX else wav
    return bare if not (root / wav).is_file() and (root / bare).is_file() else wav
