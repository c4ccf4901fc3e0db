"""Fold and Split: the record of which utterances train, choose and test a model; JSON in and out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from featurekit.errors import ParameterError, SplitError, UnknownNameError
from featurekit.files import parse_json, read_plain_file, write_json
from featurekit.manifest import Manifest, manifest_of
from featurekit.notebook import Shown, Table
from featurekit.settings import digest, from_mapping

PARTS = ("train", "dev", "test")
NOTES_OF_FOLDS = ("shared_speakers", "shared_recordings", "absent_classes", "no_dev_has", "large_dev")


@dataclass(frozen=True, repr=False)
class Fold(Shown):
    """One division into training, development and test ids; sorted."""

    name: str
    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]

    def _shown_facts(self) -> dict[str, Any]:
        return {"name": self.name} | {part: str(len(self.part(part))) for part in PARTS}

    def part(self, name: str) -> tuple[str, ...]:
        """Ids of ``train``, ``dev`` or ``test``.

        Raises
        ------
        UnknownNameError
            For another word.
        """
        if name not in PARTS:
            raise UnknownNameError("part", name, PARTS)
        ids: tuple[str, ...] = getattr(self, name)
        return ids


@dataclass(frozen=True, repr=False)
class Split(Shown):
    """One fold or several, and how they were made.

    Parameters
    ----------
    kind : str
        The splitter's name.
    folds : tuple of Fold
        At least one.
    settings : mapping
        The splitter's settings, task and seed included.
    speaker_source : {"manifest", "recording", "none"}
        What "speaker" means: the manifest's speakers, the recordings in their place, or nothing (only where overlap
        is allowed).
    allow_speaker_overlap : bool
        Whether a speaker may be in two parts.
    manifest_digest : str
        The manifest it was made from; for the record, not part of the identity.
    notes : mapping
        Per fold, where not zero: ``shared_speakers`` (how many), ``shared_recordings`` (which; dialogues whose
        speakers are in different parts), ``absent_classes`` (part → classes it lacks), ``no_dev_has`` (classes that a
        dev which was cut by speaker lacks, because too few speakers have them), ``large_dev`` (what was asked for and
        what came out, where that is far more). Of the whole:
        ``one_utterance_recordings``, ``unknown_speakers`` (how many utterances name no speaker, of how many, where others
        do), ``not_in_manifest`` (what a protocol lists and the manifest lacks), ``of_no_fold`` (how many utterances a protocol
        or the corpus's own label puts nowhere), ``other_manifest`` (digest of the manifest it was made from, where it is used
        on another), ``left_out`` (how many of its ids failed or have no label where it is used),
        ``small_strata`` (how many strata are too small to give every part its share in whole utterances, of how many).
    """

    kind: str
    folds: tuple[Fold, ...]
    settings: Mapping[str, Any]
    speaker_source: str
    allow_speaker_overlap: bool
    manifest_digest: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    def _shown_facts(self) -> dict[str, Any]:
        only = {part: str(len(self.folds[0].part(part))) for part in PARTS} if len(self.folds) == 1 else {}
        facts = {"kind": self.kind, "folds": len(self.folds), **only}
        return facts | {"verdict": self.verdict, "task": self.settings.get("task", "")}

    def _shown_table(self) -> Table:
        return ("fold", *PARTS), [(fold.name, *(len(fold.part(part)) for part in PARTS)) for fold in self.folds]

    @property
    def digest(self) -> str:
        """Identity: sha256 over kind, folds, settings and what the speakers are."""
        return digest({name: value for name, value in self.to_dict().items() if name not in ("manifest_digest", "notes")})

    @property
    def verdict(self) -> str:
        """What the parts are disjoint in, in words; shown wherever a result is shown."""
        if self.speaker_source == "none":
            return "speakers unknown, may overlap"
        unnamed, of = self.notes.get("unknown_speakers", (0, 0))
        reservation = f"; {unnamed} of {of} utterances name no speaker" if unnamed else ""
        if self.notes.get("shared_speakers"):
            return f"SPEAKERS OVERLAP between parts{reservation}"
        if self.speaker_source == "manifest":
            return f"speaker-disjoint{reservation}"
        if self.notes.get("one_utterance_recordings"):
            return "utterance-disjoint only: every recording is one utterance and speakers are unknown"
        return "recording-disjoint"

    def fold(self, which: str | int | None = None) -> Fold:
        """A fold by name or number; the only one when not said.

        Raises
        ------
        ParameterError
            When there are several and none is named, or the number is out of range.
        UnknownNameError
            When no fold has that name.
        """
        names = [fold.name for fold in self.folds]
        if which is None:
            if len(self.folds) != 1:
                raise ParameterError(f"this split has {len(names)} folds; say which: {', '.join(names[:40])}")
            return self.folds[0]
        if isinstance(which, str):
            if which not in names:
                raise UnknownNameError("fold", which, names)
            return self.folds[names.index(which)]
        if not 0 <= which < len(self.folds):
            raise ParameterError(f"fold {which} does not exist; this split has folds 0 to {len(names) - 1}")
        return self.folds[which]

    @property
    def train(self) -> tuple[str, ...]:
        """Training ids of the only fold; where there are several, ``fold(which)`` has them."""
        return self.fold().train

    @property
    def dev(self) -> tuple[str, ...]:
        """Development ids of the only fold."""
        return self.fold().dev

    @property
    def test(self) -> tuple[str, ...]:
        """Test ids of the only fold."""
        return self.fold().test

    def only(self, names: Sequence[str]) -> Split:
        """The same split with some of its folds alone, in its order.

        Parameters
        ----------
        names : sequence of str
            At least one.

        Raises
        ------
        UnknownNameError
            When no fold has one of the names.
        """
        chosen = {self.fold(name).name for name in names}
        folds = tuple(fold for fold in self.folds if fold.name in chosen)
        of_folds = {
            note: {fold: found for fold, found in self.notes[note].items() if fold in chosen}
            for note in NOTES_OF_FOLDS
            if note in self.notes
        }
        notes = {**self.notes, **of_folds}
        return dataclasses.replace(self, folds=folds, notes={note: said for note, said in notes.items() if said != {}})

    def on(self, manifest: Manifest) -> Split:
        """The same split for a manifest that has all its ids; a note is kept when it was made from another one.

        Raises
        ------
        SplitError
            When the manifest lacks ids, naming the first ones.
        """
        manifest = manifest_of(manifest)
        missing = sorted({item for fold in self.folds for part in PARTS for item in fold.part(part) if item not in manifest})
        if missing:
            raise SplitError(
                f"the split was made for another manifest: this one lacks {len(missing)} of its ids "
                f"({', '.join(missing[:10])}{', …' if len(missing) > 10 else ''}); make it anew with `featurekit split`"
            )
        if manifest.digest == self.manifest_digest:
            return self
        return dataclasses.replace(self, notes={**self.notes, "other_manifest": self.manifest_digest})

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form; :meth:`from_dict` turns it back."""
        record = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        folds = [{"name": fold.name, **{part: list(fold.part(part)) for part in PARTS}} for fold in self.folds]
        return {**record, "settings": dict(self.settings), "notes": dict(self.notes), "folds": folds}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, where: str = "the split") -> Split:
        """Inverse of :meth:`to_dict`.

        Raises
        ------
        ParameterError
            For a missing or wrong field.
        """
        return from_mapping(cls, record, where=where)

    def write(self, path: str | Path) -> None:
        """Write as JSON, with the digest."""
        write_json(Path(path), {"digest": self.digest, **self.to_dict()})

    @classmethod
    def read(cls, path: str | Path) -> Split:
        """Read what :meth:`write` wrote.

        Raises
        ------
        ParameterError
            When the file is missing, is not a split, or was changed after it was written.
        """
        try:
            data = read_plain_file(Path(path))
        except FileNotFoundError:
            raise ParameterError(f"there is no split {str(path)!r}") from None
        record = parse_json(data, path)
        if not isinstance(record, dict):
            raise ParameterError(f"{path} is not a split: expected an object, got {type(record).__name__}")
        return cls.from_record(record, where=str(path))

    @classmethod
    def from_record(cls, record: Mapping[str, Any], *, where: str) -> Split:
        """What :meth:`write` wrote, as JSON gives it back.

        Raises
        ------
        ParameterError
            For a missing or wrong field, or when it was changed after it was written.
        """
        fields = dict(record)
        written = fields.pop("digest", None)
        split = cls.from_dict(fields, where=where)
        if written not in (None, split.digest):
            raise ParameterError(f"{where} was changed after it was written: it holds another split than its digest says")
        return split
