"""The ways to split: each a function from the material to folds; the checks that follow are the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from featurekit.data.splits import strata
from featurekit.data.splits.assignment import rank
from featurekit.data.splits.folds import PARTS, Fold
from featurekit.data.splits.foreign import read_folds
from featurekit.data.splits.material import Material, listed
from featurekit.data.splits.stated import stated_fold, words
from featurekit.errors import ParameterError, SplitError
from featurekit.manifest import Utterance, one_form

GROUPS = ("recording", "session", "speaker")


def speaker_disjoint(material: Material, *, test: float = 0.2, dev: float = 0.1) -> list[Fold]:
    """One fold; speakers are dealt so that classes, genders and durations match the shares ``test`` and ``dev``."""
    parts = material.cut(material.by_speaker(), {"train": 1 - test - dev, "dev": dev, "test": test})
    _cover_classes(material, parts)
    if dev:
        material.cover("0", parts, dev, of=len(material.labels))
    return [Fold("0", **{part: tuple(ids) for part, ids in parts.items()})]


def loso(material: Material, *, dev: float = 0.1) -> list[Fold]:
    """Leave one speaker out: a fold a speaker, who is the test; dev is cut by speaker from the others."""
    return _leave_out(material, material.by_speaker(), dev)


def leave_one_session_out(material: Material, *, dev: float = 0.1) -> list[Fold]:
    """A fold a session (the raw label ``session``), which is the test; dev is cut by speaker from the others."""
    return _leave_out(material, _groups(material, "session"), dev)


def speaker_kfold(material: Material, *, k: int = 5, dev: float = 0.1) -> list[Fold]:
    """``k`` folds; the speakers are dealt into k groups, each the test once; dev is cut by speaker from the others."""
    return _kfold(material, material.by_speaker(), "speakers", k, dev)


def group_kfold(material: Material, *, by: str = "recording", k: int = 5, dev: float = 0.1) -> list[Fold]:
    """``k`` folds of whole recordings, sessions or speakers (``by``), each the test once; dev is cut by speaker."""
    return _kfold(material, _groups(material, by), f"{by}s", k, dev)


def random(material: Material, *, test: float = 0.2, dev: float = 0.1, stratify: str = "") -> list[Fold]:
    """One fold of single utterances, stratified by class or ``stratify``; speakers are in several parts: it must be allowed."""
    if not material.allow:
        raise SplitError(
            "a random split puts the same speakers into training and test, which inflates the result by tens of points; "
            "use speaker-disjoint or loso, or say --allow-speaker-overlap (allow_speaker_overlap=True)"
        )
    shares = {"train": 1 - test - dev, "dev": dev, "test": test}
    if stratify:
        parts = strata.deal(strata.strata_of(material, [*words(stratify)]), shares, material.seed)
        return [Fold("0", **{part: tuple(ids) for part, ids in parts.items()})]
    parts = {part: [] for part in PARTS}
    # Class by class, each utterance to the part that lacks most so far: shares hold in every class and in total.
    for dealt, name in enumerate(sorted(material.labels, key=lambda n: (material.labels[n], rank(n, material.seed))), 1):
        parts[max(PARTS, key=lambda part: round(shares[part] * dealt - len(parts[part]), 9))].append(name)
    return [Fold("0", **{part: tuple(ids) for part, ids in parts.items()})]


def cross_corpus(material: Material, *, train_on: str = "", test_on: str = "", dev: float = 0.1) -> list[Fold]:
    """Train on one corpus, test on all of another (ids begin ``corpus/``); dev is cut by speaker from the first."""
    corpora = material.grouped(lambda item: item.id.partition("/")[0] if "/" in item.id else "")
    for setting, name in (("train_on", train_on), ("test_on", test_on)):
        if not name or name not in corpora:
            raise SplitError(
                f"cross-corpus needs {setting}, the corpus that ids begin with; got {name!r}, the ids have "
                f"{listed([item or 'no corpus' for item in corpora])}; a run joins two stores with --test-store"
            )
    return [material.fold(f"{train_on} to {test_on}", corpora[test_on], dev, corpora[train_on])]


def predefined(material: Material, *, path: str = "", lists: str = "", dev: float = 0.0) -> list[Fold]:
    """Folds from a file: a CSV of ids, or a folder of EmoBox's folds, lhotse cuts or lists; ``dev`` cuts one by speaker."""
    if not path:
        raise ParameterError(
            "predefined needs path='…', a CSV with the columns id and part, or a folder with one file per part"
        )
    return given(material, read_folds(Path(path), material.manifest, lists.replace(",", " ").split()), dev)


def official(material: Material, *, by: str = "", parts: str = "", dev: float = 0.0) -> list[Fold]:
    """The parts that the corpus states in a raw label (``part``, ``split``, or ``by``); ``dev`` cuts one where it has none."""
    return given(material, [stated_fold(material, by, words(parts))], dev)


def given(material: Material, folds: list[Fold], dev: float = 0.0) -> list[Fold]:
    """Folds that were made elsewhere, restricted to the material; where one has no dev it may be cut by speaker.

    Raises
    ------
    SplitError
        When an augmented child is anywhere but where its parent trains.
    """
    inside = []
    for fold in folds:
        _refuse_stray_children(material, fold)
        kept = {part: tuple(name for name in fold.part(part) if name in material.labels) for part in PARTS}
        cut = dev > 0 and not kept["dev"]
        inside.append(material.fold(fold.name, kept["test"], dev, kept["train"]) if cut else Fold(fold.name, **kept))
    return inside


SPLITTERS: dict[str, Callable[..., list[Fold]]] = {
    "speaker-disjoint": speaker_disjoint,
    "loso": loso,
    "leave-one-session-out": leave_one_session_out,
    "speaker-kfold": speaker_kfold,
    "group-kfold": group_kfold,
    "random": random,
    "cross-corpus": cross_corpus,
    "predefined": predefined,
    "official": official,
}


def _cover_classes(material: Material, parts: dict[str, list[str]]) -> None:
    """Where the test lacks a class, move the smallest speakers into it that have it and that training can spare."""
    groups, classes = material.by_speaker(parts["train"]), set(material.labels.values())
    while missing := classes - {material.labels[name] for name in parts["test"]}:
        spare = []
        for speaker, ids in groups.items():
            gains = missing & {material.labels[name] for name in ids}
            kept = {material.labels[name] for other, rest in groups.items() if other != speaker for name in rest}
            if gains and kept >= {material.labels[name] for name in parts["train"]}:
                spare.append((-len(gains), len(ids), rank(speaker, material.seed), speaker))
        if not spare:
            return  # the checks will say which class it is
        moved = groups.pop(min(spare)[-1])
        parts["test"] += moved
        parts["train"] = [name for ids in groups.values() for name in ids]


def _leave_out(material: Material, tests: Mapping[str, list[str]], dev: float) -> list[Fold]:
    return [material.fold(name, ids, dev) for name, ids in sorted(tests.items())]


def _kfold(material: Material, groups: Mapping[str, list[str]], what: str, k: int, dev: float) -> list[Fold]:
    if not isinstance(k, int) or not 2 <= k <= len(groups):
        raise SplitError(f"k is {k}; with {len(groups)} {what} it must lie between 2 and {len(groups)}")
    return _leave_out(material, material.cut(groups, {str(number): 1 / k for number in range(k)}), dev)


def _groups(material: Material, by: str) -> dict[str, list[str]]:
    if by not in GROUPS:
        raise ParameterError(f"by is {by!r}; expected {', '.join(GROUPS)}")
    if by == "speaker":
        return material.by_speaker()
    groups = material.grouped(session_of if by == "session" else lambda item: item.recording)
    if "" in groups:
        raise SplitError(
            f"{len(groups[''])} utterances name no session (the raw label 'session'): {listed(groups[''], 3)}; "
            "name it in the manifest, or use speaker-kfold"
        )
    if len(groups) < 2:
        raise SplitError(f"there is only one {by}, {next(iter(groups))!r}; use speaker-disjoint")
    return groups


def session_of(utterance: Utterance) -> str:
    """The session an utterance was recorded in: its raw label ``session``; empty where the corpus names none."""
    session = utterance.labels.get("session")
    return "" if session is None else one_form(str(session))


def _refuse_stray_children(material: Material, fold: Fold) -> None:
    train = set(fold.train)
    for part in PARTS:
        parents = {name: material.manifest[name].parent for name in fold.part(part)}
        stray = [name for name, parent in parents.items() if parent and (part != "train" or parent not in train)]
        if stray:
            raise SplitError(
                f"fold {fold.name}: {len(stray)} augmented children are in {part} ({listed(stray, 3)}); a child belongs into "
                "training with its parent; leave children out of the lists, they follow their parents by themselves"
            )
