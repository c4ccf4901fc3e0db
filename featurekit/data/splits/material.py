"""What splitters work on, and the checks every split ends in: no empty part, no shared speaker, no class unheard of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from featurekit.data.splits.assignment import assign_speakers
from featurekit.data.splits.development import covering
from featurekit.data.splits.folds import NOTES_OF_FOLDS, PARTS, Fold, Split
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Manifest, Utterance

SPEAKER_FROM = ("manifest", "recording")
LARGE = 1.5  # times the share that was asked for: said
WAY_ON = "use --split random --allow-speaker-overlap, or --speaker-from recording where a recording has one speaker"


@dataclass(frozen=True)
class DevCut:
    """A development part that was cut by speaker from training.

    Parameters
    ----------
    asked : float
        The share that was asked for.
    wanted : float
        What that is of the utterances that are not tested.
    speakers, of : int
        How many speakers it took, of how many that are not tested.
    share : float
        What came out, of the utterances that are not tested.
    """

    asked: float
    wanted: float
    speakers: int
    of: int
    share: float

    @property
    def is_large(self) -> bool:
        """Whether it is far more than what was asked for."""
        return max(self.share, self.speakers / self.of) > LARGE * self.wanted


@dataclass(frozen=True)
class Material:
    """Original utterances with label and speaker, and their augmented children.

    Parameters
    ----------
    manifest : Manifest
        Where everything else is looked up.
    labels, speakers : dict
        Id → class, id → speaker, empty where nobody knows; the ids are sorted.
    source : {"manifest", "recording", "none"}
        As :class:`~featurekit.data.splits.folds.Split` records it.
    children : dict
        Parent → its augmented children.
    seed : int
        Breaks ties.
    allow : bool
        Whether a speaker may be in two parts.
    cuts : dict
        Fold → how its development part was cut, of those that were.
    """

    manifest: Manifest
    labels: dict[str, str]
    speakers: dict[str, str]
    source: str
    children: dict[str, list[str]]
    seed: int
    allow: bool
    cuts: dict[str, DevCut] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """Id → speaker of the utterances that name one."""
        return {name: speaker for name, speaker in self.speakers.items() if speaker}

    def by_speaker(self, ids: Iterable[str] | None = None) -> dict[str, list[str]]:
        """Speaker → ids, of all utterances or of these."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self.labels if ids is None else ids):
            groups.setdefault(self.speakers[name], []).append(name)
        return groups

    def grouped(self, key: Callable[[Utterance], str]) -> dict[str, list[str]]:
        """Group → ids, groups sorted."""
        groups: dict[str, list[str]] = {}
        for name in self.labels:
            groups.setdefault(key(self.manifest[name]), []).append(name)
        return dict(sorted(groups.items()))

    def cut(self, groups: Mapping[str, list[str]], shares: Mapping[str, float]) -> dict[str, list[str]]:
        """Deal whole groups into parts of about these shares; ids of each part."""
        rows = {name: [self.manifest[item] for item in items] for name, items in groups.items()}
        parts = assign_speakers(rows, self.labels, shares, self.seed)
        return {part: [item for name in names for item in groups[name]] for part, names in parts.items()}

    def fold(self, name: str, test: Iterable[str], dev: float, train: Iterable[str] | None = None) -> Fold:
        """A fold whose test is given; dev is cut by speaker from ``train``, which is all the rest where it is not given."""
        test = tuple(test)
        rest = self.labels.keys() - set(test) if train is None else train
        parts = self.cut(self.by_speaker(rest), {"train": 1 - dev, "dev": dev}) if dev else {"train": list(rest), "dev": []}
        if dev:
            self.cover(name, parts, dev, of=len(parts["train"]) + len(parts["dev"]))
        return Fold(name, tuple(parts["train"]), tuple(parts["dev"]), test)

    def cover(self, name: str, parts: dict[str, list[str]], dev: float, *, of: int) -> None:
        """Choose other development speakers where those of ``parts`` lack a class; ``dev`` is a share of ``of`` utterances."""
        groups = self.by_speaker([*parts["train"], *parts["dev"]])
        rows = {speaker: [self.manifest[item] for item in items] for speaker, items in groups.items()}
        given = list(dict.fromkeys(self.speakers[item] for item in parts["dev"]))
        rest = len(parts["train"]) + len(parts["dev"])
        chosen = covering(rows, self.labels, given, dev * of / rest, self.seed)
        if set(chosen) != set(given):
            parts["dev"] = [item for speaker in chosen for item in groups[speaker]]
            parts["train"] = [item for speaker, items in groups.items() if speaker not in chosen for item in items]
        self.cuts[name] = DevCut(dev, dev * of / rest, len(chosen), len(groups), len(parts["dev"]) / rest)


def gather(
    manifest: Manifest, found: Mapping[str, str], speaker_from: str, allow: bool, seed: int, *, are_given: bool = False
) -> Material:
    """Tell originals from children and find everybody's speaker.

    Where folds are given (``are_given``), some speakers may be unknown: the split counts them.

    Raises
    ------
    SplitError
        When nothing is left, or speakers are missing and overlap is not allowed; the first rows are named.
    ParameterError
        For an unknown ``speaker_from``.
    """
    if speaker_from not in SPEAKER_FROM:
        raise ParameterError(f"speaker_from is {speaker_from!r}; expected {' or '.join(SPEAKER_FROM)}")
    labels: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for name in sorted(found):
        parent = manifest[name].parent
        if parent:
            children.setdefault(parent, []).append(name)
        else:
            labels[name] = found[name]
    if not labels:
        raise SplitError("there is no labelled, usable utterance to split; check the manifest and the failed rows of the store")
    speakers = {name: manifest[name].speaker if speaker_from == "manifest" else manifest[name].recording for name in labels}
    source = speaker_from
    missing = [name for name, speaker in speakers.items() if not speaker]
    if missing and not allow and not (are_given and len(missing) < len(speakers)):
        shown = listed([f"{name} (row {manifest.index(name) + 1})" for name in missing], 3)
        raise SplitError(f"{len(missing)} utterances have no speaker: {shown}; name them in the manifest, or {WAY_ON}")
    if len(missing) == len(speakers):
        source = "none"
    elif all(speaker == manifest[name].recording for name, speaker in speakers.items()):
        source = "recording"
    return Material(manifest, labels, speakers, source, children, seed, allow)


def finish(
    kind: str, folds: Iterable[Fold], settings: dict[str, Any], material: Material, *, needs_dev: bool, strict: bool = True
) -> Split:
    """Check folds, add the children to their parents' training parts, and note what a reader has to know.

    Parameters
    ----------
    kind, settings
        Recorded.
    folds : iterable of Fold
        Of original utterances.
    material : Material
        What they were made of.
    needs_dev : bool
        Whether an empty development part is an error.
    strict : bool
        Refuse a split that never tests one of the classes; folds that somebody else made are only noted to lack it.

    Raises
    ------
    SplitError
        For an empty part, an utterance or (unless allowed) a speaker in two parts, a class that training or all tests lack.
    """
    folds, done = list(folds), []
    notes: dict[str, Any] = {name: {} for name in NOTES_OF_FOLDS}
    for fold in folds:
        _check(fold, material, needs_dev)
        speakers = shared(fold, material.named)
        recordings = shared(fold, {item: material.manifest[item].recording for item in material.labels})
        absent = _absent(fold, material)
        if material.source != "none" and speakers:
            notes["shared_speakers"][fold.name] = len(speakers)
        if recordings:
            notes["shared_recordings"][fold.name] = recordings
        if absent:
            notes["absent_classes"][fold.name] = absent
        cut = material.cuts.get(fold.name)
        if cut is not None and "dev" in absent:
            notes["no_dev_has"][fold.name] = absent["dev"]
        if cut is not None and cut.is_large:
            notes["large_dev"][fold.name] = {
                "asked": cut.asked,
                "speakers": cut.speakers,
                "of": cut.of,
                "share": round(cut.share, 4),
            }
        train = [*fold.train, *(child for item in fold.train for child in material.children.get(item, ()))]
        done.append(Fold(fold.name, tuple(sorted(train)), tuple(sorted(fold.dev)), tuple(sorted(fold.test))))
    if strict:
        _refuse_untested(folds, material)
    recordings_seen = {material.manifest[item].recording for item in material.labels}
    notes["one_utterance_recordings"] = len(recordings_seen) == len(material.labels)
    unknown = len(material.labels) - len(material.named)
    if unknown and material.source == "manifest":
        notes["unknown_speakers"] = [unknown, len(material.labels)]
    notes = {key: value for key, value in notes.items() if value}
    return Split(kind, tuple(done), settings, material.source, material.allow, material.manifest.digest, notes)


def shared(fold: Fold, groups: Mapping[str, str]) -> list[str]:
    """Groups (speakers, recordings) that occur in more than one part, sorted; ids without a group are passed over."""
    seen = [{groups[item] for item in fold.part(part) if item in groups} for part in PARTS]
    return sorted((seen[0] & seen[1]) | (seen[0] & seen[2]) | (seen[1] & seen[2]))


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first names, and that there are more."""
    names = list(names)
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def _check(fold: Fold, material: Material, needs_dev: bool) -> None:
    for part in PARTS if needs_dev else ("train", "test"):
        if not fold.part(part):
            raise SplitError(
                f"fold {fold.name}: the {part} part is empty; use fewer parts (dev=0), other shares or another split"
            )
    twice = len(fold.train) + len(fold.dev) + len(fold.test) - len({*fold.train, *fold.dev, *fold.test})
    if twice:
        raise SplitError(f"fold {fold.name}: {twice} utterances are in two parts")
    overlap = shared(fold, material.named)
    if overlap and not material.allow:
        raise SplitError(
            f"fold {fold.name}: {len(overlap)} speakers are in more than one part ({listed(overlap)}); the result would be "
            "inflated; say --allow-speaker-overlap (allow_speaker_overlap=True) if that is what you measure"
        )
    trained = {material.labels[item] for item in fold.train}
    unheard = sorted({material.labels[item] for item in (*fold.dev, *fold.test)} - trained)
    if unheard:
        raise SplitError(
            f"fold {fold.name}: no training utterance of class {_with_speakers(unheard, material)}; "
            f"{_way_on('use another seed or smaller shares', unheard, material)}"
        )


def _refuse_untested(folds: list[Fold], material: Material) -> None:
    tested = {material.labels[item] for fold in folds for item in fold.test}
    untested = sorted(set(material.labels.values()) - tested)
    if untested:
        raise SplitError(
            f"no test part has the class {_with_speakers(untested, material)}, so no result would say anything about it; "
            f"{_way_on('use another seed or a larger test share, speaker-kfold or loso', untested, material)}"
        )


def _with_speakers(classes: list[str], material: Material) -> str:
    """Classes, and whose they are where that is one speaker's alone."""
    only = {name: _only_speaker(name, material) for name in classes}
    return ", ".join(f"{name} (all of it is by one speaker, {by})" if by else name for name, by in only.items())


def _way_on(otherwise: str, classes: list[str], material: Material) -> str:
    """What to do about classes; no speaker-disjoint split both trains and tests the class of a single speaker."""
    leave_out = "leave its utterances out of the manifest"
    return leave_out if any(_only_speaker(name, material) for name in classes) else f"{otherwise}, or {leave_out}"


def _only_speaker(class_name: str, material: Material) -> str:
    """Whose a class is alone; empty where it is said by several, or by nobody knows whom."""
    speakers = {material.speakers[item] for item, label in material.labels.items() if label == class_name}
    return next(iter(speakers)) if len(speakers) == 1 else ""


def _absent(fold: Fold, material: Material) -> dict[str, list[str]]:
    """Part → classes it lacks, of the development and the test part."""
    classes = set(material.labels.values())
    lacking = {part: sorted(classes - {material.labels[item] for item in fold.part(part)}) for part in ("dev", "test")}
    return {part: names for part, names in lacking.items() if names and fold.part(part)}
