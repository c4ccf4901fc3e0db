"""Lhotse's manifests, read without lhotse."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from featurekit.corpora import Corpus, recipe
from featurekit.corpora._elsewhere import refuse_absolute
from featurekit.corpora._jsonl import field
from featurekit.corpora._lhotse_manifests import Cut, read_cuts
from featurekit.corpora._lhotse_shar import Unpacked, original_recording
from featurekit.corpora._lhotse_transforms import heard
from featurekit.corpora._names import Names
from featurekit.corpora._speakers import speaker_name, with_stand_ins
from featurekit.errors import ManifestError
from featurekit.manifest import Utterance

GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female"}
_SLACK_S = 0.001  # rounding to samples is no difference

CORPUS = Corpus(
    name="lhotse",
    title="Any corpus with lhotse manifests",
    languages=(),
    licence="that of the corpus",
    citation="Żelasko, Povey, Trmal and Khudanpur (2021), Lhotse: a speech data representation library for the modern deep "
    "learning ecosystem, arXiv:2110.12561",
    obtain="cuts, or recordings with supervisions (.jsonl, .jsonl.gz, .json), that lhotse wrote, with the audio below the same "
    "folder",
    tree="""
<root>/
├── cuts_train.jsonl.gz      every *cuts*.jsonl, .jsonl.gz and .json here is read; where there are none,
├── recordings.jsonl.gz      every *recordings* with every *supervisions*
└── any/folders/*.wav        sources relative to <root>, or absolute and inside it, here or on another machine
""",
    labels={
        "<custom>": "every field of the cut's and the supervision's custom, as it stands there (emotion, say)",
    },
)

_logger = logging.getLogger(__name__)


class _Part(NamedTuple):
    """An utterance, the cut it is in, both ids in lhotse without the mark of their speed, and that mark."""

    utterance: Utterance
    cut: str
    where: str
    original: str
    original_cut: str
    mark: str


@dataclass
class _Counts:
    """What is said of all cuts at once."""

    outside: int = 0
    cut_off: int = 0
    resampled: int = 0


@recipe(CORPUS)
def utterances(root: Path) -> Iterator[Utterance]:
    """Read cuts; every supervision is an utterance, a cut without any is one itself.

    ::

        <root>/cuts_train.jsonl.gz
            {"id": "c1", "start": 0.0, "duration": 4.0, "channel": 0, "type": "MonoCut",
             "supervisions": [{"id": "s1", "start": 0.5, "duration": 2.0, "speaker": "anna", "custom": {"emotion": "sad"}}],
             "recording": {"id": "r1", "sources": [{"type": "file", "channels": [0], "source": "a/one.wav"}], ...}}

    The supervision's channel chooses the file and its channel. A supervision ends with its cut; one that several cuts hold
    pieces of is an utterance in each, ``<supervision>@<cut>``. A copy at another speed is a child of its original;
    one that has its original's id (``affix_id=False``) gets the mark that lhotse gives the others (``_sp0.9``). A cut padded
    with silence is read without it. Recordings with supervisions are read where there are no cuts. A shar is read from a
    copy in which its archives are unpacked; the error gives the command.

    The fields are as lhotse 1.33 writes them (a test compares where it is installed).

    Raises
    ------
    ManifestError
        For a broken record, a mixed or padding cut, a transform that is not speed or a resampling to 16 kHz or more, channels
        that are not one or all of one file, audio that is no file, or a path out of the root.
    """
    counts, shar, names = _Counts(), Unpacked(root), Names(root)
    parts = [part for cut in read_cuts(root) for part in _parts(names, cut, counts, shar)]
    found = list(_children(_named(parts)))
    _say(counts)
    for note in names.notes():
        _logger.warning(note)
    positions: dict[str, int] = {}
    places: dict[str, int] = {}
    # Copies come last, as those do that extract makes, and have the place of their original.
    for item in sorted(with_stand_ins(found), key=lambda item: (bool(item.parent), item.recording, item.start or 0.0, item.id)):
        place = places[item.parent] if item.parent else positions.get(item.recording, 0)
        if not item.parent:
            places[item.id] = place
            positions[item.recording] = place + 1
        yield replace(item, position=place) if place else item


def _parts(names: Names, cut: Cut, counts: _Counts, shar: Unpacked) -> Iterator[_Part]:
    recording = field(cut.record, "recording", dict, cut.where)
    speed = heard(recording, cut.where)
    counts.resampled += speed.is_resampled
    start, length = (field(cut.record, name, (int, float), cut.where) for name in ("start", "duration"))
    whole = {"id": cut.id, "start": 0.0, "duration": length, "channel": cut.record.get("channel")}
    for where, part in cut.supervisions or [(cut.where, whole)]:
        name = field(part, "id", str, where)
        begin, duration = (field(part, key, (int, float), where) for key in ("start", "duration"))
        end, begin = min(begin + duration, length), max(begin, 0.0)
        if end <= begin < begin + duration:
            counts.outside += 1
            continue
        counts.cut_off += duration - (end - begin) > _SLACK_S
        source, channel = _source(recording, _channels(recording, cut, part, where), where)
        is_packed = source.get("type") == "shar"
        path = shar.path(cut.id, where) if is_packed else _path(names, source, where)
        of = str(recording.get("id", path)).removesuffix(speed.mark)
        utterance = Utterance(
            id=name,
            path=path,
            start=round((start + begin) * speed.factor, 6),
            end=round((start + end) * speed.factor, 6),
            channel=channel,
            recording=original_recording(of) if is_packed else of,
            speaker=speaker_name(part.get("speaker")),
            gender=GENDERS.get(str(part.get("gender")).lower(), ""),
            language=part.get("language") or "",
            text=part.get("text") or "",
            labels={**_custom(cut.record, cut.where), **_custom(part, where)},
            perturbation=speed.perturbation,
        )
        own = name if cut.supervisions else cut.inner
        originals = (own.removesuffix(speed.mark), cut.id.removesuffix(speed.mark))
        yield _Part(utterance, cut.id, where, *originals, speed.mark)


def _named(parts: list[_Part]) -> Iterator[_Part]:
    """Pieces of one supervision in several cuts get names of their own."""
    of_id: dict[tuple[str, str], list[_Part]] = {}  # copies at another speed may have the ids of their originals
    for part in parts:
        of_id.setdefault((part.utterance.id, part.mark), []).append(part)
    for part in parts:
        name, alike = part.utterance.id, of_id[part.utterance.id, part.mark]
        pieces = {(item.utterance.path, item.utterance.channel, item.utterance.start, item.utterance.end) for item in alike}
        is_piece = 1 < len(alike) == len(pieces) == len({item.cut for item in alike})
        yield part._replace(utterance=replace(part.utterance, id=f"{name}@{part.cut}")) if is_piece else part


def _children(parts: Iterable[_Part]) -> Iterator[Utterance]:
    """The utterances; copies at another speed as children of their originals, whose stretch they have to the sample.

    Raises
    ------
    ManifestError
        For a copy without its original.
    """
    parts = list(parts)
    originals: dict[tuple[str, str], Utterance] = {}  # (its id, its cut or none) → the first such
    for part in parts:
        if not part.utterance.perturbation:
            originals.setdefault((part.original, part.original_cut), part.utterance)
            originals.setdefault((part.original, ""), part.utterance)
    for part in parts:
        copy = part.utterance
        if not copy.perturbation:
            yield copy
            continue
        parent = originals.get((part.original, part.original_cut)) or originals.get((part.original, ""))
        if parent is None:
            raise ManifestError(
                f"{part.where}: {copy.id} is a copy, {copy.perturbation}, and no cut here has its original, {part.original!r}; "
                "add the cuts that were not perturbed"
            )
        start, end = (_near(one, two) for one, two in ((copy.start, parent.start), (copy.end, parent.end)))
        name = copy.id + part.mark if copy.id == parent.id else copy.id  # perturb_speed(…, affix_id=False) leaves the id
        yield replace(copy, id=name, parent=parent.id, recording=parent.recording, start=start, end=end)


def _near(time: float | None, original: float | None) -> float | None:
    """The original's time where rounding to samples is all that is between them."""
    return original if abs((time or 0.0) - (original or 0.0)) < _SLACK_S else time


def _say(counts: _Counts) -> None:
    if counts.outside:
        _logger.warning("supervisions outside of their cuts, left out: %d", counts.outside)
    if counts.cut_off:
        _logger.warning("supervisions longer than their cuts, read to the cuts' ends: %d", counts.cut_off)
    if counts.resampled:
        _logger.warning(
            "cuts that were resampled, read at their files' own rate and resampled for the features: %d", counts.resampled
        )


def _custom(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    custom = record.get("custom") or {}
    if not isinstance(custom, dict):
        raise ManifestError(f"{where}: custom must be an object, got {custom!r}")
    return custom


def _channels(recording: dict[str, Any], cut: Cut, part: Mapping[str, Any], where: str) -> list[int]:
    """Of which channels an utterance is: the supervision's, which a MonoCut has to have too; all where nobody says."""
    sources = field(recording, "sources", list, where)
    if not all(isinstance(source, dict) for source in sources):
        raise ManifestError(f"{where}: sources must be objects, got {sources!r}")
    there = {channel for source in sources for channel in _listed(source.get("channels", [0]), where) or ()}
    own, of_cut = (_listed(channel, where) for channel in (part.get("channel"), cut.record.get("channel")))
    absent = {*(own or ()), *(of_cut or ())} - there
    if absent:
        raise ManifestError(f"{where}: no source has channel {', '.join(map(str, sorted(absent)))}")
    if own and of_cut and own != of_cut and cut.record["type"] == "MonoCut":
        raise ManifestError(f"{where}: {part['id']} is of channel {own}, and its cut {cut.id} of channel {of_cut}")
    return own or of_cut or sorted(there)


def _listed(channel: object, where: str) -> list[int] | None:
    if channel is None:
        return None
    channels = channel if isinstance(channel, list) else [channel]
    if not channels or not all(isinstance(item, int) and not isinstance(item, bool) for item in channels):
        raise ManifestError(f"{where}: channel must be a number or a list of numbers, got {channel!r}")
    return sorted(set(channels))


def _source(recording: dict[str, Any], channels: list[int], where: str) -> tuple[dict[str, Any], int | None]:
    """Which source, and which channel of it; None where it has one, or all are meant."""
    wanted = set(channels)
    source = next((source for source in recording["sources"] if wanted <= set(source.get("channels", [0]))), None)
    own = [] if source is None else source.get("channels", [0])
    if source is None or (len(wanted) > 1 and wanted != set(own)):
        which = "several files" if source is None else f"a file with channels {own}"
        raise ManifestError(f"{where}: channels {channels} of {which}: only one channel, or all of one file, can be read")
    return source, own.index(channels[0]) if len(wanted) == 1 < len(own) else None


def _path(names: Names, source: dict[str, Any], where: str) -> str:
    """The file of a source, relative to the root."""
    if source.get("type") != "file":
        raise ManifestError(
            f"{where}: audio of type {source.get('type')!r} is no file; let lhotse write files, "
            "as in cuts.save_audios('FOLDER').to_file('FOLDER/cuts.jsonl.gz')"
        )
    _, path = names.paths(field(source, "source", str, where))
    refuse_absolute(names.root, path, where)
    return PurePosixPath(path).as_posix()
