"""What is the matter with the sounds themselves: files refused, odd formats, odd levels, the same audio twice."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from featurekit.audio import SILENT_PEAK, Status
from featurekit.audio.ffmpeg import REMEDY, lack
from featurekit.inspection.findings import Finding, Item, Severity, seen
from featurekit.inspection.sounds import OUTSIDE, UNREADABLE, Sound

USUAL_RATES = frozenset(
    {8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000}
)
QUIET_PEAK = 0.01  # -40 dB: 16 bits then hold less than ten of signal
APART_DB = 10.0  # a speaker whose median level lies so far from the others' can be told by loudness alone
MIN_SPEAKERS, MIN_FILES_A_SPEAKER = 4, 3

_CONTAINERS: Mapping[str, tuple[str, ...]] = {
    ".wav": ("WAV", "WAVEX", "RF64"),
    ".wave": ("WAV", "WAVEX", "RF64"),
    ".rf64": ("RF64", "WAV", "WAVEX"),
    ".flac": ("FLAC",),
    ".aif": ("AIFF",),
    ".aiff": ("AIFF",),
    ".aifc": ("AIFF",),
    ".ogg": ("OGG",),
    ".oga": ("OGG",),
    ".opus": ("OGG",),
    ".mp2": ("MP3", "MPEG"),
    ".mp3": ("MP3", "MPEG"),
    ".mpga": ("MP3", "MPEG"),
    ".au": ("AU",),
    ".w64": ("W64",),
    ".caf": ("CAF",),
    ".m4a": ("MP4",),
    ".mp4": ("MP4",),
    ".mov": ("MP4",),
    ".3gp": ("MP4",),
    ".webm": ("WebM", "Matroska"),
    ".mkv": ("Matroska", "WebM"),
    ".wma": ("ASF",),
    ".aac": ("AAC",),
    ".amr": ("AMR", "AMR-WB"),
}
_REFUSED = {
    Status.MISSING: ("missing", "{n} audio [file is|files are] missing"),
    Status.TRUNCATED: ("truncated", "{n} [file is|files are] cut short: fetch them again"),
    Status.EMPTY: ("empty", "{n} [file holds|files hold] no audio"),
    Status.NONFINITE: ("nonfinite", "{n} [file holds|files hold] NaN or infinity"),
    Status.DECODE: ("decode", "{n} [file is|files are] not audio, or [contradicts itself|contradict themselves]"),
    Status.TOO_LONG: ("too-long", "{n} [file is|files are] too long"),
    Status.RATE: ("rate-insane", "{n} [file has|files have] an impossible sample rate"),
    Status.CHANNELS: ("channels-insane", "{n} [file has|files have] an impossible number of channels"),
    UNREADABLE: ("unreadable", "{n} [file|files] cannot be read"),
    OUTSIDE: ("outside", "{n} [file lies|files lie] outside of the corpus's root: nothing out there is read"),
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose utterances a file holds, for judging duplicates and levels: speakers and classes, empty where unknown.

    Classes that are ratings agree within ``tolerance`` (:func:`featurekit.data.audit.ratings.tolerance`).
    """

    speakers: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    tolerance: float = 0.0


def audio_findings(sounds: Sequence[Sound], owners: Mapping[str, Owner] | None = None) -> Iterator[Finding]:
    """Judge files that were listened to.

    Parameters
    ----------
    sounds : sequence of Sound
        All files of a corpus or folder.
    owners : mapping or None
        Path → whose utterances it holds.
    """
    owners = owners or {}
    yield from _refused(sounds)
    heard = [sound for sound in sounds if sound.ok]
    yield from _formats(heard)
    yield from _decoders(heard)
    yield from _channels(heard)
    yield from _rates(heard)
    yield from _levels(heard)
    yield from _speaker_levels(heard, owners)
    yield from _same_audio(heard, owners)


def _refused(sounds: Iterable[Sound]) -> Iterator[Finding]:
    by_status: dict[str, list[Item]] = {}
    pointers, unread = [], []
    for sound in sounds:
        item = Item((sound.path,), sound.reason)
        if sound.reason.endswith(REMEDY):
            unread.append(sound.path)
        elif "git-lfs pointer" in sound.reason:
            pointers.append(item)
        elif not sound.ok:
            by_status.setdefault(sound.status, []).append(item)
    yield from seen(
        "lfs-pointer",
        Severity.ERROR,
        "{n} [file is a git-lfs pointer|files are git-lfs pointers]: run `git lfs pull`",
        pointers,
    )
    yield from _need_ffmpeg(unread)
    for status, items in by_status.items():
        check, text = _REFUSED.get(status, (status.lower(), f"{{n}} [file is|files are] {status}"))
        yield from seen(check, Severity.ERROR, text, items)


def _need_ffmpeg(paths: Sequence[str]) -> Iterator[Finding]:
    """Files that only ffmpeg reads, where it is not installed; an item a suffix says how many."""
    counts = Counter(PurePosixPath(path).suffix.lower() or "no suffix" for path in paths)
    if paths:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
        text = f"{{n}} [file needs|files need] ffmpeg, which {lack()} ({kinds}): {REMEDY}"
        yield from seen("needs-ffmpeg", Severity.ERROR, text, (Item((path,)) for path in paths))


def _formats(heard: list[Sound]) -> Iterator[Finding]:
    named = []
    for sound in heard:
        suffix, container = PurePosixPath(sound.path).suffix.lower(), sound.format.split(" ")[0]
        if container not in _CONTAINERS.get(suffix, (container,)):
            named.append(Item((sound.path,), f"is {container}, named {suffix}"))
    text = "{n} [file is|files are] not what the suffix says: featurekit reads by content, other tools may refuse"
    yield from seen("wrong-suffix", Severity.WARNING, text, named)
    # A container named wrongly is in the header's notes too; the rest of them is about lengths.
    odd = [Item((sound.path,), note.partition(": ")[2]) for sound in heard for note in sound.notes if not _said_elsewhere(note)]
    yield from seen("header", Severity.NOTE, "{n} [file has|files have] an odd header", odd)


def _said_elsewhere(note: str) -> bool:
    return ", named " in note or " decoded by ffmpeg" in note


def _decoders(heard: list[Sound]) -> Iterator[Finding]:
    """Which ffmpeg decoded how many files: another version may differ in the last bits."""
    versions = sorted({sound.format.rpartition(", ")[2] for sound in heard if ", ffmpeg " in sound.format})
    for version in versions:
        files = (Item((sound.path,)) for sound in heard if sound.format.endswith(f", {version}"))
        yield from seen("by-ffmpeg", Severity.NOTE, f"{{n}} [file is|files are] decoded by {version}", files)


def _channels(heard: list[Sound]) -> Iterator[Finding]:
    counts = Counter(sound.channels for sound in heard)
    if len(counts) > 1:
        usual = _most(counts)
        others = [Item((sound.path,), f"{sound.channels} channels") for sound in heard if sound.channels != usual]
        text = f"{{n}} [file has|files have] not the usual {usual} channels; averaged where the recipe names none"
        yield from seen("channels", Severity.WARNING, text, others)
    elif counts and _most(counts) > 1:
        text = f"every file has {_most(counts)} channels; they are averaged where the recipe names none"
        yield Finding("channels", Severity.NOTE, text)


def _rates(heard: list[Sound]) -> Iterator[Finding]:
    counts = Counter(sound.sample_rate for sound in heard)
    if len(counts) > 1:
        usual = _most(counts)
        others = [Item((sound.path,), f"{sound.sample_rate} Hz") for sound in heard if sound.sample_rate != usual]
        text = f"{{n}} [file has|files have] another sample rate than the usual {usual} Hz: resampled, but its band remains"
        yield from seen("rates", Severity.WARNING, text, others)
    odd = [Item((sound.path,), f"{sound.sample_rate} Hz") for sound in heard if sound.sample_rate not in USUAL_RATES]
    yield from seen("rate-odd", Severity.NOTE, "{n} [file has|files have] an unusual sample rate; resampled as any other", odd)


def _levels(heard: list[Sound]) -> Iterator[Finding]:
    clipped = (Item((sound.path,), sound.clipped) for sound in heard if sound.clipped)
    yield from seen("clipped", Severity.WARNING, "{n} [file is|files are] clipped", clipped)
    silent = [sound for sound in heard if sound.peak < SILENT_PEAK]
    yield from seen(
        "silent", Severity.WARNING, "{n} [file is|files are] silent: leave them out", (_peak(sound) for sound in silent)
    )
    quiet = [sound for sound in heard if SILENT_PEAK <= sound.peak < QUIET_PEAK]
    text = "{n} [file is|files are] nearly silent (peak under -40 dB): features on a decibel scale see their noise"
    yield from seen("quiet", Severity.NOTE, text, (_peak(sound) for sound in sorted(quiet, key=lambda sound: sound.peak)))


def _peak(sound: Sound) -> Item:
    return Item((sound.path,), f"peak {20 * math.log10(sound.peak):.1f} dB" if sound.peak else "digital silence")


def _speaker_levels(heard: list[Sound], owners: Mapping[str, Owner]) -> Iterator[Finding]:
    """Speakers recorded far louder or quieter than the others."""
    by_speaker: dict[str, list[float]] = {}
    for sound in heard:
        speakers = owners.get(sound.path, Owner()).speakers
        if len(speakers) == 1 and sound.rms > 0:
            by_speaker.setdefault(next(iter(speakers)), []).append(sound.level_db)
    medians = {who: statistics.median(levels) for who, levels in by_speaker.items() if len(levels) >= MIN_FILES_A_SPEAKER}
    if len(medians) < MIN_SPEAKERS:
        return
    usual = statistics.median(medians.values())
    apart = (
        Item((who,), f"median level {level:.1f} dB, {level - usual:+.1f} dB from the others' {usual:.1f} dB")
        for who, level in sorted(medians.items())
        if abs(level - usual) > APART_DB
    )
    text = "{n} [speaker is|speakers are] recorded far louder or quieter than the others: loudness tells who speaks"
    yield from seen("speaker-level", Severity.WARNING, text, apart)


def _same_audio(heard: list[Sound], owners: Mapping[str, Owner]) -> Iterator[Finding]:
    """Groups of files with the same samples; an error where they cross speakers or carry different classes."""
    groups: dict[str, list[Sound]] = {}
    for sound in heard:
        if sound.peak >= SILENT_PEAK:  # silences of one length are equal, and reported as silent
            groups.setdefault(sound.samples_digest, []).append(sound)
    found: dict[tuple[str, Severity], list[Item]] = {}
    for group in groups.values():
        if len(group) > 1:
            check = "same-bytes" if len({sound.bytes_digest for sound in group}) == 1 else "same-audio"
            said = quarrel([owners.get(sound.path, Owner()) for sound in group])
            severity = Severity.ERROR if said else Severity.WARNING
            found.setdefault((check, severity), []).append(Item(tuple(sound.path for sound in group), said))
    for (check, severity), items in sorted(found.items()):
        what = "the same bytes" if check == "same-bytes" else "the same samples in other bytes"
        advice = "this contradicts itself or leaks" if severity is Severity.ERROR else "keep one, or keep both in one part"
        yield from seen(check, severity, f"{{n}} [group|groups] of files [holds|hold] {what}: {advice}", items)


def quarrel(owners: list[Owner]) -> str:
    """In what the owners of one sound differ, in words."""
    said = []
    for word, sets in (("speakers", {owner.speakers for owner in owners}), ("labels", {owner.classes for owner in owners})):
        names = sorted(", ".join(sorted(group)) for group in sets if group)
        if len(names) > 1 and not (word == "labels" and agree(owners)):
            said.append(f"{word} {' and '.join(names)}")
    return "; ".join(said)


def agree(owners: Sequence[Owner]) -> bool:
    """Whether all classes are ratings that lie so near that they are one label."""
    most = min(owner.tolerance for owner in owners)
    try:
        ratings = [float(name) for owner in owners for name in owner.classes] if most else []
    except ValueError:
        return False
    return bool(ratings) and max(ratings) - min(ratings) <= most


def _most(counts: Counter[int]) -> int:
    """The most frequent value; the smaller of two equally frequent ones."""
    return min(counts, key=lambda value: (-counts[value], value))
