"""Lhotse's cut manifests, read without lhotse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from featurekit.corpora import Corpus, recipe
from featurekit.corpora._jsonl import field, json_lines
from featurekit.corpora._speakers import speaker_name, with_stand_ins
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female"}

CORPUS = Corpus(
    name="lhotse",
    title="Any corpus with lhotse cuts",
    languages=(),
    licence="that of the corpus",
    citation="Żelasko, Povey, Trmal and Khudanpur (2021), Lhotse: a speech data representation library for the modern deep "
    "learning ecosystem, arXiv:2110.12561",
    obtain="a cut manifest (cuts*.jsonl or .jsonl.gz) written by lhotse, with its audio below the same folder",
    tree="""
<root>/
├── cuts_train.jsonl.gz      every *cuts*.jsonl and *cuts*.jsonl.gz here is read
└── any/folders/*.wav        sources relative to <root>, or absolute and inside it
""",
    labels={
        "<custom>": "every field of the cut's and the supervision's custom, as it stands there (emotion, say)",
    },
)


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read cuts; every supervision is an utterance, a cut without any is one itself.

    ::

        <root>/cuts_train.jsonl.gz
            {"id": "c1", "start": 0.0, "duration": 4.0, "channel": 0, "type": "MonoCut",
             "supervisions": [{"id": "s1", "start": 0.5, "duration": 2.0, "speaker": "anna", "custom": {"emotion": "sad"}}],
             "recording": {"id": "r1", "sources": [{"type": "file", "channels": [0], "source": "a/one.wav"}], ...}}

    The fields are those of published manifests with MonoCuts; lhotse itself was not at hand to write one, nor a MultiCut.

    Raises
    ------
    ManifestError
        For a broken line, a mixed or padding cut, audio that is no file, or a path out of the root.
    """
    found: list[Utterance] = []
    for path in sorted([*root.glob("*cuts*.jsonl"), *root.glob("*cuts*.jsonl.gz")]):
        for where, cut in json_lines(path):
            found.extend(_read_cut(root, cut, where))
    positions: dict[str, int] = {}
    for item in sorted(with_stand_ins(found), key=lambda item: (item.recording, item.start or 0.0, item.id)):
        yield replace(item, position=positions.setdefault(item.recording, 0))
        positions[item.recording] += 1


def _read_cut(root: Path, cut: dict[str, Any], where: str) -> Iterator[Utterance]:
    if cut.get("type", "MonoCut") not in ("MonoCut", "MultiCut"):
        raise ManifestError(f"{where}: {cut['type']} has no one stretch of one file; only MonoCut and MultiCut can be read")
    recording = field(cut, "recording", dict, where)
    path, channel = _source(root, recording, cut.get("channel"), where)
    start, duration = (field(cut, name, (int, float), where) for name in ("start", "duration"))
    whole = {"id": field(cut, "id", str, where), "start": 0.0, "duration": duration}
    for part in cut.get("supervisions") or [whole]:
        if not isinstance(part, dict):
            raise ManifestError(f"{where}: a supervision must be an object, got {part!r}")
        begin = round(start + field(part, "start", (int, float), where), 6)
        yield Utterance(
            id=field(part, "id", str, where),
            path=path,
            start=max(begin, 0.0),
            end=round(begin + field(part, "duration", (int, float), where), 6),
            channel=channel,
            recording=str(recording.get("id", path)),
            speaker=speaker_name(part.get("speaker")),
            gender=GENDERS.get(str(part.get("gender")).lower(), ""),
            language=part.get("language") or "",
            text=part.get("text") or "",
            labels={**_custom(cut, where), **_custom(part, where)},
        )


def _custom(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    custom = record.get("custom") or {}
    if not isinstance(custom, dict):
        raise ManifestError(f"{where}: custom must be an object, got {custom!r}")
    return custom


def _source(root: Path, recording: dict[str, Any], channel: object, where: str) -> tuple[str, int | None]:
    """Path relative to the root, and which channel of that file; None where it has one, or all are meant."""
    for source in field(recording, "sources", list, where):
        channels = source.get("channels", [0])
        if isinstance(channel, int) and channel not in channels:
            continue
        if source.get("type") != "file":
            raise ManifestError(f"{where}: audio of type {source.get('type')!r} is no file; save the cuts with files")
        path = PurePosixPath(field(source, "source", str, where))
        if path.is_absolute():
            if not path.is_relative_to(root.absolute()):
                raise ManifestError(f"{where}: {str(path)!r} lies outside the root {str(root)!r}")
            path = path.relative_to(root.absolute())
        return path.as_posix(), channels.index(channel) if isinstance(channel, int) and len(channels) > 1 else None
    raise ManifestError(f"{where}: no source has channel {channel!r}")
