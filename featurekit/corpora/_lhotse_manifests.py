"""Lhotse's manifests as cuts of one recording each: cuts, cuts padded with silence, or recordings with supervisions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from featurekit.corpora._jsonl import field, json_objects
from featurekit.errors import ManifestError

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_PLAIN = {"MonoCut": "MonoCut", "MultiCut": "MultiCut", "Cut": "MonoCut"}  # Cut is what MonoCut was called before 2021
_UNREAD = (".yaml", ".yaml.gz", ".yml", ".yml.gz")
_logger = logging.getLogger(__name__)


class Cut(NamedTuple):
    """A cut of one recording, with where it stands and its supervisions with where they stand.

    ``inner`` is the id that it had before silence was added to it.
    """

    where: str
    id: str
    inner: str
    record: dict[str, Any]
    supervisions: list[tuple[str, dict[str, Any]]]


def read_cuts(root: Path) -> Iterator[Cut]:
    """The cuts of a folder; where it has none, a cut of each recording that has supervisions.

    Raises
    ------
    ManifestError
        For a broken record, a cut of several recordings, a manifest in YAML, one without records, or supervisions without
        recordings.
    """
    cuts = _manifests(root, "cuts")
    if cuts:
        yield from (cut for where, record in _records(cuts) for cut in [_cut(record, where)])
        return
    recordings, supervisions = _manifests(root, "recordings"), _manifests(root, "supervisions")
    if supervisions and not recordings:
        raise ManifestError(f"{supervisions[0]}: supervisions need their recordings, in a file like recordings.jsonl beside it")
    if recordings:
        yield from _joined(recordings, supervisions)


def _manifests(root: Path, kind: str) -> list[Path]:
    found = sorted(path for path in root.glob(f"*{kind}*") if path.name.endswith(SUFFIXES) and path.is_file())
    unread = sorted(path for path in root.glob(f"*{kind}*") if path.name.endswith(_UNREAD))
    if unread and not found:
        raise ManifestError(f"{unread[0]}: {kind} in YAML are not read; save them as {kind}.jsonl.gz")
    return found


def _records(paths: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    paths, empty = list(paths), True
    for path in paths:
        for where, record in json_objects(path):
            empty = False
            yield where, record
    if empty:
        raise ManifestError(f"{', '.join(map(str, paths))}: holds no record")


def _cut(record: dict[str, Any], where: str) -> Cut:
    """A cut as it stands, or the only one that silence was added to."""
    name, plain, kind = field(record, "id", str, where), record, record.get("type", "MonoCut")
    if "tracks" in record:
        tracks = [track.get("cut") for track in field(record, "tracks", list, where) if isinstance(track, dict)]
        heard = [cut for cut in tracks if isinstance(cut, dict) and cut.get("type") != "PaddingCut"]
        if len(heard) != 1 or record.get("transforms"):
            what = f"of {len(heard)} cuts" if len(heard) != 1 else "with transforms of the mix"
            raise ManifestError(
                f"{where}: a MixedCut {what} has no one stretch of one file; save its cuts before they are mixed"
            )
        plain, kind = heard[0], heard[0].get("type", "MonoCut")
    if not isinstance(kind, str) or kind not in _PLAIN:
        raise ManifestError(f"{where}: {kind} has no one stretch of one file; only MonoCut and MultiCut can be read")
    if plain.get("recording") is None and plain.get("features") is not None:
        raise ManifestError(f"{where}: the cut {name} has features and no recording: there is no audio to read")
    parts = plain.get("supervisions") or []
    if not isinstance(parts, list):
        raise ManifestError(f"{where}: supervisions must be a list, got {parts!r}")
    supervisions = [(where, _object(part, where)) for part in parts]
    return Cut(where, name, str(plain.get("id", name)), {**plain, "type": _PLAIN[kind]}, supervisions)


def _object(part: object, where: str) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise ManifestError(f"{where}: a supervision must be an object, got {part!r}")
    return part


def _joined(recordings: list[Path], supervisions: list[Path]) -> Iterator[Cut]:
    """A cut of each recording that has supervisions; of every recording where there are no supervisions at all."""
    whole = {field(record, "id", str, where): (where, record) for where, record in _records(recordings)}
    parts: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for where, part in _records(supervisions) if supervisions else ():
        of = field(part, "recording_id", str, where)
        if of not in whole:
            raise ManifestError(f"{where}: the recording {of!r} is in no recordings manifest here")
        parts.setdefault(of, []).append((where, part))
    for name, (where, record) in whole.items():
        if name in parts or not parts:
            yield Cut(where, name, name, _whole(record, where), parts.get(name, []))
    if parts and len(parts) < len(whole):
        silent = [name for name in whole if name not in parts]
        listed = ", ".join(silent[:3]) + (", …" if silent[3:] else "")
        _logger.warning("recordings without a supervision, left out: %d (%s)", len(silent), listed)


def _whole(recording: Mapping[str, Any], where: str) -> dict[str, Any]:
    sources = field(dict(recording), "sources", list, where)
    listed = [source.get("channels", [0]) for source in sources if isinstance(source, dict)]
    if not listed or not all(isinstance(channels, list) for channels in listed):
        raise ManifestError(f"{where}: sources must be objects with lists of channels, got {sources!r}")
    channels = [channel for some in listed for channel in some]
    kind, channel = ("MonoCut", channels[0]) if len(channels) == 1 else ("MultiCut", channels)
    return {"start": 0.0, "duration": recording.get("duration"), "channel": channel, "type": kind, "recording": recording}
